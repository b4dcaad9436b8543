"""Files of banks: both generations of each form are read alike, and no changed or cut file is believed."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.incentives.partners import iso20022
from bekal.incentives.partners.bank_lines import BankFile, BankLine, DayStatement, GroupStatus, Others, Said
from bekal.incentives.partners.iso20022 import read_iso20022
from bekal.incentives.refusals import PayoutRefusal
from bekal.simulation.bank import answers
from bekal.simulation.bank.books import Booked
from tests.incentives.partners.schemas import assert_valid

AT = datetime(2021, 1, 4, 8, 0, tzinfo=UTC)
DAY, LATER = date(2021, 1, 4), date(2021, 1, 6)
FILE = ("BKL20210104R1P1", "pain.001.001.09", 3, 1_800_000)


def booked(number: int, state: str = "settled", reason: str = "", amount: int = 600_000) -> Booked:
    returned_day = LATER.isoformat() if state == "returned" else None
    reference = f"BKL{number:014d}A01"
    return Booked(reference, "0123456789", "Siti Aminah", amount, state, reason, DAY.isoformat(), returned_day)


THREE = [booked(1), booked(2, "rejected", "AC04"), booked(3, "pending")]
BACK = [booked(1), booked(4, "returned", "AC06")]


def report(form: str = answers.PAIN_002, lines: Sequence[Booked] = THREE) -> bytes:
    return answers.report("RPT1", form, FILE, lines, AT)


def notification(form: str = answers.CAMT_054, lines: Sequence[Booked] = BACK, day: date = DAY) -> bytes:
    return answers.notification("NTF1", form, "0000000001", lines, day, AT)


def statement(form: str = answers.CAMT_053, lines: Sequence[Booked] = BACK, day: date = DAY) -> bytes:
    return answers.statement("STM1", form, "0000000001", 5_000_000, [1_000_000], lines, day, AT)


FORMS: dict[str, Callable[[], bytes]] = {
    form: lambda form=form, make=make: make(form)  # type: ignore[misc]
    for make, forms in (
        (report, (answers.PAIN_002, answers.PAIN_002_OLD)),
        (notification, (answers.CAMT_054, answers.CAMT_054_OLD)),
        (statement, (answers.CAMT_053, answers.CAMT_053_OLD)),
    )
    for form in forms
}


@pytest.mark.parametrize("form", [answers.PAIN_002, answers.PAIN_002_OLD])
def test_a_report_says_what_became_of_each_payment(form: str) -> None:
    content = report(form)
    assert assert_valid(content) == form
    assert read_iso20022(content) == BankFile(
        "pain.002",
        "RPT1",
        (
            BankLine(1, THREE[0].reference, 600_000, Said.SETTLED, account=THREE[0].number),
            BankLine(2, THREE[1].reference, 600_000, Said.REJECTED, "AC04", "0076", THREE[1].number),
            BankLine(3, THREE[2].reference, 600_000, Said.ACCEPTED, account=THREE[2].number),
        ),
        (GroupStatus("BKL20210104R1P1", "PART", "", 3, 1_800_000),),
    )


def test_a_report_may_speak_of_the_file_alone() -> None:
    read = read_iso20022(answers.report("RPT1", answers.PAIN_002, FILE, None, AT))
    assert (read.faults, read.lines) == ((), ())
    assert read.groups == (GroupStatus("BKL20210104R1P1", "ACTC", "", 3, 1_800_000),)


@pytest.mark.parametrize("form", [answers.CAMT_054, answers.CAMT_054_OLD])
def test_a_notification_says_what_left_and_what_came_back(form: str) -> None:
    assert assert_valid(notification(form)) == form
    paid = read_iso20022(notification(form))
    assert paid.lines == (
        BankLine(1, BACK[0].reference, 600_000, Said.SETTLED, account=BACK[0].number),
        BankLine(2, BACK[1].reference, 600_000, Said.SETTLED, account=BACK[1].number),
    )
    returned = read_iso20022(notification(form, day=LATER))
    assert returned.lines == (BankLine(1, BACK[1].reference, 600_000, Said.RETURNED, "AC06"),)


@pytest.mark.parametrize("form", [answers.CAMT_053, answers.CAMT_053_OLD])
def test_a_statement_goes_from_balance_to_balance(form: str) -> None:
    assert assert_valid(statement(form)) == form
    read = read_iso20022(statement(form))
    others = Others(1, 0, 1_000_000)
    assert read.statements == (DayStatement("0000000001", 5_000_000, 1_200_000, 1_000_000, 4_800_000, DAY, 2, others),)
    assert [line.said for line in read.lines] == [Said.SETTLED, Said.SETTLED]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_cut_is_refused_whole(form: str) -> None:
    content = FORMS[form]()
    # The last byte is a line feed: without it nothing is missing.
    for length in {0, 1, len(content) // 3, len(content) // 2, len(content) - 3}:
        read = read_iso20022(content[:length])
        assert read.faults and not read.lines and not read.groups


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_a_changed_byte_ends_in_faults_or_lines_and_never_in_an_error(form: str, data: st.DataObject) -> None:
    content = bytearray(FORMS[form]())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read = read_iso20022(bytes(content))
    assert not (read.faults and read.lines)


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_answered(content: bytes) -> None:
    assert read_iso20022(content).faults


DTD = b'<!DOCTYPE Document [<!ENTITY a "%s">]>'
HOSTILE = {
    "a document type": report().replace(b"<Document", DTD % b"x" + b"<Document", 1),
    "a billion laughs": b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><d>&b;</d>',
    "a file from elsewhere": b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
    "a document type by address": b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd"><d/>',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_document_type_is_refused(name: str) -> None:
    (fault,) = read_iso20022(HOSTILE[name]).faults
    assert fault.code is PayoutRefusal.FILE_DTD


REFUSED: dict[str, tuple[bytes, PayoutRefusal]] = {
    "not well-formed": (report().replace(b"</TxSts>", b"</TxSt>", 1), PayoutRefusal.FILE_XML),
    "of another kind": (report().replace(b"pain.002.001.10", b"pain.001.001.09"), PayoutRefusal.FILE_KIND),
    "without a namespace": (re.sub(rb' xmlns="[^"]*"', b"", report()), PayoutRefusal.FILE_KIND),
    "other currency": (report().replace(b'Ccy="IDR"', b'Ccy="USD"', 1), PayoutRefusal.FILE_CURRENCY),
    "cents": (notification().replace(b"600000.00<", b"600000.50<", 1), PayoutRefusal.FILE_AMOUNT),
    "an exponent": (report().replace(b">600000<", b">6E5<", 1), PayoutRefusal.FILE_AMOUNT),
    "other digits": (report().replace(b">600000<", ">٦٠٠٠٠٠<".encode(), 1), PayoutRefusal.FILE_AMOUNT),
    "a word nobody knows": (report().replace(b">ACSC<", b">YEAH<", 1), PayoutRefusal.FILE_STATE),
    "no reference": (
        re.sub(rb"<Orgnl(Instr|EndToEnd)Id>BKL0+1A01</Orgnl(Instr|EndToEnd)Id>", b"", report()),
        PayoutRefusal.FILE_REFERENCE,
    ),
    "no file named": (report().replace(b"OrgnlGrpInfAndSts", b"Orgnl"), PayoutRefusal.FILE_NO_LINES),
    "payments that do not add up to their entry": (
        notification().replace(
            b'<TxDtls><Refs><EndToEndId>BKL00000000000001A01</EndToEndId></Refs><Amt Ccy="IDR">600000',
            b'<TxDtls><Refs><EndToEndId>BKL00000000000001A01</EndToEndId></Refs><Amt Ccy="IDR">500000',
            1,
        ),
        PayoutRefusal.FILE_TOTAL,
    ),
    "a movement after the day": (
        statement().replace(b"<BookgDt><Dt>2021-01-04", b"<BookgDt><Dt>2021-01-05", 1),
        PayoutRefusal.FILE_DAY,
    ),
    "a day that is none": (
        statement().replace(b"<Dt>2021-01-04</Dt></Dt>", b"<Dt>2021</Dt></Dt>"),
        PayoutRefusal.FILE_DAY,
    ),
    "a balance that does not follow": (statement().replace(b"4800000.00", b"4800001.00"), PayoutRefusal.FILE_TOTAL),
    "a count of entries that is another": (
        statement().replace(b"<TtlNtries><NbOfNtries>2<", b"<TtlNtries><NbOfNtries>3<"),
        PayoutRefusal.FILE_TOTAL,
    ),
    "a sum of debits that is another": (
        statement().replace(b"<Sum>1200000<", b"<Sum>1200001<"),
        PayoutRefusal.FILE_TOTAL,
    ),
    "no closing balance": (statement().replace(b"CLBD", b"CLAV"), PayoutRefusal.FILE_TOTAL),
    "a first page of several": (
        statement().replace(b"</GrpHdr>", b"<MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn></GrpHdr>"),
        PayoutRefusal.FILE_PAGES,
    ),
    "too deep": (report().replace(b"<GrpHdr>", b"<a>" * 60 + b"<GrpHdr>"), PayoutRefusal.FILE_XML),
    "a text without end": (report().replace(b">RPT1<", b">" + b"R" * 10_000 + b"<"), PayoutRefusal.FILE_XML),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_does_not_hold_together_is_refused(name: str) -> None:
    content, code = REFUSED[name]
    assert content not in {make() for make in FORMS.values()}, "the fault was not put in"
    read = read_iso20022(content)
    assert [fault.code for fault in read.faults[:1]] == [code]
    assert not read.lines


def test_what_is_not_booked_yet_is_no_payment() -> None:
    pending = notification().replace(b"<Cd>BOOK</Cd>", b"<Cd>PDNG</Cd>")
    pending = re.sub(rb"<TtlDbtNtries>.*?</TtlDbtNtries>", b"", pending)
    read = read_iso20022(pending)
    assert (read.faults, read.lines) == ((), ())


def test_a_prefix_of_the_namespace_changes_nothing() -> None:
    content = re.sub(rb"<(/?)([A-Z])", rb"<\1b:\2", report()).replace(b"xmlns=", b"xmlns:b=")
    assert read_iso20022(content) == read_iso20022(report())


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iso20022, "MAX_FILE_BYTES", 10)
    (fault,) = read_iso20022(report()).faults
    assert fault.code is PayoutRefusal.FILE_TOO_LARGE


def test_a_file_of_faults_is_not_read_to_its_end() -> None:
    content = report(lines=[booked(number) for number in range(20_000)]).replace(b">ACSC<", b">YEAH<")
    assert len(read_iso20022(content).faults) >= 1
