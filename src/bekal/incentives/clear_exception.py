"""`clear_exception`: an officer has cleared up what a partner said, and says how."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.incentives.models import PayoutException
from bekal.incentives.refusals import PayoutRefusal

NOTE_LIMIT_COUNT = 500


@dataclass(frozen=True, slots=True)
class Cleared:
    """Cleared up, or why not; `repeated` where it was before."""

    exception_id: int
    repeated: bool = False
    refusal: Refusal | None = None


@transaction.atomic
def clear_exception(*, exception_id: int, officer_id: int, note: str, at: datetime) -> Cleared:
    """End one exception with a note of what came of it. It moves no money: whatever is to be paid, taken back or asked
    for again has a verb of its own. Refusals: EXCEPTION_NOT_FOUND, NOTE_MISSING, NOTE_TOO_LONG."""
    text = tidy(note)
    row = PayoutException.objects.select_for_update(no_key=True).filter(id=exception_id).first()
    if row is None:
        return Cleared(exception_id, refusal=Refusal(PayoutRefusal.EXCEPTION_NOT_FOUND))
    if row.resolved_at is not None:
        return Cleared(exception_id, repeated=True)
    if not text or not is_readable(text, multiline=True):
        return Cleared(exception_id, refusal=Refusal(PayoutRefusal.NOTE_MISSING))
    if len(text) > NOTE_LIMIT_COUNT:
        values = {"length_count": len(text), "limit_count": NOTE_LIMIT_COUNT}
        return Cleared(exception_id, refusal=Refusal(PayoutRefusal.NOTE_TOO_LONG, values))
    row.resolved_at, row.resolution = at, PayoutException.Resolution.CLEARED
    row.resolved_by_id, row.note = officer_id, text
    row.save(update_fields=["resolved_at", "resolution", "resolved_by", "note"])
    return Cleared(exception_id)
