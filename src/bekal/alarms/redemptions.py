"""Redemptions: many codes redeemed at once, or by night, at an institution that never did so.

Statistics, for one institution and the last seven days: the most codes redeemed within ten seconds, and the codes
redeemed between midnight and four in the morning (Jakarta). Threshold: at least 30, and more than five times the most
of the eight weeks before. Whose system always sends its codes in one batch, or by night, has such weeks behind it; an
institution without redemptions in those weeks is compared with nothing and does not ring here (`volume` looks at it).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bekal.alarms.findings import Detector, asked
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

WEEK, WEEKS_BEFORE = timedelta(days=7), 8
AT_ONCE = timedelta(seconds=10)
MINIMUM, TIMES = 30, 5
REDEMPTIONS_SQL = """
WITH redeemed AS (
    SELECT training.institution_id, purchase.redeemed_at,
           (extract(epoch FROM %(at)s - purchase.redeemed_at) / %(week_seconds)s)::int AS weeks_ago,
           extract(hour FROM purchase.redeemed_at AT TIME ZONE 'Asia/Jakarta') < 4 AS is_by_night,
           count(*) OVER (PARTITION BY training.institution_id ORDER BY purchase.redeemed_at
                          RANGE BETWEEN CURRENT ROW AND %(at_once)s FOLLOWING) AS at_once_count
    FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
    WHERE purchase.redeemed_at > %(since)s AND purchase.redeemed_at <= %(at)s
), week AS (
    SELECT institution_id, redeemed_at > %(this_week)s AS is_this, max(at_once_count) AS at_once_count,
           count(*) FILTER (WHERE is_by_night) AS night_count
    FROM redeemed GROUP BY institution_id, redeemed_at > %(this_week)s, weeks_ago
), most AS (
    SELECT institution_id, is_this, max(at_once_count) AS at_once_count, max(night_count) AS night_count
    FROM week GROUP BY institution_id, is_this
)
SELECT now.institution_id, now.at_once_count, before.at_once_count, now.night_count, before.night_count
FROM most now JOIN most before ON before.institution_id = now.institution_id AND NOT before.is_this
WHERE now.is_this AND (now.at_once_count >= greatest(%(minimum)s, %(times)s * before.at_once_count + 1)
                       OR now.night_count >= greatest(%(minimum)s, %(times)s * before.night_count + 1))
ORDER BY now.institution_id
"""


def find_redemptions(at: datetime) -> Sequence[NewHold]:
    """A hold on the settlement of each such institution."""
    values: dict[str, Any] = {
        "at": at,
        "since": at - WEEK * (1 + WEEKS_BEFORE),
        "this_week": at - WEEK,
        "week_seconds": int(WEEK.total_seconds()),
        "at_once": AT_ONCE,
        "minimum": MINIMUM,
        "times": TIMES,
    }
    rows = asked(REDEMPTIONS_SQL, values)
    return [
        NewHold(
            subject=Hold.Subject.SETTLEMENT,
            reason=Hold.Reason.REDEMPTIONS,
            institution_id=institution_id,
            case=f"{institution_id}",
            # A month later it is looked at anew.
            found=f"{at:%Y-%m}",
            figures={
                "at_once_count": at_once,
                "at_once_before_count": at_once_before,
                "night_count": night,
                "night_before_count": night_before,
            },
        )
        for institution_id, at_once, at_once_before, night, night_before in rows
    ]


REDEMPTIONS = Detector(Hold.Reason.REDEMPTIONS, find_redemptions)
