"""Tables as files people open in a spreadsheet: CSV and XLSX, row by row, in which nothing runs as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from io import StringIO

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from bekal.core.text import no_formula
from bekal.ledger.clock import JAKARTA
from bekal.ui.workbook import workbook

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Spreadsheets on Windows read a CSV file as UTF-8 only where it begins with this mark.
BYTE_ORDER_MARK = "\ufeff"
PIECE_ROWS = 500


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
) -> StreamingHttpResponse:
    """A download `name`.xlsx with `title` above the table, written while it is sent; columns of these numbers (the
    first is 0) show rupiah."""
    pieces = workbook(title=title, header=[str(each) for each in header], rows=rows, rupiah_columns=rupiah_columns)
    response = StreamingHttpResponse(pieces, content_type=XLSX_TYPE)
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
