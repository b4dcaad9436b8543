"""The day's statement is taken once from each partner that gives one, and says what nobody has said."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.fetch_statements import FetchedStatements, fetch_statements, last_working_day
from bekal.incentives.find_silent import find_silent
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.models import Payout, PayoutException, PayoutFile, PayoutStatus
from bekal.incentives.partners.file_exchange import FileAccess
from bekal.ledger.clock import machine_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.proofs.check import prove_ledger
from bekal.simulation.bank.bank import Bank
from tests.incentives.banks import know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = SETTLED_AT + timedelta(days=1)


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def paid_in_silence(bank: RunningBank) -> None:
    """Three payments of Monday are made, and the bank reports two."""
    earners(3)
    know_everybody(bank)
    export_payout_run(run_id=approved(), at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    bank.fail("silent", partner="bni")
    for _ in range(2):
        hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=machine_now)
        bank.service.work()


def fetch(bank: RunningBank) -> FetchedStatements:
    return fetch_statements(rails=rails_to(bank), at=TUESDAY)


def test_the_statement_says_what_nobody_has_said(bank: RunningBank) -> None:
    paid_in_silence(bank)
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 600_000
    assert fetch(bank).taken_count == 2, "the bank's and the wallet's"
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert find_silent(at=TUESDAY + timedelta(days=1)) == 0
    assert fetch(bank) == FetchedStatements(), "once for each day"
    names = PayoutFile.objects.filter(name__startswith="statement").order_by("form")
    assert [(one.partner, one.name) for one in names] == [
        ("bni", "statement-2020-04-27.camt.053"),
        ("linkaja", "statement-2020-04-27.mt940"),
    ]
    assert prove_ledger(connection).violations == ()


def test_a_statement_as_mt940_settles_what_the_wallet_has_not_reported_and_what_came_back(bank: RunningBank) -> None:
    for number, person in enumerate(earners(3)):
        set_account(person, "linkaja", f"0812345678{number:02d}")
    know_everybody(bank)
    run_id = approved()
    export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    first, second, _ = references(run_id)
    bank.fail("silent", partner="linkaja", times=2)
    for _ in range(2):
        hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=machine_now)
        bank.service.work()
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 1_200_000, "the wallet's CSV speaks of one of three"
    bank.books.give_back("linkaja", first, "AC04", date(2020, 4, 27))
    assert fetch(bank).taken_count == 2
    file = PayoutFile.objects.get(partner="linkaja", form="mt940")
    said = PayoutStatus.objects.filter(file=file).order_by("payout__reference", "id")
    assert [(one.payout.reference, one.state, one.reason_code) for one in said] == [
        (first, "settled", ""),
        (first, "returned", "AC04"),
        (second, "settled", ""),
    ]
    assert bank.books.paid("linkaja").keys() == {
        one.reference for one in Payout.objects.filter(ended_at=None).order_by("id")
    }
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0 and not PayoutException.objects.exists()
    assert prove_ledger(connection).violations == ()


def test_a_statement_that_was_cut_is_asked_for_again(bank: RunningBank, monkeypatch: pytest.MonkeyPatch) -> None:
    paid_in_silence(bank)
    whole = Bank.statement

    def short(*given: Any) -> bytes:
        content = whole(*given)
        return content[: len(content) * 6 // 10]

    with monkeypatch.context() as patch:
        patch.setattr(Bank, "statement", short)
        assert fetch(bank).refused_names == ["statement-2020-04-27.camt.053", "statement-2020-04-27.mt940"]
        fetch(bank)
    exceptions = PayoutException.objects.order_by("partner")
    assert [(one.kind, one.owner, one.partner) for one in exceptions] == [
        ("file_unreadable", "partner", "bni"),
        ("file_unreadable", "partner", "linkaja"),
    ]
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 600_000
    assert fetch(bank).taken_count == 2 and totals()[Kind.PAYOUT_IN_TRANSIT] == 0


def test_a_partner_that_cannot_be_read_keeps_nobody_else_waiting(bank: RunningBank) -> None:
    rails = rails_to(bank)
    rails["bni"] = type(rails["bni"])("bni", files=FileAccess("http://127.0.0.1:9", "x"), statement="camt.053")
    done = fetch_statements(rails=rails, at=TUESDAY)
    assert (done.taken_count, done.silent_partners) == (1, ["bni"])
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        fetch(bank)


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2020, 4, 28), date(2020, 4, 27)),
        (date(2020, 4, 27), date(2020, 4, 24)),
        (date(2020, 5, 4), date(2020, 4, 30)),
    ],
)
def test_the_last_working_day(today: date, day: date) -> None:
    assert last_working_day(today) == day
