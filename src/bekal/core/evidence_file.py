"""A file of evidence: one reading or none. Everything wrong is named by line and column, before anything is used.

UTF-8, LF, commas. A header, one line for each statement, and a trailer with the counts, the sums and the SHA-256 of all
bytes before it: a file that was cut, doubled or changed on its way does not fit its trailer. The page of the format is
docs/partners/evidence-files.md.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from bekal.core.statements import WHOLE_PERCENT, Piece
from bekal.core.text import FORMULA_STARTS, is_readable, shown

COLUMNS = ("purchase", "piece", "sequence", "percent", "happened_at", "holds", "revision", "reason")
TRAILER = ("trailer", "rows", "purchase_sum", "percent_sum", "sha256")
MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 50_000
MAX_LINE_BYTES = 2_000
MAX_FAULTS = 50
REASON_LIMIT_COUNT = 300
PIECES = (Piece.ATTENDANCE, Piece.PROGRESS, Piece.COMPLETION)
_BOM = b"\xef\xbb\xbf"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_HIGHEST = {"purchase": 2**63 - 1, "sequence": 30, "percent": WHOLE_PERCENT, "revision": 32_767}
_LOWEST = {"purchase": 1, "sequence": 1, "percent": 0, "revision": 1}


class FileFault(StrEnum):
    """Why a file is not taken. Each comment names what `value` is."""

    EMPTY = "file_empty"
    TOO_LARGE = "file_too_large"  # the limit in bytes
    TOO_MANY_ROWS = "file_too_many_rows"  # the limit
    BOM = "file_has_bom"
    NOT_UTF8 = "file_not_utf8"
    NUL = "file_has_nul"
    CRLF = "file_has_crlf"
    LINE_TOO_LONG = "file_line_too_long"  # the limit in bytes
    LINE_EMPTY = "file_line_empty"
    LAST_LINE_OPEN = "file_last_line_open"
    QUOTE_OPEN = "file_quote_open"
    QUOTE_ASTRAY = "file_quote_astray"
    DELIMITER = "file_delimiter_wrong"
    HEADER = "file_header_wrong"
    COLUMN_COUNT = "file_column_count_wrong"  # how many there are
    TRAILER_MISSING = "file_trailer_missing"
    TRAILER_MALFORMED = "file_trailer_malformed"
    AFTER_TRAILER = "file_goes_on_after_trailer"
    ROW_COUNT = "file_row_count_wrong"  # what the trailer says
    PURCHASE_SUM = "file_purchase_sum_wrong"
    PERCENT_SUM = "file_percent_sum_wrong"
    SHA256 = "file_sha256_wrong"
    TWICE = "file_row_twice"  # the line of the first
    FORMULA = "file_cell_is_formula"
    PIECE = "file_piece_unknown"
    NUMBER = "file_number_wrong"
    PERCENT_MISSING = "file_percent_missing"
    PERCENT_OF_ATTENDANCE = "file_percent_of_attendance"
    SEQUENCE_WITHOUT_MEANING = "file_sequence_without_meaning"
    INSTANT = "file_instant_wrong"
    HOLDS = "file_holds_wrong"
    REASON_MISSING = "file_reason_missing"
    REASON = "file_reason_wrong"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `line` counts from 1, `column` is a name of COLUMNS or TRAILER, or empty."""

    code: FileFault
    line: int
    column: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One statement: `percent` None where nothing is partial, as evidence has it."""

    line: int
    purchase: int
    piece: Piece
    sequence: int
    percent: int | None
    happened_at: datetime | None
    holds: bool
    revision: int
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """Rows where nothing is wrong; else faults (at most MAX_FAULTS), and no row may be used."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    sha256: str = ""


