"""Reads of the ledger: balances, statements and totals, now or as of any past instant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from bekal.ledger.copy_rows import id_array
from bekal.ledger.models import Transfer
from bekal.ledger.movements import Kind, Reason


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One transfer as a statement shows it: whole rupiah from `debit_kind` to `credit_kind`."""

    id: int
    reason: Reason
    debit_kind: Kind
    credit_kind: Kind
    amount_rupiah: int
    idempotency_key: str
    posted_at: datetime


def remaining(*, owner_ids: Collection[int]) -> dict[int, int]:
    """The training balance (rupiah) each owner can spend now; owners without one are left out."""
    return _stored("remaining_rupiah", owner_ids)


def granted(*, owner_ids: Collection[int]) -> dict[int, int]:
    """The training balance (rupiah) each owner was granted; owners without one are left out."""
    return _stored("granted_rupiah", owner_ids)


def _stored(column: str, owner_ids: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT owner_id, {column} FROM ledger_trainingbalance WHERE owner_id = ANY(%s::bigint[])",
            [id_array(owner_ids)],
        )
        return dict(cursor.fetchall())


_KINDS = {kind.value: kind for kind in Kind}
BALANCES_SQL = """
SELECT owner_id, kind, sum(amount)::bigint FROM (
    SELECT owner_id, credit_kind AS kind, amount_rupiah AS amount FROM ledger_transfer
    WHERE owner_id = ANY(%(owners)s::bigint[]) AND posted_at <= %(as_of)s
    UNION ALL
    SELECT owner_id, debit_kind, -amount_rupiah FROM ledger_transfer
    WHERE owner_id = ANY(%(owners)s::bigint[]) AND posted_at <= %(as_of)s
) entries GROUP BY owner_id, kind
"""


def balances_of(*, owner_ids: Collection[int], as_of: datetime | None = None) -> dict[int, dict[Kind, int]]:
    """What every kind holds (rupiah) for each owner, derived from transfers posted up to and including `as_of`.

    Kinds an owner never touched are left out; the treasury's is negative by what it has committed."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_SQL, {"owners": id_array(owner_ids), "as_of": as_of or "infinity"})
        balances: dict[int, dict[Kind, int]] = {}
        for owner_id, kind, amount in cursor.fetchall():
            balances.setdefault(owner_id, {})[_KINDS[kind]] = amount
    return balances


def totals(*, as_of: datetime | None = None) -> dict[Kind, int]:
    """What every kind holds (rupiah) over the whole programme; the values sum to 0."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, sum(amount) FROM (
                SELECT credit_kind AS kind, sum(amount_rupiah) AS amount FROM ledger_transfer
                WHERE posted_at <= %(as_of)s GROUP BY 1
                UNION ALL
                SELECT debit_kind, -sum(amount_rupiah) FROM ledger_transfer WHERE posted_at <= %(as_of)s GROUP BY 1
            ) entries GROUP BY kind ORDER BY kind
            """,
            {"as_of": as_of or "infinity"},
        )
        return {Kind(kind): int(amount) for kind, amount in cursor.fetchall()}


def transfers_of(*, owner_id: int, as_of: datetime | None = None) -> tuple[TransferLine, ...]:
    """Every transfer of one owner up to and including `as_of`, oldest first."""
    rows = Transfer.objects.filter(owner_id=owner_id).order_by("posted_at", "id")
    if as_of is not None:
        rows = rows.filter(posted_at__lte=as_of)
    return tuple(
        TransferLine(
            row.id,
            Reason(row.reason),
            Kind(row.debit_kind),
            Kind(row.credit_kind),
            row.amount_rupiah,
            row.idempotency_key,
            row.posted_at,
        )
        for row in rows
    )
