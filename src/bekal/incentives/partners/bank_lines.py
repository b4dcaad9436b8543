"""What goes to a bank and what comes back, whatever the form of the file.

A partner's own code stays beside ours: an officer who asks the partner needs the one, the participant's page the other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from bekal.core.money import MoneyError, parse_rupiah
from bekal.core.refusal import Refusal

MAX_FAULTS = 100
"""So many faults are listed, the rest of the file is not read: it is refused anyway."""
BI_FAST_LIMIT_RUPIAH = 250_000_000
"""The most one transfer over Indonesia's real-time retail payments may carry (Bank Indonesia, BI-FAST)."""
ACCOUNT_LENGTH = 34
"""The most that ISO 20022 gives the number of an account."""

# Banks write rupiah with the two decimals of other currencies; what is not zero there is no rupiah.
_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.0{1,5})?")


class Said(StrEnum):
    """What a partner says of one instruction, as our own states name it."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    REJECTED = "rejected"
    RETURNED = "returned"


class BankLine(NamedTuple):
    """One line of a file that came back. `line` counts the transactions of the file from 1; an `amount_rupiah` of None
    was not said, and is the amount that was sent. `reason_code` is the ISO code, `partner_code` the partner's own;
    `account`: to which number it was paid, where the form says so."""

    line: int
    reference: str
    amount_rupiah: int | None
    said: Said
    reason_code: str = ""
    partner_code: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """What a bank says of a file as a whole: which (`message_id`), its word, how many payments and rupiah it saw."""

    message_id: str
    status: str
    reason_code: str = ""
    payment_count: int | None = None
    total_rupiah: int | None = None


class Others(NamedTuple):
    """What moved on the account without being a payment of ours: fees, money put in."""

    entry_count: int = 0
    debits_rupiah: int = 0
    credits_rupiah: int = 0


NO_OTHERS = Others()


@dataclass(frozen=True, slots=True)
class DayStatement:
    """The account over one day, all in rupiah: what it began with, what went out and came in, what it ended with.

    `on` is the day of its last balance. `line_count` of the file's lines are its own, in their order; `others` is what
    else moved. They add up: whoever has read one has checked it."""

    account: str
    opening_rupiah: int
    debits_rupiah: int
    credits_rupiah: int
    closing_rupiah: int
    on: date
    line_count: int = 0
    others: Others = NO_OTHERS


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file as read, whole, or what is wrong with it; never both.

    `kind` as its standard calls it (`pain.002`, `camt.053`, `camt.054`, `mt940`)."""

    kind: str
    message_id: str = ""
    lines: tuple[BankLine, ...] = ()
    groups: tuple[GroupStatus, ...] = ()
    statements: tuple[DayStatement, ...] = ()
    faults: tuple[Refusal, ...] = ()


@lru_cache(maxsize=1_024)  # There are few amounts, and many payments of each.
def rupiah_of(text: str, *, minimum: int = 0) -> int:
    """Whole rupiah of a bank's amount: `600000`, `600000.00`. Raises MoneyError for all else, cents among it."""
    found = _AMOUNT.fullmatch(text)
    return parse_rupiah(found[1] if found else text, minimum=minimum)


def total_of(values: Mapping[str, str], name: str) -> int | None:
    """The amount of that name where there is one that can be read, else None."""
    try:
        return rupiah_of(values[name]) if name in values else None
    except MoneyError:
        return None
