"""What falls on which day of a cohort's year, as columns of numbers."""

from collections import defaultdict
from datetime import date, datetime, time
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bekal.ledger.clock import JAKARTA

Numbers = NDArray[np.int64]
NEVER = -1


class What(Enum):
    """What people and institutions do, with the hour in Jakarta at which they do it."""

    REGISTER = time(8)  # (wave,)
    BUY = time(11)  # (person,)
    REDEEM = time(12)  # (purchase,)
    ACCEPT = time(14)  # (wave,)
    BOUNCE = time(15, 30)  # (person,): a message came back
    ACCOUNT = time(16)  # (person, how many they have given up)
    ATTEND = time(17)  # (purchase, session)
    COMPLETE = time(17, 30)  # (purchase,)
    ANSWER = time(18)  # (person, survey)
    REVIEW = time(19)  # (purchase,)
    OVERDUE = time(6)  # (person,): the deadline of the first purchase was yesterday
    LAPSE = time(6, 1)  # (person,): the balance ended yesterday


class Agenda:
    """Rows of numbers by day and kind. What lies at or before `lived_until_at` has been lived and is not put down."""

    def __init__(self, lived_until_at: datetime | None = None) -> None:
        self._rows: defaultdict[tuple[int, What], list[Numbers]] = defaultdict(list)
        lived = lived_until_at.astimezone(JAKARTA) if lived_until_at else None
        self._lived_on = lived.date().toordinal() if lived else NEVER
        self._lived_time = lived.time() if lived else time.min

    def put(self, what: What, days: Numbers, *columns: Numbers) -> None:
        """Put a row (one number of each column) down for each day (ordinal; below 0: never)."""
        first = self._lived_on + (what.value <= self._lived_time)
        keep = np.flatnonzero((days >= 0) & (days >= first))
        if not len(keep):
            return
        order = keep[np.argsort(days[keep], kind="stable")]
        rows = np.column_stack([column[order] for column in columns])
        starts = np.flatnonzero(np.diff(days[order], prepend=NEVER))
        for day, part in zip(days[order][starts].tolist(), np.split(rows, starts[1:]), strict=True):
            self._rows[day, what].append(part)

    def take(self, day: date, what: What) -> Numbers:
        """The rows of that day and kind, (rows, columns), in an order that depends on the rows alone."""
        parts = self._rows.pop((day.toordinal(), what), [])
        if not parts:
            return np.empty((0, 2), dtype=np.int64)
        rows = np.concatenate(parts)
        return rows[np.lexsort(rows.T[::-1])]
