"""The payout calendar: working days, the 25th, first-week front loading, first-purchase day and year end.

Dates only: the programme's day is decided by the caller (Jakarta's day of an instant). No function reads a clock.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from bekal.core.rules import RULES, MonthDay, Rules

_SATURDAY = 5
_YEARLY = ("movable_holiday_month_days", "joint_leave_month_days")


class Closed(StrEnum):
    """Why banks and offices are closed on a day."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    JOINT_LEAVE = "joint_leave"


@dataclass(frozen=True, slots=True)
class DayOff:
    """One day that is no working day. `name`: the holiday's, as the rules have it; a weekend has none."""

    on: date
    closed: Closed
    name: str = ""


@dataclass(frozen=True, slots=True)
class PaymentDay:
    """Why something is paid on its day: looked for from `earliest_on` on, past the `days_off`.

    `is_front_loaded`: the rule of the first week holds, so that is the first of the month, else the scheduled day.
    `is_earned_late`: it was earned after that day, so `earliest_on` is the day on which it was."""

    scheduled_on: date
    earliest_on: date
    payment_on: date
    is_front_loaded: bool
    is_earned_late: bool
    days_off: tuple[DayOff, ...]


def day_off(day: date, rules: Rules = RULES) -> DayOff | None:
    """Why a day is no working day: the holiday before the weekend it falls on; None for a working day."""
    month_day = MonthDay(day.month, day.day)
    names = {"fixed_holiday_month_days": Closed.HOLIDAY, _YEARLY[0]: Closed.HOLIDAY, _YEARLY[1]: Closed.JOINT_LEAVE}
    for parameter, closed in names.items():
        cited = rules.cited(parameter, day)
        if month_day in cited.value and (parameter not in _YEARLY or cited.since_on.year == day.year):
            return DayOff(day, closed, cited.value[month_day])
    return DayOff(day, Closed.WEEKEND) if day.weekday() >= _SATURDAY else None


def is_working_day(day: date, rules: Rules = RULES) -> bool:
    """Monday to Friday, and neither a national holiday nor joint leave.

    Movable holidays and joint leave come from the yearly decree. In a year whose decree is not in the rules yet, only
    weekends and the holidays of fixed date are known: see :func:`is_calendar_published` before money leaves.
    """
    return day.weekday() < _SATURDAY and day_off(day, rules) is None


def is_calendar_published(day: date, rules: Rules = RULES) -> bool:
    """Whether the rules hold the decree on holidays and joint leave for the year of that day."""
    return all(any(value.since_on.year == day.year for value in rules.history(name)) for name in _YEARLY)


def working_day_from(day: date, rules: Rules = RULES) -> date:
    """The first working day on or after ``day``."""
    while not is_working_day(day, rules):
        day += timedelta(days=1)
    return day


def working_days_after(day: date, count: int, rules: Rules = RULES) -> date:
    """The last day for something that may take so many working days from that day on; 0 is the day itself."""
    for _ in range(count):
        day = working_day_from(day + timedelta(days=1), rules)
    return day


def scheduled_on(entitled_on: date, instalment: int, rules: Rules = RULES) -> date:
    """The day an instalment (1, 2, …) is due by the calendar, before front loading and holidays.

    The first falls on the first 25th on or after the day its evidence is complete, each later one a month after
    the one before. Raises ValueError for an instalment below 1.
    """
    if instalment < 1:
        raise ValueError(f"instalments count from 1, got {instalment}")
    first = _scheduled_day(entitled_on.year, entitled_on.month, 0, rules)
    skip = 0 if entitled_on <= first else 1
    return _scheduled_day(entitled_on.year, entitled_on.month, skip + instalment - 1, rules)


def _scheduled_day(year: int, month: int, months_later: int, rules: Rules) -> date:
    years, month_index = divmod(month - 1 + months_later, 12)
    first = date(year + years, month_index + 1, 1)
    return first.replace(day=rules.value("scheduled_day_of_month", first))


def payment_on(scheduled_on: date, entitled_on: date | None = None, rules: Rules = RULES) -> date:
    """The working day on which what is scheduled is paid, by the rules of the scheduled month.

    With front loading (months from January 2021): the first working day on or after the 1st. Before: the scheduled day
    or the next working day. Nobody is paid before being entitled: where ``entitled_on`` is later than that day, it
    is the first working day on or after ``entitled_on``.
    """
    first_of_month = scheduled_on.replace(day=1)
    front_loaded = rules.value("front_loading", first_of_month)
    earliest = first_of_month if front_loaded else scheduled_on
    return working_day_from(max(earliest, entitled_on or earliest), rules)


def payment_day(scheduled_on: date, entitled_on: date | None = None, rules: Rules = RULES) -> PaymentDay:
    """The day of :func:`payment_on` with how it comes about, for whoever asks why then."""
    first_of_month = scheduled_on.replace(day=1)
    front_loaded = rules.value("front_loading", first_of_month)
    by_rule = first_of_month if front_loaded else scheduled_on
    earliest = max(by_rule, entitled_on or by_rule)
    paid_on = payment_on(scheduled_on, entitled_on, rules)
    passed = (earliest + timedelta(days=number) for number in range((paid_on - earliest).days))
    days_off = tuple(off for day in passed if (off := day_off(day, rules)))
    return PaymentDay(scheduled_on, earliest, paid_on, front_loaded, earliest > by_rule, days_off)


def first_purchase_due_on(accepted_on: date, rules: Rules = RULES) -> date:
    """The last day on which a person accepted on that day can buy a first training."""
    return rules.scheme(accepted_on).first_purchase_due_on


def balance_ends_on(accepted_on: date, rules: Rules = RULES) -> date:
    """The last day on which a person accepted on that day can spend the training balance."""
    return rules.scheme(accepted_on).balance_ends_on
