"""Tables as files people open in a spreadsheet: CSV and XLSX, row by row, in which nothing runs as a formula."""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from io import StringIO
from typing import IO, Any

import xlsxwriter
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from bekal.core.text import no_formula
from bekal.ledger.clock import JAKARTA

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Spreadsheets on Windows read a CSV file as UTF-8 only where it begins with this mark.
BYTE_ORDER_MARK = "\ufeff"
PIECE_ROWS = 500
SHEET_ROWS = 1_048_576
HEADER_ROW = 1  # below the title
CELL_CHARACTERS = 32_767
# A spreadsheet keeps fifteen digits of a number: longer ones are written as texts, so that none is rounded.
EXACT = 10**15
FORMATS = {
    "plain": {},
    "title": {"bold": True, "font_size": 14},
    "header": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "number": {"num_format": "0"},
    "rupiah": {"num_format": '"Rp"#,##0;-"Rp"#,##0'},
    "day": {"num_format": "yyyy-mm-dd"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm:ss"},
}
WIDTH = 20


def csv_response(*, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A download `name`.csv, written while it is sent: UTF-8, amounts as bare digits, instants with their offset.

    `rows` may be a generator of any length: a few hundred of them are in memory at a time."""
    response = StreamingHttpResponse(_csv_pieces(header, rows), content_type="text/csv; charset=utf-8")
    _as_download(response, f"{name}.csv")
    return response


def xlsx_response(
    *,
    name: str,
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    rupiah_columns: Sequence[int] = (),
) -> FileResponse:
    """A download `name`.xlsx with `title` above the table; columns of these numbers (the first is 0) show rupiah.

    Amounts are numbers and days are days; a text is a text, whatever it begins with. A table longer than a sheet goes
    on in another one. The rows pass through temporary files: memory does not grow with them."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        _write_workbook(file, title, header, rows, frozenset(rupiah_columns))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = FileResponse(file, content_type=XLSX_TYPE)
    _as_download(response, f"{name}.xlsx")
    return response


def _as_download(response: HttpResponseBase, name: str) -> None:
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "no-store"


def _csv_pieces(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BYTE_ORDER_MARK)
    writer.writerow([no_formula(str(name)) for name in header])
    for number, row in enumerate(rows, start=1):
        writer.writerow([_csv_cell(value) for value in row])
        if number % PIECE_ROWS == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(JAKARTA).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)  # a minus sign before digits is a number, not a formula
    return no_formula(str(value))


def _write_workbook(
    file: IO[bytes], title: str, header: Sequence[str], rows: Iterable[Sequence[object]], rupiah: frozenset[int]
) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    # zip64: the sum of a file's sheets may pass 4 GB before they are compressed.
    with xlsxwriter.Workbook(file, {**options, "use_zip64": True}) as workbook:
        workbook.set_properties({"title": title})
        formats = {name: workbook.add_format(form) for name, form in FORMATS.items()}
        sheet, place = _new_sheet(workbook, formats, title, header), HEADER_ROW
        for row in rows:
            place += 1
            if place == SHEET_ROWS:
                sheet, place = _new_sheet(workbook, formats, title, header), HEADER_ROW + 1
            for column, value in enumerate(row):
                _write_cell(sheet, place, column, value, formats, column in rupiah)


def _new_sheet(workbook: Any, formats: dict[str, Any], title: str, header: Sequence[str]) -> Any:
    sheet = workbook.add_worksheet()
    sheet.set_column(0, max(len(header) - 1, 0), WIDTH)
    sheet.freeze_panes(HEADER_ROW + 1, 0)
    sheet.write_string(0, 0, _xlsx_text(title), formats["title"])
    for column, name in enumerate(header):
        sheet.write_string(HEADER_ROW, column, _xlsx_text(str(name)), formats["header"])
    return sheet


def _write_cell(sheet: Any, row: int, column: int, value: object, formats: dict[str, Any], is_rupiah: bool) -> None:
    if value is None:
        return
    if isinstance(value, datetime):
        sheet.write_datetime(row, column, value.astimezone(JAKARTA).replace(tzinfo=None), formats["moment"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats["day"])
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < EXACT:
        sheet.write_number(row, column, value, formats["rupiah" if is_rupiah else "number"])
    else:
        sheet.write_string(row, column, _xlsx_text(str(value)), formats["plain"])


def _xlsx_text(text: str) -> str:
    """The text with what XML can hold; a cell takes only so much."""
    return text.encode("utf-8", "replace").decode()[:CELL_CHARACTERS]
