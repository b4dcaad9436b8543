"""Contests about what there is only one of: the last rupiah, the last seat, the last place, one click made twice."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Movement
from bekal.participants.accept import accept
from bekal.proofs.race_contest import Contest, books_of, do, one, rows
from bekal.proofs.small_world import (
    ACCEPTED_AT,
    BALANCE_RUPIAH,
    BOUGHT_AT,
    LAST_DAY_OF_BALANCE,
    LAST_DAY_TO_BUY_FIRST,
)
from bekal.purchases.buy import Order, buy

LAST_DAYS = (LAST_DAY_TO_BUY_FIRST, LAST_DAY_OF_BALANCE)
UNGUARD = (
    "ALTER TABLE purchases_purchase DROP CONSTRAINT IF EXISTS purchases_purchase_once",
    "ALTER TABLE purchases_purchase DROP CONSTRAINT IF EXISTS purchases_purchase_ordinal",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_posted_once",
)


def bought(order: Order, at: datetime) -> str:
    """The verb, for one order."""
    (outcome,) = buy(orders=[order], at=at)
    if outcome.refusal is not None:
        return f"refused {outcome.refusal.code}"
    return f"{'repeated' if outcome.repeated else 'bought'} of {outcome.purchase_id} {outcome.redeem_code}"


def remaining_of(owner_id: int) -> int:
    """The balance as somebody reads it who locks nothing."""
    row = one("SELECT remaining_rupiah FROM ledger_trainingbalance WHERE owner_id = %s", [owner_id])
    return int(row[0]) if row else 0


def write_balance(owner_id: int, left_rupiah: int) -> None:
    do("UPDATE ledger_trainingbalance SET remaining_rupiah = %s WHERE owner_id = %s", [left_rupiah, owner_id])


def write_purchase(order: Order, left_rupiah: int, at: datetime) -> None:
    """What a careless purchase writes: the balance it has worked out, the transfer, the row."""
    write_balance(order.participation_id, left_rupiah)
    write_transfer(order.participation_id, Movement.PURCHASE, order.price_rupiah, f"purchase:{order.training_id}", at)
    row = one("SELECT count(*) + 1 FROM purchases_purchase WHERE participation_id = %s", [order.participation_id])
    do(
        "INSERT INTO purchases_purchase (participation_id, training_id, price_rupiah, ordinal, bought_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        [order.participation_id, order.training_id, order.price_rupiah, row[0] if row else 1, at],
    )


def write_transfer(owner_id: int, movement: Movement, amount_rupiah: int, key: str, at: datetime) -> None:
    do(
        "INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key,"
        " posted_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [owner_id, movement.debit_kind, movement.credit_kind, movement.reason, amount_rupiah, key, at],
    )


def faults_of_one_purchase(owner_ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Every owner has exactly one purchase, paid once."""
    books = books_of(owner_ids)
    for number, owner_id in enumerate(owner_ids):
        book = books[owner_id]
        if book.purchase_count != 1 or not book.agree or book.remaining_rupiah != BALANCE_RUPIAH - book.price_rupiah:
            yield number, f"participation {owner_id}: {book}"


class LastRupiah(Contest):
    """Four trainings, a balance for any one of them."""

    name = "last rupiah"
    rivals = 4
    expected = {"": {"bought": 1, "refused above_balance": 3}}
    unguard = UNGUARD

    def prepare(self, count: int, rng: random.Random) -> None:
        owners = self.world.accept(count)
        prices = (510_000, 700_000, 999_950, BALANCE_RUPIAH)
        trainings = [self.world.trainings(1, price_rupiah=price)[0] for price in prices]
        orders = self.world.orders([(owner, training) for owner in owners for training in trainings])
        self.rounds = [orders[start : start + 4] for start in range(0, len(orders), 4)]

    def attempt(self, round_: Sequence[Order], stage: str, rival: int) -> str:
        return bought(round_[rival], BOUGHT_AT)

    def careless(self, round_: Sequence[Order], stage: str, rival: int) -> str:
        order = round_[rival]
        with transaction.atomic():
            left = remaining_of(order.participation_id) - order.price_rupiah
            if left < 0:
                return "refused above_balance"
            write_purchase(order, left, BOUGHT_AT)
        return "bought"

    def faults(self) -> Iterator[tuple[int, str]]:
        yield from faults_of_one_purchase([round_[0].participation_id for round_ in self.rounds])


class DoubleClick(Contest):
    """The same order four times: one purchase, and everybody is told the same code."""

    name = "double click"
    rivals = 4
    expected = {"": {"bought": 1, "repeated": 3}}
    unguard = UNGUARD

    def prepare(self, count: int, rng: random.Random) -> None:
        (training,) = self.world.trainings(1, price_rupiah=rng.randrange(1, 250_000))
        self.rounds = self.world.orders([(owner, training) for owner in self.world.accept(count)])

    def attempt(self, round_: Order, stage: str, rival: int) -> str:
        return bought(round_, BOUGHT_AT)

    def careless(self, round_: Order, stage: str, rival: int) -> str:
        with transaction.atomic():
            asked = "SELECT id FROM purchases_purchase WHERE participation_id = %s AND training_id = %s"
            if one(asked, [round_.participation_id, round_.training_id]):
                return "repeated"
            left = remaining_of(round_.participation_id) - round_.price_rupiah
            write_purchase(round_, left, BOUGHT_AT)
        return "bought"

    def _faults_of(self, given: Any) -> Iterator[str]:
        yield from super()._faults_of(given)
        told = {answer.partition(" of ")[2] for answer in given.get("", ())}
        if len(told) != 1:
            yield "the rivals were told different purchases or codes"

    def faults(self) -> Iterator[tuple[int, str]]:
        yield from faults_of_one_purchase([order.participation_id for order in self.rounds])


