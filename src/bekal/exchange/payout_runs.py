"""The file of payout runs: the lists that were paid, who planned and who approved them."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.history import LIMIT, refuse_disorder, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged, staged_file
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Value,
    instant,
    iso_date,
    rupiah,
    text_field,
    whole_number,
)

MAX_ROWS = 1_000_000
UNKNOWN_PLANNER, UNKNOWN_APPROVER = "imported-planner", "imported-approver"
_NO_SEAL = bytes(32)
OFFICERS = ("planned_by", "approved_by", "cancelled_by")
_NUMBERED = re.compile(r"(.+?)(?:#([1-9][0-9]{0,4}))?", re.ASCII)


def numbered_instant(what: str, done: str) -> Value:
    """What is named by its instant, and a number where several have the same."""

    def parse(text: str) -> tuple[datetime, int]:
        match = _NUMBERED.fullmatch(text)
        if match is None:
            raise FieldError(f"write the instant at which the {what} was {done}, as 2020-07-24T09:00:00+07:00")
        return instant(match[1].strip()), int(match[2] or 1)

    return Value(parse, f"the instant at which the {what} was {done}; `#2` after it for a second of the same instant")


def _sha256_of(text: str) -> bytes:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text, re.ASCII):
        raise FieldError("a SHA-256 has 64 hexadecimal digits: correct it, or leave it blank")
    return bytes.fromhex(text)


run = numbered_instant("run", "planned")
sha256 = Value(_sha256_of, "64 hexadecimal digits")
FIELDS: tuple[Field, ...] = (
    Field("run", run, required=True, about="Names the run in `payouts`: the instant at which it was planned."),
    Field("planned_for", iso_date, required=True, about="The day of payment."),
    Field("payout_count", whole_number(1, 2**31 - 1), required=True, about="Payments on the list."),
    Field("total_rupiah", rupiah, required=True, about="The sum of the list."),
    Field("list_sha256", sha256, about="The seal of the list; blank: there is none."),
    Field("planned_by", text_field, max_characters=150, about=f"A login name; blank: `{UNKNOWN_PLANNER}`."),
    Field(
        "approved_by",
        text_field,
        max_characters=150,
        about=f"A login name, of another person; blank where it was exported: `{UNKNOWN_APPROVER}`.",
    ),
    Field("approved_at", instant, about="Blank where it was exported: then."),
    Field("exported_at", instant, about="When the payments were sent; blank: not yet."),
    Field("cancelled_by", text_field, max_characters=150, about=f"A login name; blank: `{UNKNOWN_PLANNER}`."),
    Field("cancelled_at", instant, about="Blank: not cancelled."),
)
COLUMNS: Mapping[str, str] = {
    "planned_at": "timestamptz NOT NULL",
    "place": "integer NOT NULL",
    "planned_for": "date NOT NULL",
    "payout_count": "integer NOT NULL",
    "total_rupiah": "bigint NOT NULL",
    "list_sha256": "bytea NOT NULL",
    "planned_by": "text NOT NULL",
    "approved_by": "text",
    "approved_at": "timestamptz",
    "exported_at": "timestamptz",
    "cancelled_by": "text",
    "cancelled_at": "timestamptz",
}
# Runs as the files name them: by the instant, and a place among those of the same instant.
NUMBERED_RUNS = """(SELECT known.*, row_number() OVER (PARTITION BY planned_at ORDER BY id) AS place
    FROM incentives_payoutrun known)"""
_SAME = "numbered.planned_at = row.planned_at AND numbered.place = row.place"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the runs that are new. Officers who are unknown are made without password and inactive, so that nobody can
    sign in as them."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=row_of,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
    return Loaded(staged.counts, staged.findings)


def _row(given: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    values = dict(given)
    planned_at, place = values["run"]
    if values.get("exported_at") and not values.get("approved_at"):
        values["approved_at"] = values["exported_at"]
    planned_by = values.get("planned_by") or UNKNOWN_PLANNER
    approved_by = values.get("approved_by") or (UNKNOWN_APPROVER if values.get("approved_at") else None)
    cancelled_by = values.get("cancelled_by") or (UNKNOWN_PLANNER if values.get("cancelled_at") else None)
    refuse_disorder({**values, "run": planned_at}, ("run", "approved_at", "exported_at"), wrong)
    refuse_disorder({**values, "run": planned_at}, ("run", "cancelled_at"), wrong)
    refuse_future({**values, "run": planned_at}, ("run", "approved_at", "exported_at", "cancelled_at"), at, wrong)
    if approved_by == planned_by:
        wrong.append(("approved_by", "who planned a run cannot approve it: correct one of them"))
    if approved_by and not values.get("approved_at"):
        wrong.append(("approved_by", "approved_at is blank: write it, or leave this blank too"))
    if cancelled_by and not values.get("cancelled_at"):
        wrong.append(("cancelled_by", "cancelled_at is blank: write it, or leave this blank too"))
    if values.get("cancelled_at") and values.get("exported_at"):
        wrong.append(("cancelled_at", "a run that was exported cannot be cancelled: leave one of them blank"))
    if values["total_rupiah"] <= 0:
        wrong.append(("total_rupiah", "a run pays something: correct it"))
    if wrong:
        raise RowError(wrong)
    return (
        planned_at,
        place,
        *(values[name] for name in ("planned_for", "payout_count", "total_rupiah")),
        values.get("list_sha256") or _NO_SEAL,
        planned_by,
        approved_by,
        *(values.get(name) for name in ("approved_at", "exported_at")),
        cancelled_by,
        values.get("cancelled_at"),
    )


def _check(staged: Staged) -> None:
    staged.refuse_repeated("planned_at, place", "run", "this run")
    staged.refuse(
        "run",
        "a run planned in this instant is known already with other values: history is not changed, take the row out",
        f"""
        SELECT line FROM staged_row row JOIN {NUMBERED_RUNS} numbered ON {_SAME}
        JOIN accounts_user planner ON planner.id = numbered.planned_by_id
        WHERE (numbered.planned_for, numbered.payout_count, numbered.total_rupiah, numbered.list_sha256,
               planner.login_name) <> (row.planned_for, row.payout_count, row.total_rupiah, row.list_sha256,
                                       row.planned_by)
           OR row.approved_at IS NOT NULL AND row.approved_at IS DISTINCT FROM numbered.approved_at
           OR row.exported_at IS NOT NULL AND row.exported_at IS DISTINCT FROM numbered.exported_at
           OR row.cancelled_at IS NOT NULL AND row.cancelled_at IS DISTINCT FROM numbered.cancelled_at {LIMIT}
        """,
    )
    staged.refuse(
        "run",
        "there is no #{} of this instant: number the runs of one instant without gaps",
        f"""
        SELECT line, row.place - 1 FROM staged_row row
        WHERE row.place > 1
          AND NOT EXISTS (SELECT 1 FROM {NUMBERED_RUNS} numbered
                          WHERE numbered.planned_at = row.planned_at AND numbered.place = row.place - 1)
          AND NOT EXISTS (SELECT 1 FROM staged_row other
                          WHERE other.planned_at = row.planned_at AND other.place = row.place - 1) {LIMIT}
        """,
    )
    refuse_no_officers(staged, OFFICERS)


def _write(staged: Staged) -> dict[str, int]:
    officer_count = add_officers(staged, OFFICERS)
    added_count = staged.write(f"""
        INSERT INTO incentives_payoutrun (planned_for, payout_count, total_rupiah, list_sha256, planned_by_id,
            planned_at, approved_by_id, approved_at, approved_sha256, exported_at, cancelled_by_id, cancelled_at)
        SELECT row.planned_for, row.payout_count, row.total_rupiah, row.list_sha256, planner.id, row.planned_at,
               approver.id, row.approved_at, CASE WHEN row.approved_at IS NOT NULL THEN row.list_sha256 END,
               row.exported_at, canceller.id, row.cancelled_at
        FROM staged_row row JOIN accounts_user planner ON planner.login_name = row.planned_by
        LEFT JOIN accounts_user approver ON approver.login_name = row.approved_by
        LEFT JOIN accounts_user canceller ON canceller.login_name = row.cancelled_by
        WHERE NOT EXISTS (SELECT 1 FROM {NUMBERED_RUNS} numbered WHERE {_SAME})
        ORDER BY row.planned_at, row.place
    """)
    unchanged_count = staged.row_count - added_count
    return {"added": added_count, "unchanged": unchanged_count, "officers added": officer_count}


KIND = Kind(
    "payout_runs",
    "Lists of payments: one row for each run, an office without runs writes one for each day on which it paid.",
    FIELDS,
    MAX_ROWS,
    load,
)