class _Stop(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def read_evidence_file(chunks: Iterable[bytes]) -> EvidenceFile:
    """Read a file piece by piece; never raises, whatever the bytes are."""
    reading = _Reading()
    try:
        for line in _lines(chunks):
            reading.take(line)
        reading.end()
    except _Stop as stop:
        reading.faults.append(stop.fault)
    faults = tuple(reading.faults[:MAX_FAULTS])
    return EvidenceFile(() if faults else tuple(reading.rows), faults, reading.sha256)


def trailer_of(lines: bytes, *, row_count: int, purchase_sum: int, percent_sum: int) -> bytes:
    """The trailer that fits these bytes (header and rows, each with its LF)."""
    return f"trailer,{row_count},{purchase_sum},{percent_sum},{hashlib.sha256(lines).hexdigest()}\n".encode()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Each line with its LF; the last may lack it. Stops at the first byte too many."""
    rest, byte_count, number = b"", 0, 1
    for chunk in chunks:
        byte_count += len(chunk)
        if byte_count > MAX_BYTES:
            raise _Stop(Fault(FileFault.TOO_LARGE, number, value=str(MAX_BYTES)))
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
            number += 1
        if len(rest) > MAX_LINE_BYTES:
            raise _Stop(Fault(FileFault.LINE_TOO_LONG, number, value=str(MAX_LINE_BYTES)))
    if rest:
        yield rest


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.number = 0
        self.rows: list[Row] = []
        self.faults: list[Fault] = []
        self.row_count = self.purchase_sum = self.percent_sum = 0
        self.hash = hashlib.sha256()
        self.sha256 = ""
        self.first: dict[tuple[int, Piece, int, int], int] = {}

    def take(self, raw: bytes) -> None:
        """The next line."""
        self.number += 1
        if self.sha256:
            raise _Stop(self._fault(FileFault.AFTER_TRAILER))
        cells = self._cells(raw)
        if self.number == 1:
            if tuple(cells) != COLUMNS:
                is_delimiter = any(mark in cells[0] for mark in ";\t|")
                raise _Stop(self._fault(FileFault.DELIMITER if is_delimiter else FileFault.HEADER, value=cells[0]))
        elif cells[0] == TRAILER[0]:
            self._trailer(cells)
            return
        else:
            self._row(cells)
        self.hash.update(raw)

    def end(self) -> None:
        """There is no line any more."""
        if not self.number:
            raise _Stop(Fault(FileFault.EMPTY, 1))
        if not self.sha256:
            raise _Stop(self._fault(FileFault.TRAILER_MISSING))

    def _fault(self, code: FileFault, column: str = "", value: str = "") -> Fault:
        return Fault(code, self.number, column, shown(value))

    def _cells(self, raw: bytes) -> list[str]:
        """The cells of a line; whatever makes the rest of the file unreadable, too, stops."""
        if self.number == 1 and raw.startswith(_BOM):
            raise _Stop(self._fault(FileFault.BOM))
        if b"\0" in raw:
            raise _Stop(self._fault(FileFault.NUL))
        if len(raw) > MAX_LINE_BYTES:
            raise _Stop(self._fault(FileFault.LINE_TOO_LONG, value=str(MAX_LINE_BYTES)))
        if not raw.endswith(b"\n"):
            raise _Stop(self._fault(FileFault.LAST_LINE_OPEN))
        if b"\r" in raw:
            raise _Stop(self._fault(FileFault.CRLF))
        try:
            text = raw[:-1].decode()
        except UnicodeDecodeError:
            raise _Stop(self._fault(FileFault.NOT_UTF8)) from None
        if not text:
            raise _Stop(self._fault(FileFault.LINE_EMPTY))
        return self._split(text)

    def _split(self, text: str) -> list[str]:
        if '"' not in text:
            return text.split(",")
        cells, place = [], 0
        while True:
            if text[place : place + 1] != '"':
                end = text.find(",", place)
                cell = text[place:] if end < 0 else text[place:end]
                if '"' in cell:
                    raise _Stop(self._fault(FileFault.QUOTE_ASTRAY, value=cell))
            else:
                cell, end = self._quoted(text, place)
            cells.append(cell)
            if end < 0 or end >= len(text):
                return cells
            place = end + 1

    def _quoted(self, text: str, place: int) -> tuple[str, int]:
        """A cell in quotation marks, and where its comma or the end of the line is."""
        begin, parts = place + 1, []
        while True:
            close = text.find('"', begin)
            if close < 0:
                raise _Stop(self._fault(FileFault.QUOTE_OPEN, value=text[place:]))
            parts.append(text[begin:close])
            if text[close + 1 : close + 2] != '"':
                break
            parts.append('"')
            begin = close + 2
        if close + 1 < len(text) and text[close + 1] != ",":
            raise _Stop(self._fault(FileFault.QUOTE_ASTRAY, value=text[place:]))
        return "".join(parts), close + 1

    def _row(self, cells: list[str]) -> None:
        self.row_count += 1
        if self.row_count > MAX_ROWS:
            raise _Stop(self._fault(FileFault.TOO_MANY_ROWS, value=str(MAX_ROWS)))
        if len(cells) != len(COLUMNS):
            self._wrong(FileFault.COLUMN_COUNT, value=str(len(cells)))
            return
        given = dict(zip(COLUMNS, cells, strict=True))
        faults_before = len(self.faults)
        for name, cell in given.items():
            if cell.startswith(FORMULA_STARTS):
                self._wrong(FileFault.FORMULA, name, cell)
        purchase = self._number(given, "purchase", None)
        # An attendance says of which session: a cell left empty is not session 1.
        sequence = self._number(given, "sequence", None if given["piece"] == Piece.ATTENDANCE else 1)
        revision = self._number(given, "revision", 1)
        percent = self._number(given, "percent", -1)
        self.purchase_sum += purchase or 0
        self.percent_sum += percent if percent is not None and percent > 0 else 0
        if given["piece"] not in PIECES:
            self._wrong(FileFault.PIECE, "piece", given["piece"])
        if given["holds"] not in ("true", "false"):
            self._wrong(FileFault.HOLDS, "holds", given["holds"])
        happened_at = self._instant(given["happened_at"])
        if len(given["reason"]) > REASON_LIMIT_COUNT or not is_readable(given["reason"]):
            self._wrong(FileFault.REASON, "reason", given["reason"])
        if len(self.faults) > faults_before or None in (purchase, sequence, revision, percent):
            return
        assert purchase and sequence and revision and percent is not None
        row = Row(
            line=self.number,
            purchase=purchase,
            piece=Piece(given["piece"]),
            sequence=sequence,
            percent=None if percent < 0 else percent,
            happened_at=happened_at,
            holds=given["holds"] == "true",
            revision=revision,
            reason=given["reason"].strip(),
        )
        self._meaning(row)

    def _meaning(self, row: Row) -> None:
        """Whether the cells go together; then the row counts."""
        faults_before, percent = len(self.faults), row.percent
        if row.piece is not Piece.ATTENDANCE and row.sequence != 1:
            self._wrong(FileFault.SEQUENCE_WITHOUT_MEANING, "sequence", str(row.sequence))
        if row.piece is Piece.ATTENDANCE and percent is not None:
            self._wrong(FileFault.PERCENT_OF_ATTENDANCE, "percent", str(percent))
        if row.piece is Piece.PROGRESS and row.holds and percent is None:
            self._wrong(FileFault.PERCENT_MISSING, "percent")
        is_partial = row.piece is Piece.COMPLETION and (not row.holds or (percent or WHOLE_PERCENT) < WHOLE_PERCENT)
        if row.piece is Piece.COMPLETION and percent == 0:
            is_partial = True
        if is_partial and not row.reason:
            self._wrong(FileFault.REASON_MISSING, "reason")
        key = (row.purchase, row.piece, row.sequence, row.revision)
        first = self.first.setdefault(key, row.line)
        if first != row.line:
            self._wrong(FileFault.TWICE, value=str(first))
        if len(self.faults) > faults_before:
            return
        if row.piece is Piece.COMPLETION and (percent == WHOLE_PERCENT or not row.holds):
            percent = None  # as every other door says it
        self.rows.append(
            Row(
                row.line,
                row.purchase,
                row.piece,
                row.sequence,
                percent,
                row.happened_at,
                row.holds,
                row.revision,
                row.reason,
            )
        )

    def _number(self, given: dict[str, str], name: str, when_empty: int | None) -> int | None:
        cell = given[name]
        if cell == "" and when_empty is not None:
            return when_empty
        if _NUMBER.fullmatch(cell) and _LOWEST[name] <= int(cell) <= _HIGHEST[name]:
            return int(cell)
        if not cell.startswith(FORMULA_STARTS):
            self._wrong(FileFault.NUMBER, name, cell)
        return None

    def _instant(self, cell: str) -> datetime | None:
        if cell == "":
            return None
        if _INSTANT.fullmatch(cell):
            try:
                at = datetime.fromisoformat(cell)
                if _EARLIEST <= at < _LATEST:
                    return at
            except (ValueError, OverflowError):
                pass
        self._wrong(FileFault.INSTANT, "happened_at", cell)
        return None

    def _trailer(self, cells: list[str]) -> None:
        self.sha256 = self.hash.hexdigest()
        if len(cells) != len(TRAILER) or not all(_NUMBER.fullmatch(cell) for cell in cells[1:4] if len(cell) < 20):
            raise _Stop(self._fault(FileFault.TRAILER_MALFORMED, value=",".join(cells)))
        sums = (self.row_count, self.purchase_sum, self.percent_sum)
        codes = (FileFault.ROW_COUNT, FileFault.PURCHASE_SUM, FileFault.PERCENT_SUM)
        for code, name, cell, found in zip(codes, TRAILER[1:4], cells[1:4], sums, strict=True):
            if cell != str(found):
                self._wrong(code, name, cell)
        if cells[4] != self.sha256:
            self._wrong(FileFault.SHA256, "sha256", cells[4])

    def _wrong(self, code: FileFault, column: str = "", value: str = "") -> None:
        self.faults.append(self._fault(code, column, value))
        if len(self.faults) >= MAX_FAULTS:
            raise _Stop(self.faults.pop())
