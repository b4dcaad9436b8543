"""Files to a bank and back over a socket: nothing is handed over twice unasked, nothing half fetched is used."""

import io
from collections.abc import Iterator
from datetime import date

import pytest

from bekal.incentives.partners.csv_rail import write_instructions
from bekal.incentives.partners.file_exchange import ExchangeError, FileAccess, FileExchange, HandedOver, Told
from bekal.incentives.partners.iso20022 import read_iso20022
from bekal.incentives.partners.mt940 import read_mt940
from bekal.incentives.partners.pain001 import write_transfers
from tests.incentives.partners.test_pain001 import header, one
from tests.simulation.bank.clients import RunningBank, running_bank

NAME = "BKL20210104R1P1.xml"
MESSAGE_ID = "BKL20210104R1P1"
DAY = "2021-01-04"


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank(knows_everybody=True) as running:
        yield running


def transfers(count: int = 3) -> bytes:
    sent = [one(reference=f"BKL{number:014d}A01", account_number=f"{number:010d}") for number in range(1, count + 1)]
    out = io.BytesIO()
    write_transfers(out, header(sent), sent)
    return out.getvalue()


def test_a_file_goes_out_and_its_answers_come_back(bank: RunningBank) -> None:
    exchange = bank.files()
    assert exchange.ask(MESSAGE_ID).outcome is HandedOver.NOT_THERE
    assert exchange.hand_over(NAME, transfers()) == Told(HandedOver.TAKEN)
    assert exchange.ask(MESSAGE_ID).outcome is HandedOver.TAKEN
    assert list(exchange.new_files(0)) == []
    bank.service.work()
    report, notification = exchange.new_files(0)
    assert len(read_iso20022(report.content).lines) == len(read_iso20022(notification.content).lines) == 3
    assert list(exchange.new_files(notification.number)) == []
    assert read_iso20022(exchange.statement(DAY, "camt.053")).lines == read_iso20022(notification.content).lines
    assert len(read_mt940(exchange.statement(DAY, "mt940")).lines) == 3


def test_the_same_file_again_pays_nobody_again(bank: RunningBank) -> None:
    exchange = bank.files()
    for _ in range(2):
        assert exchange.hand_over(NAME, transfers()).outcome is HandedOver.TAKEN
        bank.service.work()
    assert set(bank.books.paid("bni").values()) == {(1, 600_000)}
    assert exchange.hand_over(NAME, transfers(2)).outcome is HandedOver.REFUSED


def test_a_wallet_takes_the_csv(bank: RunningBank) -> None:
    content = write_instructions([one()])
    assert bank.files("linkaja").hand_over("bekal-20210104-run1-linkaja.csv", content).outcome is HandedOver.TAKEN
    bank.service.work()
    (status,) = bank.files("linkaja").new_files(0)
    assert status.content.startswith(
        b"reference,amount_rupiah,state,reason_code\nBKL00000000000001A01,600000,settled,\n"
    )


@pytest.mark.parametrize(
    ("kind", "value", "outcome", "asked"),
    [
        ("timeout_after_acceptance", "", HandedOver.UNKNOWN, HandedOver.TAKEN),
        ("timeout_before_acceptance", "", HandedOver.UNKNOWN, HandedOver.NOT_THERE),
        ("refuse", "503", HandedOver.NOT_THERE, HandedOver.NOT_THERE),
        ("refuse", "500", HandedOver.UNKNOWN, HandedOver.NOT_THERE),
    ],
)
def test_only_asking_resolves_what_is_unknown(
    bank: RunningBank, kind: str, value: str, outcome: HandedOver, asked: HandedOver
) -> None:
    bank.fail(kind, NAME, value, partner="bni")
    exchange = bank.files()
    assert exchange.hand_over(NAME, transfers()).outcome is outcome
    assert exchange.ask(MESSAGE_ID).outcome is asked


def test_a_file_that_was_cut_on_its_way_is_refused(bank: RunningBank) -> None:
    told = bank.files().hand_over(NAME, transfers()[:-40])
    assert told.outcome is HandedOver.REFUSED and "cut" in told.words
    assert bank.files().ask(MESSAGE_ID).outcome is HandedOver.NOT_THERE


def test_a_wrong_token_opens_nothing(bank: RunningBank) -> None:
    stranger = bank.files(token="somebody")
    assert stranger.hand_over(NAME, transfers()).outcome is HandedOver.UNKNOWN
    with pytest.raises(ExchangeError, match="401"):
        list(stranger.new_files(0))


def test_nobody_there(bank: RunningBank) -> None:
    exchange = FileExchange(FileAccess("http://127.0.0.1:9", "t"))
    assert exchange.hand_over(NAME, b"").outcome is exchange.ask(MESSAGE_ID).outcome is HandedOver.UNKNOWN
    with pytest.raises(ExchangeError, match="does not answer"):
        exchange.statement(date(2021, 1, 4).isoformat(), "mt940")
    exchange.close()


def test_a_file_without_its_hash_is_not_given(bank: RunningBank, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = bank.files()
    exchange.hand_over(NAME, transfers())
    bank.service.work()
    whole = bank.books.answer
    monkeypatch.setattr(bank.books, "answer", lambda *asked: (whole(*asked) or b"")[:-1])
    with pytest.raises(ExchangeError, match="hash"):
        list(exchange.new_files(0))
