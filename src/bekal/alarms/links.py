"""Who shares what, of people who have bought: phone numbers, e-mail addresses, accounts, devices, by their hashes."""

from dataclasses import dataclass
from datetime import datetime

from bekal.alarms.findings import LOOKED_BACK, asked

# One row for each person and value, whatever it is; a value of one person alone is left out by those who ask.
VALUES_SQL = """
SELECT participation.id AS participation_id, sighting.kind, sighting.value_hash
FROM participants_attributesighting sighting
JOIN participants_participation participation ON participation.participant_id = sighting.participant_id
UNION
SELECT participation.id, 'device', sighting.device_hash
FROM accounts_devicesighting sighting
JOIN participants_participant participant ON participant.user_id = sighting.user_id
JOIN participants_participation participation ON participation.participant_id = participant.id
"""
# Of buyers alone: who bought nothing is paid nothing.
SHARED_SQL = f"""
WITH value AS MATERIALIZED (
    SELECT one.* FROM ({VALUES_SQL}) one
    WHERE EXISTS (SELECT 1 FROM purchases_purchase purchase WHERE purchase.participation_id = one.participation_id
                  AND purchase.bought_at > %(since)s AND purchase.bought_at <= %(at)s)
), shared AS (
    SELECT value_hash, row_number() OVER (ORDER BY value_hash) AS number FROM value
    GROUP BY value_hash HAVING count(*) > 1
)
SELECT shared.number, min(value.kind), array_agg(value.participation_id ORDER BY value.participation_id)
FROM value JOIN shared USING (value_hash) GROUP BY shared.number ORDER BY shared.number
"""
BOUGHT_SQL = """
SELECT purchase.participation_id, training.institution_id, min(purchase.bought_at)
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
WHERE purchase.bought_at > %(since)s AND purchase.bought_at <= %(at)s
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """The people who share one value (`kind`: phone, email, account or device)."""

    kind: str
    people: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bought:
    """That one person bought at one institution, the first time at that instant."""

    participation_id: int
    institution_id: int
    bought_at: datetime


def shared_cells(at: datetime) -> list[Cell]:
    """Every value that two or more recent buyers share."""
    rows = asked(SHARED_SQL, {"since": at - LOOKED_BACK, "at": at})
    return [Cell(kind, tuple(people)) for _, kind, people in rows]


def recent_purchases(at: datetime) -> list[Bought]:
    """Who bought where in the days that detectors look at; once for each person and institution."""
    return [Bought(*row) for row in asked(BOUGHT_SQL, {"since": at - LOOKED_BACK, "at": at})]
