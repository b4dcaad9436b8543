"""How long money waits: balances by what is left and until when, what lapses where, and what is owed back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Kind

# The least amount of each band of what is left, and the fewest days of each band until the balance lapses; the last
# band has no end. Below 0 days: the last day has passed, the balance has not returned yet.
LEFT_BANDS = (0, 1, 100_000, 300_000, 500_000, 1_000_000)
DAYS_BANDS = (None, 0, 8, 31, 91)
# Days since the money was due; below 1 it is not late.
OVERDUE_BANDS = (None, 1, 31, 61, 91)
ROWS_AT_ONCE = 2_000
MAX_BIGINT = 2**63 - 1

# Everybody whose balance lives: neither revoked nor ended at that instant.
_LIVING = """
participants_participation participation
WHERE participation.accepted_at <= %(as_of)s
  AND (participation.revoked_at IS NULL OR participation.revoked_at > %(as_of)s)
  AND (participation.balance_ended_at IS NULL OR participation.balance_ended_at > %(as_of)s)
"""
_BALANCE = Kind.TRAINING_BALANCE.value
# What is stored is what is left now; of any earlier instant the transfers tell it.
_LEFT_NOW = "SELECT owner_id, remaining_rupiah AS left_rupiah FROM ledger_trainingbalance"
_LEFT_THEN = f"""
SELECT owner_id,
       sum(CASE WHEN credit_kind = {_BALANCE} THEN amount_rupiah ELSE -amount_rupiah END)::bigint AS left_rupiah
FROM ledger_transfer WHERE {_BALANCE} IN (debit_kind, credit_kind) AND posted_at <= %(as_of)s GROUP BY owner_id
"""


def _living(as_of: datetime | None) -> str:
    left = _LEFT_NOW if as_of is None else _LEFT_THEN
    return f"""
    SELECT participation.id, participation.participant_id, participation.balance_ends_on, balance.left_rupiah
    FROM (SELECT * FROM {_LIVING}) participation JOIN ({left}) balance ON balance.owner_id = participation.id
    """


@dataclass(frozen=True, slots=True)
class AgeingCell:
    """So many people with so much left (band of the amount) for so long (band of the days)."""

    left_band: int
    days_band: int
    people_count: int
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class LapsingDay:
    """What lapses after one day in one province: people with something left, and how much."""

    balance_ends_on: date
    province: int
    people_count: int
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class LapsingPerson:
    """One person with a living balance."""

    participation_id: int
    full_name: str = field(repr=False)
    province: int
    balance_ends_on: date
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class ReceivableAge:
    """What is owed back and so long overdue: clawbacks, and the two kinds of money."""

    band: int
    clawback_count: int
    incentive_rupiah: int
    training_rupiah: int

    @property
    def total_rupiah(self) -> int:
        return self.incentive_rupiah + self.training_rupiah


AGEING_SQL = """
SELECT width_bucket(left_rupiah, %(left_bands)s::bigint[]) - 1 AS left_band,
       width_bucket(balance_ends_on - %(day)s::date, %(days_bands)s::integer[]) AS days_band,
       count(*), sum(left_rupiah)::bigint
