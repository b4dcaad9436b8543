"""Why something in a partner's sandbox was not done; keep the names stable."""

from enum import StrEnum


class SandboxRefusal(StrEnum):
    """Each comment names the refusal's values."""

    AWAY = "sandbox_away"
    NOT_OPEN = "sandbox_not_open"
    PARTNER_UNKNOWN = "sandbox_partner_unknown"
    COUNT_OUT_OF_BOUNDS = "sandbox_count_out_of_bounds"  # asked_count, limit_count
    PEOPLE_SPENT = "sandbox_people_spent"  # limit_count
    NOTHING_SOLD = "sandbox_nothing_sold"  # on
    NO_CODE_SENT = "sandbox_no_code_sent"
    CLOCK_BACK = "sandbox_clock_back"  # on
    CLOCK_TOO_FAR = "sandbox_clock_too_far"  # limit_days_count
