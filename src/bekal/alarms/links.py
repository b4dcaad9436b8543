"""Who shares what, of people who have bought: phone numbers, e-mail addresses, accounts, devices, by their hashes; and
where they bought. Institutions of the same hands are one house: a ring that spreads its purchases over what its owner
owns buys at one place."""

from dataclasses import dataclass
from datetime import datetime

from bekal.alarms.findings import LOOKED_BACK, asked
from bekal.catalogue.links import houses
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import int_array

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
# At a house, by the lowest number of its institutions.
BOUGHT_SQL = """
SELECT purchase.participation_id, coalesce(house.house_id, training.institution_id) AS institution_id,
       min(purchase.bought_at)
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
LEFT JOIN unnest(%(housed)s::bigint[], %(houses)s::bigint[]) AS house(institution_id, house_id)
    ON house.institution_id = training.institution_id
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
    """That one person bought at one institution, or house of several, the first time at that instant."""

    participation_id: int
    institution_id: int
    bought_at: datetime


def shared_cells(at: datetime) -> list[Cell]:
    """Every value that two or more recent buyers share."""
    rows = asked(SHARED_SQL, {"since": at - LOOKED_BACK, "at": at})
    return [Cell(kind, tuple(people)) for _, kind, people in rows]


def recent_purchases(at: datetime) -> list[Bought]:
    """Who bought where in the days that detectors look at; once for each person and house."""
    return [Bought(*row) for row in asked(BOUGHT_SQL, {"since": at - LOOKED_BACK, "at": at, **house_values(at)})]


def houses_of(at: datetime) -> dict[int, int]:
    """The house of each institution that shares its owner's hands with another, in the days that detectors look at."""
    until_on = programme_day(at)
    share = RULES.value("house_share_percent", until_on)
    return houses(since_on=programme_day(at - LOOKED_BACK), until_on=until_on, above_percent=share)


def house_values(at: datetime) -> dict[str, str]:
    """What BOUGHT_SQL asks for besides its days."""
    found = houses_of(at)
    return {"housed": int_array(found), "houses": int_array(found.values())}
