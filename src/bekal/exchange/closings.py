"""The file of closings: whose year was closed when, with what had not been earned by then."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.history import (
    LIMIT,
    MAX_ROWS,
    Line,
    history_file,
    one_by_one,
    post_lines,
    refuse_future,
    refuse_other,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant
from bekal.ledger.clock import JAKARTA
from bekal.ledger.movements import Movement
from bekal.lifecycle.close_year import earning_rule

FIELDS: tuple[Field, ...] = (NIK, Field("closed_at", instant, required=True, about="When the year was closed."))
COLUMNS: Mapping[str, str] = {"nik_hash": "bytea NOT NULL", "closed_at": "timestamptz NOT NULL"}
_PLACE = "participants_participation place ON place.id = row.participation_id"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Close what is not closed yet, and return what the verb would have returned at that instant: what was committed
    and not earned by then. Comes last."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        wrong: list[tuple[str, str]] = []
        refuse_future(values, ("closed_at",), at, wrong)
        if wrong:
            raise RowError(wrong)
        return (hash_of_nik(values["nik"]), values["closed_at"])

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged, progress)
    return Loaded(staged.counts, staged.findings)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash", "nik", "a closing of this person")
    refuse_other(
        staged,
        "closed_at",
        "the closing of this person",
        f"history_row row JOIN {_PLACE} WHERE place.closed_at IS NOT NULL AND place.closed_at <> row.closed_at",
    )
    staged.refuse(
        "closed_at",
        "the place was neither revoked nor had its balance ended by then: import the endings first, or correct it",
        f"""
        SELECT line FROM history_row row JOIN {_PLACE}
        WHERE coalesce(least(place.revoked_at, place.balance_ended_at) > row.closed_at, true) {LIMIT}
        """,
    )
    staged.refuse(
        "closed_at",
        "something could still be earned until {}: correct it",
        f"""
        SELECT line, place.balance_ends_on + rule.earning_days FROM history_row row JOIN {_PLACE}
        JOIN unnest(%(since_on)s::date[], %(until_on)s::date[], %(earning_days)s::integer[])
            AS rule(since_on, until_on, earning_days)
            ON place.accepted_on >= rule.since_on AND place.accepted_on < rule.until_on
        WHERE (row.closed_at AT TIME ZONE '{JAKARTA.key}')::date <= place.balance_ends_on + rule.earning_days {LIMIT}
        """,
        earning_rule(),
    )


def _write(staged: Staged, progress: Progress) -> dict[str, int]:
    returned_rupiah = 0
    with one_by_one(staged):
        for chunk in staged.chunks(_CHUNK_SQL, progress, "posting"):
            lines: list[Line] = []
            for line, owner_id, at, cash_rupiah, survey_rupiah in chunk:
                parts = (
                    (Movement.CLOSE_INCENTIVE, cash_rupiah, "close:incentive"),
                    (Movement.CLOSE_SURVEY, survey_rupiah, "close:survey"),
                )
                lines += [(line, owner_id, movement, amount, key, at) for movement, amount, key in parts if amount > 0]
            post_lines(staged, lines, "closed_at", "less is left for this person than the closing returns")
            returned_rupiah += sum(amount for _, _, _, amount, _, _ in lines)
    closed_count = staged.write(f"""
        UPDATE participants_participation place SET closed_at = row.closed_at
        FROM history_row row WHERE place.id = row.participation_id AND {_NEW}
    """)
    unchanged_count = staged.row_count - closed_count
    return {"added": closed_count, "unchanged": unchanged_count, "rupiah returned to the treasury": returned_rupiah}


_NEW = "place.closed_at IS NULL"


def _unearned(kind: int, name: str) -> str:
    """Committed, less what a revocation returned, less what was earned: nothing where a clawback took all before."""
    return f"""CASE WHEN place.clawed_back_at <= row.closed_at THEN 0 ELSE coalesce((
        SELECT sum(CASE WHEN credit_kind = {kind} THEN amount_rupiah ELSE -amount_rupiah END) FROM ledger_transfer
        WHERE owner_id = place.id AND (reason IN (1, 9) AND credit_kind = {kind}
                                       OR idempotency_key = 'revoke:{name}')), 0)
        - coalesce((SELECT sum(amount_rupiah) FROM incentives_entitlement earned
                    WHERE earned.participation_id = place.id AND earned.kind = '{name}'
                      AND earned.entitled_at <= row.closed_at), 0) END"""


_CHUNK_SQL = f"""
SELECT row.line, place.id, row.closed_at, ({_unearned(5, "incentive")})::bigint, ({_unearned(6, "survey")})::bigint
FROM history_row row JOIN {_PLACE}
WHERE {_NEW} AND row.line > %(after)s ORDER BY row.line LIMIT %(size)s
"""

KIND = Kind(
    "closings",
    "Participations whose year was closed: one row for each person, imported last.",
    FIELDS,
    MAX_ROWS,
    load,
)
