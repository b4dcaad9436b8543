"""The books as of any instant in milliseconds, however many transfers there are.

When a link of the digest chain has closed, what it covers is final and is summed once, by day, wave and movement
(`ClosedSum`). The books as of an instant are the sums of the days before its own, the transfers of that day, and the
transfers that no sum covers yet: both lie in few blocks of the table. Where nothing is summed, all of them are read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
CLOSE_SQL = f"""
INSERT INTO lifecycle_closedsum (link_number, posted_on, wave_id, accepted_year, reason, debit_kind, credit_kind,
                                 is_clawback, transfer_count, moved_rupiah)
SELECT %(first)s + width_bucket(transfer.id - 1, %(starts)s::bigint[]) - 1, {_DAY}, participation.wave_id, {_YEAR},
       transfer.reason, transfer.debit_kind, transfer.credit_kind, {_IS_CLAWBACK}, count(*),
       sum(transfer.amount_rupiah)
FROM ledger_transfer transfer {_OWNER}
WHERE transfer.id > %(after_id)s AND transfer.id <= %(until_id)s
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
HEAD_SQL = """
SELECT link.number, link.until_id FROM ledger_digestlink link
WHERE link.number = (SELECT max(link_number) FROM lifecycle_closedsum)
"""
_SUMMED = "posted_on, wave_id, accepted_year, reason, debit_kind, credit_kind, is_clawback"


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
    columns = ("reason", "debit_kind", "credit_kind", "is_clawback")
    condition = "" if year is None else "accepted_year = %(year)s"
    rows = _read(columns, as_of, condition, {"year": year}, with_owner=year is not None)
    return tuple(
        Moved(Reason(reason), Kind(debit), Kind(credit), is_clawback, count, rupiah)
        for reason, debit, credit, is_clawback, count, rupiah in rows
    )


def movement_days(movement: Movement, *, as_of: datetime | None = None) -> tuple[MovedDay, ...]:
    """The days on which one movement moved something, up to and including an instant, the newest first."""
    condition = "reason = %(reason)s AND debit_kind = %(debit)s AND credit_kind = %(credit)s"
    values = {
        "reason": movement.reason.value,
        "debit": movement.debit_kind.value,
        "credit": movement.credit_kind.value,
    }
    return tuple(MovedDay(*row) for row in reversed(_read(("posted_on",), as_of, condition, values)))


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


def _read(
    columns: Sequence[str],
    as_of: datetime | None,
    condition: str,
    values: dict[str, Any],
    *,
    with_owner: bool = False,
) -> list[tuple[Any, ...]]:
    """Count and sum of what moved up to an instant, by these columns and in their order."""
    with connection.cursor() as cursor:
        cursor.execute(HEAD_SQL)
        # Read first and named in the statement: a link that is summed meanwhile is counted by its transfers.
        link_number, until_id = cursor.fetchone() or (0, 0)
        named = values | {"link_number": link_number, "until_id": until_id, "as_of": as_of or "infinity"}
        parts = [
            f"SELECT {_SUMMED}, transfer_count, moved_rupiah FROM lifecycle_closedsum"
            " WHERE link_number <= %(link_number)s" + (" AND posted_on < %(day)s" if as_of else "")
        ]
        if as_of is not None:
            # Up to the end of a day, that day is a whole one.
            day = programme_day(as_of + datetime.resolution)
            named |= {"day": day, "midnight": datetime.combine(day, time.min, tzinfo=JAKARTA)}
            parts.append(_transfers("transfer.id <= %(until_id)s AND transfer.posted_at >= %(midnight)s", with_owner))
        parts.append(_transfers("transfer.id > %(until_id)s", with_owner))
        names = ", ".join(columns)
        cursor.execute(
            f"SELECT {names}, sum(transfer_count)::bigint, sum(moved_rupiah)::bigint"
            f" FROM ({' UNION ALL '.join(parts)}) moved {f'WHERE {condition}' if condition else ''}"
            f" GROUP BY {names} ORDER BY {names}",
            named,
        )
        return list(cursor.fetchall())


def _transfers(condition: str, with_owner: bool) -> str:
    """Transfers as they would be summed, each by itself."""
    wave, year, join = ("participation.wave_id", _YEAR, _OWNER) if with_owner else ("NULL::bigint", "NULL::integer", "")
    return (
        f"SELECT {_DAY}, {wave}, {year}, transfer.reason, transfer.debit_kind, transfer.credit_kind, {_IS_CLAWBACK}, 1,"
        f" transfer.amount_rupiah FROM ledger_transfer transfer {join}"
        f" WHERE transfer.posted_at <= %(as_of)s AND {condition}"
    )
