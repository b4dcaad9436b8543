"""MT940, the older day's statement: read as the newer one is, and never believed where it does not add up."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.incentives.partners.bank_lines import BankLine, DayStatement, Others, Said
from bekal.incentives.partners.mt940 import read_mt940
from bekal.incentives.refusals import PayoutRefusal
from bekal.simulation.bank import answers
from tests.incentives.partners.test_iso20022 import BACK, DAY, LATER


def statement(day: date = DAY) -> bytes:
    return answers.mt940("STM1", "0000000001", 5_000_000, [1_000_000], BACK, day)


def test_a_statement_goes_from_balance_to_balance() -> None:
    read = read_mt940(statement())
    assert read.faults == ()
    others = Others(1, 0, 1_000_000)
    assert read.statements == (DayStatement("0000000001", 5_000_000, 1_200_000, 1_000_000, 4_800_000, DAY, 2, others),)
    assert read.lines == (
        BankLine(2, BACK[0].reference, 600_000, Said.SETTLED, account=BACK[0].number),
        BankLine(3, BACK[1].reference, 600_000, Said.SETTLED, account=BACK[1].number),
    )


def test_several_statements_have_their_own_lines() -> None:
    other = answers.mt940("STM2", "0000000002", 9_000_000, [], BACK[:1], DAY)
    read = read_mt940(statement() + other)
    assert read.faults == ()
    assert [(one.account, one.line_count, one.others.entry_count) for one in read.statements] == [
        ("0000000001", 2, 1),
        ("0000000002", 1, 0),
    ]


def test_what_came_back_names_its_reason() -> None:
    assert read_mt940(statement(LATER)).lines == (BankLine(2, BACK[1].reference, 600_000, Said.RETURNED, "AC06"),)


def test_a_statement_of_two_pages_is_one() -> None:
    first, _, rest = statement().partition(b":61:210104D")
    page = first + b":62M:C210104IDR6000000,00\r\n-\r\n:20:STM1\r\n:25:0000000001\r\n:28C:4/2\r\n"
    content = page + b":60M:C210104IDR6000000,00\r\n:61:210104D" + rest
    assert read_mt940(content) == read_mt940(content.replace(b"\r\n", b"\n"))
    assert read_mt940(content).statements == read_mt940(statement()).statements


REFUSED: dict[str, tuple[bytes, PayoutRefusal]] = {
    "cut before its last balance": (statement().partition(b":62F:")[0], PayoutRefusal.FILE_NO_TRAILER),
    "cut in the middle": (statement()[:-60], PayoutRefusal.FILE_NO_TRAILER),
    "empty": (b"", PayoutRefusal.FILE_NO_LINES),
    "not UTF-8": (statement().replace(b"SETORAN", b"\xff"), PayoutRefusal.FILE_NOT_UTF8),
    "cents": (statement().replace(b"D600000,00", b"D600000,50", 1), PayoutRefusal.FILE_AMOUNT),
    "a balance that does not follow": (statement().replace(b"IDR4800000", b"IDR4800001"), PayoutRefusal.FILE_TOTAL),
    "a page that does not follow": (
        statement().replace(b":62F:C210104IDR4800000,00", b":62M:C210104IDR4800001,00"),
        PayoutRefusal.FILE_TOTAL,
    ),
    "a day that is none": (statement().replace(b":62F:C210104", b":62F:C211304"), PayoutRefusal.FILE_DAY),
    "another currency": (statement().replace(b"IDR5000000", b"USD5000000"), PayoutRefusal.FILE_CURRENCY),
    "no first balance": (statement().replace(b":60F:", b":60M:"), PayoutRefusal.FILE_HEADER),
    "a movement that cannot be read": (
        statement().replace(b":61:210104D", b":61:210104X", 1),
        PayoutRefusal.FILE_AMOUNT,
    ),
    "another account in the middle": (
        statement().replace(b":28C:", b":25:0000000002\r\n:28C:", 1),
        PayoutRefusal.FILE_NO_TRAILER,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_does_not_hold_together_is_refused(name: str) -> None:
    content, code = REFUSED[name]
    assert content != statement(), "the fault was not put in"
    read = read_mt940(content)
    assert code in [fault.code for fault in read.faults]
    assert not read.lines and not read.statements


@given(st.data())
def test_a_changed_byte_ends_in_faults_or_lines_and_never_in_an_error(data: st.DataObject) -> None:
    content = bytearray(statement())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read = read_mt940(bytes(content))
    assert not (read.faults and read.lines)
    # The balances hold each amount and each direction: no byte changes a payment unseen.
    if not read.faults:
        assert [line.amount_rupiah for line in read.lines] in ([600_000, 600_000], [600_000], [])


@given(st.binary(max_size=300))
def test_whatever_is_sent_is_answered(content: bytes) -> None:
    assert read_mt940(content).faults
