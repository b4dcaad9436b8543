"""`reconcile`: where the evidence of both sides is complete, the escrow becomes the institution's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from bekal.core.evidence import Need, Piece, Source, incentive_needs
from bekal.core.rules import RULES
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.purchases.evidence_intake import LIVE_MODES
from bekal.purchases.evidence_sql import STATE_SQL

# Every completed purchase that is neither reconciled nor ended, with what is proven of it: attendance and its
# confirmation are there when those of every session are.
EVIDENCE_SQL = f"""
SELECT purchase.id, participation.accepted_on, training.mode, proof.conflicts,
       cardinality(proof.attended) = training.session_count, cardinality(proof.confirmed) = training.session_count,
       proof.is_complete, proof.is_rated, proof.is_reviewed
FROM purchases_purchase AS purchase
JOIN participants_participation AS participation ON participation.id = purchase.participation_id
JOIN catalogue_training AS training ON training.id = purchase.training_id
CROSS JOIN {STATE_SQL}
WHERE purchase.completed_at IS NOT NULL AND purchase.reconciled_at IS NULL AND purchase.ended_at IS NULL
  AND (%(ids)s::bigint[] IS NULL OR purchase.id = ANY(%(ids)s))
ORDER BY purchase.id
"""
# In the order of the columns above.
PROVEN: tuple[Need, ...] = (
    (Piece.ATTENDANCE, Source.INSTITUTION),
    (Piece.ATTENDANCE, Source.PARTICIPANT),
    (Piece.COMPLETION, Source.INSTITUTION),
    (Piece.RATING, Source.PARTICIPANT),
    (Piece.REVIEW, Source.PARTICIPANT),
)

LOCK_SQL = """
SELECT id, participation_id, training_id, price_rupiah FROM purchases_purchase
WHERE id = ANY(%s::bigint[]) AND reconciled_at IS NULL AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""
# A clock that was set back must not put the reconciliation before the completion.
RECONCILE_SQL = "UPDATE purchases_purchase SET reconciled_at = greatest(%s, completed_at) WHERE id = ANY(%s::bigint[])"
WAITS_NO_MORE_SQL = "DELETE FROM purchases_reconciliationstanding WHERE purchase_id = ANY(%s::bigint[])"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was reconciled now, in order, and how many completed purchases still wait for a piece or a decision."""

    purchase_ids: tuple[int, ...]
    waiting_count: int


def reconcile(*, at: datetime, purchase_ids: Collection[int] | None = None) -> Reconciled:
    """Reconcile every completed purchase (or those of `purchase_ids`) of which all is proven that the rules of its
    person's acceptance ask for, and nothing conflicts: mark it, and move its price from escrow to what is owed to the
    institution (free ones move nothing). The order in which evidence came, and how often, makes no difference.

    Locks the purchases to be marked, in the order of their numbers; what a rival has marked, ended or contested
    meanwhile is left out, and so is what has ended before.
    """
    with transaction.atomic():
        waiting_count, complete = _complete(purchase_ids)
        ids = _release(complete, at) if complete else ()
    return Reconciled(ids, waiting_count - len(ids))


def complete_ids(*, purchase_ids: Collection[int]) -> list[int]:
    """Those of these purchases that `reconcile` would mark now, in order."""
    return _complete(purchase_ids)[1]


def _release(complete: Sequence[int], at: datetime) -> tuple[int, ...]:
    """Lock, pay for and mark those of the complete purchases that no rival has marked or contested meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [int_array(complete)])
        purchases = cursor.fetchall()
        # Evidence can be taken back: what counts is what stands under the lock.
        still = set(_complete([row[0] for row in purchases])[1])
        purchases = [row for row in purchases if row[0] in still]
        postings = [
            Posting(participation_id, Movement.COMPLETION, price_rupiah, f"completion:{training_id}")
            for _, participation_id, training_id, price_rupiah in purchases
            if price_rupiah > 0
        ]
        post(postings=postings, at=at)
        ids = tuple(row[0] for row in purchases)
        cursor.execute(RECONCILE_SQL, [at, int_array(ids)])
        cursor.execute(WAITS_NO_MORE_SQL, [int_array(ids)])
    return ids


def _complete(purchase_ids: Collection[int] | None) -> tuple[int, list[int]]:
    """How many completed purchases wait, and those of them that wait for nothing any more, in order."""
    needs: dict[tuple[date, str], frozenset[Need]] = {}
    complete: list[int] = []
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE_SQL, {"ids": None if purchase_ids is None else id_array(purchase_ids)})
        waiting = cursor.fetchall()
    for number, accepted_on, mode, conflicts, *proven in waiting:
        if (accepted_on, mode) not in needs:
            scheme = RULES.scheme(accepted_on)
            needs[accepted_on, mode] = frozenset(incentive_needs(scheme, is_live=mode in LIVE_MODES))
        present = {need for need, is_there in zip(PROVEN, proven, strict=True) if is_there}
        if not conflicts and needs[accepted_on, mode] <= present:
            complete.append(number)
    return len(waiting), complete
