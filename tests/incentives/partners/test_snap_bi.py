"""SNAP BI over a socket: what is a yes, what is a no, and what nobody may send again before the partner was asked."""

from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bekal.incentives.partners.csv_rail import Instruction
from bekal.incentives.partners.snap_bi import (
    TOKEN_PATH,
    TRANSFER_PATHS,
    Heard,
    Outcome,
    SnapAccess,
    SnapClient,
    SnapToken,
)
from bekal.ledger.clock import machine_now
from tests.simulation.bank.clients import RunningBank, key, running_bank

DAY = date(2021, 1, 4)
PAYMENT = Instruction("BKL00000000000001A01", "ovo", "081234567890", "Siti Aminah", 600_000)
PAY = TRANSFER_PATHS["18"]


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        running.tell("accounts", [{"number": PAYMENT.account_number, "holder_name": "SITI  AMINAH"}])
        yield running


def account(bank: RunningBank, **changed: object) -> None:
    whole = {"number": PAYMENT.account_number, "holder_name": "Siti Aminah", **changed}
    assert bank.tell("accounts", [whole]).status_code == httpx.codes.OK


def test_a_payment_is_made_once(bank: RunningBank) -> None:
    client = bank.snap()
    assert client.pay(PAYMENT, on=DAY) == Heard(Outcome.SETTLED, "", "2001800", account=PAYMENT.account_number)
    # The number of the call follows from the payment: the same day the partner sees that it is the same.
    assert client.pay(PAYMENT, on=DAY) == Heard(Outcome.UNKNOWN, "", "4091800")
    assert client.ask(PAYMENT.reference, 600_000).outcome is Outcome.SETTLED
    assert bank.books.paid("ovo") == {PAYMENT.reference: (1, 600_000)}


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"standing": "closed"}, "AC04"),
        ({"standing": "blocked"}, "AC06"),
        ({"ceiling": 599_999}, "AM14"),
        ({"ceiling": 600_000}, ""),
        # SNAP has no case of its own for a name: to it the account is not that person's.
        ({"holder_name": "Sita Aminah"}, "AC01"),
    ],
)
def test_a_no_names_its_reason(bank: RunningBank, standing: dict[str, object], reason: str) -> None:
    account(bank, **standing)
    heard = bank.snap().pay(PAYMENT, on=DAY)
    assert (heard.outcome, heard.reason_code) == ((Outcome.REJECTED, reason) if reason else (Outcome.SETTLED, ""))
    assert bank.books.paid("ovo") == ({} if reason else {PAYMENT.reference: (1, 600_000)})
    asked = bank.snap().ask(PAYMENT.reference, 600_000)
    assert asked.outcome is heard.outcome


def test_a_line_that_breaks_after_the_payment_is_unknown_until_it_is_asked_for(bank: RunningBank) -> None:
    bank.fail("timeout_after_acceptance", PAY)
    client = bank.snap()
    assert client.pay(PAYMENT, on=DAY) == Heard(Outcome.UNKNOWN)
    heard = client.ask(PAYMENT.reference, 600_000)
    assert (heard.outcome, heard.amount_rupiah) == (Outcome.SETTLED, 600_000)


def test_a_line_that_breaks_before_is_unknown_and_then_not_found(bank: RunningBank) -> None:
    bank.fail("timeout_before_acceptance", PAY)
    client = bank.snap()
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.UNKNOWN
    assert client.ask(PAYMENT.reference, 600_000).outcome is Outcome.NOT_FOUND
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.SETTLED


def test_money_that_came_back_says_why(bank: RunningBank) -> None:
    client = bank.snap()
    client.pay(PAYMENT, on=DAY)
    returned = {"reference": PAYMENT.reference, "reason": "AC04", "day": "2021-01-06"}
    assert bank.tell("returns", returned).status_code == httpx.codes.OK
    heard = client.ask(PAYMENT.reference, 600_000)
    assert (heard.outcome, heard.reason_code) == (Outcome.RETURNED, "AC04")


@pytest.mark.parametrize("status", [500, 504, 418])
def test_an_answer_that_is_neither_yes_nor_no_is_unknown(bank: RunningBank, status: int) -> None:
    bank.fail("refuse", PAY, str(status))
    assert bank.snap().pay(PAYMENT, on=DAY).outcome is Outcome.UNKNOWN


def test_a_partner_that_is_too_busy_has_not_looked_at_it(bank: RunningBank) -> None:
    bank.fail("refuse", PAY, "429")
    assert bank.snap().pay(PAYMENT, on=DAY).outcome is Outcome.NOT_LET_IN


