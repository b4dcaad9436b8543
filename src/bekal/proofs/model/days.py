"""The days the model reckons with, written again without `core.schedule`: only the rules' numbers are shared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bekal.core.rules import RULES

JAKARTA = ZoneInfo("Asia/Jakarta")
WEEKEND = (5, 6)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one person was promised on the day of acceptance, as plain numbers."""

    accepted_on: date
    balance_rupiah: int
    incentive_rupiah: int
    incentive_count: int
    survey_rupiah: int
    survey_count: int
    due_on: date
    ends_on: date
    earning_ends_on: date

    @property
    def kinds(self) -> Mapping[str, tuple[int, int]]:
        """What is paid in cash: how often and how much each time."""
        return {
            "incentive": (self.incentive_count, self.incentive_rupiah),
            "survey": (self.survey_count, self.survey_rupiah),
        }


def day_of(at: datetime) -> date:
    """The day in Jakarta."""
    return at.astimezone(JAKARTA).date()


def terms_of(accepted_on: date) -> Terms:
    """The rules of that day; the balance ends on the rule's day of that year, or of the next where it has passed."""

    def number(name: str) -> int:
        return int(RULES.value(name, accepted_on))

    month, day = RULES.value("balance_end_month_day", accepted_on)
    ends_on = date(accepted_on.year, month, day)
    if ends_on < accepted_on:
        ends_on = date(accepted_on.year + 1, month, day)
    due_on = accepted_on + timedelta(days=number("first_purchase_days"))
    return Terms(
        accepted_on=accepted_on,
        balance_rupiah=number("training_balance_rupiah"),
        incentive_rupiah=number("incentive_rupiah"),
        incentive_count=number("instalment_count"),
        survey_rupiah=number("survey_rupiah"),
        survey_count=number("survey_count"),
        due_on=due_on if due_on < ends_on else ends_on,
        ends_on=ends_on,
        earning_ends_on=ends_on + timedelta(days=number("earning_days")),
    )


def pay_on(earned_on: date, number: int) -> date:
    """The day instalment `number` of what was earned that day is paid: the first 25th that has not passed, then one a
    month; from 2021 at the beginning of that month; never before it was earned, and only on days banks are open."""
    months = earned_on.year * 12 + earned_on.month - 1 + number - 1
    if earned_on.day > RULES.value("scheduled_day_of_month", earned_on.replace(day=1)):
        months += 1
    first = date(months // 12, months % 12 + 1, 1)
    day = first if RULES.value("front_loading", first) else date(first.year, first.month, 25)
    day = max(day, earned_on)
    while not _is_open(day):
        day += timedelta(days=1)
    return day


def _is_open(day: date) -> bool:
    if day.weekday() in WEEKEND or (day.month, day.day) in RULES.value("fixed_holiday_month_days", day):
        return False
    for name in ("movable_holiday_month_days", "joint_leave_month_days"):
        listed = RULES.cited(name, day)
        if listed.since_on.year == day.year and (day.month, day.day) in listed.value:
            return False
    return True
