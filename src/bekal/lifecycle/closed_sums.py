"""The books as of any instant in milliseconds, however many transfers there are.

When a link of the digest chain has closed, what it covers is final and is summed once, by day, wave and movement
(`ClosedSum`). The books as of an instant are the sums of the days before its own, the transfers of that day, and the
transfers that no sum covers yet: both lie in few blocks of the table. Where nothing is summed, all of them are read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from django.db import connection, transaction

from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.movements import Kind, Movement, Reason
from bekal.ledger.queries import KindTotal, LedgerTotals

# What a transfer is summed by. A clawback returns the rest of an envelope as a revocation: its key tells the two apart.
_DAY = "(transfer.posted_at AT TIME ZONE 'Asia/Jakarta')::date"
_IS_CLAWBACK = f"(transfer.reason = {Reason.REVOCATION.value} AND transfer.idempotency_key LIKE 'clawback:%%')"
_OWNER = "LEFT JOIN participants_participation participation ON participation.id = transfer.owner_id"
_YEAR = "extract(year FROM participation.accepted_on)::integer"
OPEN_LINKS_SQL = """
SELECT number, after_id, until_id FROM ledger_digestlink
WHERE number > (SELECT coalesce(max(link_number), 0) FROM lifecycle_closedsum) ORDER BY number
"""
# Over millions of rows: a day is first told as the instant it begins, which costs a third of its date.
CLOSE_SQL = f"""
INSERT INTO lifecycle_closedsum (link_number, posted_on, wave_id, accepted_year, reason, debit_kind, credit_kind,
                                 is_clawback, transfer_count, moved_rupiah)
SELECT %(first)s + place - 1, (begins_at AT TIME ZONE 'Asia/Jakarta')::date, wave_id,
       extract(year FROM accepted_on)::integer, reason, debit_kind, credit_kind, is_clawback, sum(count), sum(rupiah)
FROM (
    SELECT width_bucket(transfer.id - 1, %(starts)s::bigint[]) AS place,
           date_bin('1 day', transfer.posted_at, TIMESTAMPTZ '2000-01-01 00:00+07') AS begins_at,
           participation.wave_id, participation.accepted_on, transfer.reason, transfer.debit_kind, transfer.credit_kind,
           {_IS_CLAWBACK} AS is_clawback, count(*) AS count, sum(transfer.amount_rupiah) AS rupiah
    FROM ledger_transfer transfer {_OWNER}
    WHERE transfer.id > %(after_id)s AND transfer.id <= %(until_id)s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
) moved
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
HEAD_SQL = """
SELECT link.number, link.until_id FROM ledger_digestlink link
WHERE link.number = (SELECT max(link_number) FROM lifecycle_closedsum)
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """What went from one kind to another for one reason: so many transfers, so many rupiah."""

    reason: Reason
    debit_kind: Kind
    credit_kind: Kind
    is_clawback: bool
    transfer_count: int
    rupiah: int


@dataclass(frozen=True, slots=True)
class MovedDay:
    """What one movement moved on one day."""

    on: date
    transfer_count: int
    rupiah: int


def close_sums() -> int:
    """Sum what the links of the digest chain cover that are not summed yet; how many links that was.

    One pass over their transfers; of several who call it one does it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('lifecycle.close_sums'))")
        cursor.execute(OPEN_LINKS_SQL)
        links = cursor.fetchall()
        if links:
            numbers, starts, ends = zip(*links, strict=True)
            values = {"first": numbers[0], "starts": list(starts), "after_id": starts[0], "until_id": ends[-1]}
            cursor.execute(CLOSE_SQL, values)
        return len(links)


def movements(*, as_of: datetime | None = None, year: int | None = None) -> tuple[Moved, ...]:
    """Everything that moved up to and including an instant, by reason and kinds; `year`: of those accepted in it."""
    columns = {
        "reason": "transfer.reason",
        "debit_kind": "transfer.debit_kind",
        "credit_kind": "transfer.credit_kind",
        "is_clawback": _IS_CLAWBACK,
    }
    if year is None:
        rows = _read(columns, as_of, _Asked())
    else:
        among = _Asked("accepted_year = %(year)s", f"{_YEAR} = %(year)s", _OWNER, {"year": year})
        rows = _read(columns, as_of, among)
    return tuple(
        Moved(Reason(reason), Kind(debit), Kind(credit), is_clawback, count, rupiah)
        for reason, debit, credit, is_clawback, count, rupiah in rows
    )


