"""The file of sessions: when those of known trainings take place, as rows for `purchases.reschedule_sessions`."""

from datetime import datetime
from pathlib import Path

from bekal.catalogue.faults import FaultyRows
from bekal.catalogue.schedule_sessions import NewSession, described
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import SILENT, Progress
from bekal.exchange.table_fields import ColumnMap, Field, Findings, instant, parsed_rows, text_field, whole_number
from bekal.exchange.table_file import Problem, Table, TableError
from bekal.exchange.trainings import with_faults
from bekal.purchases.move_sessions import reschedule_sessions

MAX_ROWS = 1_000_000

FIELDS: tuple[Field, ...] = (
    Field("training", text_field, required=True, max_characters=60, about="The code of a training in the catalogue."),
    Field(
        "sequence",
        whole_number(1, 30),
        required=True,
        about="Which of the training's sessions, from 1; later ones do not start before earlier ones.",
    ),
    Field("starts_at", instant, required=True, about="When it starts."),
    Field("ends_at", instant, about="When it ends; blank: not said."),
    Field("place", text_field, about="Where it is held, or how one gets in."),
)


def read_sessions(
    path: Path, column_map: ColumnMap, progress: Progress = SILENT
) -> tuple[dict[int, NewSession], Findings]:
    """Every session of a CSV or Parquet file by its line, or the problems that keep it out. Writes nothing."""
    findings = Findings()
    sessions: dict[int, NewSession] = {}
    first_line: dict[tuple[str, int], int] = {}
    try:
        table = Table(path, max_rows=MAX_ROWS)
    except TableError as error:
        findings.add(error.problem)
        return {}, findings
    for line, values in progress.over(parsed_rows(table, FIELDS, column_map, findings), "reading"):
        key = (values["training"], values["sequence"])
        if first_line.setdefault(key, line) != line:
            mend = f"line {first_line[key]} has session {key[1]} of {key[0]} already: keep one of them"
            findings.add(Problem(line, "sequence", str(key[1]), mend))
            continue
        sessions[line] = NewSession(
            training_code=key[0],
            sequence=key[1],
            starts_at=values["starts_at"],
            ends_at=values.get("ends_at"),
            place=values.get("place") or "",
        )
    if not (sessions or findings.problem_count):
        findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))
    return sessions, findings


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the sessions that have no date yet, change those that differ (`purchases.reschedule_sessions`)."""
    sessions, findings = read_sessions(path, column_map, progress)
    if findings.problem_count:
        return Loaded({}, findings)
    try:
        scheduled = reschedule_sessions(sessions=list(sessions.values()), at=at, dry_run=dry_run)
    except FaultyRows as error:
        return Loaded({}, with_faults(findings, error, lines=list(sessions), column_map=column_map))
    return Loaded(described(scheduled), findings)


KIND = Kind("sessions", "When the sessions of trainings take place, and where.", FIELDS, MAX_ROWS, load)
