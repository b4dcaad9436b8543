"""`record_attendance`: the institution says which sessions a person attended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.ledger.copy_rows import copy_rows
from bekal.purchases.institution_desk import OpenPurchase, RecordOutcome, locked_purchases, refusal_of
from bekal.purchases.models import Evidence
from bekal.purchases.refusals import PurchaseRefusal

_PIECE, _SOURCE = Evidence.Piece.ATTENDANCE.value, Evidence.Source.INSTITUTION.value


@dataclass(frozen=True, slots=True)
class Attendance:
    """Session `sequence` (1, 2, …) of a purchase was attended."""

    institution_id: int
    purchase_id: int
    sequence: int


def record_attendance(*, attendances: Sequence[Attendance], at: datetime) -> tuple[RecordOutcome, ...]:
    """Record sessions attended; outcomes in the order of `attendances`. The same again is `repeated`, nothing changes.

    Refused: an unknown purchase, another institution's, one not redeemed yet or ended, a session the training does
    not have.
    """
    with transaction.atomic():
        purchases = locked_purchases({attendance.purchase_id for attendance in attendances})
        outcomes: list[RecordOutcome] = []
        new: dict[tuple[int, int], None] = {}
        for attendance in attendances:
            purchase = purchases.get(attendance.purchase_id)
            refusal = refusal_of(purchase, attendance.institution_id) or _refusal_of_sequence(purchase, attendance)
            key = attendance.purchase_id, attendance.sequence
            repeated = purchase is not None and (attendance.sequence in purchase.attended or key in new)
            if refusal is None and not repeated:
                new[key] = None
            outcomes.append(RecordOutcome(attendance.purchase_id, refusal, repeated and refusal is None))
        columns = ("purchase_id", "piece", "source", "sequence", "recorded_at")
        copy_rows(Evidence, columns, ((purchase_id, _PIECE, _SOURCE, sequence, at) for purchase_id, sequence in new))
    return tuple(outcomes)


def _refusal_of_sequence(purchase: OpenPurchase | None, attendance: Attendance) -> Refusal | None:
    if purchase is None or 1 <= attendance.sequence <= purchase.session_count:
        return None
    values = {"sequence": attendance.sequence, "session_count": purchase.session_count}
    return Refusal(PurchaseRefusal.SESSION_OUT_OF_RANGE, values)
