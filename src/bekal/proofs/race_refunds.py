"""A contest about what a purchase comes to: somebody ends it while the last proof arrives; then two settle it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from django.db import transaction

from bekal.core.money import allocate
from bekal.core.refusal import Refusal
from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Movement
from bekal.proofs.race_contest import Contest, do, one, rows
from bekal.proofs.race_purchases import write_transfer
from bekal.proofs.small_world import PROVEN_AT, RECONCILED_AT, REVIEW, Bought
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.settle_institutions import settle_institutions
from bekal.purchases.write_review import NewReview, write_review

PRICE_RUPIAH, SESSION_COUNT = 299_999, 3
SETTLED_AT = RECONCILED_AT + timedelta(days=8)
MONEY_SQL = """
SELECT u.id, u.price_rupiah, u.refunded_rupiah, u.reconciled_at IS NOT NULL, u.ended_at IS NOT NULL,
       u.settlement_id IS NOT NULL, b.granted_rupiah - b.remaining_rupiah,
       coalesce(sum(t.amount_rupiah) FILTER (WHERE t.debit_kind = 3), 0)::bigint,
       coalesce(sum(t.amount_rupiah) FILTER (WHERE t.credit_kind = 4), 0)::bigint,
       coalesce(sum(t.amount_rupiah) FILTER (WHERE t.credit_kind = 9), 0)::bigint
