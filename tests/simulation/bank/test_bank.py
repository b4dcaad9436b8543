"""The bank that plays the counterparty: it pays each reference once, keeps its own books, and fails as it is told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bekal.incentives.partners.bank_lines import Said
from bekal.incentives.partners.iso20022 import read_iso20022
from bekal.incentives.refusals import PayoutRefusal
from bekal.simulation.bank.bank import Bank
from bekal.simulation.bank.books import MEMORY, Books, Order
from bekal.simulation.bank.faults import KINDS
from tests.incentives.partners.test_file_exchange import NAME, transfers
from tests.simulation.bank.clients import running_bank

AT = datetime(2021, 1, 4, tzinfo=UTC)
DAY = date(2021, 1, 4)


@pytest.fixture
def bank() -> Iterator[Bank]:
    books = Books(knows_everybody=True)
    yield Bank(books, "bni")
    books.close()


def files_of(bank: Bank) -> list[bytes]:
    return [bank.books.answer("bni", number) or b"" for number, *_ in bank.books.answers_after("bni", 0)]


def report_of(bank: Bank) -> bytes:
    assert bank.take_file(NAME, transfers()) is None
    bank.work(AT)
    return files_of(bank)[0]


def test_its_account_goes_from_day_to_day(bank: Bank) -> None:
    bank.books.put_in("bni", DAY, 10_000_000)
    report_of(bank)
    later = DAY + timedelta(days=2)
    assert bank.give_back("BKL00000000000002A01", "AC04", later, AT)
    assert not bank.give_back("BKL00000000000002A01", "AC04", later, AT)
    days = [read_iso20022(bank.statement(day, "camt.053", AT)).statements[0] for day in (DAY, later)]
    assert [(day.opening_rupiah, day.closing_rupiah) for day in days] == [(0, 8_200_000), (8_200_000, 8_800_000)]
    assert bank.books.paid("bni").keys() == {"BKL00000000000001A01", "BKL00000000000003A01"}


def test_a_reference_is_paid_again_only_when_it_is_forgotten(bank: Bank) -> None:
    order = Order("BKL1", "1", "Siti", 5)
    assert bank.take_order("BKL1", "1", "Siti", 5, DAY)
    assert not bank.take_order("BKL1", "1", "Siti", 5, DAY + MEMORY)
    assert bank.books.paid("bni") == {"BKL1": (1, 5)}
    # The gateway that payments.md tells of: in month three a replay is a new payment.
    assert bank.books.receive_one("bni", DAY + MEMORY + timedelta(days=1), order, "api")
    bank.books.book("bni", "api")
    assert bank.books.paid("bni") == {"BKL1": (2, 10)}


def test_a_file_is_booked_in_its_order(bank: Bank) -> None:
    """What is paid fills the account for what follows, and a reference that stands twice is paid once."""
    rows = [("1", "Siti Aminah", "active", 1, 0, 10, None), ("2", "Budi", "closed", 1, 0, None, None)]
    bank.books.open_accounts("bni", rows)
    orders = [
        Order("BKL1", "1", "SITI  AMINAH", 6),
        Order("BKL2", "1", "Siti Aminah", 5),
        Order("BKL3", "1", "Siti Aminah", 4),
        Order("BKL1", "1", "Siti Aminah", 6),
        Order("BKL4", "2", "Budi", 1),
        Order("BKL5", "3", "Wati", 1),
        Order("BKL6", "3", "Watu", 1),
    ]
    bank.books.order_fault("bni", "reject", "BKL7", "AC06", 1)
    assert bank.books.receive("bni", "FILE", "", "pain.001", DAY, [*orders, Order("BKL7", "3", "Wati", 1)]) is None
    bank.books.book("bni", "FILE")
    assert [(one.reference, one.state, one.reason) for one in bank.books.of_file("bni", "FILE")] == [
        ("BKL1", "settled", ""),
        ("BKL2", "rejected", "AM14"),
        ("BKL3", "settled", ""),
        ("BKL1", "rejected", "AM05"),
        ("BKL4", "rejected", "AC04"),
        ("BKL5", "settled", ""),
        ("BKL6", "rejected", "BE01"),
        ("BKL7", "rejected", "AC06"),
    ]
    assert [bank.books.account("bni", number) for number in ("1", "2", "3")] == [
        ("Siti Aminah", "active", True, 10, 10, None),
        ("Budi", "closed", True, 0, None, None),
        ("Wati", "active", True, 1, None, None),
    ]


@pytest.mark.parametrize("kind", ["reject", "silent", "wrong_amount", "unknown_reference", "duplicate_line"])
def test_it_fails_as_it_is_told_in_a_line(bank: Bank, kind: str) -> None:
    target = "*" if kind == "unknown_reference" else "BKL00000000000002A01"
    value = {"reject": "AC06", "wrong_amount": "7", "unknown_reference": "BKL99"}.get(kind, "")
    bank.books.order_fault("bni", kind, target, value, 1)
    said = [(line.reference[-4:], line.amount_rupiah, line.said) for line in read_iso20022(report_of(bank)).lines]
    whole = [(f"{number}A01", 600_000, Said.SETTLED) for number in (1, 2, 3)]
    expected = {
        "reject": [whole[0], ("2A01", 600_000, Said.REJECTED), whole[2]],
        "silent": [whole[0], whole[2]],
        "wrong_amount": [whole[0], ("2A01", 600_007, Said.SETTLED), whole[2]],
        "unknown_reference": [*whole, ("KL99", 600_000, Said.SETTLED)],
        "duplicate_line": [whole[0], whole[1], whole[1], whole[2]],
    }
    assert said == expected[kind]
    paid = {reference[-4:]: total for reference, (_, total) in bank.books.paid("bni").items()}
    assert paid == {"1A01": 600_000, "3A01": 600_000, **({} if kind == "reject" else {"2A01": 600_000})}


def test_it_cuts_and_doubles_files_as_it_is_told(bank: Bank) -> None:
    bank.books.order_fault("bni", "cut_file", "*", "50", 1)
    bank.books.order_fault("bni", "duplicate_file", "*", "", 1)
    (fault,) = read_iso20022(report_of(bank)).faults
    assert fault.code is PayoutRefusal.FILE_XML
    assert len(files_of(bank)) == 3 and files_of(bank)[0] == files_of(bank)[1]


def test_who_plays_the_bank_is_not_the_programme() -> None:
    with running_bank() as running:
        address = f"{running.address}/ovo/told/paid"
        for headers in ({}, {"Authorization": "Bearer programme"}):
            assert httpx.post(address, json={}, headers=headers, trust_env=False).status_code == 401
        assert running.tell("paid", {}).json() == {"paid": {}}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("faults", {"kind": "explode"}),
        ("faults", []),
        ("accounts", [{"number": "1"}]),
        ("accounts", {"a": 1}),
        ("returns", {"reference": "x", "reason": "y", "day": "soon"}),
        ("money", {"day": "2021-01-04"}),
        ("nothing", {}),
    ],
)
def test_what_it_does_not_understand_it_says(path: str, said: object) -> None:
    with running_bank() as running:
        assert running.tell(path, said).status_code in (404, 422)


def test_each_kind_of_fault_is_known() -> None:
    with running_bank() as running:
        for kind in KINDS:
            running.fail(kind, "nobody")


def test_a_bank_that_ends_between_paying_and_reporting_has_done_neither(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bank.take_file(NAME, transfers()) is None
    with monkeypatch.context() as broken:
        broken.setattr("bekal.simulation.bank.bank.put_out", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bank.work(AT)
    assert bank.books.paid("bni") == {} and files_of(bank) == []
    assert bank.work(AT) == 1
    assert len(files_of(bank)) == 2 and set(bank.books.paid("bni").values()) == {(1, 600_000)}


def test_two_processes_over_the_same_books_report_once(tmp_path: Path) -> None:
    books = [Books(tmp_path / "books.sqlite", knows_everybody=True) for _ in range(2)]
    first, second = (Bank(each, "bni") for each in books)
    assert first.take_file(NAME, transfers()) is None
    both = books[0].waiting("bni")
    assert first.work(AT) == 1
    with pytest.MonkeyPatch.context() as late:
        late.setattr(Books, "waiting", lambda *_: both)
        assert second.work(AT) == 0, "it looked before the other was done"
    assert len(files_of(second)) == 2
    for each in books:
        each.close()
