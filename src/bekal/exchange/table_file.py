"""Reads a table somebody else made (CSV or Parquet) as rows of text with their line numbers, and trusts none of it.

A file that cannot be read as a table at all is refused whole with one sentence; a row that cannot is a `Problem` among
the others, so that one look at the list mends the file.
"""

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from bekal.exchange.parquet_probe import SLICE_ROWS, is_decodable

MAX_FILE_BYTES = 4 * 1024**3
MAX_COLUMNS = 100
MAX_FIELD_CHARACTERS = 10_000
QUOTED_CHARACTERS = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `line` as an editor counts (the heading is 1; Parquet's rows count from 1), 0 for the file."""

    line: int
    column: str
    value: str
    mend: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        column = f"column {self.column}, " if self.column else ""
        value = f"value {quoted(self.value)}: " if self.value or self.column else ""
        return f"{where}{column}{value}{self.mend}"


class TableError(Exception):
    """The file is no table that can be read; nothing of it was used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Row:
    """`values` in the order of the table's columns, or one `problem` where the row could not be split into them."""

    line: int
    values: tuple[str, ...]
    problem: Problem | None = None


def quoted(text: str) -> str:
    """A value as a message shows it: short, and without characters that would break the line or the terminal."""
    short = text if len(text) <= QUOTED_CHARACTERS else text[: QUOTED_CHARACTERS - 1] + "…"
    return '"' + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short) + '"'


class Table:
    """An opened file: its columns, then its rows one by one (once)."""

    def __init__(self, path: Path, *, max_rows: int) -> None:
        """Open the file and read its heading. Raises TableError where it is no table."""
        self.path = path
        self.max_rows = max_rows
        _check_file(path)
        self.is_parquet = _starts_with(path, b"PAR1")
        self._rows = self._parquet_rows() if self.is_parquet else self._csv_rows()
        self.columns = next(self._rows).values

    def rows(self) -> Iterator[Row]:
        """Every row below the heading. Raises TableError where the file breaks off or has more than `max_rows`."""
        for count, row in enumerate(self._rows, start=1):
            if count > self.max_rows:
                raise _broken(row.line, f"there are more than {self.max_rows:,} rows: split the file into several")
            yield row

    def _csv_rows(self) -> Iterator[Row]:
        """The heading first, then the rows; the strict dialect of RFC 4180 in UTF-8."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            start, width = 1, 0
            while True:
                try:
                    values = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    raise _broken(start, _csv_mend(error)) from None
                except UnicodeDecodeError:
                    raise _not_utf8(self.path) from None
                if not width:
                    values = _checked_heading(values)
                    width = len(values)
                    if not width:
                        raise _broken(1, "the first line is empty: it must name the columns")
                    yield Row(start, tuple(values))
                elif values:
                    yield _csv_row(start, values, width)
                start = reader.line_num + 1
        if not width:
            raise _broken(0, "the file is empty: its first line must name the columns")

    def _parquet_rows(self) -> Iterator[Row]:
        """As `_csv_rows`; a slice of rows at a time, so that a large file needs no more memory than a small one."""
        if not is_decodable(self.path):
            raise _broken(0, "the Parquet file cannot be read (a length in it is bent): write it again")
        frame = pl.scan_parquet(self.path, glob=False)
        schema = self._read(frame.collect_schema)
        yield Row(0, tuple(_checked_heading(list(schema))))
        for name, kind in schema.items():
            if kind.is_nested() or kind == pl.Binary or kind == pl.Object:
                raise TableError(Problem(0, name, str(kind), "store this column as text, whole numbers or dates"))
        for start in range(0, self.max_rows + 1, SLICE_ROWS):
            part = self._read(frame.slice(start, SLICE_ROWS).collect)
            # A day that Python has no year for is found here.
            for line, values in enumerate(self._read(part.rows), start=start + 1):
                yield Row(line, tuple(map(_as_text, values)))
            if part.height < SLICE_ROWS:
                break

    def _read(self, read: Callable[[], T]) -> T:
        try:
            with _silent_stderr():
                return read()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            reason = quoted(str(error).strip().partition("\n")[0])
            raise _broken(0, f"the Parquet file cannot be read ({reason}): write it again") from None


def _csv_row(line: int, values: list[str], width: int) -> Row:
    if len(values) == width:
        return Row(line, tuple(values))
    mend = f"the row has {len(values)} fields where the heading has {width}: put texts with a comma into double quotes"
    return Row(line, (), Problem(line, "", "", mend))


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise _broken(0, f"{path} is not a file: name a CSV or Parquet file")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not possible"
        raise _broken(0, f"{quoted(str(path))} cannot be opened ({reason}): check the name") from None
    if size > MAX_FILE_BYTES:
        raise _broken(0, f"the file has {size:,} bytes, at most {MAX_FILE_BYTES:,} are read: split it into several")


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise _broken(0, f"{quoted(str(path))} cannot be read ({error.strerror}): check its permissions") from None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _broken(1, "the file is UTF-16: save it again as CSV in UTF-8")
    if head[:4] == b"PK\x03\x04":
        raise _broken(0, "this is an Excel workbook or a ZIP archive: save the sheet as CSV in UTF-8")
    return head == magic


def _checked_heading(columns: list[str]) -> list[str]:
    names = [name.strip() for name in columns]
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in names[0])
        shown = "tabs" if mark == "\t" else f'"{mark}"'
        raise _broken(1, f"the columns are separated by {shown}: save the file with commas (CSV, comma delimited)")
    if len(names) > MAX_COLUMNS:
        raise _broken(
            1, f"there are {len(names)} columns, at most {MAX_COLUMNS} are read: leave out what is not needed"
        )
    for name in names:
        if "\0" in name or "\ufeff" in name:
            raise TableError(Problem(1, quoted(name), name, "the heading holds a character that is no text: remove it"))
        if names.count(name) > 1:
            raise TableError(Problem(1, name, name, "two columns have this name: rename one of them"))
    return names


def _csv_mend(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a double quote opened in this row is never closed: close it (a quote inside a text is written twice)"
    if "field larger" in text:
        return "a field of this row does not end: look for a double quote that is not closed"
    if "expected after" in text:
        return 'a text in double quotes is followed by more text: write a quote inside a text twice ("")'
    return f"the row is no CSV ({text}): put texts with commas, quotes or line breaks into double quotes"


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """The reader writes a trace of its own to the process's stderr when a damaged file makes it panic."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _broken(line: int, mend: str) -> TableError:
    return TableError(Problem(line, "", "", mend))


def _not_utf8(path: Path) -> TableError:
    """Names the first line that is not UTF-8; looked for only now, line by line."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                return TableError(Problem(number, "", repr(raw[error.start : error.start + 4]), _UTF8_MEND))
    return _broken(0, _UTF8_MEND)


_UTF8_MEND = "these bytes are not UTF-8: save the file again as CSV in UTF-8"


def _as_text(value: object) -> str:
    """A Parquet value as CSV would have it; a whole float (what a missing value makes of an integer) as the integer."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        is_day = value.tzinfo is None and value.time() == datetime.min.time()
        return value.date().isoformat() if is_day else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
