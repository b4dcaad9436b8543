"""The checked rows of a file in a temporary table, where sets are compared with sets: a million rows in bounded memory.

A file is read once, row by row; what can be judged alone is judged in Python, what needs the others (twice in the file,
unknown, taken) in SQL. A problem found in SQL names line and column; its value is looked up in the file afterwards, so
that no temporary table needs to hold personal data in the clear.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction

from bekal.exchange.progress import Progress
from bekal.exchange.table_fields import MAX_PROBLEMS, ColumnMap, Field, Findings, column_of, parsed_rows
from bekal.exchange.table_file import Problem, Table, TableError

CHUNK_ROWS = 10_000
# What a row becomes: its values in the order of the staged columns. It raises RowError.
RowOf = Callable[[Mapping[str, Any]], Sequence[object]]


class RowError(Exception):
    """A row whose values do not go together: (field, mend) of each thing that is wrong."""

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        super().__init__(*wrong)
        self.wrong = wrong


class Staged:
    """The rows of one file as staged: a temporary table with `line` first and the columns it was opened with."""

    def __init__(self, table: str, source: Path, fields: Sequence[Field], column_map: ColumnMap, max_rows: int) -> None:
        self.table = table
        self.findings = Findings()
        self.counts: dict[str, int] = {}
        self.row_count = 0
        self._source, self._fields, self._column_map, self._max_rows = source, fields, column_map, max_rows
        self._refused: list[tuple[int, str, str]] = []

    @property
    def is_sound(self) -> bool:
        """Whether nothing has been found that keeps the file out."""
        return not (self.findings.problem_count or self._refused)

    def fetch(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query; for counts and the like."""
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def write(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """Execute a statement; how many rows it wrote."""
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return int(cursor.rowcount)

    def write_in_parts(self, sql: str, progress: Progress, phase: str, values: Mapping[str, Any] | None = None) -> int:
        """Execute a statement for the lines from `%(first)s` to `%(last)s`, part by part; how many rows it wrote."""
        ((highest,),) = self.fetch(f"SELECT coalesce(max(line), 0) FROM {self.table}")
        written_count = 0
        bar = progress.bar(phase, self.row_count)
        for first in range(1, highest + 1, CHUNK_ROWS * 5):
            last = first + CHUNK_ROWS * 5 - 1
            written_count += self.write(sql, {**(values or {}), "first": first, "last": last})
            bar.update(min(CHUNK_ROWS * 5, self.row_count - bar.n))
        bar.close()
        return written_count

    def analyze(self) -> None:
        """Tell PostgreSQL what the columns hold now: it takes what was filled later for empty, and plans for that."""
        self.write(f"ANALYZE {self.table}")

    def chunks(
        self, sql: str, progress: Progress, phase: str, size: int = CHUNK_ROWS
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query that names a `%(size)s` and goes on after `%(after)s`: its first column ascends."""
        after = -1
        with connection.cursor() as cursor:
            bar = progress.bar(phase)
            while True:
                cursor.execute(sql, {"after": after, "size": size})
                rows = cursor.fetchall()
                if not rows:
                    break
                yield rows
                bar.update(len(rows))
                after = rows[-1][0]
            bar.close()

    def refuse(self, column: str, mend: str, sql: str, values: Mapping[str, Any] | None = None) -> None:
        """Every row of the query is a problem in that column: its first value the line, the others go into `mend` in
        the order of its {}. Ask in the order of the lines."""
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            for line, *rest in cursor:
                self.refuse_line(line, column, mend.format(*rest))

    def refuse_line(self, line: int, column: str, mend: str) -> None:
        """One row is a problem in that column."""
        if len(self._refused) < MAX_PROBLEMS:
            self._refused.append((line, column, mend))
        else:
            self.findings.problem_count += 1

    def refuse_repeated(self, key: str, column: str, what: str) -> None:
        """Rows whose `key` (staged columns, comma-separated) stands on an earlier line; `what` follows "has"."""
        self.refuse(
            column,
            f"line {{}} has {what} already: keep one of them",
            f"""
            SELECT line, first_line FROM (
                SELECT line, min(line) OVER (PARTITION BY {key}) AS first_line FROM {self.table}
            ) counted WHERE line > first_line ORDER BY line LIMIT {MAX_PROBLEMS + 1}
            """,
        )

    def fill(self, columns: Sequence[str], row_of: RowOf, progress: Progress) -> None:
        """Read the file and copy every sound row into the table."""
        before = _fingerprint(self._source)
        try:
            table = Table(self._source, max_rows=self._max_rows)
        except TableError as error:
            self.findings.add(error.problem)
            return
        rows = self._rows(table, row_of, progress)
        with connection.cursor() as cursor:
            # A COPY keeps the connection to itself, so that it never spans the reading of the whole file.
            while chunk := list(islice(rows, CHUNK_ROWS)):
                with cursor.copy(f"COPY {self.table} (line, {', '.join(columns)}) FROM STDIN") as copy:
                    for row in chunk:
                        copy.write_row(row)
                self.row_count += len(chunk)
            cursor.execute(f"ANALYZE {self.table}")
        if _fingerprint(self._source) != before:
            self.findings.add(Problem(0, "", "", "the file was changed while it was read: import it again"))
        elif self.is_sound and not self.row_count:
            self.findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))

    def _rows(self, table: Table, row_of: RowOf, progress: Progress) -> Iterator[tuple[object, ...]]:
        parsed = parsed_rows(table, self._fields, self._column_map, self.findings)
        for line, values in progress.over(parsed, "reading"):
            try:
                yield (line, *row_of(values))
            except RowError as error:
                for name, mend in error.wrong:
                    self.refuse_line(line, name, mend)

    def settle(self) -> None:
        """Turn what was refused by line and column into problems with their values, in the order of the lines."""
        wanted: dict[int, list[tuple[str, str]]] = {}
        for line, column, mend in self._refused:
            wanted.setdefault(line, []).append((column, mend))
        self._refused = []
        found: list[Problem] = []
        try:
            table = Table(self._source, max_rows=self._max_rows)
            for row in table.rows() if wanted else ():
                for name, mend in wanted.pop(row.line, ()):
                    place = column_of(name, table.columns, self._column_map)
                    value = "" if row.problem or place is None else row.values[place]
                    found.append(Problem(row.line, name if place is None else table.columns[place], value, mend))
                if not wanted:
                    break
        except TableError:
            pass  # the first reading has said what is wrong with the file
        found += [Problem(line, column, "", mend) for line, rest in wanted.items() for column, mend in rest]
        self.findings.add_in_order(found)


@contextmanager
def staged_file(
    source: Path,
    fields: Sequence[Field],
    column_map: ColumnMap,
    *,
    columns: Mapping[str, str],
    row_of: RowOf,
    max_rows: int,
    dry_run: bool,
    progress: Progress,
) -> Iterator[Staged]:
    """A file's rows in a temporary table of `columns` (name -> SQL type; `line integer` comes first), in one
    transaction: what the block writes is kept only where nothing was found and it is no dry run. One import at a time.

    The block checks (`refuse`), and where `is_sound` writes and sets `counts`. Afterwards `findings` is complete.
    """
    staged = Staged("staged_row", source, fields, column_map, max_rows)
    try:
        with transaction.atomic():
            types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            staged.write("SELECT pg_advisory_xact_lock(hashtext('exchange import'))")
            staged.write(f"CREATE TEMPORARY TABLE {staged.table} (line integer PRIMARY KEY, {types}) ON COMMIT DROP")
            staged.fill(list(columns), row_of, progress)
            yield staged
            staged.write(f"DROP TABLE {staged.table}")
            transaction.set_rollback(dry_run or not staged.is_sound)
    except IntegrityError as error:
        reason = str(error).partition("\n")[0]
        staged.findings.add(Problem(0, "", "", f"somebody else wrote the same meanwhile ({reason}): import it again"))
    staged.settle()
    if staged.findings.problem_count:
        staged.counts = {}


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    return seen.st_size, seen.st_mtime_ns, seen.st_ino
