"""Cash by day: what is to be paid at each partner on each coming day, and by when it has to be in the account there.

From the rows alone: what is entitled and not paid, on its day by the calendar; what is on lists or with partners and
not settled; spread over the days as the partners' windows and limits will let it go. Only reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import connection

from bekal.incentives.partners.hours import Amount
from bekal.incentives.partners.rails import Rail
from bekal.incentives.plan_payout_run import LeftOutReason, due_values, with_due
from bekal.incentives.preview_payout_run import Share
from bekal.incentives.release import begun_on
from bekal.ledger.clock import JAKARTA, programme_day

HORIZON_DAYS = 92
"""A quarter of a year ahead, so that the treasury's next one is seen whole."""


@dataclass(frozen=True, slots=True)
class CashLine:
    """What is to be paid at one partner on one day. `listed`: how much of it is on lists or with the partner already.
    `needed_at`: when it has to be in the account there. `since_today_rupiah`: all of that partner up to that day."""

    day: date
    partner: str
    whole: Amount
    listed: Amount
    needed_at: datetime
    since_today_rupiah: int


@dataclass(frozen=True, slots=True)
class CashForecast:
    """`lines` by day and partner. `held_back`: entitled, but for a reason nobody knows when it will be paid. `later`:
    what windows and limits do not let go before the horizon."""

    lines: tuple[CashLine, ...]
    held_back: tuple[Share, ...]
    later: Amount
    last_day: date

    @property
    def days(self) -> dict[date, int]:
        """Rupiah of all partners by day."""
        sums: dict[date, int] = defaultdict(int)
        for line in self.lines:
            sums[line.day] += line.whole.total_rupiah
        return dict(sums)


# An account that was changed is paid to when its waiting is over: that is a day, not a reason.
ENTITLED_SQL = f"""
SELECT coalesce(due.partner, '') AS partner,
       greatest(due.payment_on, %(today)s, (due.pays_from_at AT TIME ZONE '{JAKARTA.key}')::date) AS day,
       due.amount_rupiah, false AS is_listed, false AS is_begun, count(*)
FROM ({{due}}) due WHERE coalesce(left_out, '{LeftOutReason.ACCOUNT_CHANGED.value}') = 'account_changed'
GROUP BY 1, 2, 3
"""
HELD_BACK_SQL = f"""
SELECT left_out, count(*), sum(amount_rupiah)::bigint FROM ({{due}}) due
WHERE left_out <> '{LeftOutReason.ACCOUNT_CHANGED.value}' GROUP BY 1 ORDER BY 1
"""
# What a partner has been given, or an officer hands over, goes today; the rest on its day, in the partner's windows.
LISTED_SQL = """
SELECT payout.partner, greatest(run.planned_for, %(today)s) AS day, payout.amount_rupiah, true,
       file.id IS NOT NULL AND (
           file.message_id = ''
           OR EXISTS (SELECT 1 FROM incentives_payoutcall call WHERE call.payout_id = payout.id)
           OR EXISTS (SELECT 1 FROM incentives_payoutsending sending WHERE sending.file_id = file.id)) AS is_begun,
       count(*)
FROM incentives_payout payout
JOIN incentives_payoutrun run ON run.id = payout.run_id
LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
LEFT JOIN incentives_payoutfile file ON file.id = sent.file_id
WHERE payout.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid
                  WHERE paid.payout_id = payout.id AND paid.state = 'settled')
GROUP BY 1, 2, 3, 4, 5
"""
GROUPS_SQL = f"{LISTED_SQL} UNION ALL {ENTITLED_SQL} ORDER BY 1, 2, 4 DESC, 3"


@dataclass(frozen=True, slots=True)
class _Group:
    """So many payments of one amount at one partner, due on one day."""

    partner: str
    day: date
    amount_rupiah: int
    is_listed: bool
    is_begun: bool
    payment_count: int


def cash_forecast(*, at: datetime, rails: Mapping[str, Rail] | None = None) -> CashForecast:
    """Payments and rupiah by day and partner for the next 92 days, what is overdue today; a partner without a rail is
    paid at any time and without limits."""
    today = programme_day(at)
    last_day = today + timedelta(days=HORIZON_DAYS)
    values: dict[str, Any] = due_values(planned_for=last_day, at=at, rails=rails) | {"today": today}
    with connection.cursor() as cursor:
        cursor.execute(with_due(GROUPS_SQL, values), values)
        groups = [_Group(*row) for row in cursor.fetchall()]
        cursor.execute(with_due(HELD_BACK_SQL, values), values)
        held_back = tuple(Share(*row) for row in cursor.fetchall())
    lines: list[CashLine] = []
    later = Amount()
    for partner, own in groupby(groups, key=lambda group: group.partner):
        placed = _Days((rails or {}).get(partner, Rail(partner)), at, last_day, begun_on(partner, today))
        later += placed.put(own)
        lines += placed.lines()
    return CashForecast(tuple(sorted(lines, key=lambda line: (line.day, line.partner))), held_back, later, last_day)


class _Days:
    """The coming days of one partner, filled in the order in which payments fall due."""

    def __init__(self, rail: Rail, at: datetime, last_day: date, begun_today: Amount) -> None:
        self._rail, self._at, self._last_day = rail, at, last_day
        self._today = programme_day(at)
        self._taken: dict[date, Amount] = {self._today: begun_today}
        self._sums: dict[tuple[date, bool], Amount] = defaultdict(Amount)

    def put(self, groups: Iterable[_Group]) -> Amount:
        """Place them; what does not fit before the last day."""
        later = Amount()
        for group in groups:
            if group.is_begun:
                self._add(self._today, group, group.payment_count)
                continue
            day, left_count = self._open_from(group.day), group.payment_count
            while left_count and day <= self._last_day:
                taken = self._taken.get(day, Amount())
                room = self._rail.limits.room(taken)
                count = min(left_count, room.payment_count, room.total_rupiah // group.amount_rupiah)
                if count:
                    self._taken[day] = taken + Amount(count, count * group.amount_rupiah)
                    self._add(day, group, count)
                left_count -= count
                if left_count:
                    day = self._open_from(day + timedelta(days=1))
            later += Amount(left_count, left_count * group.amount_rupiah)
        return later

    def lines(self) -> Iterable[CashLine]:
        since_today_rupiah = 0
        for day in sorted({day for day, _ in self._sums}):
            listed = self._sums[day, True]
            whole = listed + self._sums[day, False]
            since_today_rupiah += whole.total_rupiah
            yield CashLine(day, self._rail.partner, whole, listed, self._needed_at(day), since_today_rupiah)

    def _add(self, day: date, group: _Group, count: int) -> None:
        self._sums[day, group.is_listed] += Amount(count, count * group.amount_rupiah)

    def _open_from(self, day: date) -> date:
        """The first day from that one on with a window that is not over."""
        instant = self._rail.hours.opens_at(self._at) if day <= self._today else self._rail.hours.opens_on(day)
        return programme_day(instant)

    def _needed_at(self, day: date) -> datetime:
        if day > self._today:
            return self._rail.hours.opens_on(day)
        # What the partner has already is needed now, whether it is open or not.
        opens_at = self._rail.hours.opens_at(self._at)
        return opens_at if programme_day(opens_at) == self._today else self._at
