"""The CSV rail: every file of ours can be read, no changed file of theirs is believed."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bekal.incentives.partners.csv_rail import (
    MAX_FAULTS,
    MAX_FILE_BYTES,
    Instruction,
    StatusLine,
    one_line,
    read_statuses,
    write_instructions,
)
from bekal.incentives.refusals import PayoutRefusal
from tests.incentives.partner import STATUS_HEADER, read_instructions, status_file

references = st.builds("BKL{:014d}A{:02d}".format, st.integers(1, 10**12), st.integers(1, 99))
amounts = st.integers(1, 10**12)
answers = st.one_of(
    st.just(("settled", "")),
    st.tuples(st.just("returned"), st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)),
    st.tuples(st.just("rejected"), st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)),
)
status_rows = st.lists(st.tuples(references, amounts, answers), min_size=1, max_size=8, unique_by=lambda row: row[0])
instructions = st.builds(
    Instruction,
    references,
    st.sampled_from(["bni", "ovo"]),
    st.from_regex(r"[0-9]{8,16}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=150),
    amounts,
)
# A busy machine is no fault of the reader.
in_any_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TWO = [("BKL00000000000001A01", 600000, "settled", ""), ("BKL00000000000002A01", 50000, "rejected", "AC04")]


@in_any_time
@given(st.lists(instructions, max_size=8))
@example([Instruction("BKL1", "ovo", "08123", 'Budi "B", S.Kom.\r\nTRAILER,1', 5)])
def test_what_we_write_a_partner_reads(sent: list[Instruction]) -> None:
    rows = read_instructions(write_instructions(sent))
    assert [tuple(row.values()) for row in rows] == [
        (one.reference, one.partner, one.account_number, one_line(one.holder_name), str(one.amount_rupiah))
        for one in sent
    ]


@in_any_time
@given(st.text())
def test_a_name_is_one_printable_line(text: str) -> None:
    name = one_line(text)
    assert name.isprintable() and name == name.strip() and "  " not in name
    assert one_line(name) == name
    assert [char for char in name if char != " "] == [char for char in text if char.isprintable() and char != " "]


@in_any_time
@given(status_rows, st.sampled_from(["\n", "\r\n"]))
def test_what_a_partner_writes_we_read(rows: list[tuple[str, int, tuple[str, str]]], line_end: str) -> None:
    read = read_statuses(status_file([(ref, amount, *answer) for ref, amount, answer in rows], line_end=line_end))
    assert read.faults == ()
    assert read.lines == tuple(
        StatusLine(number, ref, amount, *answer) for number, (ref, amount, answer) in enumerate(rows, start=2)
    )


@in_any_time
@given(status_rows, st.data())
def test_a_changed_byte_is_refused_or_changes_no_line(
    rows: list[tuple[str, int, tuple[str, str]]], data: st.DataObject
) -> None:
    content = status_file((ref, amount, *answer) for ref, amount, answer in rows)
    position = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    read = read_statuses(content[:position] + bytes([byte]) + content[position + 1 :])
    assert bool(read.lines) != bool(read.faults)
    assert read.faults or read.lines == read_statuses(content).lines


def test_every_single_changed_byte_of_one_file() -> None:
    content = status_file(TWO)
    right = read_statuses(content).lines
    believed = [
        (position, byte)
        for position in range(len(content))
        for byte in (0, 10, 13, 32, 34, 44, 48, 49, 65, 97, 195, 255, content[position] ^ 1, content[position] ^ 32)
        if byte != content[position]
        and read_statuses(content[:position] + bytes([byte]) + content[position + 1 :]).lines not in ((), right)
    ]
    assert believed == []


@in_any_time
@given(status_rows, st.integers(min_value=1))
def test_a_cut_file_is_refused(rows: list[tuple[str, int, tuple[str, str]]], cut: int) -> None:
    content = status_file((ref, amount, *answer) for ref, amount, answer in rows)
    kept = content[: -2 - cut % (len(content) - 2)]  # without its last line end a file is still whole
    assert read_statuses(kept).faults


@in_any_time
@given(st.binary(max_size=300))
def test_noise_is_refused_in_words(noise: bytes) -> None:
    read = read_statuses(noise)
    assert read.lines == () and read.faults


def first_fault(text: str | bytes) -> tuple[PayoutRefusal, dict[str, object]]:
    read = read_statuses(text if isinstance(text, bytes) else text.encode())
    assert read.lines == ()
    return PayoutRefusal(read.faults[0].code), dict(read.faults[0].values)


def with_trailer(*lines: str) -> str:
    """The lines under a header, with a trailer that is right where the amounts can be added."""
    fields = [line.split(",") for line in lines]
    content = status_file(fields) if all(len(f) > 1 and f[1].isdecimal() for f in fields) else b"TRAILER,0,0,x\n"
    trailer = content.decode().splitlines()[-1]
    return "\n".join([STATUS_HEADER, *lines, trailer]) + "\n"


GOOD = "BKL00000000000001A01,600000,settled,"


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", PayoutRefusal.FILE_NO_TRAILER, {"line": 1}),
        (STATUS_HEADER + "\n", PayoutRefusal.FILE_NO_TRAILER, {"line": 2}),
        (with_trailer(), PayoutRefusal.FILE_NO_LINES, {"line": 2}),
        (with_trailer(GOOD).removeprefix("r"), PayoutRefusal.FILE_HEADER, {"line": 1, "expected": STATUS_HEADER}),
        (with_trailer(GOOD).replace(",", ";"), PayoutRefusal.FILE_HEADER, {"line": 1}),
        ("\ufeff" + with_trailer(GOOD), PayoutRefusal.FILE_BYTE_ORDER_MARK, {"line": 1}),
        (with_trailer(GOOD).encode("utf-16"), PayoutRefusal.FILE_NOT_UTF8, {"line": 1}),
        (with_trailer(GOOD + ",x"), PayoutRefusal.FILE_FIELD_COUNT, {"line": 2, "value": 5, "expected": 4}),
        (with_trailer(""), PayoutRefusal.FILE_FIELD_COUNT, {"line": 2, "value": 1, "expected": 4}),
        (with_trailer('"BKL1",5,settled,'), PayoutRefusal.FILE_REFERENCE, {"line": 2, "value": '"BKL1"'}),
        (with_trailer("BKL1,1E+1000000,settled,"), PayoutRefusal.FILE_AMOUNT, {"column": "amount_rupiah"}),
        (with_trailer("BKL1,٦٠٠,settled,"), PayoutRefusal.FILE_AMOUNT, {"value": "٦٠٠"}),
        (with_trailer("BKL1,1_000,settled,"), PayoutRefusal.FILE_AMOUNT, {"value": "1_000"}),
        (with_trailer("BKL1,0,settled,"), PayoutRefusal.FILE_AMOUNT, {"value": "0"}),
        (with_trailer("BKL1,-5,settled,"), PayoutRefusal.FILE_AMOUNT, {"value": "-5"}),
        (with_trailer("BKL1, 5,settled,"), PayoutRefusal.FILE_AMOUNT, {"value": "5"}),
        (with_trailer("BKL1,5,SETTLED,"), PayoutRefusal.FILE_STATE, {"column": "state", "value": "SETTLED"}),
        (with_trailer("BKL1,5,sent,"), PayoutRefusal.FILE_STATE, {"value": "sent"}),
        (with_trailer("BKL1,5,returned,"), PayoutRefusal.FILE_REASON, {"column": "reason_code", "value": ""}),
        (with_trailer("BKL1,5,reversed,AC04"), PayoutRefusal.FILE_STATE, {"column": "state", "value": "reversed"}),
        (with_trailer("BKL1,5,settled,AC04"), PayoutRefusal.FILE_REASON, {"column": "reason_code", "value": "AC04"}),
        (with_trailer("BKL1,5,rejected,"), PayoutRefusal.FILE_REASON, {"value": ""}),
        (with_trailer("BKL1,5,rejected,ac04"), PayoutRefusal.FILE_REASON, {"value": "ac04"}),
        (with_trailer(GOOD, GOOD), PayoutRefusal.FILE_DUPLICATE, {"line": 3, "first_line": 2}),
        (with_trailer(GOOD).replace("TRAILER,1", "TRAILER,2"), PayoutRefusal.FILE_TRAILER, {"column": "count"}),
        (with_trailer(GOOD).replace("R,1,600000", "R,1,600001"), PayoutRefusal.FILE_TRAILER, {"expected": "600000"}),
        (with_trailer(GOOD).replace("TRAILER", "TRAILER,"), PayoutRefusal.FILE_FIELD_COUNT, {"line": 3, "value": 5}),
        (with_trailer(GOOD).replace("1A01", "2A01"), PayoutRefusal.FILE_TRAILER, {"column": "sha256"}),
        (with_trailer(GOOD) + "\n", PayoutRefusal.FILE_AFTER_TRAILER, {"line": 4, "value": ""}),
        (with_trailer(GOOD) + with_trailer(GOOD), PayoutRefusal.FILE_AFTER_TRAILER, {"line": 4}),
        (b"x" * (MAX_FILE_BYTES + 1), PayoutRefusal.FILE_TOO_LARGE, {"limit_bytes": MAX_FILE_BYTES}),
    ],
)
def test_a_fault_names_where_and_what(text: str | bytes, code: PayoutRefusal, values: dict[str, object]) -> None:
    found_code, found = first_fault(text)
    assert found_code == code
    assert values.items() <= found.items()


def test_all_faults_of_a_file_are_told_but_not_endlessly() -> None:
    lines = [f"BKL{number},x,settled," for number in range(3)]
    assert [fault.values["line"] for fault in read_statuses(with_trailer(*lines).encode()).faults] == [2, 3, 4]
    assert len(read_statuses(with_trailer(*lines * 200).encode()).faults) == MAX_FAULTS


def test_a_quoted_value_is_short_and_on_one_line() -> None:
    _, values = first_fault(with_trailer("BKL1,5,settled\x00\x1b[31m" + "x" * 5000 + ","))
    value = str(values["value"])
    assert len(value) <= 40 and value.isprintable()


def test_the_documented_files_are_what_the_rail_writes_and_reads() -> None:
    text = (Path(__file__).parents[2] / "docs" / "payout-csv.md").read_text()
    out, back = (f"{block}\n" for block in re.findall(r"```\n(.*?)\n```", text, re.DOTALL))
    rows = read_instructions(out.encode())
    again = [Instruction(*list(row.values())[:4], int(row["amount_rupiah"])) for row in rows]
    assert write_instructions(again).decode() == out
    assert [(line.reference, line.state) for line in read_statuses(back.encode()).lines] == [
        ("BKL00000000000001A01", "settled"),
        ("BKL00000000000002A02", "rejected"),
    ]
