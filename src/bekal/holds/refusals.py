"""Why a step of a hold was not taken. Each code has one sentence on the pages."""

from enum import StrEnum


class HoldRefusal(StrEnum):
    """Closed list; the comment names the values a refusal of that code carries."""

    HOLD_NOT_FOUND = "hold_not_found"  # hold_id
    HOLD_LIFTED = "hold_lifted"  # hold_id
    HOLD_CONFIRMED = "hold_confirmed"  # hold_id
    HOLD_NOT_PROPOSED = "hold_not_proposed"  # hold_id
    HOLD_SAME_PERSON = "hold_same_person"  # hold_id
    APPEAL_OPEN = "hold_appeal_open"  # hold_id
    HOLD_TEXT_EMPTY = "hold_text_empty"
    HOLD_TEXT_TOO_LONG = "hold_text_too_long"  # length_count, limit_count
    HOLD_TEXT_UNREADABLE = "hold_text_unreadable"
