"""What people do of themselves, and when: from the model's parameters, their profile and their own draws.

All of it is set-shaped: `people` are places 0..n-1 of a cohort as int64 [k], days are ordinals (`date.toordinal()`), -1
means never. Nothing depends on what was asked before or on who else is asked.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from bekal.simulation.draws import Draws, Numbers, Shares
from bekal.simulation.model import Model
from bekal.simulation.year import YEARS

NEVER = -1
# Why a first training was bought or not.
BOUGHT, UNREACHABLE, NEVER_OPENED, UNDECIDED = range(4)
# Why no second training was taken; NONE: nothing but the shelf and the money stands in the way.
NONE, NO_TIME, ENOUGH, REUSE_UNKNOWN, WANT_NO_MORE, SECOND_UNKNOWN, NOTHING_SUITS, OTHER = range(8)
SELF_PACED, WEBINAR, ON_SITE = range(3)
EMPLOYEE, BUSINESS = 2, 3
BASIC_MOST, HIGHER_LEAST, OLD_YEARS = 2, 5, 40  # education up to and from; age in years
# Institutions send their lists on Tuesdays and Fridays; people see to their payout account on Wednesdays.
LIST_WEEKDAYS, ACCOUNT_WEEKDAYS = (1, 4), (2,)
CHANNELS = ("sms", "email", "friends", "social_media", "online_media", "television", "print", "office")
OTHER_MEDIA = CHANNELS[4:]
SOURCES_FROM = 2  # the first of CHANNELS that is no message of the programme's own
# The codes of the questionnaires' options.
EMPLOYMENT_CODES = {1: "unemployed", 2: "employee", 3: "business"}
REASON_CODES = {
    NO_TIME: "no_time",
    ENOUGH: "enough",
    REUSE_UNKNOWN: "reuse_unknown",
    WANT_NO_MORE: "want_no_more",
    SECOND_UNKNOWN: "second_unknown",
    NOTHING_SUITS: "nothing_suits",
    OTHER: "other",
}

Flags: TypeAlias = NDArray[np.bool_]
Answers: TypeAlias = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Contact:
    """[n] of a cohort. `learns_after`: days from acceptance until the first channel tells, -1 where none does.
    `reached_by` [n, channels]: which of CHANNELS reach the person at all."""

    phone_works: Flags
    email_works: Flags
    learns_after: Numbers
    reached_by: Flags


@dataclass(frozen=True, slots=True)
class FirstPurchase:
    """[k] the day of the first purchase, -1 for never, and why (BOUGHT, UNREACHABLE, NEVER_OPENED, UNDECIDED)."""

    buys_on: Numbers
    why: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Journey:
    """[k] what becomes of purchases. `attended_on` [k, most sessions] are the days on which the institution records
    them, -1 where a session is not attended; `left_on` is the person's own last day with the training."""

    redeemed_on: Numbers
    attended_on: Numbers
    completed_on: Numbers
    reviewed_on: Numbers
    left_on: Numbers


