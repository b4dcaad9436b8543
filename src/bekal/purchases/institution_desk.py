"""What the institution's verbs ask first: is this purchase ours, has it begun, and has it not ended?"""

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array
from bekal.purchases.refusals import PurchaseRefusal


@dataclass(frozen=True, slots=True)
class OpenPurchase:
    """One purchase as its institution sees it; `attended` has the numbers of the sessions attended."""

    attended: Set[int]
    purchase_id: int
    training_id: int
    institution_id: int
    session_count: int
    is_redeemed: bool
    is_completed: bool
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    purchase_id: int
    refusal: Refusal | None
    repeated: bool = False


LOCK_SQL = """
SELECT purchase.id, purchase.training_id, training.institution_id, training.session_count,
       purchase.redeemed_at IS NOT NULL, purchase.completed_at IS NOT NULL, purchase.ended_at
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
WHERE purchase.id = ANY(%s::bigint[]) ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
"""
ATTENDED_SQL = """
SELECT purchase_id, sequence FROM purchases_evidence WHERE purchase_id = ANY(%s::bigint[]) AND piece = 'attendance'
"""


def locked_purchases(purchase_ids: Collection[int]) -> dict[int, OpenPurchase]:
    """The purchases there are among these numbers, locked in the order of their numbers until the transaction ends;
    their attendance is read after the lock."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(purchase_ids)])
        found = cursor.fetchall()
        attended: dict[int, set[int]] = {row[0]: set() for row in found}
        cursor.execute(ATTENDED_SQL, [int_array(attended)])
        for purchase_id, sequence in cursor.fetchall():
            attended[purchase_id].add(sequence)
    return {row[0]: OpenPurchase(attended[row[0]], *row) for row in found}


def refusal_of(purchase: OpenPurchase | None, institution_id: int) -> Refusal | None:
    """Whether this institution may record anything about this purchase."""
    if purchase is None:
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    if purchase.institution_id != institution_id:
        return Refusal(PurchaseRefusal.OTHER_INSTITUTION)
    if purchase.ended_at is not None:
        return Refusal(PurchaseRefusal.PURCHASE_ENDED, {"ended_on": programme_day(purchase.ended_at)})
    if not purchase.is_redeemed:
        return Refusal(PurchaseRefusal.NOT_REDEEMED)
    return None
