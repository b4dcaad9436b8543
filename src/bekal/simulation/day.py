"""One simulated day: whoever is due today acts, each verb called once for all of them, at its hour."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar

import numpy as np

from bekal.core.refusal import Refusal
from bekal.core.schedule import balance_ends_on, first_purchase_due_on
from bekal.incentives.entitle import entitle
from bekal.ledger.queries import remaining
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.accept import accept
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.purchases.buy import Order, buy
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.write_review import NewReview, write_review
from bekal.simulation.journeys import ACCOUNT_WEEKDAYS, Journeys, Timeline, Underway, late_days_of, next_weekday
from bekal.simulation.payday import SentRun, answer_run, send_run
from bekal.simulation.population import Population, nik
from bekal.simulation.reviews import review_text
from bekal.simulation.script import ScriptedPerson, ScriptedPurchase
from bekal.simulation.taste import Offer, Taste
from bekal.simulation.year import PlannedWave

BATCH = 5_000
CODE_READ_AFTER = timedelta(minutes=2)
Item = TypeVar("Item")


@dataclass(slots=True)
class Agenda:
    """What falls on one day. People are places in the population."""

    opening: list[tuple[int, PlannedWave, list[int]]] = field(default_factory=list)
    closing: list[tuple[int, list[int]]] = field(default_factory=list)  # (wave id, people)
    accounts: list[tuple[int, int]] = field(default_factory=list)  # (person, replacement)
    buying: list[int] = field(default_factory=list)
    redeeming: list[Underway] = field(default_factory=list)
    attending: list[tuple[Underway, int]] = field(default_factory=list)  # (underway, session)
    completing: list[Underway] = field(default_factory=list)
    reviewing: list[Underway] = field(default_factory=list)
    overdue: list[int] = field(default_factory=list)  # their first-purchase deadline was yesterday
    lapsing: list[int] = field(default_factory=list)  # their balance ended yesterday
    reviewed: list[Underway] = field(default_factory=list)  # filled during the day


class World:
    """The new people, where each stands, and what falls on which day."""

    def __init__(
        self,
        *,
        people: Population,
        offer: Offer,
        taste: Taste,
        journeys: Journeys,
        officer_ids: tuple[int, int],
        scripted: Mapping[int, ScriptedPerson],
        payout_days: Collection[date],
        reject_every: int,
        others_until_on: date | None,
    ) -> None:
        self.people, self.offer, self.taste, self.journeys = people, offer, taste, journeys
        self.officer_ids, self.scripted, self.payout_days = officer_ids, scripted, payout_days
        self.reject_every, self.others_until_on = reject_every, others_until_on
        self.participant_ids = np.zeros(len(people), dtype=np.int64)
        self.participation_ids = np.zeros(len(people), dtype=np.int64)
        self.balance_rupiah = np.zeros(len(people), dtype=np.int64)
        self.taken: list[list[int]] = [[] for _ in range(len(people))]
        self.late_days = [late_days_of(code) for code in offer.institution_codes]
        self.agenda: defaultdict[date, Agenda] = defaultdict(Agenda)
        self.done: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.earners: set[int] = set()  # participations with a reconciled purchase
        self.replaced: Counter[int] = Counter()  # payout accounts a person has given up
        self.person_of: dict[int, int] = {}  # participant id -> place
        self.sent_run: SentRun | None = None

    def plan_wave(self, number: int, wave: PlannedWave, people: list[int]) -> None:
        self.agenda[wave.opens_on].opening.append((number, wave, people))

    def begin(self, day: date) -> None:
        self.day = day
        self.today = self.agenda.pop(day, Agenda())
        self.agenda[day] = self.today
        self.agenda.pop(day - timedelta(days=1), None)
        self.sent_run = None

    def has_work(self) -> bool:
        return self.acts_on_everybody() or self.day in self.payout_days or self.today != Agenda()

    def acts_on_everybody(self) -> bool:
        """Whether the clock has passed what the people who were there before have lived through."""
        return self.others_until_on is not None and self.day > self.others_until_on

    def participations_of(self, people: Sequence[int]) -> list[int]:
        return self.participation_ids[people].tolist()

    def note(self, refusal: Refusal | None, what: str) -> bool:
        """Count what was done, or why it was not; returns whether it was."""
        self.done[what] += refusal is None
        if refusal is not None:
            self.refusals[str(refusal.code)] += 1
        return refusal is None


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _end_what_is_overdue(world: World, at: datetime) -> None:
    everybody = world.acts_on_everybody()
    if everybody or world.today.overdue:
        ids = None if everybody else world.participations_of(world.today.overdue)
        world.done["revoked"] += revoke(at=at, participation_ids=ids).participation_count
    if everybody or world.today.lapsing:
        ids = None if everybody else world.participations_of(world.today.lapsing)
        world.done["ended"] += end_balances(at=at, participation_ids=ids).participation_count


def _open_waves(world: World, at: datetime) -> None:
    for number, wave, people in world.today.opening:
        opened = open_wave(
            number=number, opens_on=wave.opens_on, closes_on=wave.closes_on, quota_count=len(people), at=at
        )
        for batch in _batches(people):
            outcomes = register(registrations=[_registration(world, person) for person in batch], at=at)
            for person, outcome in zip(batch, outcomes, strict=True):
                if world.note(outcome.refusal, "registered") and outcome.participant_id is not None:
                    world.participant_ids[person] = outcome.participant_id
                    world.person_of[outcome.participant_id] = person
        world.agenda[wave.closes_on].closing.append((opened.pk, people))


def _registration(world: World, person: int) -> Registration:
    drawn = world.people.registration(person)
    script = world.scripted.get(person)
    if script is None:
        return drawn
    number = world.people.first_number + person
    return replace(
        drawn,
        full_name=script.full_name,
        nik=nik(number, province=script.province, born_on=script.born_on, is_man=script.is_man),
        sex="M" if script.is_man else "F",
        born_on=script.born_on,
        education=script.education,
        employment=script.employment,
        province=script.province,
        email=f"{script.full_name.lower().replace(' ', '.')}@surel.example",
    )


def _send_payouts(world: World, at: datetime) -> None:
    if world.day in world.payout_days:
        ids = None if world.acts_on_everybody() else sorted(world.earners)
        world.sent_run = send_run(planned_for=world.day, officer_ids=world.officer_ids, participation_ids=ids, at=at)


def _take_answers(world: World, at: datetime) -> None:
    """The partners' answers come in; who was rejected gives another account some days later."""
    if world.sent_run is None:
        return
    spared = {script.full_name for script in world.scripted.values()}
    answered = answer_run(run=world.sent_run, reject_every=world.reject_every, spared=spared, at=at)
    world.done["settled"] += answered.settled_count
    world.done["settled_rupiah"] += answered.settled_rupiah
    for participant_id in answered.rejected_participant_ids:
        person = world.person_of.get(participant_id)
        if person is not None:
            world.replaced[person] += 1
            on = next_weekday(world.day + timedelta(days=world.journeys.days(1, 5)), ACCOUNT_WEEKDAYS)
            world.agenda[on].accounts.append((person, world.replaced[person]))


