"""`record_attendance`: the institution says which sessions a person attended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from bekal.core.evidence import Piece, Source
from bekal.purchases.record_evidence import EvidenceOutcome, Message, Speaker, record_evidence


@dataclass(frozen=True, slots=True)
class Attendance:
    """Session `sequence` (1, 2, …) of a purchase was attended."""

    institution_id: int
    purchase_id: int
    sequence: int


def record_attendance(*, attendances: Sequence[Attendance], at: datetime) -> tuple[EvidenceOutcome, ...]:
    """Record sessions attended, as `record_evidence` does and with its refusals."""
    messages = [
        Message(institution(each.institution_id), each.purchase_id, Piece.ATTENDANCE, each.sequence)
        for each in attendances
    ]
    return record_evidence(messages=messages, at=at)


@lru_cache(maxsize=4_096)
def institution(institution_id: int) -> Speaker:
    """The institution of this number, speaking."""
    return Speaker(Source.INSTITUTION, institution_id)
