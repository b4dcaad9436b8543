"""How long people and institutions take, who stops half-way, who forgets the review: all drawn.

Shares as published for the first three waves: of 680,000 accepted 600,000 bought a first training, 480,000 finished it;
54.7 % took a second. The delays are this project's assumption.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUY_FIRST_SHARE = 600 / 680
FINISH_SHARE = 480 / 600
NEVER_REDEEM_SHARE = 0.03
FORGET_REVIEW_SHARE = 0.05
SECOND_SHARE, LATER_SHARE = 0.547, 0.45
AFTER_DROPPING_OUT_SHARE = 0.12
LATE_ACCOUNT_SHARE = 0.03

# Institutions send their lists on Tuesdays and Fridays; people see to their payout account on Wednesdays.
LIST_WEEKDAYS = frozenset({1, 4})
ACCOUNT_WEEKDAYS = frozenset({2})
DAYS_BETWEEN_SESSIONS = {"self_paced": 2, "webinar": 3, "on_site": 2}


@dataclass(frozen=True, slots=True)
class Underway:
    """One purchase on its way; `training` is the place in the offer."""

    person: int
    training: int
    purchase_id: int
    redeem_code: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """When what happens to a purchase; None: never. `attended` has one day for each session that is attended."""

    redeemed_on: date | None = None
    attended_on: tuple[date, ...] = ()
    completed_on: date | None = None
    reviewed_on: date | None = None
    next_bought_on: date | None = None


class Journeys:
    """Draws everybody's pace from one generator; what is asked in the same order comes out the same."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def first_bought_after(self, count: int) -> NDArray[np.int64]:
        """Days from acceptance to the first purchase, -1 for never; the rule's 30 days are kept by all who buy."""
        days = np.minimum(self._random.geometric(0.13, count), 30)
        return np.where(self._random.random(count) < BUY_FIRST_SHARE, days, -1)

    def account_after(self, count: int) -> NDArray[np.int64]:
        """Days from acceptance to the payout account: at once for nearly all, weeks later for a few."""
        late = self._random.integers(20, 70, count)
        return np.where(self._random.random(count) < LATE_ACCOUNT_SHARE, late, 0)

    def days(self, low: int, high: int) -> int:
        """A whole number of days from `low` to `high`."""
        return int(self._random.integers(low, high + 1))

    def share(self) -> float:
        return float(self._random.random())

    def rating(self, training_code: str) -> int:
        """1 to 5 stars around the training's own quality."""
        quality = 4.25 + (crc32(training_code.encode()) % 1000 / 1000 - 0.5) * 1.2
        return int(min(max(round(quality + self._random.standard_normal() * 0.8), 1), 5))

    def timeline(self, *, bought_on: date, session_count: int, mode: str, late_days: int, ordinal: int) -> Timeline:
        """One purchase from its day to its end; the institution's records come `late_days` after what they record."""
        if self.share() < NEVER_REDEEM_SHARE:
            return Timeline(next_bought_on=self._next(bought_on, False, ordinal))
        redeemed_on = bought_on + timedelta(days=self._redeem_delay())
        finishes = self.share() < FINISH_SHARE / (1 - NEVER_REDEEM_SHARE)
        attended_count = session_count if finishes else int(self._random.integers(0, session_count))
        day, attended = redeemed_on, []
        for _ in range(attended_count):
            day += timedelta(days=self.days(0, DAYS_BETWEEN_SESSIONS[mode]))
            attended.append(next_weekday(day + timedelta(days=late_days), LIST_WEEKDAYS))
        if not finishes:
            return Timeline(redeemed_on, tuple(attended), next_bought_on=self._next(day, False, ordinal))
        completed_on = next_weekday(attended[-1] + timedelta(days=self.days(0, 2)), LIST_WEEKDAYS)
        return Timeline(
            redeemed_on, tuple(attended), completed_on, self._review_day(completed_on), self._next(day, True, ordinal)
        )

    def _redeem_delay(self) -> int:
        drawn = self.share()
        return 0 if drawn < 0.45 else self.days(1, 3) if drawn < 0.9 else self.days(4, 12)

    def _review_day(self, completed_on: date) -> date | None:
        drawn = self.share()
        if drawn < FORGET_REVIEW_SHARE:
            return None
        days = self.days(0, 2) if drawn < 0.75 else self.days(3, 10) if drawn < 0.96 else self.days(20, 45)
        return completed_on + timedelta(days=days)

    def _next(self, day: date, finished: bool, ordinal: int) -> date | None:
        share = (SECOND_SHARE if ordinal == 1 else LATER_SHARE) if finished else AFTER_DROPPING_OUT_SHARE
        return day + timedelta(days=self.days(2, 45)) if self.share() < share else None


def next_weekday(day: date, weekdays: Collection[int]) -> date:
    """The day itself or the first after it that is one of these weekdays (Monday is 0)."""
    return next(later for later in (day + timedelta(days=n) for n in range(7)) if later.weekday() in weekdays)


def late_days_of(institution_code: str) -> int:
    """How many days after a session this institution sends its records: most at once, one in ten a week and more."""
    drawn = crc32(institution_code.encode()) % 100
    return 0 if drawn < 55 else 1 + drawn % 3 if drawn < 90 else 6 + drawn % 5