FROM ({living}) living GROUP BY 1, 2 ORDER BY 1, 2
"""
LAPSING_SQL = """
SELECT living.balance_ends_on, participant.province, count(*), sum(living.left_rupiah)::bigint
FROM ({living}) living JOIN participants_participant participant ON participant.id = living.participant_id
WHERE living.left_rupiah > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""
# So many living balances are looked through for a page: with what the transfers tell of each, some 300 ms.
LOOKED_THROUGH_COUNT = 20_000
LOOK_UNTIL_SQL = f"""
SELECT participation.id FROM {_LIVING} AND participation.id > %(after_id)s
ORDER BY participation.id OFFSET %(offset)s LIMIT 1
"""
_LEFT_OF_EACH_THEN = f"""
SELECT sum(CASE WHEN credit_kind = {_BALANCE} THEN amount_rupiah ELSE -amount_rupiah END)::bigint AS left_rupiah
FROM ledger_transfer
WHERE owner_id = participation.id AND {_BALANCE} IN (debit_kind, credit_kind) AND posted_at <= %(as_of)s
HAVING count(*) > 0
"""
_LEFT_OF_EACH_NOW = (
    "SELECT remaining_rupiah AS left_rupiah FROM ledger_trainingbalance WHERE owner_id = participation.id"
)
PEOPLE_SQL = """
SELECT participation.id, participant.full_name, participant.province, participation.balance_ends_on,
       balance.left_rupiah
FROM (SELECT * FROM {living} AND participation.id > %(after_id)s AND participation.id <= %(until_id)s) participation
JOIN participants_participant participant ON participant.id = participation.participant_id
CROSS JOIN LATERAL ({left}) balance
WHERE balance.left_rupiah >= %(left_from)s
  AND (%(left_below)s::bigint IS NULL OR balance.left_rupiah < %(left_below)s)
  AND participation.balance_ends_on BETWEEN %(ends_from)s AND %(ends_until)s
  AND (%(province)s::integer IS NULL OR participant.province = %(province)s)
ORDER BY participation.id LIMIT %(limit)s
"""
RECEIVABLES_SQL = """
SELECT width_bucket(%(day)s::date - clawback.due_on, %(bands)s::integer[]), count(*),
       sum(clawback.incentive_rupiah - coalesce(repaid.incentive_rupiah, 0))::bigint,
       sum(clawback.training_rupiah - coalesce(repaid.training_rupiah, 0))::bigint
FROM lifecycle_clawback clawback
LEFT JOIN (SELECT clawback_id, sum(incentive_rupiah) AS incentive_rupiah, sum(training_rupiah) AS training_rupiah
           FROM lifecycle_repayment WHERE recorded_at <= %(as_of)s GROUP BY clawback_id) repaid
    ON repaid.clawback_id = clawback.id
WHERE clawback.approved_at <= %(as_of)s AND (clawback.withdrawn_at IS NULL OR clawback.withdrawn_at > %(as_of)s)
  AND clawback.incentive_rupiah + clawback.training_rupiah
      > coalesce(repaid.incentive_rupiah, 0) + coalesce(repaid.training_rupiah, 0)
GROUP BY 1 ORDER BY 1
"""


def balance_ageing(*, at: datetime, as_of: datetime | None = None) -> tuple[AgeingCell, ...]:
    """How many living balances have how much left for how many more days: now (`at`), or as of an earlier instant."""
    values = {
        "as_of": as_of or at,
        "day": programme_day(as_of or at),
        "left_bands": list(LEFT_BANDS),
        "days_bands": [days for days in DAYS_BANDS if days is not None],
    }
    return tuple(AgeingCell(*row) for row in _rows(AGEING_SQL.format(living=_living(as_of)), values))


def lapsing(*, at: datetime, as_of: datetime | None = None) -> tuple[LapsingDay, ...]:
    """What is left of living balances, by the last day of each and by province, soonest first."""
    values = {"as_of": as_of or at}
    return tuple(LapsingDay(*row) for row in _rows(LAPSING_SQL.format(living=_living(as_of)), values))


@dataclass(frozen=True, slots=True)
class Behind:
    """Which people stand behind a number of `balance_ageing` (bands) or of `lapsing` (a day, a province); without a
    band those with something left."""

    left_band: int | None = None
    days_band: int | None = None
    balance_ends_on: date | None = None
    province: int | None = None

    def values(self, day: date) -> dict[str, Any]:
        """As a statement takes them, as of `day`."""
        ends_from, ends_until = ends_between(self.days_band, day)
        if self.balance_ends_on is not None:
            ends_from, ends_until = max(ends_from, self.balance_ends_on), min(ends_until, self.balance_ends_on)
        left_from, left_below = (1, None) if self.left_band is None else left_between(self.left_band)
        return {
            "left_from": left_from,
            "left_below": left_below,
            "ends_from": ends_from,
            "ends_until": ends_until,
            "province": self.province,
        }


