"""Contests at an end: the purchase of the last instant against revocation, and against the end of the balance."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from bekal.ledger.movements import Movement
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.proofs.race_contest import Books, Contest, books_of, do, one
from bekal.proofs.race_purchases import UNGUARD, bought, remaining_of, write_balance, write_purchase, write_transfer
from bekal.proofs.small_world import BALANCE_RUPIAH, LAST_DAY_OF_BALANCE, LAST_DAY_TO_BUY_FIRST, midnight_of
from bekal.purchases.buy import Order


class EndContest(Contest):
    """A purchase in the last microsecond of a day against what happens in the first of the next."""

    rivals = 2
    stagger_seconds = {"": 0.004}
    unguard = UNGUARD
    price_rupiah = 300_000

    def attempt(self, round_: Order, stage: str, rival: int) -> str:
        return bought(round_, self.last_at) if rival == 0 else self.end(round_.participation_id)

    def careless(self, round_: Order, stage: str, rival: int) -> str:
        owner_id = round_.participation_id
        with transaction.atomic():
            left = remaining_of(owner_id)
            asked = "SELECT 1 FROM participants_participation WHERE id = %s AND revoked_at IS NULL"
            if rival == 0:
                if one(asked, [owner_id]) is None or left < round_.price_rupiah:
                    return "refused"
                write_purchase(round_, left - round_.price_rupiah, self.last_at)
                return "bought"
            return self.end_carelessly(owner_id, left)

    @property
    def last_at(self) -> datetime:
        return self.next_at - timedelta(microseconds=1)

    @property
    def next_at(self) -> datetime:
        raise NotImplementedError

    def end(self, owner_id: int) -> str:
        raise NotImplementedError

    def end_carelessly(self, owner_id: int, left_rupiah: int) -> str:
        raise NotImplementedError

    def is_right(self, book: Books) -> bool:
        raise NotImplementedError

    def faults(self) -> Iterator[tuple[int, str]]:
        owners = [order.participation_id for order in self.rounds]
        books = books_of(owners)
        for number, owner_id in enumerate(owners):
            if not books[owner_id].agree or not self.is_right(books[owner_id]):
                yield number, f"participation {owner_id}: {books[owner_id]}"


class RevokeAgainstBuying(EndContest):
    """The first purchase in the last instant, or the place is lost: never both, never neither."""

    name = "revocation against purchase"

    @property
    def next_at(self) -> datetime:
        return midnight_of(LAST_DAY_TO_BUY_FIRST + timedelta(days=1))

    def prepare(self, count: int, rng: random.Random) -> None:
        (training,) = self.world.trainings(1, price_rupiah=self.price_rupiah)
        pairs = [(owner, training) for owner in self.world.accept(count)]
        self.rounds = self.world.orders(pairs, at=self.last_at)

    def end(self, owner_id: int) -> str:
        return "revoked" if revoke(at=self.next_at, participation_ids=[owner_id]).participation_count else "kept"

    def end_carelessly(self, owner_id: int, left_rupiah: int) -> str:
        if one("SELECT 1 FROM purchases_purchase WHERE participation_id = %s", [owner_id]):
            return "kept"
        do("UPDATE participants_participation SET revoked_at = %s WHERE id = %s", [self.next_at, owner_id])
        write_balance(owner_id, 0)
        write_transfer(owner_id, Movement.REVOKE_TRAINING, left_rupiah, "revoke:training", self.next_at)
        return "revoked"

    def is_right(self, book: Books) -> bool:
        if book.revoked:
            return book.purchase_count == 0 and book.outside_rupiah == 0 and book.remaining_rupiah == 0
        return book.purchase_count == 1 and book.remaining_rupiah == BALANCE_RUPIAH - self.price_rupiah


class EndAgainstBuying(EndContest):
    """One more purchase in the last instant, or everything returns: what is left is Rp0 either way."""

    name = "end of the balance against purchase"

    @property
    def next_at(self) -> datetime:
        return midnight_of(LAST_DAY_OF_BALANCE + timedelta(days=1))

    def prepare(self, count: int, rng: random.Random) -> None:
        first, second = self.world.trainings(2, price_rupiah=self.price_rupiah)
        owners = self.world.accept(count)
        self.world.buy([(owner, first) for owner in owners])
        self.rounds = self.world.orders([(owner, second) for owner in owners], at=self.last_at)

    def end(self, owner_id: int) -> str:
        ended = end_balances(at=self.next_at, participation_ids=[owner_id])
        return "ended" if ended.participation_count == 1 else "not ended"

    def end_carelessly(self, owner_id: int, left_rupiah: int) -> str:
        do("UPDATE participants_participation SET balance_ended_at = %s WHERE id = %s", [self.next_at, owner_id])
        write_balance(owner_id, 0)
        write_transfer(owner_id, Movement.END_TRAINING, left_rupiah, "end:training", self.next_at)
        return "ended"

    def is_right(self, book: Books) -> bool:
        return book.ended and not book.revoked and book.remaining_rupiah == 0 and book.purchase_count in (1, 2)


END_CONTESTS: tuple[type[Contest], ...] = (RevokeAgainstBuying, EndAgainstBuying)
