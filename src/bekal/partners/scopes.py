"""What a key of v2 may be used for; a key carries the names of what it may."""

from enum import StrEnum


class Scope(StrEnum):
    """Each is given to a key when it is issued, and can be left out to keep a system to what it needs."""

    REDEEM = "redeem"
    PURCHASES = "purchases"
    SESSIONS = "sessions"
    EVIDENCE = "evidence"
    REFUNDS = "refunds"
    STATEMENT = "statement"
    CATALOGUE = "catalogue"
    WEBHOOKS = "webhooks"
    KEYS = "keys"


ALL_SCOPES = tuple(scope.value for scope in Scope)
