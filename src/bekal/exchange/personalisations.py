"""The file of switches: when participants switched lists made from who they are off, and on again."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import Extract, flag, nik, number
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import LIMIT, refuse_future
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, find_people, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged, staged_file
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, whole_number
from bekal.exchange.trainings import YES_NO

MAX_ROWS = 60_000_000
FIELDS: tuple[Field, ...] = (
    NIK,
    Field("number", whole_number(1, 32_000), required=True, about="The how-manieth switch of this person."),
    Field("is_on", one_of(YES_NO), required=True, about="`false`: off; the first is off, the next on again."),
    Field("switched_at", instant, required=True, about="When."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "number": "int NOT NULL",
    "is_on": "boolean NOT NULL",
    "switched_at": "timestamptz NOT NULL",
    "participant_id": "bigint",
}
# Switches as the files name them: by their person and a number.
_NUMBERED = """(SELECT known.*, row_number() OVER (PARTITION BY participant_id ORDER BY id) AS number
    FROM recommender_personalisation known)"""
_SAME = "known.participant_id = row.participant_id AND known.number = row.number"


def extract() -> Extract:
    """What an export writes, by person and number."""
    return Extract(
        columns=(
            nik("switch.participant_id"),
            number("number", "switch.number"),
            flag("is_on", "switch.is_enabled"),
            instant_column("switched_at", "switch.switched_at"),
        ),
        source=f"{_NUMBERED} switch",
        order="switch.participant_id, switch.number",
        of_person="switch.participant_id = %(person)s",
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the switches that are new; the last of each person counts from now on."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        wrong: list[tuple[str, str]] = []
        refuse_future(values, ("switched_at",), at, wrong)
        if values["is_on"] != (values["number"] % 2 == 0):
            wrong.append(("is_on", "it is on at first, so the first switch is off, the second on: correct one of them"))
        if wrong:
            raise RowError(wrong)
        return hash_of_nik(values["nik"]), values["number"], values["is_on"], values["switched_at"], None

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
        find_people(staged)
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
    return Loaded(staged.counts, staged.findings)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, number", "number", "this switch")
    staged.refuse(
        "number",
        "the one before this is missing: number them one after another",
        f"""
        SELECT line FROM staged_row row WHERE number > 1 AND participant_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM staged_row other WHERE other.participant_id = row.participant_id
                          AND other.number = row.number - 1)
          AND NOT EXISTS (SELECT FROM {_NUMBERED} known WHERE known.participant_id = row.participant_id
                          AND known.number = row.number - 1) {LIMIT}
        """,
    )
    staged.refuse(
        "switched_at",
        "this switch is known already with another instant: history is not changed, take the row out or correct it",
        f"""
        SELECT line FROM staged_row row JOIN {_NUMBERED} known ON {_SAME}
        WHERE known.switched_at <> row.switched_at {LIMIT}
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    added_count = staged.write(f"""
        INSERT INTO recommender_personalisation (participant_id, is_enabled, switched_at)
        SELECT participant_id, is_on, switched_at FROM staged_row row
        WHERE NOT EXISTS (SELECT FROM {_NUMBERED} known WHERE {_SAME}) ORDER BY participant_id, number
    """)
    # As the switch itself does: who is off has no list that the night has made.
    staged.write("""
        DELETE FROM recommender_preparedlist WHERE participation_id IN (
            SELECT place.id FROM participants_participation place JOIN (
                SELECT DISTINCT ON (participant_id) participant_id, is_enabled FROM recommender_personalisation
                WHERE participant_id IN (SELECT participant_id FROM staged_row) ORDER BY participant_id, id DESC
            ) newest ON newest.participant_id = place.participant_id WHERE NOT newest.is_enabled)
    """)
    return {"added": added_count, "unchanged": staged.row_count - added_count}


KIND = Kind(
    "personalisations",
    "Who does not want lists made from who they are: one row for each switch, off and on.",
    FIELDS,
    MAX_ROWS,
    load,
)
