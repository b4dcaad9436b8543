"""What an officer says in words: there has to be something, it can be shown, and it fits."""

from enum import StrEnum

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable

REASON_LENGTH = 1_000


def refusal_to_say(text: str, *, empty: StrEnum, unreadable: StrEnum, too_long: StrEnum) -> Refusal | None:
    """Why a tidy text is none that can be kept, under the codes given; None where it can."""
    if not text:
        return Refusal(empty)
    if not is_readable(text, multiline=True):
        return Refusal(unreadable)
    if len(text) > REASON_LENGTH:
        return Refusal(too_long, {"length_count": len(text), "limit_count": REASON_LENGTH})
    return None
