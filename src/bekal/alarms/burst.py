"""One-institution bursts: a group accepted in one wave, sharing something, that buys at one institution at once.

Statistic: people of one wave who share one value and first bought at one institution, or at institutions of the same
hands (`links.houses_of`), within 72 hours of each other.
Threshold: more than a family (7). That a large family does so is possible: it takes seven of one wave, in three days.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bekal.alarms.findings import FAMILY_COUNT, LOOKED_BACK, Detector, asked
from bekal.alarms.links import BOUGHT_SQL, VALUES_SQL, house_values
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

WITHIN = timedelta(hours=72)
# Of each (value, wave, institution): from every purchase on, how many people follow within the window.
BURST_SQL = f"""
WITH bought AS MATERIALIZED ({BOUGHT_SQL}), together AS (
    SELECT value.value_hash, participation.wave_id, bought.institution_id, bought.participation_id, bought.min AS at,
           count(*) OVER (PARTITION BY value.value_hash, participation.wave_id, bought.institution_id
                          ORDER BY bought.min RANGE BETWEEN CURRENT ROW AND %(within)s FOLLOWING) AS following_count
    FROM ({VALUES_SQL}) value
    JOIN bought ON bought.participation_id = value.participation_id
    JOIN participants_participation participation ON participation.id = value.participation_id
), burst AS (SELECT * FROM together WHERE following_count > %(family_count)s)
SELECT together.participation_id, together.wave_id, together.institution_id, max(burst.following_count)
FROM burst JOIN together USING (value_hash, wave_id, institution_id)
WHERE together.at >= burst.at AND together.at <= burst.at + %(within)s
GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2, 3
"""


def find_burst(at: datetime) -> Sequence[NewHold]:
    """A hold on the incentives of each of them."""
    values: dict[str, Any] = {"since": at - LOOKED_BACK, "at": at, "within": WITHIN, "family_count": FAMILY_COUNT}
    values |= house_values(at)
    rows = asked(BURST_SQL, values)
    return [
        NewHold(
            subject=Hold.Subject.INCENTIVE,
            reason=Hold.Reason.BURST,
            participation_id=person,
            case=f"{wave_id}:{institution_id}",
            found=f"{institution_id}",
            figures={"group_count": count, "window_hours": WITHIN // timedelta(hours=1)},
        )
        for person, wave_id, institution_id, count in rows
    ]


BURST = Detector(Hold.Reason.BURST, find_burst)