FROM purchases_purchase u
JOIN ledger_trainingbalance b ON b.owner_id = u.participation_id
JOIN ledger_transfer t ON t.owner_id = u.participation_id
WHERE u.id = ANY(%s::bigint[]) GROUP BY u.id, b.owner_id
"""


class EndingAgainstProof(Contest):
    """Two of three sessions are proven. The office ends the purchase, the institution proves the third: either the
    whole price is the institution's or two thirds of it, and it is paid once."""

    name = "refund against proof, then settlement"
    rivals = 2
    stages = ("end", "settle")
    careless_stages = stages
    expected = {"settle": {"settled": 1, "left out": 1}}
    share = 0.4
    stagger_seconds = {"end": 0.04}
    unguard = (
        "ALTER TABLE purchases_purchase DROP CONSTRAINT IF EXISTS purchases_purchase_ends_instead_of_reconciling",
        "ALTER TABLE purchases_purchase DROP CONSTRAINT IF EXISTS purchases_purchase_in_order",
        "ALTER TABLE ledger_transfer DROP CONSTRAINT IF EXISTS ledger_transfer_posted_once",
    )

    def prepare(self, count: int, rng: random.Random) -> None:
        (training,) = self.world.trainings(1, price_rupiah=PRICE_RUPIAH, session_count=SESSION_COUNT)
        self.rounds: list[Bought] = self.world.buy([(one, training) for one in self.world.accept(count)])
        self.world.redeem(self.rounds)
        self.world.attend(self.rounds, sessions=SESSION_COUNT - 1)

    def attempt(self, round_: Bought, stage: str, rival: int) -> str:
        if stage == "settle":
            settled = settle_institutions(purchase_ids=[round_.purchase_id], at=SETTLED_AT)
            return "settled" if settled.purchase_count else "left out"
        if rival == 0:
            (outcome,) = end_purchases(purchase_ids=[round_.purchase_id], at=RECONCILED_AT)
            return f"ended: {outcome.ending}" if outcome.refusal is None else f"refused {outcome.refusal.code}"
        refusal = self._prove(round_)
        return "proven" if refusal is None else f"refused {refusal.code}"

    def _prove(self, purchase: Bought) -> Refusal | None:
        """The last session, completion, rating and review, as they would come in; None where all were taken."""
        institution_id, number = self.world.institution.pk, purchase.purchase_id
        attendances = [Attendance(institution_id, number, SESSION_COUNT)]
        (attended,) = record_attendance(attendances=attendances, at=PROVEN_AT)
        (completed,) = record_completion(completions=[Completion(institution_id, number)], at=PROVEN_AT)
        review = NewReview(purchase.participation_id, number, 5, REVIEW)
        (reviewed,) = write_review(reviews=[review], at=PROVEN_AT)
        reconcile(at=RECONCILED_AT, purchase_ids=[number])
        return attended.refusal or completed.refusal or reviewed.refusal

    def careless(self, round_: Bought, stage: str, rival: int) -> str:
        asked = "SELECT settlement_id, reconciled_at, ended_at FROM purchases_purchase WHERE id = %s"
        with transaction.atomic():
            settlement_id, reconciled_at, ended_at = one(asked, [round_.purchase_id]) or (None, None, None)
            if stage == "settle":
                return "left out" if settlement_id else self._settle_carelessly(round_, rival)
            if reconciled_at or ended_at:
                return "too late"
            if rival == 0:
                return self._end_carelessly(round_)
            return self._reconcile_carelessly(round_)

    def _settle_carelessly(self, purchase: Bought, rival: int) -> str:
        earned = PRICE_RUPIAH - rows_of_one("SELECT refunded_rupiah FROM purchases_purchase WHERE id = %s", purchase)
        settlement = one(
            "INSERT INTO purchases_institutionsettlement (institution_id, ordered_at, settled_at, purchase_count,"
            " total_rupiah) VALUES (%s, clock_timestamp(), now(), 1, %s) RETURNING id",
            [self.world.institution.pk, earned],
        )
        key = f"institution:{purchase.training_id}"
        write_transfer(purchase.participation_id, Movement.SETTLE_INSTITUTION, earned, key, SETTLED_AT)
        number = settlement and settlement[0]
        do("UPDATE purchases_purchase SET settlement_id = %s WHERE id = %s", [number, purchase.purchase_id])
        return "settled"

    def _end_carelessly(self, purchase: Bought) -> str:
        earned, refunded = allocate(PRICE_RUPIAH, [SESSION_COUNT - 1, 1])
        owner_id, training_id = purchase.participation_id, purchase.training_id
        do(
            "UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah + %s WHERE owner_id = %s",
            [refunded, owner_id],
        )
        write_transfer(owner_id, Movement.REFUND_TO_BALANCE, refunded, f"refund:{training_id}", RECONCILED_AT)
        write_transfer(owner_id, Movement.COMPLETION, earned, f"completion:{training_id}", RECONCILED_AT)
        do(
            "UPDATE purchases_purchase SET ended_at = %s, ending = 'partial', refunded_rupiah = %s WHERE id = %s",
            [RECONCILED_AT, refunded, purchase.purchase_id],
        )
        return "ended: partial"

    def _reconcile_carelessly(self, purchase: Bought) -> str:
        owner_id, key = purchase.participation_id, f"completion:{purchase.training_id}"
        write_transfer(owner_id, Movement.COMPLETION, PRICE_RUPIAH, key, RECONCILED_AT)
        do("UPDATE purchases_purchase SET reconciled_at = %s WHERE id = %s", [RECONCILED_AT, purchase.purchase_id])
        return "proven"

    def _faults_of(self, given: Mapping[str, Sequence[str]]) -> Iterator[str]:
        yield from super()._faults_of(given)
        if any(answer.startswith("ended: refunded") for answer in given.get("end", ())):
            yield "two sessions were proven, and everything was refunded"

    def faults(self) -> Iterator[tuple[int, str]]:
        found = {number: rest for number, *rest in rows(MONEY_SQL, [int_array(p.purchase_id for p in self.rounds)])}
        partial = allocate(PRICE_RUPIAH, [SESSION_COUNT - 1, 1])[1]
        for number, purchase in enumerate(self.rounds):
            price, refunded, reconciled, ended, settled, spent, from_escrow, owed, paid = found[purchase.purchase_id]
            earned = price - refunded
            right = (
                reconciled != ended
                and refunded in ((0,) if reconciled else (0, partial))
                and (spent, from_escrow, owed) == (earned, price, earned)
                and paid == (earned if settled else 0)
            )
            if not right:
                yield number, f"purchase {purchase.purchase_id}: {found[purchase.purchase_id]}"


def rows_of_one(statement: str, purchase: Bought) -> int:
    """A number of one purchase as somebody reads it who locks nothing."""
    row = one(statement, [purchase.purchase_id])
    return int(row[0]) if row else 0
