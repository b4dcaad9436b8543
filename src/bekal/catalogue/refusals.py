"""Why a search was not made."""

from enum import StrEnum


class SearchRefusal(StrEnum):
    """Values: `length_count`, `limit_count` for the first; none for the second."""

    SEARCH_TOO_LONG = "search_too_long"
    SEARCH_NOT_TEXT = "search_not_text"
