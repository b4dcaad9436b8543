"""When a partner takes payments, and how many: its windows in Jakarta's time, its working days, and its limits."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bekal.core.money import MoneyError, parse_rupiah
from bekal.core.schedule import is_working_day
from bekal.incentives.partners.bank_lines import BI_FAST_LIMIT_RUPIAH
from bekal.incentives.partners.csv_rail import Instruction
from bekal.incentives.partners.pain001 import MAX_PAYMENTS_COUNT
from bekal.ledger.clock import JAKARTA

MINUTES_A_DAY = 24 * 60
_NO_LIMIT = 2**62
_WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hours:
    """Windows of a day as minutes since midnight in Jakarta (first, end; the end is the cut-off and no longer open), in
    their order; none: at any time. On every day, or on working days alone."""

    windows: tuple[tuple[int, int], ...] = ()
    working_days_only: bool = False

    def is_open(self, at: datetime) -> bool:
        """Whether a payment may be begun at that instant (aware)."""
        return self.opens_at(at) == at

    def opens_at(self, at: datetime) -> datetime:
        """The first instant at or after `at` (aware) at which a payment may be begun; `at` itself where it may."""
        day = at.astimezone(JAKARTA).date()
        while True:
            if not self.working_days_only or is_working_day(day):
                for first, end in self.windows or ((0, MINUTES_A_DAY),):
                    if at < _instant(day, end):
                        return max(at, _instant(day, first))
            day += timedelta(days=1)

    def opens_on(self, day: date) -> datetime:
        """The first instant from that day on (Jakarta's) at which a payment may be begun."""
        return self.opens_at(_instant(day, 0))

    def __str__(self) -> str:
        """`08:00-15:00, 16:00-17:00`; nothing where it is open at any time of the day."""
        return ", ".join(f"{_clock(first)}-{_clock(end)}" for first, end in self.windows)


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest payment in rupiah, and most payments and most rupiah begun on one day; None: as many as there are."""

    payment_rupiah: int = BI_FAST_LIMIT_RUPIAH
    day_count: int | None = None
    day_rupiah: int | None = None

    @property
    def largest_rupiah(self) -> int:
        """What is more can be begun on no day at all."""
        return self.payment_rupiah if self.day_rupiah is None else min(self.payment_rupiah, self.day_rupiah)

    def room(self, begun: "Amount") -> "Amount":
        """What may still be begun on a day on which so much was."""
        count = _NO_LIMIT if self.day_count is None else self.day_count - begun.payment_count
        rupiah = _NO_LIMIT if self.day_rupiah is None else self.day_rupiah - begun.total_rupiah
        return Amount(max(0, count), max(0, rupiah))


@dataclass(frozen=True, slots=True)
class Amount:
    """So many payments of so many rupiah in all."""

    payment_count: int = 0
    total_rupiah: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.payment_count + other.payment_count, self.total_rupiah + other.total_rupiah)

    def fits(self, room: "Amount") -> bool:
        return self.payment_count <= room.payment_count and self.total_rupiah <= room.total_rupiah


AT_ANY_TIME, BI_FAST = Hours(), Limits()


def packed(instructions: Iterable[Instruction], limits: Limits) -> Iterator[list[Instruction]]:
    """Lists in the order of the payments, each of at most 50,000, none of more than may be begun on a day: a file goes
    whole or waits. Where a day takes more than one file they are of one size, so that the day is filled."""
    most_count = MAX_PAYMENTS_COUNT
    if limits.day_count is not None:
        files_a_day = -(-limits.day_count // MAX_PAYMENTS_COUNT)
        most_count = min(most_count, max(1, limits.day_count // files_a_day))
    most_rupiah = limits.room(Amount()).total_rupiah
    lines: list[Instruction] = []
    total_rupiah = 0
    for one in instructions:
        total_rupiah += one.amount_rupiah
        if lines and (len(lines) == most_count or total_rupiah > most_rupiah):
            yield lines
            lines, total_rupiah = [], one.amount_rupiah
        lines.append(one)
    if lines:
        yield lines


def hours_of(said: Mapping[str, Any]) -> Hours:
    """From `{"windows": ["08:00-15:00"], "days": "working"}`; both may be missing. Raises ValueError."""
    days = said.get("days", "every")
    if days not in ("every", "working"):
        raise ValueError(f"days: {days!r} is neither every nor working")
    windows: list[tuple[int, int]] = []
    for text in said.get("windows", ()):
        found = _WINDOW.fullmatch(str(text))
        if found is None:
            raise ValueError(f"windows: {text!r} is not like 08:00-15:00")
        first, end = (int(found[place]) * 60 + int(found[place + 1]) for place in (1, 3))
        if not (windows[-1][1] if windows else 0) <= first < end <= MINUTES_A_DAY:
            raise ValueError(f"windows: {text!r} ends before it begins, or begins before the one before it ends")
        windows.append((first, end))
    return Hours(tuple(windows), days == "working")


def limits_of(said: Mapping[str, Any]) -> Limits:
    """From `{"payment_rupiah": "250000000", "day_count": "30000", "day_rupiah": "20000000000"}`, each of which may be
    missing; whole numbers as numbers or as text. Raises ValueError."""
    if unknown := said.keys() - {"payment_rupiah", "day_count", "day_rupiah"}:
        raise ValueError(f"limits: {sorted(unknown)} is not known")
    values = {name: _whole(name, value) for name, value in said.items()}
    return Limits(values.get("payment_rupiah", BI_FAST_LIMIT_RUPIAH), values.get("day_count"), values.get("day_rupiah"))


def _whole(name: str, value: Any) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    try:
        return parse_rupiah(str(value) if is_number else value, minimum=1)
    except MoneyError:
        raise ValueError(f"limits: {name}: {value!r} is no whole number from 1") from None


def _instant(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(), JAKARTA) + timedelta(minutes=minute)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
