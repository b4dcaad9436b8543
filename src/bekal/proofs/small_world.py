"""A small programme for the harnesses: people brought through the verbs, many in one call, to the state a trial needs.

Only what has no verb (a category, institutions, trainings, officers) is written straight into its table.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import TypeVar

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Category, Institution, Training
from bekal.incentives.entitle import entitle
from bekal.ledger.clock import JAKARTA
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.accept import accept
from bekal.participants.models import Wave
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

T = TypeVar("T")


def jakarta(year: int, month: int, day: int, hour: int = 9) -> datetime:
    """An instant by the clock on the wall in Jakarta."""
    return datetime(year, month, day, hour, tzinfo=JAKARTA)


def midnight_of(day: date) -> datetime:
    """The first instant of a day in Jakarta."""
    return datetime(day.year, day.month, day.day, tzinfo=JAKARTA)


# People of the first wave: the first purchase is due on 20 May, the balance ends on 15 December 2020.
REGISTERED_AT, ACCEPTED_AT = jakarta(2020, 4, 12), jakarta(2020, 4, 20)
BOUGHT_AT, REDEEMED_AT, PROVEN_AT, RECONCILED_AT = (ACCEPTED_AT + timedelta(days=n) for n in (1, 2, 4, 5))
LAST_DAY_TO_BUY_FIRST, LAST_DAY_OF_BALANCE = date(2020, 5, 20), date(2020, 12, 15)
BALANCE_RUPIAH = 1_000_000
REVIEW = "Materinya jelas, contohnya dekat dengan pekerjaan saya, dan langsung bisa dipakai."


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase as its buyer sees it."""

    purchase_id: int
    participation_id: int
    training_id: int
    redeem_code: str = field(repr=False)


class World:
    """Officers, one institution, and people and trainings as they are asked for."""

    def __init__(self, *, officer_count: int = 6) -> None:
        self.category = Category.objects.create(slug="keterampilan", name_id="Keterampilan", name_en="Skills")
        self.institution = Institution.objects.create(code="lembaga", name="Lembaga Uji")
        self.officer_ids = [
            User.objects.create_user(f"petugas-{n}", None, role=Role.OFFICER, display_name=f"Petugas {n}").pk
            for n in range(1, officer_count + 1)
        ]
        self._people = count(1)
        self._trainings = count(1)
        self._waves = count(1)

    def trainings(
        self, number: int, *, price_rupiah: int, seat_count: int | None = None, session_count: int = 1
    ) -> list[int]:
        """So many trainings on sale, by their numbers."""
        made = Training.objects.bulk_create(
            Training(
                code=f"pelatihan-{(n := next(self._trainings))}",
                title=f"Pelatihan {n}",
                category=self.category,
                institution=self.institution,
                price_rupiah=price_rupiah,
                seat_count=seat_count,
                session_count=session_count,
                listed_at=REGISTERED_AT,
            )
            for _ in range(number)
        )
        return [training.pk for training in made]

    def register(self, number: int, *, with_accounts: bool = False) -> list[int]:
        """New people, by the numbers of the participants."""
        people = [_registration(next(self._people)) for _ in range(number)]
        ids = [_there(one.participant_id, one) for one in register(registrations=people, at=REGISTERED_AT)]
        if with_accounts:
            named = zip(ids, people, strict=True)
            accounts = [NewAccount(one, "bni", f"{one:010d}", person.full_name) for one, person in named]
            for outcome in set_payout_accounts(accounts=accounts, at=REGISTERED_AT):
                _there(outcome.verified or None, outcome)
        return ids

    def wave(self, quota_count: int) -> Wave:
        """An open wave with so many places."""
        opens_on = REGISTERED_AT.date() - timedelta(days=1)
        closes_on = opens_on + timedelta(days=5)
        number = next(self._waves)
        return open_wave(
            number=number, opens_on=opens_on, closes_on=closes_on, quota_count=quota_count, at=REGISTERED_AT
        )

    def accept(self, number: int, *, at: datetime = ACCEPTED_AT, with_accounts: bool = False) -> list[int]:
        """New people accepted into a wave of their own, by the numbers of their participations."""
        ids = self.register(number, with_accounts=with_accounts)
        outcomes = accept(wave_id=self.wave(number).pk, participant_ids=ids, at=at)
        return [_there(outcome.participation_id, outcome) for outcome in outcomes]

    def orders(self, pairs: Sequence[tuple[int, int]], *, at: datetime = BOUGHT_AT) -> list[Order]:
        """An order with its right one-time code for each (participation, training)."""
        issued = request_purchases(intents=[Intent(*pair) for pair in pairs], at=at)
        prices = dict(
            Training.objects.filter(pk__in={t for _, t in pairs}).order_by("pk").values_list("pk", "price_rupiah")
        )
        orders = []
        for (participation_id, training_id), code in zip(pairs, issued, strict=True):
            digits = _there(code.code if isinstance(code, IssuedCode) else None, code)
            orders.append(Order(participation_id, training_id, prices[training_id], digits))
        return orders

    def buy(self, pairs: Sequence[tuple[int, int]], *, at: datetime = BOUGHT_AT) -> list[Bought]:
        """A purchase for each (participation, training)."""
        outcomes = buy(orders=self.orders(pairs, at=at), at=at)
        return [
            Bought(_there(outcome.purchase_id, outcome), *pair, _there(outcome.redeem_code, outcome))
            for pair, outcome in zip(pairs, outcomes, strict=True)
        ]

    def redeem(self, purchases: Sequence[Bought], *, at: datetime = REDEEMED_AT) -> None:
        redemptions = [Redemption(self.institution.pk, one.redeem_code) for one in purchases]
        for outcome in redeem(redemptions=redemptions, at=at):
            _there(outcome.purchase_id, outcome)

    def attend(self, purchases: Sequence[Bought], *, sessions: int, at: datetime = PROVEN_AT) -> None:
        """The first so many sessions of each."""
        attendances = [
            Attendance(self.institution.pk, one.purchase_id, sequence)
            for one in purchases
            for sequence in range(1, sessions + 1)
        ]
        for outcome in record_attendance(attendances=attendances, at=at):
            _there(True if outcome.refusal is None else None, outcome)

    def prove(self, purchases: Sequence[Bought], *, sessions: int = 1, at: datetime = PROVEN_AT) -> None:
        """Evidence of both sides for redeemed purchases: attendance, completion, rating and review."""
        self.attend(purchases, sessions=sessions, at=at)
        completions = [Completion(self.institution.pk, one.purchase_id) for one in purchases]
        reviews = [NewReview(one.participation_id, one.purchase_id, 5, REVIEW) for one in purchases]
        outcomes = [
            *record_completion(completions=completions, at=at),
            *write_review(reviews=reviews, at=at),
        ]
        for outcome in outcomes:
            _there(True if outcome.refusal is None else None, outcome)

    def reconcile(self, purchases: Sequence[Bought], *, at: datetime = RECONCILED_AT) -> None:
        done = reconcile(at=at, purchase_ids=[one.purchase_id for one in purchases])
        _there(True if len(done.purchase_ids) == len(purchases) else None, done)

    def earn(self, participation_ids: Sequence[int], training_id: int) -> list[Bought]:
        """Bring people from their place to earned instalments: bought, redeemed, proven, reconciled, entitled."""
        purchases = self.buy([(one, training_id) for one in participation_ids])
        self.redeem(purchases)
        self.prove(purchases)
        self.reconcile(purchases)
        entitle(at=RECONCILED_AT, participation_ids=list(participation_ids))
        return purchases


