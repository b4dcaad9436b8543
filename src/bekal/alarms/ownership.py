"""Ownership: buyers who belong to the institution at which they buy, or to another of the same hands.

Statistic: a purchase of the last 180 days whose buyer has signed in or bought with a device with which somebody signs
in of the staff of the institution, or of one that belongs to the same owner, platform or curator (`links.houses_of`).
Threshold: one. A learner at the institution's own computer rings, too, so above family size the device has to be a
staff member's alone or of a handful: devices of more than 60 people are left out.
"""

from collections.abc import Sequence
from datetime import datetime

from bekal.alarms.findings import FAMILY_COUNT, LOOKED_BACK, Detector, asked
from bekal.alarms.links import house_values
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

MOST_PEOPLE = 10 * FAMILY_COUNT
OWNERSHIP_SQL = """
WITH staffed AS (
    SELECT device.device_hash, staff.institution_id, coalesce(house.house_id, staff.institution_id) AS house_id,
           (SELECT count(*) FROM accounts_devicesighting other
            WHERE other.device_hash = device.device_hash) AS user_count
    FROM catalogue_institutionstaff staff JOIN accounts_devicesighting device ON device.user_id = staff.user_id
    LEFT JOIN unnest(%(housed)s::bigint[], %(houses)s::bigint[]) AS house(institution_id, house_id)
        ON house.institution_id = staff.institution_id
)
SELECT purchase.id, purchase.participation_id, training.institution_id, min(staffed.user_count),
       bool_or(staffed.institution_id = training.institution_id)
FROM staffed
JOIN accounts_devicesighting device ON device.device_hash = staffed.device_hash
JOIN participants_participant participant ON participant.user_id = device.user_id
JOIN participants_participation participation ON participation.participant_id = participant.id
JOIN purchases_purchase purchase ON purchase.participation_id = participation.id
JOIN catalogue_training training ON training.id = purchase.training_id
LEFT JOIN unnest(%(housed)s::bigint[], %(houses)s::bigint[]) AS house(institution_id, house_id)
    ON house.institution_id = training.institution_id
WHERE staffed.house_id = coalesce(house.house_id, training.institution_id)
  AND purchase.bought_at > %(since)s AND purchase.bought_at <= %(at)s AND staffed.user_count <= %(most)s
GROUP BY 1, 2, 3 ORDER BY 1
"""


def find_ownership(at: datetime) -> Sequence[NewHold]:
    """A hold on what each of these purchases pays."""
    rows = asked(OWNERSHIP_SQL, {"since": at - LOOKED_BACK, "at": at, "most": MOST_PEOPLE, **house_values(at)})
    return [
        NewHold(
            subject=Hold.Subject.PURCHASE,
            reason=Hold.Reason.OWNERSHIP,
            participation_id=person,
            purchase_id=purchase_id,
            institution_id=institution_id,
            case=f"{institution_id}",
            found="device",
            figures={"shared_kind": "device", "group_count": count, "staff_of": "institution" if is_own else "house"},
        )
        for purchase_id, person, institution_id, count, is_own in rows
    ]


OWNERSHIP = Detector(Hold.Reason.OWNERSHIP, find_ownership)
