"""`take_evidence_file`: a whole file of evidence, taken as it is or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.evidence_file import Row
from bekal.core.refusal import Refusal
from bekal.partners.partner_evidence import record_evidence_of_partner
from bekal.purchases.models import Evidence
from bekal.purchases.record_evidence import Message, Speaker
from bekal.purchases.refusals import PurchaseRefusal

# Everything else is about the purchase.
_COLUMN_OF: Mapping[str, str] = {
    PurchaseRefusal.SESSION_OUT_OF_RANGE: "sequence",
    PurchaseRefusal.HAPPENED_IN_FUTURE: "happened_at",
    PurchaseRefusal.HAPPENED_BEFORE_PURCHASE: "happened_at",
}


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why the whole file was refused: one of its rows, by its line."""

    row: Row
    refusal: Refusal

    @property
    def column(self) -> str:
        """The column that has to be mended."""
        return _COLUMN_OF.get(str(self.refusal.code), "purchase")

    @property
    def value(self) -> str:
        """What stands there."""
        value = getattr(self.row, self.column)
        return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """How many rows were new, and how many stood so before (all of them: the file was sent before). With refusals
    nothing was recorded."""

    recorded_count: int
    repeated_count: int
    refusals: tuple[RowRefusal, ...] = ()


def take_evidence_file(*, rows: Sequence[Row], speaker: Speaker, at: datetime) -> FileOutcome:
    """Record every row as a message of `speaker`, or none: one refusal refuses the file. The same file again changes
    nothing. Locks as `record_evidence`."""
    messages = [
        Message(
            speaker=speaker,
            purchase_id=row.purchase,
            piece=row.piece,
            sequence=row.sequence,
            holds=row.holds,
            percent=row.percent,
            reason=row.reason,
            happened_at=row.happened_at,
            revision=row.revision,
            door=Evidence.Door.CSV,
        )
        for row in rows
    ]
    with transaction.atomic():
        outcomes = record_evidence_of_partner(messages=messages, at=at)
        refusals = tuple(
            RowRefusal(row, outcome.refusal)
            for row, outcome in zip(rows, outcomes, strict=True)
            if outcome.refusal is not None
        )
        if refusals:
            transaction.set_rollback(True)
            return FileOutcome(0, 0, refusals)
    repeated_count = sum(outcome.repeated for outcome in outcomes)
    return FileOutcome(len(rows) - repeated_count, repeated_count)
