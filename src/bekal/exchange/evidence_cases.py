"""The file of evidence cases: which purchases were contested, since when, until when, and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import Extract, day, nik, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import (
    LIMIT,
    MAX_ROWS,
    TRAINING,
    history_file,
    refuse_disorder,
    refuse_future,
    refuse_other,
    refuse_unbought,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.people import IS_PERSON, NIK, PURCHASES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, iso_date, one_of, text_field, whole_number
from bekal.purchases.models import EvidenceCase

FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    Field("number", whole_number(1, 10_000), required=True, about="The how-manieth case of this purchase."),
    Field("kind", one_of({each: each for each in EvidenceCase.Kind.values}), required=True, about="What is contested."),
    Field("opened_at", instant, required=True, about="Since when its money waits."),
    Field("due_on", iso_date, required=True, about="By which day the programme decides."),
    Field("officer", text_field, max_characters=150, about="Who has taken it, by login name; blank: nobody yet."),
    Field("closed_at", instant, about="Blank: it is open."),
    Field(
        "resolution",
        one_of({each: each for each in EvidenceCase.Resolution.values}),
        about="How it ended; needed with closed_at.",
    ),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "number": "int NOT NULL",
    "kind": "text NOT NULL",
    "since_at": "timestamptz NOT NULL",
    "due_on": "date NOT NULL",
    "officer": "text",
    "closed_at": "timestamptz",
    "resolution": "text NOT NULL",
}
# Cases as the files name them: by their purchase and a number.
NUMBERED_CASES = """(SELECT known.*, row_number() OVER (PARTITION BY purchase_id ORDER BY id) AS number
    FROM purchases_evidencecase known)"""
_SAME = "known.purchase_id = row.purchase_id AND known.number = row.number"


def extract() -> Extract:
    """What an export writes, by person, purchase and number."""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            number("number", "contested.number"),
            text("kind", "contested.kind"),
            instant_column("opened_at", "contested.opened_at"),
            day("due_on", "contested.due_on"),
            text("officer", "officer.login_name"),
            instant_column("closed_at", "contested.closed_at"),
            text("resolution", "nullif(contested.resolution, '')"),
        ),
        source=f"""{NUMBERED_CASES} contested JOIN ({PURCHASES}) ON purchase.id = contested.purchase_id
            LEFT JOIN accounts_user officer ON officer.id = contested.officer_id""",
        order="person.id, purchase.ordinal, contested.number",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the cases that are new, after the evidence that they are about."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("opened_at", "closed_at"), at, wrong)
    refuse_disorder(values, ("opened_at", "closed_at"), wrong)
    if (values.get("closed_at") is None) != (values.get("resolution") is None):
        wrong.append(("resolution", "this stands exactly where closed_at does: write both, or none"))
    if wrong:
        raise RowError(wrong)
    plain = tuple(values[name] for name in ("training", "number", "kind", "opened_at", "due_on"))
    ending = (values.get("officer"), values.get("closed_at"), values.get("resolution") or "")
    return (hash_of_nik(values["nik"]), *plain, *ending)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training, number", "number", "this case")
    refuse_no_officers(staged, ("officer",))
    refuse_unbought(staged)
    staged.refuse(
        "number",
        "the case before this is missing, or is still open: number them one after another, and close the earlier",
        f"""
        SELECT line FROM history_row row WHERE number > 1
          AND NOT EXISTS (SELECT 1 FROM history_row other WHERE other.purchase_id = row.purchase_id
                          AND other.number = row.number - 1 AND other.closed_at IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM {NUMBERED_CASES} known WHERE known.purchase_id = row.purchase_id
                          AND known.number = row.number - 1 AND known.closed_at IS NOT NULL) {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "number",
        "this case",
        f"""
        history_row row JOIN {NUMBERED_CASES} known ON {_SAME}
        LEFT JOIN accounts_user officer ON officer.id = known.officer_id
        WHERE (known.opened_at, known.due_on) <> (row.since_at, row.due_on)
           OR row.officer IS NOT NULL AND row.officer IS DISTINCT FROM officer.login_name
           OR row.closed_at IS NOT NULL AND (known.kind, known.closed_at, known.resolution)
              IS DISTINCT FROM (row.kind, row.closed_at, row.resolution)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    officer_count = add_officers(staged, ("officer",))
    added_count = staged.write(f"""
        INSERT INTO purchases_evidencecase (purchase_id, kind, opened_at, due_on, officer_id, closed_at, resolution)
        SELECT row.purchase_id, row.kind, row.since_at, row.due_on, officer.id, row.closed_at, row.resolution
        FROM history_row row LEFT JOIN accounts_user officer ON officer.login_name = row.officer
        WHERE NOT EXISTS (SELECT 1 FROM {NUMBERED_CASES} known WHERE {_SAME}) ORDER BY row.purchase_id, row.number
    """)
    return {"added": added_count, "unchanged": staged.row_count - added_count, "officers added": officer_count}


KIND = Kind(
    "evidence_cases",
    "Purchases whose evidence was contested: one row for each case, imported after the evidence.",
    FIELDS,
    MAX_ROWS,
    load,
)
