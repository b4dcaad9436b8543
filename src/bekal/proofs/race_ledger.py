"""Contests in the ledger itself, without the locks of a verb above it: one key, and one balance, for four postings."""

import random
from collections import Counter
from collections.abc import Iterator

from django.db import transaction

from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.proofs.race_contest import Contest, do, one, rows
from bekal.proofs.race_purchases import UNGUARD, faults_of_one_purchase, remaining_of, write_balance, write_transfer
from bekal.proofs.small_world import BOUGHT_AT
from bekal.purchases.models import Purchase
from bekal.purchases.training_summary import Increase, increase


class PostingContest(Contest):
    """Postings straight into the ledger, without the locks of a verb above it."""

    rivals = 4
    share = 5.0  # the ledger's own guards, and cheap
    unguard = UNGUARD

    def prepare(self, count: int, rng: random.Random) -> None:
        self.trainings = self.world.trainings(4, price_rupiah=600_000)
        self.rounds = self.world.accept(count)

    def key(self, rival: int) -> str:
        raise NotImplementedError

    def attempt(self, round_: int, stage: str, rival: int) -> str:
        done = post(postings=[Posting(round_, Movement.PURCHASE, 600_000, self.key(rival))], at=BOUGHT_AT)
        return "posted" if done.posted else "repeated" if done.repeated else "refused"

    def faults(self) -> Iterator[tuple[int, str]]:
        self._write_purchases()
        yield from faults_of_one_purchase(self.rounds)

    def _write_purchases(self) -> None:
        """What a posting paid for, so that the books are whole again for the proof of the ledger."""
        found = rows(
            "SELECT owner_id, id, idempotency_key FROM ledger_transfer"
            " WHERE owner_id = ANY(%s::bigint[]) AND reason = 2 ORDER BY owner_id, id",
            [int_array(self.rounds)],
        )
        made: dict[int, int] = {}
        purchases = []
        for owner_id, _, key in found:
            made[owner_id] = ordinal = made.get(owner_id, 0) + 1
            training_id = int(key.partition(":")[2])
            purchases.append(
                Purchase(
                    participation_id=owner_id,
                    training_id=training_id,
                    price_rupiah=600_000,
                    ordinal=ordinal,
                    bought_at=BOUGHT_AT,
                )
            )
        Purchase.objects.bulk_create(purchases)
        increase({one: Increase(bought_count=n) for one, n in Counter(p.training_id for p in purchases).items()})


class SamePosting(PostingContest):
    """One key four times: one transfer."""

    name = "one key posted four times"
    expected = {"": {"posted": 1, "repeated": 3}}

    def key(self, rival: int) -> str:
        return f"purchase:{self.trainings[0]}"

    def careless(self, round_: int, stage: str, rival: int) -> str:
        with transaction.atomic():
            asked = "SELECT id FROM ledger_transfer WHERE owner_id = %s AND idempotency_key = %s"
            if one(asked, [round_, self.key(rival)]):
                return "repeated"
            do(
                "UPDATE ledger_trainingbalance SET remaining_rupiah = greatest(remaining_rupiah - 600000, 0)"
                " WHERE owner_id = %s",
                [round_],
            )
            write_transfer(round_, Movement.PURCHASE, 600_000, self.key(rival), BOUGHT_AT)
        return "posted"


class LastRupiahPosted(PostingContest):
    """Four keys, a balance for one of them."""

    name = "last rupiah in the ledger"
    expected = {"": {"posted": 1, "refused": 3}}

    def key(self, rival: int) -> str:
        return f"purchase:{self.trainings[rival]}"

    def careless(self, round_: int, stage: str, rival: int) -> str:
        with transaction.atomic():
            left = remaining_of(round_) - 600_000
            if left < 0:
                return "refused"
            write_balance(round_, left)
            write_transfer(round_, Movement.PURCHASE, 600_000, self.key(rival), BOUGHT_AT)
        return "posted"


LEDGER_CONTESTS: tuple[type[Contest], ...] = (SamePosting, LastRupiahPosted)
