"""The simulated year: when its waves opened, when its money is paid, when it ends. About the calendar of 2020-21."""

from dataclasses import dataclass
from datetime import date, timedelta

from bekal.core.schedule import payment_on, working_day_from

YEARS = (2020,)
REPAIR_AFTER = timedelta(days=7)
# The last instalments of 2020's last wave are paid in spring, and the survey of May 2021 is answered.
LAST_DAY = date(2021, 5, 31)


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """`share` of the people of a whole year."""

    opens_on: date
    closes_on: date
    share: int


WAVES = (
    PlannedWave(date(2020, 4, 11), date(2020, 4, 16), 10),
    PlannedWave(date(2020, 4, 20), date(2020, 4, 23), 11),
    PlannedWave(date(2020, 4, 27), date(2020, 4, 30), 10),
    PlannedWave(date(2020, 8, 8), date(2020, 8, 11), 11),
    PlannedWave(date(2020, 8, 15), date(2020, 8, 18), 10),
    PlannedWave(date(2020, 8, 27), date(2020, 8, 30), 10),
    PlannedWave(date(2020, 9, 3), date(2020, 9, 7), 9),
    PlannedWave(date(2020, 9, 10), date(2020, 9, 14), 9),
    PlannedWave(date(2020, 9, 17), date(2020, 9, 21), 8),
    PlannedWave(date(2020, 9, 26), date(2020, 9, 28), 8),
    PlannedWave(date(2020, 11, 2), date(2020, 11, 4), 4),
)


def payout_days() -> frozenset[date]:
    """The day of each month's payouts, and a week later that of the repaired and the late ones."""
    first = WAVES[0].opens_on
    months = range(first.year * 12 + first.month - 1, LAST_DAY.year * 12 + LAST_DAY.month)
    days = [payment_on(date(month // 12, month % 12 + 1, 25)) for month in months]
    return frozenset(days) | {working_day_from(day + REPAIR_AFTER) for day in days}