def _accept(world: World, at: datetime) -> None:
    for wave_id, people in world.today.closing:
        for batch in _batches([person for person in people if world.participant_ids[person]]):
            outcomes = accept(wave_id=wave_id, participant_ids=world.participant_ids[list(batch)].tolist(), at=at)
            accepted = []
            for person, outcome in zip(batch, outcomes, strict=True):
                if world.note(outcome.refusal, "accepted") and outcome.participation_id is not None:
                    world.participation_ids[person] = outcome.participation_id
                    accepted.append(person)
            balances = remaining(owner_ids=world.participations_of(accepted))
            world.balance_rupiah[accepted] = [balances[number] for number in world.participations_of(accepted)]
            _plan_first_steps(world, accepted)


def _plan_first_steps(world: World, accepted: list[int]) -> None:
    bought_after = world.journeys.first_bought_after(len(accepted)).tolist()
    account_after = world.journeys.account_after(len(accepted)).tolist()
    for person, buy_days, account_days in zip(accepted, bought_after, account_after, strict=True):
        script = world.scripted.get(person)
        if script is not None:
            account_days = 0
            for purchase in script.purchases:
                world.agenda[purchase.bought_on].buying.append(person)
        elif buy_days >= 0:
            world.agenda[world.day + timedelta(days=buy_days)].buying.append(person)
        account_on = world.day + timedelta(days=account_days)
        account_on = next_weekday(account_on, ACCOUNT_WEEKDAYS) if account_days else account_on
        world.agenda[account_on].accounts.append((person, 0))
    world.agenda[first_purchase_due_on(world.day) + timedelta(days=1)].overdue.extend(accepted)
    world.agenda[balance_ends_on(world.day) + timedelta(days=1)].lapsing.extend(accepted)


