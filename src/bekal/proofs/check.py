"""Runs the invariants on a connection and says what it looked at: a proof that saw nothing proves nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.proofs.invariants import INVARIANTS, Invariant
from bekal.proofs.snapshot import snapshot


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant that does not hold, with the first rows that break it (column -> value)."""

    invariant: Invariant
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked as of which instant (None: now), over how many rows, and what was found."""

    as_of: datetime | None
    checked: tuple[Invariant, ...]
    transfer_count: int
    participation_count: int
    payout_count: int
    total_in_rupiah: int
    violations: tuple[Violation, ...]


def prove_ledger(connection: BaseDatabaseWrapper, *, as_of: datetime | None = None) -> Proof:
    """Check every invariant in one snapshot of the database, read-only. Amounts are whole rupiah.

    With `as_of` only what has a history is checked; raises ValueError for a naive instant."""
    if as_of is not None and as_of.tzinfo is None:
        raise ValueError("as_of must be an aware datetime")
    bounds = {"as_of": as_of or "infinity"}
    checked = tuple(i for i in INVARIANTS if as_of is None or not i.only_now)
    violations = []
    with snapshot(connection) as cursor:
        for invariant in checked:
            cursor.execute(invariant.sql, bounds)
            names = [column.name for column in cursor.description or ()]
            rows = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
            if rows:
                violations.append(Violation(invariant, rows))
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM ledger_transfer WHERE posted_at <= %(as_of)s),
                   (SELECT count(*) FROM participants_participation WHERE accepted_at <= %(as_of)s),
                   (SELECT count(*) FROM incentives_payout),
                   (SELECT coalesce(sum(amount_rupiah), 0) FROM ledger_transfer
                    WHERE reason IN (1, 9) AND posted_at <= %(as_of)s)
            """,
            bounds,
        )
        transfers, participations, payouts, committed = cursor.fetchone()
    return Proof(as_of, checked, transfers, participations, payouts, int(committed), tuple(violations))
