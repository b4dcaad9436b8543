"""`record_completion`: the institution says that a person has completed a training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.institution_desk import OpenPurchase, RecordOutcome, locked_purchases, refusal_of
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.models import Evidence
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.training_summary import Increase, increase

# A clock that was set back must not put the completion before the redemption.
COMPLETE_SQL = "UPDATE purchases_purchase SET completed_at = greatest(%s, redeemed_at) WHERE id = ANY(%s::bigint[])"
_PIECE, _SOURCE = Evidence.Piece.COMPLETION.value, Evidence.Source.INSTITUTION.value


@dataclass(frozen=True, slots=True)
class Completion:
    """A purchase's training was completed."""

    institution_id: int
    purchase_id: int


def record_completion(*, completions: Sequence[Completion], at: datetime) -> tuple[RecordOutcome, ...]:
    """Record completions; outcomes in the order of `completions`. The same again is `repeated` and changes nothing.

    Refused: an unknown purchase, another institution's, one not redeemed or ended, one with a session not attended.
    """
    with transaction.atomic():
        purchases = locked_purchases({completion.purchase_id for completion in completions})
        outcomes: list[RecordOutcome] = []
        new: dict[int, OpenPurchase] = {}
        for completion in completions:
            purchase = purchases.get(completion.purchase_id)
            refusal = refusal_of(purchase, completion.institution_id)
            repeated = purchase is not None and (purchase.is_completed or purchase.purchase_id in new)
            if refusal is None and purchase is not None and not repeated:
                refusal = _refusal_of_attendance(purchase)
                if refusal is None:
                    new[purchase.purchase_id] = purchase
            outcomes.append(RecordOutcome(completion.purchase_id, refusal, repeated and refusal is None))
        _write(new, at)
    return tuple(outcomes)


def _refusal_of_attendance(purchase: OpenPurchase) -> Refusal | None:
    attended_count = sum(sequence <= purchase.session_count for sequence in purchase.attended)
    if attended_count == purchase.session_count:
        return None
    values = {"attended_count": attended_count, "session_count": purchase.session_count}
    return Refusal(PurchaseRefusal.ATTENDANCE_MISSING, values)


def _write(purchases: dict[int, OpenPurchase], at: datetime) -> None:
    if not purchases:
        return
    with connection.cursor() as cursor:
        cursor.execute(COMPLETE_SQL, [at, int_array(purchases)])
    columns = ("purchase_id", "piece", "source", "sequence", "recorded_at")
    copy_rows(Evidence, columns, ((purchase_id, _PIECE, _SOURCE, 1, at) for purchase_id in purchases))
    issue_certificates(at=at, purchase_ids=purchases)
    completed = Counter(purchase.training_id for purchase in purchases.values())
    increase({training_id: Increase(completed_count=count) for training_id, count in completed.items()})
