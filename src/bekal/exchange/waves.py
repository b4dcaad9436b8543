"""The file of waves: their days and places, past ones too (`open_wave` opens only what is still to come)."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged, staged_file
from bekal.exchange.table_fields import ColumnMap, Field, iso_date, whole_number
from bekal.participants.open_wave import MAX_COUNT

MAX_ROWS = 10_000
FIELDS: tuple[Field, ...] = (
    Field("number", whole_number(1, MAX_COUNT), required=True, about="Names the wave for ever."),
    Field("opens_on", iso_date, required=True, about="The first day of applications; nobody was accepted before it."),
    Field("closes_on", iso_date, required=True, about="The last day of applications."),
    Field("quota_count", whole_number(1, MAX_COUNT), required=True, about="How many people it can accept."),
)
COLUMNS: Mapping[str, str] = {
    "number": "integer",
    "opens_on": "date",
    "closes_on": "date",
    "quota_count": "integer",
    "wave_id": "bigint",
}
KNOWN_SQL = """
UPDATE staged_row staged SET wave_id = wave.id FROM participants_wave wave WHERE wave.number = staged.number
"""
ACCEPTED_SQL = """
SELECT staged.line, {known} FROM staged_row staged
JOIN (SELECT wave_id, count(*) AS accepted_count, min(accepted_on) AS first_on
      FROM participants_participation GROUP BY wave_id) accepted USING (wave_id)
WHERE {differs} ORDER BY line
"""
ADD_SQL = """
INSERT INTO participants_wave (number, opens_on, closes_on, quota_count)
SELECT number, opens_on, closes_on, quota_count FROM staged_row WHERE wave_id IS NULL ORDER BY number
"""
CHANGE_SQL = """
UPDATE participants_wave wave
SET opens_on = staged.opens_on, closes_on = staged.closes_on, quota_count = staged.quota_count
FROM staged_row staged
WHERE wave.id = staged.wave_id AND (wave.opens_on, wave.closes_on, wave.quota_count) <>
      (staged.opens_on, staged.closes_on, staged.quota_count)
"""


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the waves whose number is new, change those that differ."""
    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=_staged,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        _check(staged)
        if staged.is_sound:
            added_count, changed_count = staged.write(ADD_SQL), staged.write(CHANGE_SQL)
            unchanged_count = staged.row_count - added_count - changed_count
            staged.counts = {
                "waves added": added_count,
                "waves changed": changed_count,
                "waves unchanged": unchanged_count,
            }
    return Loaded(staged.counts, staged.findings)


KIND = Kind("waves", "Waves of acceptance: their days and how many places they have.", FIELDS, MAX_ROWS, load)


def _staged(values: Mapping[str, Any]) -> tuple[object, ...]:
    if values["closes_on"] < values["opens_on"]:
        raise RowError([("closes_on", f"this is before opens_on {values['opens_on']}: correct one of them")])
    return values["number"], values["opens_on"], values["closes_on"], values["quota_count"], None


def _check(staged: Staged) -> None:
    staged.refuse_repeated("number", "number", "this wave")
    staged.write(KNOWN_SQL)
    staged.fetch("SELECT id FROM participants_wave ORDER BY id FOR NO KEY UPDATE")
    full = "{} people were accepted in this wave: write at least that"
    staged.refuse(
        "quota_count",
        full,
        ACCEPTED_SQL.format(known="accepted.accepted_count", differs="staged.quota_count < accepted.accepted_count"),
    )
    early = "somebody was accepted in this wave on {}: write that day or an earlier one"
    staged.refuse(
        "opens_on", early, ACCEPTED_SQL.format(known="accepted.first_on", differs="staged.opens_on > accepted.first_on")
    )
