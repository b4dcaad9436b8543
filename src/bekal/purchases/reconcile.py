"""`reconcile`: where the evidence of both sides is complete, the escrow becomes the institution's."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from bekal.core.entitlement import EvidenceKind, is_releasable
from bekal.core.rules import RULES
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.purchases.models import Purchase

# Every completed, unreconciled purchase with the pieces that are there; attendance is there when every session is.
EVIDENCE_SQL = """
SELECT purchase.id, participation.accepted_on, array_remove(ARRAY[
    CASE WHEN count(*) FILTER (WHERE evidence.piece = 'attendance' AND evidence.sequence <= training.session_count)
              = training.session_count THEN 'attendance' END,
    CASE WHEN bool_or(evidence.piece = 'completion') THEN 'completion' END,
    CASE WHEN bool_or(evidence.piece = 'rating') THEN 'rating' END,
    CASE WHEN bool_or(evidence.piece = 'review') THEN 'review' END], NULL)
FROM purchases_purchase AS purchase
JOIN participants_participation AS participation ON participation.id = purchase.participation_id
JOIN catalogue_training AS training ON training.id = purchase.training_id
LEFT JOIN purchases_evidence AS evidence ON evidence.purchase_id = purchase.id
WHERE purchase.completed_at IS NOT NULL AND purchase.reconciled_at IS NULL
  AND (%(ids)s::bigint[] IS NULL OR purchase.id = ANY(%(ids)s))
GROUP BY purchase.id, participation.id, training.id
ORDER BY purchase.id
"""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was reconciled now, in order, and how many completed purchases still wait for a piece."""

    purchase_ids: tuple[int, ...]
    waiting_count: int


def reconcile(*, at: datetime, purchase_ids: Collection[int] | None = None) -> Reconciled:
    """Reconcile every completed purchase (or those of `purchase_ids`) whose evidence is complete by the rules of its
    person's acceptance: mark it, and move its price from escrow to what is owed to the institution (free ones move
    nothing). Evidence only ever grows, so the order in which its pieces came, and how often, makes no difference.

    Locks the purchases to be marked, in the order of their numbers; what a rival has marked meanwhile is left out.
    """
    with transaction.atomic():
        waiting = _waiting(purchase_ids)
        complete = [pk for pk, accepted_on, present in waiting if is_releasable(present, RULES.scheme(accepted_on))]
        rows = Purchase.objects.filter(pk__in=complete, reconciled_at__isnull=True).order_by("pk")
        purchases = list(rows.select_for_update(no_key=True).only("participation_id", "training_id", "price_rupiah"))
        postings = [
            Posting(each.participation_id, Movement.COMPLETION, each.price_rupiah, f"completion:{each.training_id}")
            for each in purchases
            if each.price_rupiah > 0
        ]
        post(postings=postings, at=at)
        ids = tuple(purchase.pk for purchase in purchases)
        # A clock that was set back must not put the reconciliation before the completion.
        Purchase.objects.filter(pk__in=ids).update(reconciled_at=Greatest(at, F("completed_at")))
    return Reconciled(ids, len(waiting) - len(complete))


def _waiting(purchase_ids: Collection[int] | None) -> list[tuple[int, date, frozenset[EvidenceKind]]]:
    ids = None if purchase_ids is None else list(purchase_ids)
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE_SQL, {"ids": ids})
        return [
            (purchase_id, accepted_on, frozenset(EvidenceKind(piece) for piece in pieces))
            for purchase_id, accepted_on, pieces in cursor.fetchall()
        ]
