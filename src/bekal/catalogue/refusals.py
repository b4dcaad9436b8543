"""Why a search was not made."""

from enum import StrEnum


class SearchRefusal(StrEnum):
    """Values: `length_count`, `limit_count` for the first; none for the second."""

    SEARCH_TOO_LONG = "search_too_long"
    SEARCH_NOT_TEXT = "search_not_text"


class SettlementStopRefusal(StrEnum):
    """Why the settlement to an institution was not stopped or resumed. The comment names the values."""

    UNKNOWN_INSTITUTION = "unknown_institution"
    STOP_REASON_EMPTY = "stop_reason_empty"
    STOP_REASON_TOO_LONG = "stop_reason_too_long"  # length_count, limit_count
    STOP_REASON_UNREADABLE = "stop_reason_unreadable"
    ALREADY_STOPPED = "settlement_already_stopped"  # stopped_on, reason
