"""What every carrier is given and what it answers."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

# No carrier may keep a sender waiting longer than this for an answer.
TIMEOUT_SECONDS = 10.0
REFERENCE_CHARACTERS = 100


class Verdict(StrEnum):
    TAKEN = "taken"
    LATER = "later"
    ADDRESS_REFUSED = "address_refused"
    MESSAGE_REFUSED = "message_refused"


@dataclass(frozen=True, slots=True)
class Letter:
    """`address`: an e-mail address, or a phone number as the programme keeps it (`08…` or `+62…`)."""

    reference: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """`carrier_reference`: the number under which the carrier knows the message, where it gave one."""

    verdict: Verdict
    carrier_reference: str = ""


class Carrier(Protocol):
    def deliver(self, letter: Letter) -> Delivery:
        """Hand one letter over; answers within some seconds, and does not raise."""
        ...


def international(phone: str) -> str:
    """`+62812…` from the ways in which an Indonesian mobile number is written."""
    digits = "".join(character for character in phone if character in "0123456789")
    if digits.startswith("0"):
        digits = "62" + digits[1:]
    return f"+{digits}"
