"""The reason that an officer or an institution gives: said, short and readable."""

from bekal.catalogue.life_models import REASON_LIMIT_COUNT
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable


def refusal_of_reason(text: str, *, limit_count: int = REASON_LIMIT_COUNT, multiline: bool = False) -> Refusal | None:
    """Why this (tidied) reason is none; None where it can be kept and shown."""
    if not text:
        return Refusal(ShelfRefusal.REASON_EMPTY)
    if len(text) > limit_count:
        return Refusal(ShelfRefusal.REASON_TOO_LONG, {"length_count": len(text), "limit_count": limit_count})
    return None if is_readable(text, multiline=multiline) else Refusal(ShelfRefusal.REASON_UNREADABLE)
