"""A workbook (XLSX) written while it is sent: no file is kept, and memory does not grow with its rows.

The parts of ECMA-376 a plain table needs: sheets with inline strings, frozen heads, formats of numbers and days. A
sheet that is full goes on in another. What describes the sheets comes last in the archive, when their number is known.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from bekal.ledger.clock import JAKARTA

SHEET_ROWS = 1_048_576
HEADER_ROW = 2  # below the title
CELL_CHARACTERS = 32_767
# A spreadsheet keeps fifteen digits of a number: longer ones are written as texts, so that none is rounded.
EXACT = 10**15
PIECE_ROWS = 500
WIDTH = 20
COMPRESSION = 4
DAY_ZERO = date(1899, 12, 30)
# Places in `cellXfs` below.
PLAIN, TITLE, HEADER, NUMBER, RUPIAH, DAY, MOMENT = range(7)

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
STYLES = f"""{_XML}<styleSheet {_MAIN}><numFmts count="3">
<numFmt numFmtId="164" formatCode="&quot;Rp&quot;#,##0;-&quot;Rp&quot;#,##0"/>
<numFmt numFmtId="165" formatCode="yyyy-mm-dd"/><numFmt numFmtId="166" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts>
<fonts count="3"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="14"/><name val="Calibri"/></font>
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>
<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>
<border><left/><right/><top/><bottom style="thin"><color auto="1"/></bottom><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="7"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>
<xf numFmtId="0" fontId="2" fillId="0" borderId="1" xfId="0" applyFont="1" applyBorder="1" applyAlignment="1">
<alignment vertical="top" wrapText="1"/></xf>
<xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""
# What XML cannot hold, and what a reader would take for one of the marks written in its place.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class _Pipe:
    """Takes what the archive writes; `taken` gives it away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nor is anything kept open."""

    def taken(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole


def workbook(
    *, title: str, header: Sequence[str], rows: Iterable[Sequence[object]], rupiah_columns: Iterable[int] = ()
) -> Iterator[bytes]:
    """The pieces of a workbook with `title` above the table; columns of these numbers (the first is 0) show rupiah.

    Amounts are numbers, days and instants (of Jakarta) are days; a text is a text, whatever it begins with. Where the
    rows fail, the pieces end before what makes them a workbook: no half of one can be opened."""
    pipe, rupiah, left = _Pipe(), frozenset(rupiah_columns), iter(rows)
    head = _row(1, [_text_cell("A1", title, TITLE)])
    head += _row(HEADER_ROW, [_text_cell(f"{_letters(n)}2", name, HEADER) for n, name in enumerate(header)])
    letters = [_letters(number) for number in range(max(len(header), 1))]
    archive = ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=COMPRESSION)
    sheet_count, waiting = 0, next(left, None)
    while sheet_count == 0 or waiting is not None:
        sheet_count += 1
        with archive.open(f"xl/worksheets/sheet{sheet_count}.xml", "w", force_zip64=True) as sheet:
            sheet.write((_sheet_start(len(letters), is_first=sheet_count == 1) + head).encode())
            place = HEADER_ROW
            while waiting is not None and place < SHEET_ROWS:
                lines: list[str] = []
                while waiting is not None and place < SHEET_ROWS and len(lines) < PIECE_ROWS:
                    place += 1
                    lines.append(_line(place, waiting, letters, rupiah))
                    waiting = next(left, None)
                sheet.write("".join(lines).encode())
                yield pipe.taken()
            sheet.write(b"</sheetData></worksheet>")
    for name, text in _descriptions(sheet_count).items():
        with archive.open(name, "w") as part:
            part.write(text.encode())
    archive.close()
    yield pipe.taken()


def _letters(number: int) -> str:
    """The letters of a column: 0 is A, 26 is AA."""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(65 + number % 26)


def _sheet_start(column_count: int, *, is_first: bool) -> str:
    selected = ' tabSelected="1"' if is_first else ""
    return (
        f'{_XML}<worksheet {_MAIN}><sheetViews><sheetView{selected} workbookViewId="0">'
        f'<pane ySplit="{HEADER_ROW}" topLeftCell="A{HEADER_ROW + 1}" activePane="bottomLeft" state="frozen"/>'
        f'</sheetView></sheetViews><cols><col min="1" max="{column_count}" width="{WIDTH}" customWidth="1"/></cols>'
        "<sheetData>"
    )


def _row(place: int, cells: Iterable[str]) -> str:
    return f'<row r="{place}">{"".join(cells)}</row>'


def _line(place: int, values: Sequence[object], letters: Sequence[str], rupiah: frozenset[int]) -> str:
    return _row(
        place,
        [
            _cell(f"{letters[column]}{place}", value, RUPIAH if column in rupiah else NUMBER)
            for column, value in enumerate(values)
            if value is not None
        ],
    )


def _cell(place: str, value: object, number_style: int) -> str:
    if isinstance(value, datetime):
        moment = value.astimezone(JAKARTA)
        seconds = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second).total_seconds()
        return f'<c r="{place}" s="{MOMENT}"><v>{(moment.date() - DAY_ZERO).days + seconds / 86_400:.10f}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="{DAY}"><v>{(value - DAY_ZERO).days}</v></c>'
    if isinstance(value, int) and not isinstance(value, bool) and -EXACT < value < EXACT:
        return f'<c r="{place}" s="{number_style}"><v>{value:d}</v></c>'
    return _text_cell(place, str(value), PLAIN)


def _text_cell(place: str, text: str, style: int) -> str:
    """A text with what XML can hold; a cell takes only so much."""
    held = text.encode("utf-8", "replace").decode()[:CELL_CHARACTERS]
    marked = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", held)
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(marked)}</t></is></c>'


def _descriptions(sheet_count: int) -> dict[str, str]:
    """What makes the sheets a workbook."""
    numbers = range(1, sheet_count + 1)
    sheets = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    styles = f'<Relationship Id="rId{sheet_count + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    book = f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    relations = f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    return {
        "xl/workbook.xml": f'{_XML}<workbook {_MAIN} xmlns:r="{_RELATIONS}"><sheets>{sheets}</sheets></workbook>',
        "xl/styles.xml": STYLES,
        "xl/_rels/workbook.xml.rels": f"{relations}{links}{styles}</Relationships>",
        "_rels/.rels": f"{relations}{book}</Relationships>",
        "[Content_Types].xml": (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{parts}</Types>'
        ),
    }
