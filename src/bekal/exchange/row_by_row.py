"""A small kind, row by row: each goes to the verb of its room, all in one transaction, and none is kept where one is
wrong."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from bekal.exchange.kind import Loaded
from bekal.exchange.progress import Progress
from bekal.exchange.table_fields import ColumnMap, Field, Findings, parsed_rows
from bekal.exchange.table_file import Problem, Table, TableError

# What is wrong with a row, by column with how to mend it; and whether it was new.
Taken = tuple[list[tuple[str, str]], bool]


def load_row_by_row(
    path: Path,
    fields: Sequence[Field],
    column_map: ColumnMap,
    *,
    max_rows: int,
    take: Callable[[Mapping[str, Any]], Taken],
    dry_run: bool,
    progress: Progress,
    finish: Callable[[], object] = lambda: None,
) -> Loaded:
    """Give each sound row to `take`, then call `finish`; kept only where nothing was found and it is no dry run."""
    findings = Findings()
    try:
        table = Table(path, max_rows=max_rows)
    except TableError as error:
        findings.add(error.problem)
        return Loaded({}, findings)
    added_count = row_count = 0
    with transaction.atomic():
        for line, values in progress.over(parsed_rows(table, fields, column_map, findings), "reading"):
            row_count += 1
            wrong, is_new = take(values)
            for name, mend in wrong:
                findings.add(Problem(line, name, _shown(values.get(name)), mend))
            added_count += is_new and not wrong
        finish()
        transaction.set_rollback(dry_run or findings.problem_count > 0)
    if not (row_count or findings.problem_count):
        findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))
    counts = {"added": added_count, "unchanged": row_count - added_count}
    return Loaded({} if findings.problem_count else counts, findings)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
