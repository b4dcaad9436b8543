"""Why a platform may not prepare or close a purchase; keep the names stable."""

from enum import StrEnum


class PlatformRefusal(StrEnum):
    """Each comment names the refusal's values."""

    NOT_SOLD_BY_PLATFORM = "not_sold_by_platform"
    TOO_MANY_INTENTS = "too_many_intents"  # limit_count
    # Unknown, expired, withdrawn, another platform's: nobody learns which.
    INTENT_NOT_FOUND = "start_code_not_found"
