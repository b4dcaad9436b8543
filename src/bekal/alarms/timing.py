"""Timing: a training completed sooner than it can be learned.

Statistic: the hours between redemption and completion, against the training's own. Threshold: before its last dated
session begins; or, where it has no dates, in less than a quarter of its hours (of two hours or more): who knows a part
already is quick, nobody is four times as quick. Looked at are completions of the last 60 days, so that a look is short.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bekal.alarms.findings import Detector, asked
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

COMPLETED_WITHIN = timedelta(days=60)
QUICKEST_PART, SHORTEST_HOURS = 4, 2
TIMING_SQL = """
SELECT purchase.id, purchase.participation_id, training.institution_id, training.hours, dated.starts_at,
       extract(epoch FROM purchase.completed_at - purchase.redeemed_at)::bigint / 60
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
LEFT JOIN LATERAL (
    SELECT max(session.starts_at) AS starts_at FROM catalogue_session session
    WHERE session.training_id = training.id AND session.sequence <= training.session_count
) dated ON true
WHERE purchase.completed_at > %(since)s AND purchase.completed_at <= %(at)s
  AND (purchase.completed_at < dated.starts_at
       OR (dated.starts_at IS NULL AND training.hours >= %(shortest)s
           AND (purchase.completed_at - purchase.redeemed_at) * %(part)s < make_interval(hours => training.hours)))
ORDER BY purchase.id
"""


def find_timing(at: datetime) -> Sequence[NewHold]:
    """A hold on what each of these purchases pays."""
    values: dict[str, Any] = {
        "since": at - COMPLETED_WITHIN,
        "at": at,
        "shortest": SHORTEST_HOURS,
        "part": QUICKEST_PART,
    }
    rows = asked(TIMING_SQL, values)
    return [
        NewHold(
            subject=Hold.Subject.PURCHASE,
            reason=Hold.Reason.TIMING,
            participation_id=person,
            purchase_id=purchase_id,
            institution_id=institution_id,
            case=f"{institution_id}",
            found="timing",
            figures={"learned_minutes": minutes}
            | ({"session_at": starts_at.astimezone(UTC).isoformat()} if starts_at else {"training_hours": hours}),
        )
        for purchase_id, person, institution_id, hours, starts_at, minutes in rows
    ]


TIMING = Detector(Hold.Reason.TIMING, find_timing)