def _set_accounts(world: World, at: datetime) -> None:
    for batch in _batches(list(dict(world.today.accounts).items())):
        accounts = []
        for person, replacement in batch:
            partner, number = world.people.account(person, replacement=replacement)
            name = world.scripted[person].full_name if person in world.scripted else world.people.full_name(person)
            accounts.append(NewAccount(int(world.participant_ids[person]), partner, number, name))
        for outcome in set_payout_accounts(accounts=accounts, at=at):
            world.note(outcome.refusal, "accounts")


def _buy(world: World, at: datetime) -> None:
    """Everybody chooses, asks for a code and types it two minutes later."""
    for batch in _batches(world.today.buying):
        choices = _choices(world, batch)
        intents = [Intent(int(world.participation_ids[p]), int(world.offer.ids[place])) for p, place in choices]
        issued = request_purchases(intents=intents, at=at)
        wanted: list[tuple[int, int]] = []
        orders: list[Order] = []
        for (person, place), intent, code in zip(choices, intents, issued, strict=True):
            if isinstance(code, Refusal):
                world.note(code, "bought")
                continue
            wanted.append((person, place))
            price = int(world.offer.price_rupiah[place])
            orders.append(Order(intent.participation_id, intent.training_id, price, code.code))
        outcomes = buy(orders=orders, at=at + CODE_READ_AFTER)
        for (person, place), outcome in zip(wanted, outcomes, strict=True):
            if world.note(outcome.refusal, "bought") and outcome.purchase_id and outcome.redeem_code:
                world.balance_rupiah[person] -= world.offer.price_rupiah[place]
                world.taken[person].append(place)
                _plan_purchase(world, Underway(person, place, outcome.purchase_id, outcome.redeem_code))


def _choices(world: World, people: Sequence[int]) -> list[tuple[int, int]]:
    """(person, training) of everybody for whom there is something to choose."""
    drawing = [person for person in people if person not in world.scripted]
    chosen = dict(
        zip(
            drawing,
            world.taste.choose(
                np.array(drawing, dtype=np.int64),
                world.balance_rupiah[drawing],
                [world.taken[person] for person in drawing],
            ).tolist(),
            strict=True,
        )
    )
    for person in people:
        if person in world.scripted:
            chosen[person] = world.offer.codes.index(_scripted(world, person).training_code)
    return [(person, chosen[person]) for person in people if chosen[person] >= 0]


def _scripted(world: World, person: int) -> ScriptedPurchase:
    """What the script has this person buy today."""
    return next(each for each in world.scripted[person].purchases if each.bought_on == world.day)


def _plan_purchase(world: World, underway: Underway) -> None:
    timeline = _timeline(world, underway)
    if timeline.redeemed_on is not None:
        world.agenda[timeline.redeemed_on].redeeming.append(underway)
    for session, day in enumerate(timeline.attended_on, start=1):
        world.agenda[day].attending.append((underway, session))
    if timeline.completed_on is not None:
        world.agenda[timeline.completed_on].completing.append(underway)
    if timeline.reviewed_on is not None:
        world.agenda[timeline.reviewed_on].reviewing.append(underway)
    if timeline.next_bought_on is not None and timeline.next_bought_on <= balance_ends_on(world.day):
        world.agenda[timeline.next_bought_on].buying.append(underway.person)