def movement_days(
    movement: Movement, *, as_of: datetime | None = None, year: int | None = None
) -> tuple[MovedDay, ...]:
    """The days on which one movement moved something, up to and including an instant, for those accepted in a year or
    for all, the newest first."""
    condition = "reason = %(reason)s AND debit_kind = %(debit)s AND credit_kind = %(credit)s"
    values = {
        "reason": movement.reason.value,
        "debit": movement.debit_kind.value,
        "credit": movement.credit_kind.value,
        "year": year,
    }
    asked = _Asked(condition, condition, "", values)
    if year is not None:
        of_year = f"owner_id IN (SELECT id FROM participants_participation participation WHERE {_YEAR} = %(year)s)"
        asked = replace(
            asked, of_sums=f"{condition} AND accepted_year = %(year)s", of_transfers=f"{condition} AND {of_year}"
        )
    return tuple(MovedDay(*row) for row in reversed(_read({"posted_on": _DAY}, as_of, asked)))


def totals_of(moved: Iterable[Moved]) -> LedgerTotals:
    """What went into and out of every kind that was touched, and how many transfers that were."""
    into, out, count = dict.fromkeys(Kind, 0), dict.fromkeys(Kind, 0), 0
    for each in moved:
        into[each.credit_kind] += each.rupiah
        out[each.debit_kind] += each.rupiah
        count += each.transfer_count
    return LedgerTotals(
        tuple(KindTotal(kind, into[kind], out[kind]) for kind in Kind if into[kind] or out[kind]), count
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which sums, and the same said of transfers, with what has to be joined to them for it."""

    of_sums: str = "true"
    of_transfers: str = "true"
    join: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def _read(columns: Mapping[str, str], as_of: datetime | None, asked: _Asked) -> list[tuple[Any, ...]]:
    """Count and sum of what moved up to an instant, by these columns of the sums (and what they are of a transfer), in
    their order."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD_SQL)
        # Read first and named in the statement: a link that is summed meanwhile is counted by its transfers.
        link_number, until_id = cursor.fetchone() or (0, 0)
        values = {**asked.values, "link_number": link_number, "until_id": until_id, "as_of": as_of or "infinity"}
        summed = f"link_number <= %(link_number)s AND {asked.of_sums}"
        later = "transfer.id > %(until_id)s"
        parts = [_transfers(columns, later, asked)]
        if as_of is not None:
            # Up to the end of a day, that day is a whole one.
            day = programme_day(as_of + datetime.resolution)
            values |= {"day": day, "midnight": datetime.combine(day, time.min, tzinfo=JAKARTA)}
            summed += " AND posted_on < %(day)s"
            of_that_day = "transfer.id <= %(until_id)s AND transfer.posted_at >= %(midnight)s"
            parts.append(_transfers(columns, of_that_day, asked))
        names = ", ".join(columns)
        parts.append(
            f"SELECT {names}, sum(transfer_count) AS count, sum(moved_rupiah) AS rupiah FROM lifecycle_closedsum"
            f" WHERE {summed} GROUP BY {names}"
        )
        cursor.execute(
            f"SELECT {names}, sum(count)::bigint, sum(rupiah)::bigint FROM ({' UNION ALL '.join(parts)}) moved"
            f" GROUP BY {names} ORDER BY {names}",
            values,
        )
        return list(cursor.fetchall())


def _transfers(columns: Mapping[str, str], condition: str, asked: _Asked) -> str:
    """Transfers that are not summed, or of a day of which a part is asked for: summed here."""
    shown = ", ".join(f"{told} AS {name}" for name, told in columns.items())
    places = ", ".join(str(number) for number in range(1, len(columns) + 1))
    return (
        f"SELECT {shown}, count(*) AS count, sum(transfer.amount_rupiah) AS rupiah FROM ledger_transfer transfer"
        f" {asked.join} WHERE transfer.posted_at <= %(as_of)s AND {condition} AND {asked.of_transfers}"
        f" GROUP BY {places}"
    )
