"""One simulated day of a cohort: whoever is due acts, each verb called for all of them at once, at its hour."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bekal.catalogue.models import Training
from bekal.core.refusal import Refusal
from bekal.engagement.answer_surveys import NewResponse, answer_surveys
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows
from bekal.ledger.queries import remaining
from bekal.participants.accept import accept
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import ContactPoint, Participation, Wave
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.request_account_change import request_account_changes
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.purchases.buy import Order, buy
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.write_review import NewReview, write_review
from bekal.simulation.agenda import NEVER, Numbers, What
from bekal.simulation.life import MOST_TAKEN, Life
from bekal.simulation.model import MODEL
from bekal.simulation.models import Cohort, CohortMember
from bekal.simulation.population import nik
from bekal.simulation.reviews import review_text
from bekal.simulation.script import ScriptedPurchase
from bekal.simulation.year import PlannedWave

BATCH = 5_000
TRIES = 4  # to buy on one day, where the last place of a training goes to somebody else
CODE_READ_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class LivedWave:
    """One wave of a cohort: its number in the programme and the places of its people."""

    number: int
    planned: PlannedWave
    people: Numbers


@dataclass(slots=True)
class Living:
    """A cohort on its way through the year, with what has been done and refused on it."""

    cohort: Cohort
    life: Life
    waves: Sequence[LivedWave]
    done: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    reviewed: list[Numbers] = field(default_factory=list)  # purchases reviewed today

    def note(self, refusal: Refusal | None, what: str) -> bool:
        """Count what was done, or why it was not; returns whether it was."""
        if refusal is None:
            self.done[what] += 1
            return True
        self.refusals[str(refusal.code)] += 1
        return False

    def take(self, at: datetime, what: What) -> Iterator[Numbers]:
        """What falls on this hour, in batches."""
        rows = self.life.agenda.take(programme_day(at), what)
        for start in range(0, len(rows), BATCH):
            yield rows[start : start + BATCH]


def open_waves(living: Living, at: datetime) -> None:
    for rows in living.take(at, What.REGISTER):
        for number in rows[:, 0].tolist():
            wave = living.waves[number]
            planned = wave.planned
            open_wave(
                number=wave.number,
                opens_on=planned.opens_on,
                closes_on=planned.closes_on,
                quota_count=len(wave.people),
                at=at,
            )
            for start in range(0, len(wave.people), BATCH):
                _register(living, wave.people[start : start + BATCH], at)


def _register(living: Living, people: Numbers, at: datetime) -> None:
    places = people.tolist()
    outcomes = register(registrations=[_registration(living.life, place) for place in places], at=at)
    members = []
    for place, outcome in zip(places, outcomes, strict=True):
        if living.note(outcome.refusal, "registered") and outcome.participant_id is not None:
            living.life.participant_ids[place] = outcome.participant_id
            members.append((outcome.participant_id, living.cohort.pk, place))
    copy_rows(CohortMember, ("participant_id", "cohort_id", "place"), members)


def _registration(life: Life, place: int) -> Registration:
    drawn = life.people.registration(place)
    script = life.scripted.get(place)
    if script is None:
        return drawn
    number = life.people.first_number + place
    return replace(
        drawn,
        full_name=script.full_name,
        nik=nik(number, province=script.province, born_on=script.born_on, is_man=script.is_man),
        sex="M" if script.is_man else "F",
        born_on=script.born_on,
        education=script.education,
        employment=script.employment,
        province=script.province,
        district_id=None,
        email=f"{script.full_name.lower().replace(' ', '.')}@surel.example",
    )


def accept_waves(living: Living, at: datetime) -> None:
    life = living.life
    for rows in living.take(at, What.ACCEPT):
        for number in rows[:, 0].tolist():
            wave = living.waves[number]
            wave_id = Wave.objects.get(number=wave.number).pk
            registered = wave.people[life.participant_ids[wave.people] > 0]
            for start in range(0, len(registered), BATCH):
                _accept(living, wave_id, registered[start : start + BATCH], at)


def _accept(living: Living, wave_id: int, people: Numbers, at: datetime) -> None:
    life = living.life
    outcomes = accept(wave_id=wave_id, participant_ids=life.participant_ids[people].tolist(), at=at)
    accepted = []
    for place, outcome in zip(people.tolist(), outcomes, strict=True):
        if living.note(outcome.refusal, "accepted") and outcome.participation_id is not None:
            life.participation_ids[place] = outcome.participation_id
            accepted.append(place)
    if not accepted:
        return
    places = np.array(accepted, dtype=np.int64)
    ids = life.participation_ids[places].tolist()
    balances = remaining(owner_ids=ids)
    life.balance_rupiah[places] = [balances[participation_id] for participation_id in ids]
    kept = Participation.objects.filter(pk=ids[0]).values_list("first_purchase_due_on", "balance_ends_on")
    due_on, ends_on = kept.get()
    life.plan_acceptance(places, accepted_on=programme_day(at), due_on=due_on, ends_on=ends_on)


def take_back_messages(living: Living, at: datetime) -> None:
    """What was sent to a number that changed or a box that is gone comes back."""
    life = living.life
    for rows in living.take(at, What.BOUNCE):
        points = []
        for works, kind in (
            (life.contact.phone_works, ContactPoint.Kind.PHONE),
            (life.contact.email_works, ContactPoint.Kind.EMAIL),
        ):
            dead = rows[:, 0][~works[rows[:, 0]]]
            points += [Unreachable(number, kind.value) for number in life.participant_ids[dead].tolist()]
        mark_unreachable(points=points, at=at)


def set_accounts(living: Living, at: datetime) -> None:
    life = living.life
    for rows in living.take(at, What.ACCOUNT):
        accounts = []
        for place, replacement in dict(rows.tolist()).items():
            partner, number = life.people.account(place, replacement=replacement)
            script = life.scripted.get(place)
            name = script.full_name if script else life.people.full_name(place)
            accounts.append(NewAccount(int(life.participant_ids[place]), partner, number, name))
        codes = request_account_changes(accounts=accounts, at=at)
        # Who sets a first account needs none.
        accounts = [
            account if isinstance(code, Refusal) else replace(account, code=code.code)
            for account, code in zip(accounts, codes, strict=True)
        ]
        for outcome in set_payout_accounts(accounts=accounts, at=at):
            living.note(outcome.refusal, "accounts")


def buy_trainings(living: Living, at: datetime) -> None:
    """Everybody chooses, asks for a code and types it two minutes later; who finds the last place gone meanwhile
    chooses again."""
    for rows in living.take(at, What.BUY):
        people = np.unique(rows[:, 0])
        for _ in range(TRIES):
            if len(people):
                people = _choose_and_buy(living, people, at)


def _choose_and_buy(living: Living, people: Numbers, at: datetime) -> Numbers:
    """Those whose training was sold out at the moment of buying."""
    day = programme_day(at)
    chosen = _choices(living.life, people, *_shelf_today(living.life, day), day)
    people, chosen = people[chosen != NEVER], chosen[chosen != NEVER]
    return _buy(living, people, chosen, at) if len(people) else people


def _shelf_today(life: Life, day: date) -> tuple[NDArray[np.float32], Numbers]:
    """Shrunken stars and places left of every training of the offer; a dated one has none left when it has
    begun, and none yet when it is too far ahead."""
    rows = Training.objects.filter(pk__in=life.offer.ids.tolist()).order_by("code")
    counts = rows.values_list("rating_count", "rating_sum", "seat_count", "bought_count")
    stars, seats_left = life.choice.shelf(list(counts))
    ahead_days = life.begins_on - day.toordinal()
    closed = (life.begins_on != NEVER) & ((ahead_days <= 0) | (ahead_days > MODEL.booked_ahead_days))
    return stars, np.where(closed, 0, seats_left)


def _choices(life: Life, people: Numbers, rating_of: NDArray[np.float32], seats_left: Numbers, day: date) -> Numbers:
    """The training (place in the offer) of each, `NEVER` where nothing is left to choose."""
    chosen = life.choice.choose(
        people,
        life.taken_count[people] + 1,
        life.balance_rupiah[people],
        life.taken[people],
        rating_of,
        seats_left,
    )
    chosen[life.taken_count[people] >= MOST_TAKEN] = NEVER
    for row in np.flatnonzero(life.is_scripted(people)).tolist():
        chosen[row] = life.offer.codes.index(_scripted_today(life, int(people[row]), day).training_code)
    return chosen


def _scripted_today(life: Life, place: int, day: date) -> ScriptedPurchase:
    return next(each for each in life.scripted[place].purchases if each.bought_on == day)


def _buy(living: Living, people: Numbers, chosen: Numbers, at: datetime) -> Numbers:
    life = living.life
    ids = zip(life.participation_ids[people].tolist(), life.offer.ids[chosen].tolist(), strict=True)
    intents = [Intent(*each) for each in ids]
    orders: list[Order] = []
    asked: list[int] = []
    prices = life.offer.price_rupiah[chosen].tolist()
    for row, (intent, code) in enumerate(zip(intents, request_purchases(intents=intents, at=at), strict=True)):
        if isinstance(code, Refusal):
            living.note(code, "bought")
            continue
        asked.append(row)
        orders.append(Order(intent.participation_id, intent.training_id, prices[row], code.code))
    made: list[tuple[int, int, str]] = []
    full: list[int] = []
    for row, outcome in zip(asked, buy(orders=orders, at=at + CODE_READ_AFTER), strict=True):
        if living.note(outcome.refusal, "bought") and outcome.purchase_id and outcome.redeem_code:
            made.append((row, outcome.purchase_id, outcome.redeem_code))
        elif outcome.refusal is not None and outcome.refusal.code == PurchaseRefusal.SOLD_OUT:
            full.append(row)
    if made:
        _write_down(life, people, chosen, made, programme_day(at))
    return people[full]


def _write_down(life: Life, people: Numbers, chosen: Numbers, made: Sequence[tuple[int, int, str]], day: date) -> None:
    rows = np.array([row for row, _, _ in made], dtype=np.int64)
    person, training = people[rows], chosen[rows]
    life.balance_rupiah[person] -= life.offer.price_rupiah[training]
    life.taken[person, life.taken_count[person]] = training
    life.taken_count[person] += 1
    places = life.bought.add(
        person=person,
        ordinal=life.taken_count[person],
        training=training,
        purchase_id=np.array([purchase_id for _, purchase_id, _ in made], dtype=np.int64),
        bought_on=np.full(len(rows), day.toordinal()),
    )
    life.redeem_codes.update(zip(places.tolist(), (code for _, _, code in made), strict=True))
    life.plan_purchases(places)


def redeem_codes(living: Living, at: datetime) -> None:
    life = living.life
    for rows in living.take(at, What.REDEEM):
        purchases = rows[:, 0]
        redemptions = [
            Redemption(institution_id, life.redeem_codes.pop(purchase))
            for institution_id, purchase in zip(
                life.institution_ids(purchases).tolist(), purchases.tolist(), strict=True
            )
        ]
        for outcome in redeem(redemptions=redemptions, at=at):
            living.note(outcome.refusal, "redeemed")


def attend_sessions(living: Living, at: datetime) -> None:
    life = living.life
    for rows in living.take(at, What.ATTEND):
        ids = life.bought.purchase_id[rows[:, 0]].tolist()
        of = zip(life.institution_ids(rows[:, 0]).tolist(), ids, rows[:, 1].tolist(), strict=True)
        for outcome in record_attendance(attendances=[Attendance(*each) for each in of], at=at):
            living.note(outcome.refusal, "attended")


def complete_trainings(living: Living, at: datetime) -> None:
    life = living.life
    for rows in living.take(at, What.COMPLETE):
        purchases = rows[:, 0]
        ids = life.bought.purchase_id[purchases].tolist()
        of = zip(life.institution_ids(purchases).tolist(), ids, strict=True)
        outcomes = record_completion(completions=[Completion(*each) for each in of], at=at)
        done = np.array([living.note(outcome.refusal, "completed") for outcome in outcomes])
        people = life.bought.person[purchases[done]]
        first = people[life.first_completed_on[people] == NEVER]
        life.first_completed_on[first] = programme_day(at).toordinal()


def write_reviews(living: Living, at: datetime) -> None:
    life = living.life
    living.reviewed.clear()
    for rows in living.take(at, What.REVIEW):
        purchases = rows[:, 0]
        outcomes = write_review(reviews=_new_reviews(life, purchases), at=at)
        done = np.array([living.note(outcome.refusal, "reviewed") for outcome in outcomes])
        living.reviewed.append(purchases[done])


def _new_reviews(life: Life, purchases: Numbers) -> list[NewReview]:
    bought = life.bought
    people, ordinals = bought.person[purchases], bought.ordinal[purchases]
    ratings = life.behaviour.rating(people, ordinals, life.quality[bought.training[purchases]]).tolist()
    words = life.draws.at("words of a review", people, ordinals).tolist()
    ids = zip(life.participation_ids[people].tolist(), bought.purchase_id[purchases].tolist(), strict=True)
    reviews = [
        NewReview(participation_id, purchase_id, rating, review_text(rating, word))
        for (participation_id, purchase_id), rating, word in zip(ids, ratings, words, strict=True)
    ]
    for row in np.flatnonzero(life.is_scripted(people)).tolist():
        script = life.script_of(int(purchases[row]))
        assert script is not None
        reviews[row] = replace(reviews[row], rating=script.rating, text=script.review)
    return reviews


def answer(living: Living, at: datetime) -> None:
    """Whoever has got round to a survey answers it; who has bought nothing has lost the place by then."""
    life = living.life
    for rows in living.take(at, What.ANSWER):
        for number in np.unique(rows[:, 1]).tolist():
            people = rows[rows[:, 1] == number, 0]
            people = people[life.taken_count[people] > 0]
            answers = life.survey_answers(people, number, programme_day(at).toordinal())
            responses = [
                NewResponse(participation_id, number, said)
                for participation_id, said in zip(life.participation_ids[people].tolist(), answers, strict=True)
            ]
            for outcome in answer_surveys(responses=responses, at=at):
                living.note(outcome.refusal, "answered")


Step = Callable[[Living, datetime], None]
STEPS: dict[What, Step] = {
    What.REGISTER: open_waves,
    What.BUY: buy_trainings,
    What.REDEEM: redeem_codes,
    What.ACCEPT: accept_waves,
    What.BOUNCE: take_back_messages,
    What.ACCOUNT: set_accounts,
    What.ATTEND: attend_sessions,
    What.COMPLETE: complete_trainings,
    What.ANSWER: answer,
    What.REVIEW: write_reviews,
}
