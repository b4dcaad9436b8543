"""mock-bank, written by somebody else: takes our files as they are, and what it answers settles them."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread

import httpx
import pytest
from django.db import connection
from mockbank.server import Config, make_server

from bekal.accounts.privacy import decrypt
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.house_rails import Account, Form, Rail
from bekal.incentives.models import Payout, PayoutException, PayoutFile, PayoutStatus
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references

pytestmark = pytest.mark.django_db
DEBTOR = Account("Manajemen Pelaksana", "0000000077", "BNINIDJA")
RAILS = {"bni": Rail("bni", Form.PAIN_001, None, None, DEBTOR, "BNINIDJA")}
IBAN = "NL26MOCK0000000077"
"""It names every account it keeps so; the number in our files is the one beside it."""


@dataclass(slots=True)
class MockBank:
    client: httpx.Client
    read_count: int = 0

    def keeps(self, **account: object) -> None:
        said = self.client.patch("/_mock/accounts/programme", json=account)
        assert said.status_code == httpx.codes.OK, said.text

    def take(self, content: bytes) -> httpx.Response:
        return self.client.post("/payments", content=content)

    def later(self, days: int) -> None:
        assert self.client.post("/_mock/advance", params={"days": days}).status_code == httpx.codes.OK

    def says(self) -> list[tuple[str, bytes]]:
        """What it has put out of our account since we asked last: form and file."""
        messages = self.client.get("/_mock/messages").json()
        new, self.read_count = messages[self.read_count :], len(messages)
        return [(one["type"], one["body"].encode()) for one in new if one["account"] == "programme"]


@pytest.fixture
def bank() -> Iterator[MockBank]:
    """In the morning of the day of payment, with money on the account that pays."""
    server = make_server(Config(port=0, clock="2020-04-27T10:00", timezone="Asia/Jakarta", quiet=True))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}", trust_env=False) as client:
        account = {"id": "programme", "name": DEBTOR.holder_name, "iban": IBAN, "account_number": DEBTOR.number}
        opened = client.post("/_mock/accounts", json={**account, "bic": DEBTOR.bic, "currency": "IDR"})
        assert opened.status_code == httpx.codes.CREATED, opened.text
        bank = MockBank(client)
        bank.keeps(balance=10_000_000_00)
        yield bank
    server.shutdown()
    server.server_close()
    thread.join()


def released(count: int = 3) -> tuple[int, bytes]:
    """A run, and its file as it leaves."""
    earners(count)
    run_id = approved()
    assert export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=RAILS).refusal is None
    return run_id, decrypt(bytes(PayoutFile.objects.get().content_encrypted)).encode()


def take_in(bank: MockBank) -> list[tuple[str, Settled]]:
    said = [(form, content) for form, content in bank.says() if not form.startswith("pacs")]
    return [
        (form[:8], settle_payouts(partner="bni", name=f"{number}-{form}", content=content, at=SETTLED_AT))
        for number, (form, content) in enumerate(said)
    ]


def test_our_file_is_taken_without_a_finding_and_its_answers_settle_it(bank: MockBank) -> None:
    run_id, content = released()
    assert "3 payments, 0 findings" in bank.client.post("/_mock/validate", content=content).text
    assert bank.take(content).json()["status"] == "ACCP"
    (report, accepted), (notification, paid) = take_in(bank)
    assert (report, accepted.accepted_count, accepted.exception_count) == ("pain.002", 3, 0)
    assert (notification, paid.settled_count, paid.settled_rupiah) == ("camt.054", 3, 1_800_000)
    bank.later(1)
    ((statement, again),) = take_in(bank)
    assert (statement, again.refusal, again.settled_count, again.unchanged_count) == ("camt.053", None, 0, 3)
    assert bank.client.get("/_mock/accounts/programme").json()["balance"] == (10_000_000 - 1_800_000) * 100
    assert {one["end_to_end_id"] for one in _payments(bank)} == set(references(run_id))
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0 and prove_ledger(connection).violations == ()


def _payments(bank: MockBank) -> list[dict[str, object]]:
    found: list[dict[str, object]] = bank.client.get("/_mock/payments").json()
    return found


def test_a_file_it_has_seen_before_is_not_rejected_for_that(bank: MockBank) -> None:
    """It rejects the second file as a duplicate. Whoever took that for the end of its payments would pay them again."""
    _, content = released()
    bank.take(content)
    bank.says()  # the answers to the first one are still under way
    assert bank.take(content).json()["reason"] == "DUPL"
    ((_, second),) = take_in(bank)
    assert (second.rejected_count, second.unchanged_count, second.exception_count) == (0, 3, 0)
    again = plan_payout_run(planned_for=SETTLED_AT.date(), officer_id=factories.officer().pk, at=SETTLED_AT)
    assert again.run_id is None, "nobody is due"
    bank.later(1)
    take_in(bank)
    assert PayoutStatus.objects.filter(state="settled").count() == 3 and not PayoutException.objects.exists()
    assert prove_ledger(connection).violations == ()


def test_what_it_sends_back_days_later_is_due_again(bank: MockBank) -> None:
    run_id, content = released()
    _, returned, _ = references(run_id)
    bank.keeps(behaviour="return-later", parameters={"days": 2, "end_to_end_id": returned, "reason": "AC04"})
    bank.take(content)
    bank.later(4)
    outcomes = take_in(bank)
    assert {form for form, _ in outcomes} == {"pain.002", "camt.054", "camt.053"}
    assert [one.refusal for _, one in outcomes] == [None] * len(outcomes)
    assert sum(one.returned_count for _, one in outcomes) == 1, "notified, and on the day's statement"
    ended = Payout.objects.exclude(ended_at=None).get()
    said = PayoutStatus.objects.get(payout=ended, state="returned")
    assert (ended.reference, said.reason_code) == (returned, "AC04")
    assert prove_ledger(connection).violations == ()


@pytest.mark.parametrize(("behaviour", "reason"), [("insufficient-funds", "AM04"), ("reject-file", "FF01")])
def test_what_it_rejects_is_due_again(bank: MockBank, behaviour: str, reason: str) -> None:
    _, content = released()
    bank.keeps(behaviour=behaviour, balance=0)
    bank.take(content)
    ((_, rejected),) = take_in(bank)
    assert (rejected.rejected_count, rejected.rejected_rupiah) == (3, 1_800_000)
    said = PayoutStatus.objects.filter(state="rejected").order_by("id")
    assert [one.reason_code for one in said] == [reason] * 3
    assert all(one["status"] == "rejected" for one in _payments(bank))
    assert prove_ledger(connection).violations == ()
