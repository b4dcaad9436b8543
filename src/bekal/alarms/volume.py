"""Volume: an institution that sells, redeems or completes far more than ever before, and than others do now.

Statistic: what it did in the last seven days, against its own weekly mean of the eight weeks before (at least the
median of its peers, so that a new institution may begin), times what all institutions together did more or less now.
Threshold: at least 30, four times as many as expected, and more than six standard deviations, where the deviation is
that of a Poisson count and of a market that moves by a third.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import median

from bekal.alarms.findings import Detector, asked
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

WEEK, WEEKS_BEFORE = timedelta(days=7), 8
MINIMUM, TIMES, DEVIATIONS, MOVES = 30, 4, 6, 0.3
STEPS = ("bought_at", "redeemed_at", "completed_at")
VOLUME_SQL = """
SELECT training.institution_id, count(*) FILTER (WHERE purchase.{step} > %(this_week)s),
       count(*) FILTER (WHERE purchase.{step} <= %(this_week)s)
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
WHERE purchase.{step} > %(since)s AND purchase.{step} <= %(at)s
GROUP BY training.institution_id ORDER BY training.institution_id
"""


@dataclass(frozen=True, slots=True)
class Excess:
    """One institution's week and what was expected of it."""

    institution_id: int
    count: int
    expected_count: float


def find_volume(at: datetime) -> Sequence[NewHold]:
    """A hold on the settlement of each such institution, by the first step of the journey that is too many."""
    found: dict[int, NewHold] = {}
    for step in STEPS:
        values = {"at": at, "this_week": at - WEEK, "since": at - WEEK * (1 + WEEKS_BEFORE)}
        for excess in too_many(asked(VOLUME_SQL.format(step=step), values)):
            hold = NewHold(
                subject=Hold.Subject.SETTLEMENT,
                reason=Hold.Reason.VOLUME,
                institution_id=excess.institution_id,
                case=f"{excess.institution_id}",
                # A month later it is looked at anew.
                found=f"{at:%Y-%m}",
                figures={
                    "step": step,
                    "week_count": excess.count,
                    "expected_count": round(excess.expected_count),
                },
            )
            found.setdefault(excess.institution_id, hold)
    return [found[number] for number in sorted(found)]


VOLUME = Detector(Hold.Reason.VOLUME, find_volume)


def too_many(weeks: Sequence[tuple[int, ...]]) -> list[Excess]:
    """Of (institution, count of this week, count of the eight weeks before), those above the threshold."""
    now, before = sum(week[1] for week in weeks), sum(week[2] for week in weeks) / WEEKS_BEFORE
    usual = median([week[2] / WEEKS_BEFORE for week in weeks]) if weeks else 0.0
    found = []
    for institution_id, count, count_before in weeks:
        # Of the others alone: who is large enough moves the market that it is compared with.
        others_before = before - count_before / WEEKS_BEFORE
        growth = (now - count) / others_before if others_before > 0 else 1.0
        expected = max(count_before / WEEKS_BEFORE, usual) * max(growth, 1.0)
        deviation = sqrt(expected + (MOVES * expected) ** 2)
        if count >= max(MINIMUM, TIMES * expected) and count - expected > DEVIATIONS * deviation:
            found.append(Excess(institution_id, count, expected))
    return found