@dataclass(frozen=True, slots=True)
class Population:
    """People by how far they have come: each list holds participations, no one stands in two."""

    world: World
    idle: tuple[int, ...]  # accepted, nothing bought
    buyers: tuple[int, ...]  # bought, not redeemed
    learners: tuple[int, ...]  # redeemed, nothing proven
    provers: tuple[int, ...]  # evidence complete, not reconciled
    earners: tuple[int, ...]  # reconciled and entitled to every instalment


def small_world(*, people: int, seed: int) -> Population:
    """A programme of so many people: of every ten about three idle, one each has bought, learns and has proven, four
    have earned; each with a purchase of a price of their own choice. A few seconds for 2,000."""
    rng = random.Random(seed)
    world = World()
    prices = [world.trainings(1, price_rupiah=price)[0] for price in (150_000, 299_950, 433_333, 600_000, 999_950)]
    ids = world.accept(people, with_accounts=True)
    rng.shuffle(ids)
    parts = [round(people * share) for share in (0.3, 0.4, 0.5, 0.6)]
    idle, buyers, learners, provers, earners = (
        tuple(sorted(ids[start:end])) for start, end in zip([0, *parts], [*parts, people], strict=True)
    )
    bought = {
        one.participation_id: one
        for one in world.buy([(one, rng.choice(prices)) for one in (*buyers, *learners, *provers, *earners)])
    }
    world.redeem([bought[one] for one in (*learners, *provers, *earners)])
    world.prove([bought[one] for one in (*provers, *earners)])
    world.reconcile([bought[one] for one in earners])
    entitle(at=RECONCILED_AT, participation_ids=earners)
    return Population(world, idle, buyers, learners, provers, earners)


def _registration(number: int) -> Registration:
    born_on = date(1960, 1, 1) + timedelta(days=number % 15_000)
    return Registration(
        full_name=f"Siti Rahayu {_letters(number)}",
        nik=f"{327101 + number // 9_999:06d}{born_on.day + 40:02d}{born_on:%m%y}{number % 9_999 + 1:04d}",
        sex="F",
        born_on=born_on,
        education=3,
        employment=1,
        province=32,
        phone=f"0812{number:08d}",
    )


def _letters(number: int) -> str:
    """A number as letters: A to J for the digits."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(number)).capitalize()


def _there(value: T | None, outcome: object) -> T:
    """The value that a verb gives to people in the state this world has brought them to; else the world is wrong."""
    if value is None:
        raise RuntimeError(f"the small world could not be built: {outcome}")
    return value
