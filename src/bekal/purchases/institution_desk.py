"""What the institution's verbs ask first: is this purchase ours, and has it begun?"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from bekal.core.refusal import Refusal
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.refusals import PurchaseRefusal


@dataclass(frozen=True, slots=True)
class OpenPurchase:
    """One purchase as its institution sees it; `attended` has the numbers of the sessions attended."""

    purchase_id: int
    training_id: int
    institution_id: int
    session_count: int
    redeemed_at: datetime | None
    completed_at: datetime | None
    attended: frozenset[int]


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    purchase_id: int
    refusal: Refusal | None
    repeated: bool = False


def locked_purchases(purchase_ids: Collection[int]) -> dict[int, OpenPurchase]:
    """The purchases there are among these numbers, locked in the order of their numbers until the transaction ends;
    their attendance is read after the lock."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).order_by("pk").select_for_update(no_key=True, of=("self",))
    facts = rows.annotate(institution_id=F("training__institution_id"), session_count=F("training__session_count"))
    names = ("training_id", "institution_id", "session_count", "redeemed_at", "completed_at")
    found = list(facts.values("pk", *names))
    attended: dict[int, set[int]] = {row["pk"]: set() for row in found}
    evidence = Evidence.objects.filter(purchase_id__in=attended, piece=Evidence.Piece.ATTENDANCE).order_by("pk")
    for purchase_id, sequence in evidence.values_list("purchase_id", "sequence"):
        attended[purchase_id].add(sequence)
    return {
        row["pk"]: OpenPurchase(
            purchase_id=row["pk"], attended=frozenset(attended[row["pk"]]), **{name: row[name] for name in names}
        )
        for row in found
    }


def refusal_of(purchase: OpenPurchase | None, institution_id: int) -> Refusal | None:
    """Whether this institution may record anything about this purchase."""
    if purchase is None:
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    if purchase.institution_id != institution_id:
        return Refusal(PurchaseRefusal.OTHER_INSTITUTION)
    if purchase.redeemed_at is None:
        return Refusal(PurchaseRefusal.NOT_REDEEMED)
    return None
