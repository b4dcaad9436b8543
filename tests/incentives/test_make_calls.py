"""Payments by calls: each is made once, and what is unknown is asked for before anything else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bekal.incentives import call_desk
from bekal.incentives.call_desk import CallDesk
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.make_calls import KNOWN, Called, make_calls
from bekal.incentives.models import PayoutCall, PayoutStatus
from bekal.incentives.partners.csv_rail import Instruction, read_instructions
from bekal.incentives.partners.snap_bi import STATUS_PATH, TOKEN_PATH, TRANSFER_PATHS, Heard, Outcome
from bekal.incentives.pause_payout_run import pause_payout_run
from bekal.incentives.under_way import under_way
from bekal.ledger.clock import machine_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.participants.models import PayoutAccount
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.incentives.banks import change, know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
PAY = TRANSFER_PATHS["18"]
TEN_MINUTES, FIFTEEN_MINUTES = timedelta(minutes=10), timedelta(minutes=15)


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def released(bank: RunningBank, count: int = 2) -> int:
    """A run of so many OVO wallets whose payments wait to be made."""
    for number, person in enumerate(earners(count)):
        set_account(person, "ovo", f"0812345678{number:02d}")
    know_everybody(bank)
    run_id = approved()
    done = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    assert done.refusal is None
    return run_id


def go(bank: RunningBank, later: timedelta = timedelta(0), **more: Any) -> Called:
    return make_calls(rails=rails_to(bank), at=SETTLED_AT, now=lambda: machine_now() + later, **more)


def paid_once(bank: RunningBank, run_id: int) -> None:
    assert bank.books.paid("ovo") == dict.fromkeys(references(run_id), (1, 600000))
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert prove_ledger(connection).violations == ()


def test_every_payment_is_made_by_a_call(bank: RunningBank) -> None:
    run_id = released(bank)
    assert go(bank).outcomes == {"settled": 2}
    assert go(bank).did_anything is False
    paid_once(bank, run_id)
    assert sorted(PayoutCall.objects.values_list("act", "outcome")) == [("pay", "begun")] * 2 + [("pay", "settled")] * 2
    assert PayoutStatus.objects.filter(state="settled", call__isnull=False, file=None).count() == 2


def test_a_full_wallet_names_its_reason(bank: RunningBank) -> None:
    released(bank, 1)
    change(bank, PayoutAccount.objects.get(), ceiling=599_999)
    assert go(bank).outcomes == {"rejected": 1}
    said = PayoutStatus.objects.get(state="rejected")
    assert (said.reason_code, said.partner_code) == ("AM14", "4031823")
    assert bank.books.paid("ovo") == {} and totals()[Kind.PAYOUT_IN_TRANSIT] == 0


def test_what_was_approved_is_paid_where_it_was_approved_to(bank: RunningBank) -> None:
    """Neither the approval nor the 72 hours can be gone around by a change between the release and the call."""
    run_id = released(bank, 1)
    factories.changed_account(PayoutAccount.objects.get().participant_id, "ovo", "081299999999", at=SETTLED_AT)
    know_everybody(bank)
    assert go(bank).outcomes == {"settled": 1}
    paid_once(bank, run_id)
    accounts = [bank.books.account("ovo", number) for number in ("081234567800", "081299999999")]
    assert [account and account[3] for account in accounts] == [600_000, 0]


@pytest.mark.parametrize("kind", ["timeout_after_acceptance", "timeout_before_acceptance"])
def test_what_is_unknown_is_asked_for_after_ten_minutes_and_never_sent_before(bank: RunningBank, kind: str) -> None:
    run_id = released(bank, 1)
    bank.fail(kind, PAY)
    assert go(bank).outcomes == {"unknown": 1}
    assert go(bank, TEN_MINUTES - timedelta(seconds=1)).outcomes == {}
    asked = go(bank, TEN_MINUTES)
    if kind == "timeout_before_acceptance":
        assert asked.outcomes == {"not_found": 1}
        assert go(bank, TEN_MINUTES + timedelta(minutes=2)).outcomes == {"settled": 1}
    else:
        assert asked.outcomes == {"settled": 1}
    paid_once(bank, run_id)


def test_a_runner_that_died_in_the_calls_has_them_asked_for(bank: RunningBank, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = released(bank)

    def dies(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("bekal.incentives.make_calls._note_heard", dies)
        with pytest.raises(SystemExit):
            go(bank)
    assert len(bank.books.paid("ovo")) == 2 and totals()[Kind.PAYOUT_IN_TRANSIT] == 1_200_000
    assert go(bank, FIFTEEN_MINUTES - timedelta(seconds=1)).did_anything is False, "it may just have been made"
    assert go(bank, FIFTEEN_MINUTES).outcomes == {"settled": 2}
    paid_once(bank, run_id)


@pytest.mark.parametrize("path", [STATUS_PATH, TOKEN_PATH])
def test_whoever_was_not_let_in_to_ask_does_not_pay_again(bank: RunningBank, path: str) -> None:
    """The bank has paid, its answer was lost, and when it is asked it lets nobody in: nothing is known still."""
    run_id = released(bank, 1)
    bank.fail("timeout_after_acceptance", PAY)
    assert go(bank).outcomes == {"unknown": 1}
    bank.fail("refuse", path, "429")
    assert go(bank, TEN_MINUTES).outcomes == {"not_let_in": 1}
    assert [each.unknown_count for each in under_way(run_id=run_id).values()] == [1], "it counts as not known still"
    assert go(bank, TEN_MINUTES).outcomes == {}, "not at once"
    assert go(bank, TEN_MINUTES + timedelta(minutes=1)).outcomes == {"settled": 1}
    assert sorted(PayoutCall.objects.values_list("act", flat=True)) == ["ask", "ask", "pay", "pay"], "begun, and heard"
    paid_once(bank, run_id)


def test_what_a_partner_has_accepted_and_does_not_know_any_more_is_asked_for_again(
    bank: RunningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(bank, 1)
    with monkeypatch.context() as patch:
        patch.setattr("bekal.incentives.make_calls._call", lambda *_: Heard(Outcome.ACCEPTED))
        assert go(bank).outcomes == {"accepted": 1}
    assert go(bank, TEN_MINUTES).outcomes == {"not_found": 1}
    assert go(bank, TEN_MINUTES + timedelta(minutes=5)).outcomes == {}
    go(bank, 2 * TEN_MINUTES)
    assert [call.act for call in PayoutCall.objects.order_by("id")] == ["pay", "pay", "ask", "ask"], (
        "and never paid again"
    )
    assert bank.books.paid("ovo") == {}


def test_a_runner_that_was_held_up_after_its_intent_makes_no_call(bank: RunningBank) -> None:
    """By then it may have been taken for dead, and the payment asked for and made by another."""
    run_id = released(bank, 1)
    first, *later = machine_now(), machine_now() + timedelta(minutes=5, seconds=1)
    clock = iter([first, *later * 9])
    held_up = make_calls(rails=rails_to(bank), at=SETTLED_AT, now=lambda: next(clock))
    assert held_up.outcomes == {"not_let_in": 1} and bank.books.paid("ovo") == {}
    assert go(bank, timedelta(minutes=7)).outcomes == {"settled": 1}
    paid_once(bank, run_id)


def test_a_partner_that_lets_nobody_in_is_tried_again(bank: RunningBank) -> None:
    run_id = released(bank, 1)
    bank.fail("refuse", PAY, "429")
    assert go(bank).outcomes == {"not_let_in": 1}
    assert go(bank).outcomes == {}, "not at once"
    assert go(bank, timedelta(minutes=1)).outcomes == {"settled": 1}
    paid_once(bank, run_id)


def test_a_paused_run_pays_nobody_and_still_asks(bank: RunningBank) -> None:
    run_id = released(bank)
    bank.fail("timeout_after_acceptance", PAY)
    make_calls(rails=rails_to(bank), at=SETTLED_AT, now=machine_now, limit=1)
    pause_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=EXPORTED_AT)
    assert go(bank, TEN_MINUTES).outcomes == {"settled": 1}
    assert len(bank.books.paid("ovo")) == 1


def test_the_list_is_read_and_the_token_asked_for_once_for_all_rounds(
    bank: RunningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = released(bank, 3)
    read: list[str] = []

    def reading(text: str) -> Iterator[Instruction]:
        read.append(text)
        return read_instructions(text)

    monkeypatch.setattr(call_desk, "read_instructions", reading)
    desk = CallDesk()
    assert go(bank, limit=1, desk=desk).outcomes == {"settled": 1}
    # A second token that is asked for would be refused.
    bank.fail("refuse", TOKEN_PATH, "401", times=9)
    assert [go(bank, limit=1, desk=desk).outcomes for _ in range(3)] == [{"settled": 1}, {"settled": 1}, {}]
    assert len(read) == 1
    paid_once(bank, run_id)


def test_whatever_can_be_heard_can_be_kept() -> None:
    assert set(KNOWN) == set(Outcome)
    assert {kept.value for kept in KNOWN.values()} == {heard.value for heard in Outcome}