class Behaviour:
    """The behaviour of one cohort of n people."""

    def __init__(self, model: Model, draws: Draws, facts: Numbers) -> None:
        """`facts` [n, 5] as in Population.facts. Raises ValueError for another shape."""
        if facts.shape != (draws.count, 5):
            raise ValueError(f"facts are {facts.shape}, not ({draws.count}, 5)")
        self.model, self.facts, self._draws = model, facts, draws
        self._each: dict[str, Shares] = {}
        self._contact: Contact | None = None

    # Being reached, and the first purchase

    def contact(self) -> Contact:
        """Who can be reached, and after how many days each learns of the acceptance."""
        if self._contact is not None:
            return self._contact
        model, count = self.model, self._draws.count
        phone_works = self._draws.each("phone") >= model.phone_changed_share
        email_works = self._draws.each("email") >= model.email_dead_share
        reach = [(self._draws.each(f"channel {one}"), getattr(model, f"{one}_reach_share")) for one in CHANNELS]
        reached = np.column_stack([drawn < share for drawn, share in reach])
        reached[:, 0] &= phone_works
        reached[:, 1] &= email_works
        first = np.full(count, np.iinfo(np.int64).max)
        for place, channel in enumerate(CHANNELS):
            days = model.other_media_days if channel in OTHER_MEDIA else getattr(model, f"{channel}_days")
            wait = _wait(self._draws.each(f"wait for {channel}"), days)
            first = np.where(reached[:, place], np.minimum(first, wait), first)
        learns_after = np.where(reached.any(axis=1), first, NEVER)
        self._contact = Contact(phone_works, email_works, learns_after, reached)
        return self._contact

    def first_purchase(self, people: Numbers, *, accepted_on: int, due_on: int, price_level: float) -> FirstPurchase:
        """When people accepted together buy, on a day after acceptance, `due_on` the last; the days are drawn by
        inverting the cumulative hazard. `price_level` as `choice.price_level` gives it."""
        model, contact = self.model, self.contact()
        days = np.arange(1, max(due_on - accepted_on, 0) + 1)
        rush = 1 + model.decide_rush * np.exp((days - days.max(initial=0)) / model.decide_rush_days)
        cumulative = np.concatenate([[0.0], np.cumsum(rush)])
        learns_after = contact.learns_after[people]
        begins = np.clip(learns_after, 1, len(days) + 1)  # acceptance is told in the afternoon
        needed = -np.log(self._own("decides")[people]) / self._daily_hazard(people, price_level)
        needed += cumulative[np.minimum(begins, len(days)) - 1]
        after = np.searchsorted(cumulative, needed)
        has_code = contact.phone_works[people] | contact.email_works[people]
        opened = (learns_after >= 0) & (learns_after <= len(days))
        decided = after <= len(days)
        why = np.select([~has_code, ~opened, ~decided], [UNREACHABLE, NEVER_OPENED, UNDECIDED], BOUGHT).astype(np.int8)
        return FirstPurchase(np.where(why == BOUGHT, accepted_on + np.maximum(after, 1), NEVER), why)

    def _daily_hazard(self, people: Numbers, price_level: float) -> Shares:
        model = self.model
        by_work = self._by_work(people, model.decide_employee_factor, model.decide_business_factor)
        frailty = np.exp(model.decide_spread * ndtri(self._own("decisiveness")[people]))
        dear = np.exp(-model.decide_price_weight * (price_level - 1))
        return np.asarray(model.decide_daily * by_work * frailty * dear)

    def account_on(self, people: Numbers, accepted_on: Numbers) -> Numbers:
        """The day each names a payout account: that of acceptance for nearly all."""
        model = self.model
        least, most = model.late_account_least_days, model.late_account_most_days
        days = least + _whole(self._draws.at("wait for an account", people), most - least)
        late = self._own("late account")[people] < model.late_account_share
        return np.where(late, next_weekday(accepted_on + days, ACCOUNT_WEEKDAYS), accepted_on)

    def replacement_on(self, people: Numbers, replacement: Numbers, rejected_on: Numbers) -> Numbers:
        """The day each names another payout account, a Wednesday after the rejection; `replacement` counts from 1."""
        days = 1 + _whole(self._draws.at("replacement", people, replacement), self.model.replacement_most_days - 1)
        return next_weekday(rejected_on + days, ACCOUNT_WEEKDAYS)

    # Learning

    def journey(
        self,
        people: Numbers,
        ordinal: Numbers,
        *,
        bought_on: Numbers,
        session_count: Numbers,
        mode: Numbers,
        late_days: Numbers,
    ) -> Journey:
        """What becomes of purchases (`ordinal` 1 is a person's first). The institution's records come `late_days` after
        what they record, on its next list day."""
        model = self.model
        never = np.where(ordinal == 1, model.never_redeem_share, model.never_redeem_later_share)
        redeems = self._first_or_later("redeems", people, ordinal) >= never
        redeem_day = bought_on + _wait(self._draws.at("redeems after", people, ordinal), model.redeem_days)
        attended_count = np.where(redeems, self._attended_count(people, ordinal, session_count, mode), 0)
        done_on = self._session_days(people, ordinal, redeem_day, session_count, mode)
        sessions = np.arange(done_on.shape[1])
        attended = sessions < attended_count[:, None]
        attended_on = np.where(attended, next_weekday(done_on + late_days[:, None], LIST_WEEKDAYS), NEVER)
        completes = redeems & (attended_count == session_count)
        tested = attended_on.max(axis=1, initial=NEVER) + _whole(
            self._draws.at("test", people, ordinal), model.completion_most_days
        )
        completed_on = np.where(completes, next_weekday(tested, LIST_WEEKDAYS), NEVER)
        left_on = np.where(redeems, redeem_day, bought_on)
        left_on = np.maximum(left_on, np.where(attended, done_on, NEVER).max(axis=1, initial=NEVER))
        reviewed_on = self._reviewed_on(people, ordinal, completed_on)
        return Journey(np.where(redeems, redeem_day, NEVER), attended_on, completed_on, reviewed_on, left_on)

    def _attended_count(self, people: Numbers, ordinal: Numbers, session_count: Numbers, mode: Numbers) -> Numbers:
        """How many sessions each attends before dropping out, by inverting the cumulative hazard: h x fading^(s-1)
        before session s."""
        model = self.model
        by_mode = np.array([1.0, model.drop_out_webinar_factor, model.drop_out_on_site_factor])[mode]
        by_work = self._by_work(people, model.drop_out_employee_factor, model.drop_out_business_factor)
        frailty = np.exp(model.drop_out_spread * ndtri(self._own("perseverance")[people]))
        later = np.where(ordinal == 1, 1.0, model.drop_out_later_factor)
        hazard = model.drop_out * by_mode * by_work * frailty * later
        needed = -np.log(self._first_or_later("drops out", people, ordinal))
        sessions = np.arange(1, int(session_count.max(initial=0)) + 1)
        cumulative = np.cumsum(model.drop_out_fading ** (sessions - 1.0))
        survived = (hazard[:, None] * cumulative <= needed[:, None]).sum(axis=1)
        return np.minimum(survived, session_count)

    def _session_days(
        self, people: Numbers, ordinal: Numbers, redeemed_on: Numbers, session_count: Numbers, mode: Numbers
    ) -> Numbers:
        """[k, most sessions] the days on which sessions are held, the first on the day of redemption or soon after."""
        model = self.model
        most = np.array([model.self_paced_most_days, model.webinar_most_days, model.on_site_most_days])[mode]
        sessions = np.arange(int(session_count.max(initial=0)))
        shares = self._draws.at("between sessions", people[:, None], ordinal[:, None], sessions)
        return redeemed_on[:, None] + np.cumsum(_whole(shares, most[:, None]), axis=1)

    def _reviewed_on(self, people: Numbers, ordinal: Numbers, completed_on: Numbers) -> Numbers:
        """First reviews come soon, after a reminder, or never; later ones soon or never."""
        model, first = self.model, ordinal == 1
        drawn = self._first_or_later("reviews", people, ordinal)
        forgets = np.where(first, drawn < model.forget_review_share, drawn >= model.review_later_share)
        reminded = first & (drawn < model.forget_review_share * model.reminded_share)
        share = self._draws.at("reviews after", people, ordinal)
        least, most = model.reminded_least_days, model.reminded_most_days
        days = np.where(forgets, least + _whole(share, most - least), _wait(share, model.review_days))
        return np.where((completed_on != NEVER) & (~forgets | reminded), completed_on + days, NEVER)

    def rating(self, people: Numbers, ordinal: Numbers, quality: Shares) -> Numbers:
        """1 to 5 stars around the training's own `quality` (mean stars)."""
        noise = ndtri(self._draws.at("stars", people, ordinal)) * self.model.rating_spread
        return np.clip(np.rint(quality + noise), 1, 5).astype(np.int64)

    # The second training and those after it

    def barrier(self, people: Numbers) -> NDArray[np.int8]:
        """What keeps a person from a second training whatever is on sale, or NONE. Who has NONE and takes no second
        found nothing that suits: too dear for the balance left, or nothing left to choose before the balance ended."""
        model = self.model
        education, work = self.facts[people, 2], self.facts[people, 3]
        old = self._is_old(people)
        channels = self.contact().reached_by[people].sum(axis=1)
        unaware = model.unaware_channel_factor ** (channels - 2.0)
        busy = np.where(work == EMPLOYEE, model.no_time_employee_factor, 1.0)
        busy = np.where(work == BUSINESS, model.no_time_business_factor, busy)
        odds = np.column_stack(
            [
                model.no_time_share * busy,
                model.enough_share * np.where(education >= HIGHER_LEAST, model.enough_higher_factor, 1.0),
                model.reuse_unknown_share * unaware,
                model.want_no_more_share * np.where(old, model.want_no_more_old_factor, 1.0),
                model.second_unknown_share * unaware,
                np.full(len(people), model.other_barrier_share),
            ]
        )
        free = 1 - sum(
            (model.no_time_share, model.enough_share, model.reuse_unknown_share, model.want_no_more_share,
             model.second_unknown_share, model.other_barrier_share)
        )  # fmt: skip
        edges = np.cumsum(odds, axis=1) / (odds.sum(axis=1) + max(free, 0.0))[:, None]
        codes = np.array([NO_TIME, ENOUGH, REUSE_UNKNOWN, WANT_NO_MORE, SECOND_UNKNOWN, OTHER, NONE], dtype=np.int8)
        return codes[(self._own("barrier")[people][:, None] >= edges).sum(axis=1)]

    def next_purchase(
        self, people: Numbers, ordinal: Numbers, *, journey: Journey, price_level: float, balance_rupiah: Numbers
    ) -> Numbers:
        """The day of the purchase after this one (`ordinal`, of `journey`), or -1. `balance_rupiah` is what is left.

        A second is taken by who has no barrier and finds what suits; a third and later ones follow one another."""
        model, first = self.model, ordinal == 1
        typical = price_level * model.reference_price_rupiah
        dear = np.log(2 * typical / np.maximum(balance_rupiah, 1))
        unsuited = expit(logit(model.nothing_suits_share) + model.suits_price_weight * dear)
        second = self._own("suits")[people] >= unsuited
        second &= self.barrier(people) == NONE
        discouraged = self._own("returns")[people] >= model.after_dropping_out_share
        second &= (journey.completed_on != NEVER) | ~discouraged
        goes_on = expit(logit(model.go_on_share) - model.go_on_price_weight * dear)
        later = self._draws.at("goes on", people, ordinal) < goes_on
        share = self._draws.at("buys again after", people, ordinal)
        wait = np.where(first, _wait(share, model.second_days), _wait(share, model.later_days))
        return np.where(np.where(first, second, later) & (balance_rupiah > 0), journey.left_on + 1 + wait, NEVER)

    # Surveys

    def survey_on(self, people: Numbers, number: int, opened_on: Numbers) -> Numbers:
        """The day each answers survey 1, 2 or 3, or -1."""
        model = self.model
        share = (model.answer_1_share, model.answer_2_share, model.answer_3_share)[number - 1]
        wait = _wait(self._own(f"answers {number} after")[people], model.answer_days)
        answers = (self._own(f"answers {number}")[people] < share) & (opened_on != NEVER)
        return np.where(answers, opened_on + wait, NEVER)

    def survey_answers_1(self, people: Numbers, *, employment: Numbers, has_completed: Flags) -> list[Answers]:
        """What each says of work (`employment` as in the profile) and of the programme so far."""
        effective = _words(self._own("effective")[people] < self.model.effective_share)
        helped = _words(self._own("helped")[people] < self.model.helped_share)
        rows: list[Answers] = [
            {"employment": EMPLOYMENT_CODES[work], "helped": helps}
            for work, helps in zip(employment.tolist(), helped, strict=True)
        ]
        for row, has, says in zip(rows, has_completed.tolist(), effective, strict=True):
            if has:
                row["effective"] = says
        return rows

    def survey_answers_2(self, people: Numbers) -> list[Answers]:
        """Through what each heard of the programme, and whether it is of use."""
        useful = _words(self._own("useful")[people] < self.model.useful_share)
        reached_by = self.contact().reached_by[people][:, SOURCES_FROM:].tolist()
        sources = CHANNELS[SOURCES_FROM:]
        return [
            {"source": [name for name, has in zip(sources, row, strict=True) if has] or [sources[0]], "useful": says}
            for row, says in zip(reached_by, useful, strict=True)
        ]

    def survey_answers_3(
        self, people: Numbers, *, took_second: Flags, waited_days: Numbers, had_rejection: Flags
    ) -> list[Answers]:
        """Whether the incentive was on time, given the days from completion to its first payment and whether a payout
        was rejected; whether there was a second training, and what stood in its way."""
        model = self.model
        level = logit(model.on_time_share) - model.on_time_days_weight * (waited_days - 30) / 30
        patience = self._own("patience")[people]
        on_time = patience < expit(level - model.on_time_rejected_weight * had_rejection)
        barriers = self.barrier(people)
        barriers = np.where(barriers == NONE, NOTHING_SUITS, barriers)
        rows: list[Answers] = []
        for agrees, second, barrier in zip(on_time.tolist(), took_second.tolist(), barriers.tolist(), strict=True):
            rows.append({"on_time": "agree" if agrees else "disagree", "second": "yes" if second else "no"})
            if not second:
                rows[-1]["reason"] = REASON_CODES[barrier]
        return rows

    # Draws and profiles

    def _own(self, purpose: str) -> Shares:
        """[n] the stratified draws of the cohort, kept as long as the cohort's behaviour."""
        if purpose not in self._each:
            self._each[purpose] = self._draws.each(purpose)
        return self._each[purpose]

    def _first_or_later(self, purpose: str, people: Numbers, ordinal: Numbers) -> Shares:
        """Stratified for a person's first purchase, on which published shares are based, independent for later ones."""
        return np.where(ordinal == 1, self._own(purpose)[people], self._draws.at(purpose, people, ordinal))

    def _by_work(self, people: Numbers, employee: float, business: float) -> Shares:
        return np.array([1.0, 1.0, employee, business])[self.facts[people, 3]]

    def _is_old(self, people: Numbers) -> Flags:
        return np.asarray(YEARS[0] - self.facts[people, 1] >= OLD_YEARS)


def next_weekday(day: Numbers, weekdays: tuple[int, ...]) -> Numbers:
    """The day itself or the first after it that is one of these weekdays (Monday is 0)."""
    ahead = np.array([min((one - today) % 7 for one in weekdays) for today in range(7)])
    return np.asarray(day + ahead[(day - 1) % 7])  # the ordinal 1 was a Monday


def _wait(shares: Shares, mean_days: float) -> Numbers:
    """Geometric waits of 0, 1, 2, … days with this mean, by inversion."""
    if mean_days <= 0:
        return np.zeros(shares.shape, dtype=np.int64)
    return np.floor(np.log(shares) / np.log(mean_days / (mean_days + 1))).astype(np.int64)


def _whole(shares: Shares, most: Numbers | int) -> Numbers:
    """Whole numbers from 0 to `most`, each as often."""
    return np.floor(shares * (np.asarray(most) + 1)).astype(np.int64)


def _words(says_yes: Flags) -> list[str]:
    return ["yes" if one else "no" for one in says_yes.tolist()]
