"""Payments replayed under another payout calendar: how many days earlier each would have been, and the cash by day.

Pure arithmetic over :func:`bekal.core.schedule.payment_on`: the days of payment come from the same code that sets them,
asked twice.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from bekal.core.rules import RULES, Rules
from bekal.core.schedule import payment_on


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Instalments that are alike: scheduled for one day, earned on one day; how many, and their sum in rupiah."""

    scheduled_on: date
    entitled_on: date
    instalment_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class CashDay:
    """What leaves on one day under each rule, in rupiah, and what has left by its end."""

    on: date
    own_rupiah: int
    other_rupiah: int
    own_until_rupiah: int
    other_until_rupiah: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The same instalments under the rule of their own month and under another.

    `by_days_earlier`: (days, instalments) in order; fewer than none is later. `rupiah_days`: each instalment's rupiah
    times the days by which it is earlier.
    """

    instalment_count: int
    total_rupiah: int
    by_days_earlier: tuple[tuple[int, int], ...]
    rupiah_days: int
    cash: tuple[CashDay, ...]

    @property
    def mean_days_earlier(self) -> Fraction | None:
        """Of all instalments, those that do not move included; None of none."""
        if not self.instalment_count:
            return None
        return Fraction(sum(days * count for days, count in self.by_days_earlier), self.instalment_count)

    @property
    def median_days_earlier(self) -> int | None:
        """Half of the instalments gain so many days or fewer; None of none."""
        passed = 0
        for days, count in self.by_days_earlier:
            passed += count
            if 2 * passed >= self.instalment_count > 0:
                return days
        return None

    @property
    def own_peak(self) -> CashDay | None:
        """The day on which most leaves under the own rule; of equals the first."""
        return max(self.cash, key=lambda day: day.own_rupiah, default=None)

    @property
    def other_peak(self) -> CashDay | None:
        """The day on which most leaves under the other rule; of equals the first."""
        return max(self.cash, key=lambda day: day.other_rupiah, default=None)


def replay_payments(scheduled: Iterable[Scheduled], *, other: Rules, own: Rules = RULES) -> Replay:
    """Give each instalment its day of payment under both rules. Rupiah and instalments are the same under both; only
    the days differ."""
    own_cash: Counter[date] = Counter()
    other_cash: Counter[date] = Counter()
    earlier: Counter[int] = Counter()
    instalment_count = total_rupiah = rupiah_days = 0
    for each in scheduled:
        own_on = payment_on(each.scheduled_on, each.entitled_on, own)
        other_on = payment_on(each.scheduled_on, each.entitled_on, other)
        days = (own_on - other_on).days
        own_cash[own_on] += each.total_rupiah
        other_cash[other_on] += each.total_rupiah
        earlier[days] += each.instalment_count
        instalment_count += each.instalment_count
        total_rupiah += each.total_rupiah
        rupiah_days += days * each.total_rupiah
    cash, own_until, other_until = [], 0, 0
    for on in sorted(own_cash.keys() | other_cash.keys()):
        own_until += own_cash[on]
        other_until += other_cash[on]
        cash.append(CashDay(on, own_cash[on], other_cash[on], own_until, other_until))
    return Replay(instalment_count, total_rupiah, tuple(sorted(earlier.items())), rupiah_days, tuple(cash))