class LastSeat(Contest):
    """Four people, one seat."""

    name = "last seat"
    rivals = 4
    expected = {"": {"bought": 1, "refused sold_out": 3}}
    unguard = UNGUARD

    def prepare(self, count: int, rng: random.Random) -> None:
        # Five codes an hour: so many rounds each person takes part in.
        people = self.world.accept(4 * -(-count // 5))
        trainings = self.world.trainings(count, price_rupiah=150_000, seat_count=1)
        places = [(number // 5 * 4, training) for number, training in enumerate(trainings)]
        pairs = [(people[first + rival], training) for first, training in places for rival in range(4)]
        orders = self.world.orders(pairs)
        self.rounds = [orders[start : start + 4] for start in range(0, len(orders), 4)]

    def attempt(self, round_: Sequence[Order], stage: str, rival: int) -> str:
        return bought(round_[rival], BOUGHT_AT)

    def careless(self, round_: Sequence[Order], stage: str, rival: int) -> str:
        order = round_[rival]
        with transaction.atomic():
            row = one("SELECT seat_count, bought_count FROM catalogue_training WHERE id = %s", [order.training_id])
            if row is None or row[1] >= row[0]:
                return "refused sold_out"
            do("UPDATE catalogue_training SET bought_count = %s WHERE id = %s", [row[1] + 1, order.training_id])
            write_purchase(order, remaining_of(order.participation_id) - order.price_rupiah, BOUGHT_AT)
        return "bought"

    def faults(self) -> Iterator[tuple[int, str]]:
        books = books_of({order.participation_id for round_ in self.rounds for order in round_})
        sold = {
            number: (bought_count, purchases)
            for number, bought_count, purchases in rows(
                "SELECT t.id, t.bought_count, (SELECT count(*) FROM purchases_purchase p WHERE p.training_id = t.id)"
                " FROM catalogue_training t WHERE t.id = ANY(%s::bigint[])",
                [int_array([round_[0].training_id for round_ in self.rounds])],
            )
        }
        for number, round_ in enumerate(self.rounds):
            if sold[round_[0].training_id] != (1, 1):
                yield number, f"one seat: (counted, sold) is {sold[round_[0].training_id]}"
            wrong = [order.participation_id for order in round_ if not books[order.participation_id].agree]
            if wrong:
                yield number, f"participation {wrong[0]}: {books[wrong[0]]}"


class LastPlace(Contest):
    """Two people, one place in a wave."""

    name = "last place of a wave"
    rivals = 2
    share = 0.5
    expected = {"": {"accepted": 1, "refused wave_full": 1}}

    def prepare(self, count: int, rng: random.Random) -> None:
        people = self.world.register(2 * count)
        self.rounds = [(self.world.wave(1).pk, people[2 * n : 2 * n + 2]) for n in range(count)]

    def attempt(self, round_: tuple[int, Sequence[int]], stage: str, rival: int) -> str:
        (outcome,) = accept(wave_id=round_[0], participant_ids=[round_[1][rival]], at=ACCEPTED_AT)
        return "accepted" if outcome.refusal is None else f"refused {outcome.refusal.code}"

    def careless(self, round_: tuple[int, Sequence[int]], stage: str, rival: int) -> str:
        with transaction.atomic():
            row = one("SELECT count(*) FROM participants_participation WHERE wave_id = %s", [round_[0]])
            if row is None or row[0] >= 1:
                return "refused wave_full"
            do(
                "INSERT INTO participants_participation (participant_id, wave_id, accepted_at, accepted_on,"
                " first_purchase_due_on, balance_ends_on) VALUES (%s, %s, %s, %s, %s, %s)",
                [round_[1][rival], round_[0], ACCEPTED_AT, ACCEPTED_AT.date(), *LAST_DAYS],
            )
        return "accepted"

    def faults(self) -> Iterator[tuple[int, str]]:
        waves = [wave_id for wave_id, _ in self.rounds]
        taken = dict(
            rows(
                "SELECT wave_id, count(*) FROM participants_participation WHERE wave_id = ANY(%s::bigint[]) GROUP BY 1",
                [int_array(waves)],
            )
        )
        yield from ((n, f"one place: {taken.get(one, 0)} taken") for n, one in enumerate(waves) if taken.get(one) != 1)


PURCHASE_CONTESTS: tuple[type[Contest], ...] = (LastRupiah, DoubleClick, LastSeat, LastPlace)
