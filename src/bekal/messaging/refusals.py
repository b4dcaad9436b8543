"""Why a one-time code is not sent or not taken. The front doors translate by these codes; keep the names stable."""

from enum import StrEnum


class CodeRefusal(StrEnum):
    """Each comment names the refusal's values."""

    TOO_MANY_CODES = "too_many_codes"  # limit_count, wait_minutes
    CODE_MALFORMED = "code_malformed"
    CODE_NOT_ISSUED = "code_not_issued"
    CODE_WRONG = "code_wrong"  # attempts_left_count
    CODE_EXPIRED = "code_expired"
    CODE_USED = "code_used"
    CODE_BLOCKED = "code_blocked"
    CODES_PAUSED = "codes_paused"  # wait_minutes
