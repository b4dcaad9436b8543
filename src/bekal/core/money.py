"""Rupiah as whole integers: the one parser, the one formatter, exact allocation.

Everything that reads an amount from outside (form, file, API) goes through :func:`parse_rupiah`; published price lists
("Gratis", "Rp 89.700") go through :func:`parse_price_text`. Neither ever guesses.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

MAX_RUPIAH = 999_999_999_999_999
"""Fifteen digits: 50 times the programme's largest yearly budget, inside bigint and inside a float's exact range."""

_MAX_DIGITS = len(str(MAX_RUPIAH))
_QUOTED_LENGTH = 40
_DIGITS = re.compile(r"[0-9]+")
# Dots only before groups of exactly three digits. The first group may be long ("Rp 425000", "Rp 1250.000" are
# published like that); a comma, two digits after a dot or a second currency is refused, so nothing has two readings.
_PRICE = re.compile(r"Rp ?((?:0|[1-9][0-9]*)(?:\.[0-9]{3})*)")


class MoneyErrorCode(StrEnum):
    """Why a text is not an amount. The web layer translates by this code; keep the names stable."""

    EMPTY = "empty"
    NOT_DIGITS = "not_digits"
    LEADING_ZERO = "leading_zero"
    TOO_LONG = "too_long"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    NOT_A_PRICE = "not_a_price"


_MESSAGES = {
    MoneyErrorCode.EMPTY: "No amount was given. Write whole rupiah as digits, for example 600000.",
    MoneyErrorCode.NOT_DIGITS: "{value} is not an amount. Write whole rupiah as the digits 0-9 only, without spaces, "
    "signs, dots or commas, for example 600000.",
    MoneyErrorCode.LEADING_ZERO: "{value} starts with a zero. Write the amount without zeros in front, "
    "for example 600000.",
    MoneyErrorCode.TOO_LONG: "{value} has more than {digits} digits. Check the number of zeros.",
    MoneyErrorCode.BELOW_MINIMUM: "{value} is below the smallest amount allowed here, {minimum}. "
    "Write {minimum} or more.",
    MoneyErrorCode.ABOVE_MAXIMUM: "{value} is above the largest amount allowed here, {maximum}. "
    "Write {maximum} or less.",
    MoneyErrorCode.NOT_A_PRICE: '{value} is not a price. Write "Gratis", or "Rp" and whole rupiah with dots before '
    "groups of three digits, for example Rp 89.700, or leave it blank.",
}


class MoneyError(ValueError):
    """A text that is not an amount within bounds.

    ``code`` says why, ``value`` is the text as given (cut to 40 characters), ``minimum`` and ``maximum`` are the
    bounds in rupiah. ``str(error)`` is an English sentence naming value and mend, without naming a field.
    """

    def __init__(self, code: MoneyErrorCode, value: str, *, minimum: int = 0, maximum: int = MAX_RUPIAH) -> None:
        self.code = code
        self.value = value if len(value) <= _QUOTED_LENGTH else value[: _QUOTED_LENGTH - 1] + "…"
        self.minimum = minimum
        self.maximum = maximum
        super().__init__(
            _MESSAGES[code].format(
                value=f'"{self.value}"',
                digits=_MAX_DIGITS,
                minimum=format_rupiah(minimum),
                maximum=format_rupiah(maximum),
            )
        )


def parse_rupiah(text: str, *, minimum: int = 0, maximum: int = MAX_RUPIAH) -> int:
    """Whole rupiah from ASCII digits, ``minimum <= amount <= maximum``.

    Refuses everything else: blanks, signs, underscores, separators, exponents, other scripts' digits, zeros in front.
    Raises :class:`MoneyError`, also for a value that is no text at all (a number in JSON), so that no caller can turn
    bad input into a crash.
    """
    if not isinstance(text, str):
        raise MoneyError(MoneyErrorCode.NOT_DIGITS, repr(text)[:_QUOTED_LENGTH], minimum=minimum, maximum=maximum)
    code = _digits_fault(text)
    if code is None:
        amount = int(text)
        if minimum <= amount <= maximum:
            return amount
        code = MoneyErrorCode.BELOW_MINIMUM if amount < minimum else MoneyErrorCode.ABOVE_MAXIMUM
    raise MoneyError(code, text, minimum=minimum, maximum=maximum)


def _digits_fault(text: str) -> MoneyErrorCode | None:
    if not text:
        return MoneyErrorCode.EMPTY
    if not _DIGITS.fullmatch(text):
        return MoneyErrorCode.NOT_DIGITS
    if len(text) > 1 and text.startswith("0"):
        return MoneyErrorCode.LEADING_ZERO
    # Before int(): a million digits would take seconds.
    return MoneyErrorCode.TOO_LONG if len(text) > _MAX_DIGITS else None


def parse_price_text(text: str) -> int | None:
    """Whole rupiah of a published price: "Gratis" is 0, "Rp 89.700" and "Rp89.700" are 89700, blank is None (unknown).

    Blanks around the text and the capitals of "Gratis" do not matter. Raises :class:`MoneyError` for anything else.
    """
    if not isinstance(text, str):
        raise MoneyError(MoneyErrorCode.NOT_A_PRICE, repr(text)[:_QUOTED_LENGTH])
    bare = text.strip()
    if not bare:
        return None
    if bare.casefold() == "gratis":
        return 0
    match = _PRICE.fullmatch(bare)
    if match is None:
        raise MoneyError(MoneyErrorCode.NOT_A_PRICE, text)
    return parse_rupiah(match.group(1).replace(".", ""))


def format_rupiah(amount: int) -> str:
    """``Rp3.550.000``; negative ``-Rp50``. Never compact, never with decimals. TypeError for bool and float."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError(f"rupiah are whole int, got {type(amount).__name__}")
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp{abs(amount):,}".replace(",", ".")


def allocate(total_rupiah: int, weights: Sequence[int]) -> list[int]:
    """Split ``total_rupiah`` (>= 0) in proportion to whole ``weights`` (>= 0), exactly: the parts sum to the total.

    Largest remainder: everyone gets the share rounded down, the rupiah left go one each to the largest remainders,
    on a tie to the earlier one. Each part is within one rupiah of the exact share; a weight of 0 gets 0.
    Raises ValueError where there is something to split and no weight, TypeError for bool and float.
    """
    for number in (total_rupiah, *weights):
        if isinstance(number, bool) or not isinstance(number, int):
            raise TypeError(f"total and weights are whole int, got {type(number).__name__}")
        if number < 0:
            raise ValueError(f"total and weights are 0 or more, got {number}")
    sum_of_weights = sum(weights)
    if sum_of_weights == 0:
        if total_rupiah == 0:
            return [0] * len(weights)
        raise ValueError(f"nothing to split {format_rupiah(total_rupiah)} over: give at least one weight above 0")
    shares = [divmod(total_rupiah * weight, sum_of_weights) for weight in weights]
    parts = [floor for floor, _ in shares]
    left = total_rupiah - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts
