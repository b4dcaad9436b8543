"""`record_completion`: the institution says that a person has completed a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bekal.core.evidence import Piece
from bekal.purchases.record_attendance import institution
from bekal.purchases.record_evidence import EvidenceOutcome, Message, record_evidence


@dataclass(frozen=True, slots=True)
class Completion:
    """A purchase's training was completed."""

    institution_id: int
    purchase_id: int


def record_completion(*, completions: Sequence[Completion], at: datetime) -> tuple[EvidenceOutcome, ...]:
    """Record completions, as `record_evidence` does and with its refusals; what a desk could not mean is one more: a
    completion before the last session."""
    messages = [Message(institution(each.institution_id), each.purchase_id, Piece.COMPLETION) for each in completions]
    return record_evidence(messages=messages, at=at, in_order=True)
