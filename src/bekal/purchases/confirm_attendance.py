"""`confirm_attendance`: the participant says of each session whether they were there, and may say otherwise later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.evidence import Piece, Source
from bekal.purchases.evidence_intake import Held, locked
from bekal.purchases.record_evidence import EvidenceOutcome, Message, Speaker, record_evidence


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Whether the participant of this participation was at session `sequence` of a purchase."""

    participation_id: int
    purchase_id: int
    sequence: int
    was_there: bool


def confirm_attendance(*, confirmations: Sequence[Confirmation], at: datetime) -> tuple[EvidenceOutcome, ...]:
    """Record what participants say of their sessions, with the refusals of `record_evidence`; outcomes in order.

    The same answer again is `repeated`; another answer than before is a new revision and counts from then on.
    """
    with transaction.atomic():
        purchases = locked({each.purchase_id for each in confirmations})
        said: dict[tuple[int, int], tuple[int, bool]] = {}
        messages = []
        for each in confirmations:
            key = each.purchase_id, each.sequence
            before = said.get(key) or _before(purchases.get(each.purchase_id), each.sequence)
            revision, holds = before or (1, each.was_there)
            if holds != each.was_there:
                revision += 1
            said[key] = revision, each.was_there
            speaker = Speaker(Source.PARTICIPANT, each.participation_id)
            messages.append(
                Message(speaker, each.purchase_id, Piece.ATTENDANCE, each.sequence, each.was_there, revision=revision)
            )
        return record_evidence(messages=messages, at=at)


def _before(purchase: Held | None, sequence: int) -> tuple[int, bool] | None:
    """The participant's newest answer about a session: its revision, and whether it was yes."""
    if purchase is None:
        return None
    own = [
        (content.revision, content.holds)
        for content in purchase.known
        if (content.piece, content.source, content.sequence) == (Piece.ATTENDANCE, Source.PARTICIPANT, sequence)
    ]
    return max(own, default=None)
