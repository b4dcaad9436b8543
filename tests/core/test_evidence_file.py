"""A file of evidence has one reading: what was cut, changed or doubled on its way is never taken."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.evidence_file import (
    COLUMNS,
    MAX_BYTES,
    MAX_FAULTS,
    MAX_ROWS,
    EvidenceFile,
    FileFault,
    read_evidence_file,
    trailer_of,
)

HEADER = ",".join(COLUMNS) + "\n"


def sealed(*rows: str, **changed: int) -> bytes:
    """A whole file of these rows with the trailer that fits."""
    lines = (HEADER + "".join(f"{row}\n" for row in rows)).encode()
    cells = [row.split(",") for row in rows]
    counts = {
        "row_count": len(rows),
        "purchase_sum": sum(int(row[0]) for row in cells if row[0].isdigit()),
        "percent_sum": sum(int(row[3]) for row in cells if len(row) > 3 and row[3].isdigit()),
    }
    return lines + trailer_of(lines, **counts | changed)


def read(data: bytes) -> EvidenceFile:
    return read_evidence_file([data])


def codes(data: bytes) -> list[tuple[str, int, str]]:
    return [(fault.code.name, fault.line, fault.column) for fault in read(data).faults]


GOOD = (
    "4711,attendance,2,,2020-11-19T10:00:00+07:00,true,,",
    "4711,progress,,40,,true,2,",
    '4712,completion,,60,,true,,"Sakit, dua hari"',
    "4713,completion,1,100,,true,1,",
)


def test_what_is_right_is_read() -> None:
    found = read(sealed(*GOOD))
    assert found.faults == ()
    told = [(row.line, row.purchase, row.piece.value, row.sequence, row.percent, row.revision) for row in found.rows]
    assert told == [
        (2, 4711, "attendance", 2, None, 1),
        (3, 4711, "progress", 1, 40, 2),
        (4, 4712, "completion", 1, 60, 1),
        (5, 4713, "completion", 1, None, 1),
    ]
    assert found.rows[2].reason == "Sakit, dua hari"


ROW = "1,attendance,1,,,true,,"
FILE = sealed(ROW)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", ("EMPTY", 1, "")),
        (b"\xef\xbb\xbf" + FILE, ("BOM", 1, "")),
        (FILE.replace(b"\n", b"\r\n"), ("CRLF", 1, "")),
        (FILE.replace(b",", b";"), ("DELIMITER", 1, "")),
        (FILE.replace(b",", b"\t"), ("DELIMITER", 1, "")),
        (FILE.replace(b"purchase,", b"pembelian,"), ("HEADER", 1, "")),
        (sealed("1,attendance,1,,,true,,\0"), ("NUL", 2, "")),
        (sealed('1,attendance,1,,,true,,"offen'), ("QUOTE_OPEN", 2, "")),
        (sealed('1,attendance,1,,,true,,a"b'), ("QUOTE_ASTRAY", 2, "")),
        (sealed('1,attendance,1,,,true,,"a"b'), ("QUOTE_ASTRAY", 2, "")),
        (sealed("1,attendance,1,,,true,"), ("COLUMN_COUNT", 2, "")),
        (sealed("1,attendance,1,,,true,,,"), ("COLUMN_COUNT", 2, "")),
        (sealed(""), ("LINE_EMPTY", 2, "")),
        (FILE[:-1], ("LAST_LINE_OPEN", 3, "")),
        (FILE[: FILE.index(b"trailer")], ("TRAILER_MISSING", 2, "")),
        (FILE + b"1,x\n", ("AFTER_TRAILER", 4, "")),
        (sealed(ROW, row_count=2), ("ROW_COUNT", 3, "rows")),
        (sealed(ROW, purchase_sum=2), ("PURCHASE_SUM", 3, "purchase_sum")),
        (sealed(ROW, percent_sum=2), ("PERCENT_SUM", 3, "percent_sum")),
        (FILE[:-3] + b"00\n", ("SHA256", 3, "sha256")),
        (FILE.replace(b"trailer,1,", b"trailer,eins,"), ("TRAILER_MALFORMED", 3, "")),
        (sealed(ROW, ROW), ("TWICE", 3, "")),
        (sealed("1,attendance,1,,,true,,=cmd()"), ("FORMULA", 2, "reason")),
        (sealed("1,attendance,1,,,true,,@x"), ("FORMULA", 2, "reason")),
        (sealed("-1,attendance,1,,,true,,"), ("FORMULA", 2, "purchase")),
        (sealed("01,attendance,1,,,true,,", purchase_sum=0), ("NUMBER", 2, "purchase")),
        (sealed("1,attendance,31,,,true,,"), ("NUMBER", 2, "sequence")),
        (sealed("1,attendance,,,,true,,"), ("NUMBER", 2, "sequence")),
        (sealed("1,attendance,1,,,true,0,"), ("NUMBER", 2, "revision")),
        (sealed("1,progress,1,101,,true,,", percent_sum=0), ("NUMBER", 2, "percent")),
        (sealed("1,rating,1,,,true,,"), ("PIECE", 2, "piece")),
        (sealed("1,attendance,1,,,ya,,"), ("HOLDS", 2, "holds")),
        (sealed("1,attendance,1,,2020-11-19 10:00,true,,"), ("INSTANT", 2, "happened_at")),
        (sealed("1,attendance,1,,2020-13-19T10:00:00Z,true,,"), ("INSTANT", 2, "happened_at")),
        (sealed("1,progress,,,,true,,"), ("PERCENT_MISSING", 2, "percent")),
        (sealed("1,attendance,1,50,,true,,"), ("PERCENT_OF_ATTENDANCE", 2, "percent")),
        (sealed("1,completion,2,,,true,,"), ("SEQUENCE_WITHOUT_MEANING", 2, "sequence")),
        (sealed("1,completion,,0,,true,,"), ("REASON_MISSING", 2, "reason")),
        (sealed("1,completion,,99,,true,,"), ("REASON_MISSING", 2, "reason")),
        (sealed("1,completion,,,,false,,"), ("REASON_MISSING", 2, "reason")),
        (sealed("1,attendance,1,,,true,," + "x" * 301), ("REASON", 2, "reason")),
        (sealed("1,attendance,1,,,true,," + "x" * 2000), ("LINE_TOO_LONG", 2, "")),
        (HEADER.encode() + b"1,\xff\n", ("NOT_UTF8", 2, "")),
        (b"x" * (MAX_BYTES + 1), ("TOO_LARGE", 1, "")),
    ],
)
def test_each_thing_that_is_wrong_is_named_with_its_place(data: bytes, wrong: tuple[str, int, str]) -> None:
    assert wrong in codes(data), codes(data)
    assert read(data).rows == ()


def test_every_fault_is_tried() -> None:
    """But the number of rows, which is tried by itself."""
    (mark,) = test_each_thing_that_is_wrong_is_named_with_its_place.pytestmark  # type: ignore[attr-defined]
    tried = {wrong[0] for _, wrong in mark.args[1]}
    assert tried == {fault.name for fault in FileFault} - {"TOO_MANY_ROWS"}


def test_a_file_is_bounded() -> None:
    rows = [f"{number},attendance,1,,,true,," for number in range(1, MAX_ROWS + 2)]
    assert codes(sealed(*rows)) == [("TOO_MANY_ROWS", MAX_ROWS + 2, "")]
    assert len(read(sealed(*["x,attendance,1,,,true,,"] * 500)).faults) == MAX_FAULTS


ROWS = st.lists(
    st.tuples(st.integers(1, 2**63 - 1), st.sampled_from(["attendance", "progress"]), st.integers(0, 100)),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[:2],
)


def lines_of(rows: list[tuple[int, str, int]]) -> list[str]:
    """Attendance of session 1, or progress of so many percent."""
    return [
        f"{number},{piece}," + ("1,," if piece == "attendance" else f",{percent},") + ",true,,"
        for number, piece, percent in rows
    ]


@given(rows=ROWS, size=st.integers(1, 50))
def test_pieces_of_any_size_are_the_same_file(rows: list[tuple[int, str, int]], size: int) -> None:
    data = sealed(*lines_of(rows))
    whole = read(data)
    assert len(whole.rows) == len(rows) and not whole.faults
    assert read_evidence_file(data[at : at + size] for at in range(0, len(data), size)) == whole


@given(rows=ROWS, data=st.data())
@settings(max_examples=200)
def test_one_changed_byte_refuses_the_file(rows: list[tuple[int, str, int]], data: Any) -> None:
    whole = sealed(*lines_of(rows))
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["lose", "double", "change", "cut"]))
    if how == "lose":
        broken = whole[:at] + whole[at + 1 :]
    elif how == "double":
        broken = whole[: at + 1] + whole[at:]
    elif how == "cut":
        broken = whole[:at]
    else:
        byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
        broken = whole[:at] + bytes([byte]) + whole[at + 1 :]
    if broken != whole:
        assert read(broken).faults and not read(broken).rows


@given(data=st.binary(max_size=300))
def test_whatever_the_bytes_are_there_is_an_answer(data: bytes) -> None:
    assert read(data).faults
    assert read(HEADER.encode() + data).faults
