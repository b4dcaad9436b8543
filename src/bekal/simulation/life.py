"""A cohort's life so far as columns: who is who, what each has bought and earned, and what each will do when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zlib import crc32

import numpy as np
from django.db.models import Max, Min

from bekal.catalogue.models import Session
from bekal.ledger.clock import programme_day
from bekal.simulation.agenda import NEVER, Agenda, Numbers, What
from bekal.simulation.behaviour import Behaviour, Flags, Journey
from bekal.simulation.choice import Choice, Offer
from bekal.simulation.draws import Draws
from bekal.simulation.failures import FAILURES, NONE
from bekal.simulation.population import Population
from bekal.simulation.script import ScriptedPerson, ScriptedPurchase

# Nobody's balance buys more trainings than this: the cheapest cost Rp24,000, but nobody has the time.
MOST_TAKEN = 24
MODES = ("self_paced", "webinar", "on_site")


@dataclass(slots=True)
class Bought:
    """Every purchase of a cohort as columns, in the order of purchase; a purchase is known by its place here."""

    person: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    ordinal: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    training: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    purchase_id: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    bought_on: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    count: int = 0

    def add(self, **columns: Numbers) -> Numbers:
        """Append rows; returns their places. Room grows by half, so that adding stays cheap."""
        added = len(columns["person"])
        places = np.arange(self.count, self.count + added)
        for name, values in columns.items():
            column = getattr(self, name)
            if len(column) < self.count + added:
                column = np.concatenate([column[: self.count], np.zeros(max(added, self.count // 2), dtype=np.int64)])
                setattr(self, name, column)
            column[self.count : self.count + added] = values
        self.count += added
        return places


class Life:
    """One cohort: N people by place. Days are ordinals, `NEVER` where a thing has not happened."""

    def __init__(
        self,
        *,
        people: Population,
        behaviour: Behaviour,
        choice: Choice,
        offer: Offer,
        draws: Draws,
        scripted: Mapping[int, ScriptedPerson],
        agenda: Agenda,
        price_level: float,
    ) -> None:
        count = len(people)
        self.people, self.behaviour, self.choice, self.offer, self.draws = people, behaviour, choice, offer, draws
        self.scripted, self.agenda, self.price_level = scripted, agenda, price_level
        self.scripted_places = np.array(sorted(scripted), dtype=np.int64)
        self.contact = behaviour.contact()
        self.participant_ids = np.zeros(count, dtype=np.int64)
        self.participation_ids = np.zeros(count, dtype=np.int64)
        self.balance_rupiah = np.zeros(count, dtype=np.int64)
        self.ends_on = np.full(count, NEVER, dtype=np.int64)
        self.taken = np.full((count, MOST_TAKEN), NEVER, dtype=np.int32)
        self.taken_count = np.zeros(count, dtype=np.int64)
        self.first_completed_on = np.full(count, NEVER, dtype=np.int64)
        self.first_paid_on = np.full(count, NEVER, dtype=np.int64)
        self.given_up = np.zeros(count, dtype=np.int64)  # payout accounts that were rejected
        self.failing_for = np.full(count, NONE, dtype=np.int64)  # why the newest of them was: a place in the reasons
        self.repaired_on = np.full(count, NEVER, dtype=np.int64)  # when another takes its place
        self.entitled = np.zeros(count, dtype=bool)
        self.bought = Bought()
        self.redeem_codes: dict[int, str] = {}  # of purchases not yet redeemed
        self.late_days = np.array([late_days_of(code) for code in offer.institution_codes], dtype=np.int64)
        self.quality = np.array([quality_of(code) for code in offer.codes])
        self.mode = np.array([MODES.index(mode) for mode in offer.modes], dtype=np.int64)
        self.begins_on, self.last_session_on = session_days(offer)
        self._sorted_ids = self._sorted_places = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.people)

    def places_of(self, participant_ids: Sequence[int]) -> Numbers:
        """The places of these participants; people who are not of this cohort are left out."""
        return self.found(np.array(participant_ids, dtype=np.int64))[1]

    def found(self, participant_ids: Numbers) -> tuple[Numbers, Numbers]:
        """Which of these participants (by where they stand) are of this cohort, and their places."""
        if len(self._sorted_ids) != np.count_nonzero(self.participant_ids):
            self._sorted_places = np.argsort(self.participant_ids, kind="stable")
            self._sorted_places = self._sorted_places[self.participant_ids[self._sorted_places] > 0]
            self._sorted_ids = self.participant_ids[self._sorted_places]
        if not len(self._sorted_ids):
            return participant_ids[:0], participant_ids[:0]
        at = np.minimum(np.searchsorted(self._sorted_ids, participant_ids), len(self._sorted_ids) - 1)
        rows = np.flatnonzero(self._sorted_ids[at] == participant_ids)
        return rows, self._sorted_places[at[rows]]

    def institution_ids(self, purchases: Numbers) -> Numbers:
        return self.offer.institution_ids[self.bought.training[purchases]]

    def is_scripted(self, people: Numbers) -> Flags:
        return np.isin(people, self.scripted_places)

    def script_of(self, purchase: int) -> ScriptedPurchase | None:
        """What the script says of a purchase; None where its person has no script, or a script that is over."""
        script = self.scripted.get(int(self.bought.person[purchase]))
        if script is None:
            return None
        code = self.offer.codes[int(self.bought.training[purchase])]
        return next((each for each in script.purchases if each.training_code == code), None)

    # What follows from an acceptance, a purchase, a payment: put down in the agenda.

    def plan_acceptance(self, people: Numbers, *, accepted_on: date, due_on: date, ends_on: date) -> None:
        """Everything these people will do of themselves, and what becomes due for them, after acceptance."""
        accepted, due = accepted_on.toordinal(), due_on.toordinal()
        self.ends_on[people] = ends_on.toordinal()
        drawn = people[~self.is_scripted(people)]
        first = self.behaviour.first_purchase(drawn, accepted_on=accepted, due_on=due, price_level=self.price_level)
        self.agenda.put(What.BUY, first.buys_on, drawn)
        unreached = drawn[~(self.contact.phone_works & self.contact.email_works)[drawn]]
        self.agenda.put(What.BOUNCE, np.full(len(unreached), accepted + 1), unreached)
        accounts_on = self.behaviour.account_on(people, np.full(len(people), accepted))
        accounts_on = np.where(self.is_scripted(people), accepted, accounts_on)
        self.agenda.put(What.ACCOUNT, accounts_on, people, np.zeros(len(people), dtype=np.int64))
        for person in people[self.is_scripted(people)].tolist():
            days = [purchase.bought_on.toordinal() for purchase in self.scripted[person].purchases]
            self.agenda.put(What.BUY, np.array(days), np.full(len(days), person))
        self.agenda.put(What.OVERDUE, np.full(len(people), due + 1), people)
        self.agenda.put(What.LAPSE, np.full(len(people), ends_on.toordinal() + 1), people)
        self.plan_survey(drawn, 1, np.full(len(drawn), accepted + 30))

    def plan_survey(self, people: Numbers, number: int, opened_on: Numbers) -> None:
        people, opened_on = people[~self.is_scripted(people)], opened_on[~self.is_scripted(people)]
        answered_on = self.behaviour.survey_on(people, number, opened_on)
        self.agenda.put(What.ANSWER, answered_on, people, np.full(len(people), number))

    def plan_purchases(self, purchases: Numbers) -> None:
        """What becomes of these purchases, and when their people buy again."""
        if not len(purchases):
            return
        bought = self.bought
        person, training = bought.person[purchases], bought.training[purchases]
        journey = self.behaviour.journey(
            person,
            bought.ordinal[purchases],
            bought_on=bought.bought_on[purchases],
            session_count=self.offer.session_count[training],
            mode=self.mode[training],
            late_days=self.late_days[training],
        )
        next_on = self.behaviour.next_purchase(
            person,
            bought.ordinal[purchases],
            journey=journey,
            price_level=self.price_level,
            balance_rupiah=self.balance_rupiah[person],
        )
        self._wait_for_sessions(journey, self.last_session_on[training])
        self._follow_scripts(purchases, journey, next_on)
        last = bought.ordinal[purchases] == self.taken_count[person]
        next_on = np.where(last & (next_on <= self.ends_on[person]), next_on, NEVER)
        self.agenda.put(What.REDEEM, journey.redeemed_on, purchases)
        for session in range(journey.attended_on.shape[1]):
            number = np.full(len(purchases), session + 1)
            self.agenda.put(What.ATTEND, journey.attended_on[:, session], purchases, number)
        self.agenda.put(What.COMPLETE, journey.completed_on, purchases)
        self.agenda.put(What.REVIEW, journey.reviewed_on, purchases)
        self.agenda.put(What.BUY, next_on, person)

    def _wait_for_sessions(self, journey: Journey, last_session_on: Numbers) -> None:
        """The institution of a training with dated sessions sends its records after the last one, so many weeks
        later than that of one without."""
        days = np.maximum(last_session_on - journey.redeemed_on, 0) * (journey.redeemed_on != NEVER)
        later = -(-days // 7) * 7
        for column in (journey.completed_on, journey.reviewed_on):
            column += later * (column != NEVER)
        journey.attended_on[:] += later[:, None] * (journey.attended_on != NEVER)

    def _follow_scripts(self, purchases: Numbers, journey: Journey, next_on: Numbers) -> None:
        """A scripted person's purchase goes as it is written; what they buy next is in the agenda already."""
        for row in np.flatnonzero(self.is_scripted(self.bought.person[purchases])).tolist():
            script = self.script_of(int(purchases[row]))
            next_on[row] = journey.redeemed_on[row] = journey.completed_on[row] = journey.reviewed_on[row] = NEVER
            journey.attended_on[row] = NEVER
            if script is None:
                continue
            journey.redeemed_on[row] = _ordinal(script.redeemed_on)
            journey.attended_on[row, : len(script.attended_on)] = [day.toordinal() for day in script.attended_on]
            journey.completed_on[row] = _ordinal(script.completed_on)
            journey.reviewed_on[row] = _ordinal(script.reviewed_on)

    def note_paid(self, people: Numbers, on: int) -> None:
        """Their first instalment has arrived."""
        first = people[self.first_paid_on[people] == NEVER]
        self.first_paid_on[first] = on

    def plan_survey_after_pay(self, second: Numbers, last: Numbers, paid_on: int) -> None:
        """The second survey opens with the second instalment, the third when all is paid and the balance has ended."""
        self.plan_survey(second, 2, np.full(len(second), paid_on))
        self.plan_survey(last, 3, np.maximum(paid_on, self.ends_on[last] + 1))

    def survey_answers(self, people: Numbers, number: int, on: int) -> list[dict[str, str | list[str]]]:
        """What each says to a survey on that day: facts of their own life, seen through their own eyes."""
        completed_on = self.first_completed_on[people]
        if number == 1:
            employment = self.people.facts[people, 3]
            return self.behaviour.survey_answers_1(people, employment=employment, has_completed=completed_on != NEVER)
        if number == 2:
            return self.behaviour.survey_answers_2(people)
        return self.behaviour.survey_answers_3(
            people,
            took_second=self.taken_count[people] > 1,
            waited_days=self.first_paid_on[people] - completed_on,
            had_rejection=self.given_up[people] > 0,
        )

    def rejections(self, people: Numbers, counters: Numbers, attempts: Numbers, *, share: float, on: int) -> Numbers:
        """[k] for which of the reasons a partner rejects a transfer to each, `NONE` where it pays. An account that was
        rejected is rejected again until another is named; scripted people are never rejected."""
        drawn = FAILURES.rejections(self.draws, people, counters, attempts, share)
        drawn = np.where(self.repaired_on[people] >= on, self.failing_for[people], drawn)
        return np.where(self.is_scripted(people), NONE, drawn)

    def plan_new_accounts(self, people: Numbers, rejected_on: int, reasons: Numbers) -> None:
        """Whose payout was rejected, for one of the reasons, gives another account some days later, once."""
        anew = self.repaired_on[people] < rejected_on
        people = people[anew]
        self.failing_for[people] = reasons[anew]
        self.given_up[people] += 1
        on = self.behaviour.replacement_on(people, self.given_up[people], np.full(len(people), rejected_on))
        self.repaired_on[people] = on
        self.agenda.put(What.ACCOUNT, on, people, self.given_up[people])