def _timeline(world: World, underway: Underway) -> Timeline:
    if underway.person in world.scripted:
        script = _scripted(world, underway.person)
        return Timeline(script.redeemed_on, script.attended_on, script.completed_on, script.reviewed_on)
    return world.journeys.timeline(
        bought_on=world.day,
        session_count=int(world.offer.session_count[underway.training]),
        mode=world.offer.modes[underway.training],
        late_days=world.late_days[underway.training],
        ordinal=len(world.taken[underway.person]),
    )


def _redeem(world: World, at: datetime) -> None:
    for batch in _batches(world.today.redeeming):
        redemptions = [Redemption(_institution(world, underway), underway.redeem_code) for underway in batch]
        for outcome in redeem(redemptions=redemptions, at=at):
            world.note(outcome.refusal, "redeemed")


def _institution(world: World, underway: Underway) -> int:
    return int(world.offer.institution_ids[underway.training])


def _attend(world: World, at: datetime) -> None:
    for batch in _batches(world.today.attending):
        attendances = [
            Attendance(_institution(world, underway), underway.purchase_id, session) for underway, session in batch
        ]
        for outcome in record_attendance(attendances=attendances, at=at):
            world.note(outcome.refusal, "attended")


def _complete(world: World, at: datetime) -> None:
    for batch in _batches(world.today.completing):
        completions = [Completion(_institution(world, underway), underway.purchase_id) for underway in batch]
        for outcome in record_completion(completions=completions, at=at):
            world.note(outcome.refusal, "completed")


def _review(world: World, at: datetime) -> None:
    for batch in _batches(world.today.reviewing):
        outcomes = write_review(reviews=[_new_review(world, underway) for underway in batch], at=at)
        for underway, outcome in zip(batch, outcomes, strict=True):
            if world.note(outcome.refusal, "reviewed"):
                world.today.reviewed.append(underway)


def _new_review(world: World, underway: Underway) -> NewReview:
    code = world.offer.codes[underway.training]
    participation_id = int(world.participation_ids[underway.person])
    if underway.person in world.scripted:
        script = next(each for each in world.scripted[underway.person].purchases if each.training_code == code)
        return NewReview(participation_id, underway.purchase_id, script.rating, script.review)
    rating = world.journeys.rating(code)
    return NewReview(participation_id, underway.purchase_id, rating, review_text(rating, world.journeys.share()))


def _reconcile(world: World, at: datetime) -> None:
    everybody = world.acts_on_everybody()
    if everybody or world.today.reviewed:
        ids = None if everybody else [underway.purchase_id for underway in world.today.reviewed]
        world.done["reconciled"] += len(reconcile(at=at, purchase_ids=ids).purchase_ids)


def _entitle(world: World, at: datetime) -> None:
    everybody = world.acts_on_everybody()
    if everybody or world.today.reviewed:
        ids = {int(world.participation_ids[underway.person]) for underway in world.today.reviewed}
        world.earners |= ids
        entitle(at=at, participation_ids=None if everybody else sorted(ids))


# Hours of the day in Jakarta; what a step puts on today's agenda a later one finds there.
DAY_STEPS: tuple[tuple[time, Callable[[World, datetime], None]], ...] = (
    (time(6), _end_what_is_overdue),
    (time(8), _open_waves),
    (time(9), _send_payouts),
    (time(11), _buy),
    (time(12), _redeem),
    (time(14), _accept),
    (time(15), _take_answers),
    (time(16), _set_accounts),
    (time(17), _attend),
    (time(17, 30), _complete),
    (time(19), _review),
    (time(20), _reconcile),
    (time(20, 30), _entitle),
)