def test_a_wrong_key_is_not_let_in(bank: RunningBank) -> None:
    stranger = bank.snap(private_key=generate_private_key(public_exponent=65537, key_size=2048))
    assert stranger.pay(PAYMENT, on=DAY).outcome is Outcome.NOT_LET_IN
    assert bank.books.of_reference("ovo", PAYMENT.reference) == []


def test_nobody_there_is_unknown() -> None:
    access = SnapAccess("http://127.0.0.1:9", "bekal", key(), "95221", "ovo")
    client = SnapClient(access, now=machine_now)
    # Nothing can have been asked without a token: the payment was never sent.
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.NOT_LET_IN
    assert client.ask_account("1").is_answered is False
    client.close()


def test_a_token_is_asked_for_again_when_it_ends(bank: RunningBank) -> None:
    offset = timedelta(0)
    token = SnapToken()
    access = SnapAccess(f"{bank.address}/ovo", "bekal", key(), "95221", "ovo")
    client = SnapClient(access, now=lambda: machine_now() + offset, token=token)
    assert client.ask_account(PAYMENT.account_number).is_answered
    first = token.text(machine_now())
    offset = timedelta(minutes=9)
    assert client.ask_account(PAYMENT.account_number).is_answered and token.text(machine_now()) == first
    token.keep(first, machine_now())
    assert client.ask_account(PAYMENT.account_number).is_answered and token.text(machine_now()) not in ("", first)
    client.close()


def test_an_account_is_asked_for_before_it_is_paid(bank: RunningBank) -> None:
    client = bank.snap()
    heard = client.ask_account(PAYMENT.account_number)
    assert (heard.is_answered, heard.holder_name, heard.reason_code) == (True, "SITI  AMINAH", "")
    account(bank, ceiling=700_000, balance=650_000)
    assert client.ask_account(PAYMENT.account_number).room_rupiah == 50_000
    account(bank, standing="closed")
    assert client.ask_account(PAYMENT.account_number).reason_code == "AC04"
    account(bank, is_known=False)
    assert client.ask_account(PAYMENT.account_number).reason_code == "BE01"
    assert client.ask_account("0899999999").reason_code == "AC01"
    account(bank, standing="asleep")
    assert client.ask_account(PAYMENT.account_number).is_answered is False, "a word nobody knows is no clear answer"


def test_whom_we_mean_is_said_only_to_a_partner_that_compares_it(bank: RunningBank) -> None:
    account(bank, identity="3171010101900001")
    whom = {"holder_name": "Siti Aminah", "identity": "3171010101900002"}
    number = PAYMENT.account_number
    assert bank.snap().ask_account(number, **whom).reason_code == ""
    assert bank.snap(compares_identity=True).ask_account(number, **whom).reason_code == "BE01"
    whom["identity"] = "3171010101900001"
    assert bank.snap(compares_identity=True).ask_account(number, **whom).reason_code == ""
    # Of an account the bank has no identity number of it compares none.
    account(bank)
    assert bank.snap(compares_identity=True).ask_account(number, **whom).reason_code == ""


def test_a_partner_whose_answers_cannot_be_read_has_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        b"",
        b"[]",
        b"{",
        b'{"responseCode": 2001800}',
        b'{"responseCode": "20018000"}',
        b'{"responseCode": "4031800"}',
        b"[" * 100_000,
    ]
    client = SnapClient(SnapAccess("http://127.0.0.1:9", "bekal", key(), "95221", "ovo"), now=machine_now)
    client._token.keep("t", machine_now() + timedelta(hours=1))
    for content in answers:
        monkeypatch.setattr(
            client._http, "post", lambda *_, content=content, **__: httpx.Response(200, content=content)
        )
        assert client.pay(PAYMENT, on=DAY) == Heard(Outcome.UNKNOWN)
    client.close()


def test_a_token_that_the_partner_does_not_take_any_more_is_asked_for_anew(bank: RunningBank) -> None:
    client = bank.snap()
    assert client.ask(PAYMENT.reference, 600_000).outcome is Outcome.NOT_FOUND
    bank.fail("refuse", PAY, "401")
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.NOT_LET_IN
    bank.fail("refuse", TOKEN_PATH, "401")
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.NOT_LET_IN, "another token is asked for"
    assert bank.books.paid("ovo") == {}


def test_while_no_token_is_given_not_every_payment_asks_for_one(bank: RunningBank) -> None:
    now = machine_now()
    client = SnapClient(SnapAccess(f"{bank.address}/ovo", "bekal", key(), "95221", "ovo"), now=lambda: now)
    bank.fail("refuse", TOKEN_PATH, "401")
    assert [client.pay(PAYMENT, on=DAY).outcome for _ in range(3)] == [Outcome.NOT_LET_IN] * 3
    now += timedelta(seconds=10)
    assert client.pay(PAYMENT, on=DAY).outcome is Outcome.SETTLED
    client.close()
