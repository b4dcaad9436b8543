"""`reconcile`: where the evidence of both sides is complete, the escrow becomes the institution's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.db import connection, transaction

from bekal.core.entitlement import EvidenceKind, is_releasable
from bekal.core.rules import RULES
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post

# Every completed purchase that is neither reconciled nor ended, with the pieces that are there; attendance is there
# when every session is.
EVIDENCE_SQL = """
SELECT purchase.id, participation.accepted_on, proof.pieces
FROM purchases_purchase AS purchase
JOIN participants_participation AS participation ON participation.id = purchase.participation_id
JOIN catalogue_training AS training ON training.id = purchase.training_id
CROSS JOIN LATERAL (
    SELECT array_remove(ARRAY[
        CASE WHEN count(*) FILTER (WHERE piece = 'attendance' AND sequence <= training.session_count)
                  = training.session_count THEN 'attendance' END,
        CASE WHEN bool_or(piece = 'completion') THEN 'completion' END,
        CASE WHEN bool_or(piece = 'rating') THEN 'rating' END,
        CASE WHEN bool_or(piece = 'review') THEN 'review' END], NULL) AS pieces
    FROM purchases_evidence WHERE purchase_id = purchase.id
) AS proof
WHERE purchase.completed_at IS NOT NULL AND purchase.reconciled_at IS NULL AND purchase.ended_at IS NULL
  AND (%(ids)s::bigint[] IS NULL OR purchase.id = ANY(%(ids)s))
ORDER BY purchase.id
"""

LOCK_SQL = """
SELECT id, participation_id, training_id, price_rupiah FROM purchases_purchase
WHERE id = ANY(%s::bigint[]) AND reconciled_at IS NULL AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""
# A clock that was set back must not put the reconciliation before the completion.
RECONCILE_SQL = "UPDATE purchases_purchase SET reconciled_at = greatest(%s, completed_at) WHERE id = ANY(%s::bigint[])"

# A purchase, when its person was accepted, and the pieces there are.
_Waiting = tuple[int, date, frozenset[EvidenceKind]]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was reconciled now, in order, and how many completed purchases still wait for a piece."""

    purchase_ids: tuple[int, ...]
    waiting_count: int


def reconcile(*, at: datetime, purchase_ids: Collection[int] | None = None) -> Reconciled:
    """Reconcile every completed purchase (or those of `purchase_ids`) whose evidence is complete by the rules of its
    person's acceptance: mark it, and move its price from escrow to what is owed to the institution (free ones move
    nothing). Evidence only ever grows, so the order in which its pieces came, and how often, makes no difference.

    Locks the purchases to be marked, in the order of their numbers; what a rival has marked or ended meanwhile is left
    out, and so is what has ended before.
    """
    with transaction.atomic():
        waiting = _waiting(purchase_ids)
        complete = _complete(waiting)
        ids = _release(complete, at) if complete else ()
    return Reconciled(ids, len(waiting) - len(complete))


def complete_ids(*, purchase_ids: Collection[int]) -> list[int]:
    """Those of these purchases that `reconcile` would mark now, in order."""
    return _complete(_waiting(purchase_ids))


def _complete(waiting: Sequence[_Waiting]) -> list[int]:
    return [number for number, accepted_on, present in waiting if is_releasable(present, RULES.scheme(accepted_on))]


def _release(complete: Sequence[int], at: datetime) -> tuple[int, ...]:
    """Lock, pay for and mark those of the complete purchases that no rival has marked meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [int_array(complete)])
        purchases = cursor.fetchall()
        postings = [
            Posting(participation_id, Movement.COMPLETION, price_rupiah, f"completion:{training_id}")
            for _, participation_id, training_id, price_rupiah in purchases
            if price_rupiah > 0
        ]
        post(postings=postings, at=at)
        ids = tuple(row[0] for row in purchases)
        cursor.execute(RECONCILE_SQL, [at, int_array(ids)])
    return ids


def _waiting(purchase_ids: Collection[int] | None) -> list[_Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE_SQL, {"ids": None if purchase_ids is None else id_array(purchase_ids)})
        return [(number, accepted_on, _kinds(tuple(pieces))) for number, accepted_on, pieces in cursor.fetchall()]


@lru_cache
def _kinds(pieces: tuple[str, ...]) -> frozenset[EvidenceKind]:
    return frozenset(EvidenceKind(piece) for piece in pieces)