def _ordinal(day: date | None) -> int:
    return NEVER if day is None else day.toordinal()


def late_days_of(institution_code: str) -> int:
    """How many days after a session this institution sends its records: most at once, one in ten a week and more."""
    drawn = crc32(institution_code.encode()) % 100
    return 0 if drawn < 55 else 1 + drawn % 3 if drawn < 90 else 6 + drawn % 5


def session_days(offer: Offer) -> tuple[Numbers, Numbers]:
    """[trainings] the days of the first and the last dated session of each, `NEVER` where there are none."""
    first, last = (np.full(len(offer), NEVER, dtype=np.int64) for _ in range(2))
    place_of = {number: place for place, number in enumerate(offer.ids.tolist())}
    sessions = Session.objects.filter(training_id__in=list(place_of)).values("training_id").order_by("training_id")
    for row in sessions.annotate(first=Min("starts_at"), last=Max("starts_at")):
        place = place_of[row["training_id"]]
        first[place], last[place] = (programme_day(row[name]).toordinal() for name in ("first", "last"))
    return first, last


def quality_of(training_code: str) -> float:
    """Mean stars of a training, 3.65 to 4.85: a fact of the simulated world."""
    return 4.25 + (crc32(training_code.encode()) % 1000 / 1000 - 0.5) * 1.2