@dataclass(frozen=True, slots=True)
class LapsingPeople:
    """Some of them, by the number of their participation. `looked_until`: whoever wants more goes on after this one;
    None: there is nobody behind the last."""

    people: tuple[LapsingPerson, ...]
    looked_until: int | None


def lapsing_people(
    behind: Behind, *, at: datetime, as_of: datetime | None = None, after_id: int = 0, limit: int
) -> LapsingPeople:
    """At most `limit` of the people behind a number, after one; looks through so many balances and no more."""
    values = {
        "as_of": as_of or at,
        "after_id": after_id,
        "offset": LOOKED_THROUGH_COUNT,
        "limit": limit + 1,
        **behind.values(programme_day(as_of or at)),
    }
    with connection.cursor() as cursor:
        cursor.execute(LOOK_UNTIL_SQL, values)
        (until_id,) = cursor.fetchone() or (None,)
        cursor.execute(_people_sql(as_of), values | {"until_id": MAX_BIGINT if until_id is None else until_id})
        found = tuple(LapsingPerson(*row) for row in cursor.fetchall())
    if len(found) > limit:
        return LapsingPeople(found[:limit], found[limit - 1].participation_id)
    return LapsingPeople(found, until_id)


def every_lapsing_person(behind: Behind, *, at: datetime, as_of: datetime | None = None) -> Iterator[LapsingPerson]:
    """All of them, read from the database a few thousand at a time."""
    values = {
        "as_of": as_of or at,
        "after_id": 0,
        "until_id": MAX_BIGINT,
        "limit": None,
        **behind.values(programme_day(as_of or at)),
    }
    with connection.chunked_cursor() as cursor:
        cursor.execute(_people_sql(as_of), values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from (LapsingPerson(*row) for row in rows)


def _people_sql(as_of: datetime | None) -> str:
    return PEOPLE_SQL.format(living=_LIVING, left=_LEFT_OF_EACH_NOW if as_of is None else _LEFT_OF_EACH_THEN)


def left_between(band: int) -> tuple[int, int | None]:
    """The least amount of a band of what is left, and the least above it (None: there is none)."""
    return LEFT_BANDS[band], LEFT_BANDS[band + 1] if band + 1 < len(LEFT_BANDS) else None


def days_between(bands: tuple[int | None, ...], band: int) -> tuple[int | None, int | None]:
    """The first and the last number of days of a band; None where it is open."""
    return bands[band], bands[band + 1] - 1 if band + 1 < len(bands) else None  # type: ignore[operator]


def ends_between(days_band: int | None, day: date) -> tuple[date, date]:
    """The days on which balances of a band end, as of `day`."""
    if days_band is None:
        return date.min, date.max
    first, last = days_between(DAYS_BANDS, days_band)
    return (
        date.min if first is None else day + timedelta(days=first),
        date.max if last is None else day + timedelta(days=last),
    )


def due_between(band: int, day: date) -> tuple[date, date]:
    """The days on which receivables of a band were due, as of `day`."""
    first, last = days_between(OVERDUE_BANDS, band)
    return (
        date.min if last is None else day - timedelta(days=last),
        date.max if first is None else day - timedelta(days=first),
    )


def receivables(*, as_of: datetime) -> tuple[ReceivableAge, ...]:
    """What had to be paid back at that instant and had not been, by how long it was overdue."""
    values = {
        "as_of": as_of,
        "day": programme_day(as_of),
        "bands": [days for days in OVERDUE_BANDS if days is not None],
    }
    return tuple(ReceivableAge(*row) for row in _rows(RECEIVABLES_SQL, values))


def _rows(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
