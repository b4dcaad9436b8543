"""What an institution's system sees of the purchases redeemed there: never whose they are, beyond a masked name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from bekal.accounts.privacy import mask_name
from bekal.purchases.evidence_sql import STATE_SQL


@dataclass(frozen=True, slots=True)
class RedeemedPurchase:
    """One purchase redeemed at an institution; `participant` is masked, `attended` has the numbers of the sessions
    that are recorded and that nobody contests."""

    purchase_id: int
    training_id: int
    training_code: str
    title: str
    session_count: int
    participant: str = field(repr=False)
    price_rupiah: int
    redeemed_at: datetime
    completed_at: datetime | None
    reconciled_at: datetime | None
    ended_at: datetime | None
    ending: str
    refunded_rupiah: int
    settled_at: datetime | None
    attended: tuple[int, ...]

    @property
    def state(self) -> str:
        """`redeemed`, `completed`, `proven` or `ended`."""
        if self.ended_at is not None:
            return "ended"
        if self.reconciled_at is not None:
            return "proven"
        return "redeemed" if self.completed_at is None else "completed"


# One training after the other: its purchases are found together, however many institutions there are.
REDEEMED_SQL = f"""
SELECT purchase.id, training.id, training.code, training.title, training.session_count, participant.full_name,
       purchase.price_rupiah, purchase.redeemed_at, purchase.completed_at, purchase.reconciled_at, purchase.ended_at,
       purchase.ending, purchase.refunded_rupiah, settlement.settled_at,
       ARRAY(SELECT unnest(proof.attended) ORDER BY 1)
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
JOIN participants_participant participant ON participant.id = participation.participant_id
LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
CROSS JOIN {STATE_SQL}
WHERE training.institution_id = %(institution_id)s AND purchase.redeemed_at IS NOT NULL
"""
ONE_SQL = REDEEMED_SQL + "AND purchase.id = %(purchase_id)s"
PAGE_SQL = (
    REDEEMED_SQL
    + """
  AND (%(training_code)s = '' OR training.code = %(training_code)s)
  AND training.id >= %(after_training_id)s
  AND (training.id, purchase.id) > (%(after_training_id)s, %(after_id)s)
ORDER BY training.id, purchase.id LIMIT %(limit)s
"""
)


def redeemed_purchase(*, institution_id: int, purchase_id: int) -> RedeemedPurchase | None:
    """The purchase of this number, if its code was redeemed at this institution; else None, whatever else it is."""
    rows = _rows(ONE_SQL, {"institution_id": institution_id, "purchase_id": purchase_id})
    return rows[0] if rows else None


def redeemed_purchases(
    *, institution_id: int, training_code: str = "", after: tuple[int, int] = (0, 0), limit: int
) -> tuple[RedeemedPurchase, ...]:
    """The purchases redeemed at an institution by training, then by their numbers, after one (training, purchase)."""
    values: dict[str, int | str] = {
        "institution_id": institution_id,
        "training_code": training_code,
        "after_training_id": after[0],
        "after_id": after[1],
        "limit": limit,
    }
    return _rows(PAGE_SQL, values)


def _rows(statement: str, values: dict[str, int | str]) -> tuple[RedeemedPurchase, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(_purchase(row) for row in cursor.fetchall())


def _purchase(row: Sequence[Any]) -> RedeemedPurchase:
    values = [*row[:5], mask_name(row[5]), *row[6:-1], tuple(row[-1])]
    return RedeemedPurchase(*values)
