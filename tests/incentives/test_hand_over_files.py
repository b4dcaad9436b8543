"""Files go to the bank once, whatever breaks, and what comes back settles them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction

from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.hand_over_files import Exchanged, hand_over_files
from bekal.incentives.models import Payout, PayoutException, PayoutFetch, PayoutFile, PayoutSending, PayoutStatus
from bekal.incentives.pause_payout_run import pause_payout_run, resume_payout_run
from bekal.ledger.clock import machine_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, totals
from bekal.participants.models import PayoutAccount
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.incentives.banks import change, know_everybody, rails_to
from tests.incentives.journey import EXPORTED_AT, SETTLED_AT, approved, earners, references
from tests.incentives.test_export_payout_run import set_account
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db(transaction=True)
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


def released(bank: RunningBank, count: int = 3) -> int:
    """A run whose files wait to be handed over."""
    earners(count)
    know_everybody(bank)
    run_id = approved()
    done = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    assert done.refusal is None
    return run_id


def go(bank: RunningBank, later: timedelta = timedelta(0)) -> Exchanged:
    return hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=lambda: machine_now() + later)


def outcomes() -> list[str]:
    return [f"{one.act} {one.outcome}" for one in PayoutSending.objects.order_by("id")]


def paid_once(bank: RunningBank, run_id: int) -> None:
    assert bank.books.paid("bni") == dict.fromkeys(references(run_id), (1, 600000))
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert prove_ledger(connection).violations == ()


def test_a_run_goes_out_as_a_bank_file_and_every_payout_is_answered(bank: RunningBank) -> None:
    run_id = released(bank)
    (file,) = PayoutFile.objects.all()
    assert (file.form, file.name) == ("pain.001", f"bekal-20200427-run{run_id}-bni.xml")
    assert go(bank).outcomes == {"taken": 1}
    bank.service.work()
    done = go(bank)
    assert (done.outcomes, done.fetched_count) == ({}, 2), "the report and the notification"
    paid_once(bank, run_id)
    assert go(bank).did_anything is False
    assert [fetch.file.form for fetch in PayoutFetch.objects.order_by("number") if fetch.file] == [
        "pain.002",
        "camt.054",
    ]


def test_what_the_bank_rejects_is_due_again_with_its_reason(bank: RunningBank) -> None:
    released(bank, 2)
    full, closed = PayoutAccount.objects.order_by("id")
    change(bank, full, ceiling=599_999)
    change(bank, closed, standing="closed")
    go(bank)
    bank.service.work()
    go(bank)
    said = PayoutStatus.objects.filter(state="rejected").order_by("payout__reference")
    assert [(one.reason_code, one.partner_code) for one in said] == [("AM14", "0061"), ("AC04", "0076")]
    assert bank.books.paid("bni") == {} and totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    assert prove_ledger(connection).violations == ()


@pytest.mark.parametrize("kind", ["timeout_after_acceptance", "timeout_before_acceptance"])
def test_a_line_that_breaks_is_unknown_and_only_asking_resolves_it(bank: RunningBank, kind: str) -> None:
    run_id = released(bank)
    bank.fail(kind, partner="bni")
    assert go(bank).outcomes == {"unknown": 1}
    assert go(bank, TEN_MINUTES - timedelta(seconds=1)).outcomes == {}, "it may still be under way"
    asked = go(bank, TEN_MINUTES)
    if kind == "timeout_before_acceptance":
        assert asked.outcomes == {"not_there": 1}
        assert go(bank, TEN_MINUTES).outcomes == {}, "not at once"
        assert go(bank, TEN_MINUTES + timedelta(minutes=2)).outcomes == {"taken": 1}
    else:
        assert asked.outcomes == {"taken": 1}
    bank.service.work()
    go(bank, 2 * TEN_MINUTES)
    paid_once(bank, run_id)


def test_a_runner_that_died_in_the_call_has_the_file_asked_for(
    bank: RunningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = released(bank)

    def dies(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("bekal.incentives.hand_over_files._note", dies)
        with pytest.raises(SystemExit):
            go(bank)
    assert go(bank).did_anything is False and outcomes() == ["hand_over begun"], "the bank may still be reading it"
    go(bank, TEN_MINUTES)
    assert outcomes() == ["hand_over begun", "ask taken"]
    bank.service.work()
    go(bank)
    paid_once(bank, run_id)


def test_a_paused_run_hands_nothing_over_until_it_goes_on(bank: RunningBank) -> None:
    run_id = released(bank)
    officer = factories.officer()
    assert pause_payout_run(run_id=run_id, officer_id=officer.pk, at=EXPORTED_AT).refusal is None
    assert pause_payout_run(run_id=run_id, officer_id=officer.pk, at=EXPORTED_AT).repeated
    assert go(bank).did_anything is False
    assert resume_payout_run(run_id=run_id).refusal is None
    assert go(bank).outcomes == {"taken": 1}


def test_nothing_leaves_before_its_day(bank: RunningBank) -> None:
    released(bank)
    early = hand_over_files(rails=rails_to(bank), at=EXPORTED_AT - timedelta(days=3), now=machine_now)
    assert early.did_anything is False


def test_a_file_that_the_bank_refuses_is_an_exception_of_the_office(bank: RunningBank) -> None:
    released(bank)
    bank.fail("refuse", value="422", partner="bni")
    assert go(bank).outcomes == {"refused": 1}
    (exception,) = PayoutException.objects.all()
    assert (exception.kind, exception.owner, exception.said_rupiah) == ("file_refused", "office", 1_800_000)
    assert go(bank, timedelta(hours=1)).outcomes == {}, "nobody sends it again"


def test_a_file_that_was_cut_settles_nothing_and_the_next_one_does(bank: RunningBank) -> None:
    run_id = released(bank)
    bank.fail("cut_file", value="60", partner="bni")
    go(bank)
    bank.service.work()
    done = go(bank)
    assert done.fetched_count == 2 and len(done.refused_names) == 1
    assert [one.kind for one in PayoutException.objects.all()] == ["file_unreadable"]
    # The notification says the same, and it was whole.
    paid_once(bank, run_id)


@pytest.mark.parametrize(
    ("kind", "value", "trouble"),
    [
        ("wrong_amount", "7", "amount_mismatch"),
        ("unknown_reference", "BKL99", "unknown_reference"),
        ("duplicate_line", "", ""),
        ("duplicate_file", "", ""),
    ],
)
def test_what_the_bank_says_wrongly_moves_nothing(bank: RunningBank, kind: str, value: str, trouble: str) -> None:
    released(bank)
    bank.fail(kind, value=value, partner="bni")
    go(bank)
    bank.service.work()
    go(bank)
    assert [one.kind for one in PayoutException.objects.all()] == ([trouble] if trouble else [])
    settled = {one.reference for one in Payout.objects.filter(statuses__state="settled")}
    said_right = {reference for reference, (_, total) in bank.books.paid("bni").items() if total == 600_000}
    assert settled <= said_right
    assert prove_ledger(connection).violations == ()


def test_a_wallet_takes_its_csv_over_the_same_exchange(bank: RunningBank) -> None:
    (person,) = earners()
    set_account(person, "linkaja", "081234567890")
    know_everybody(bank)
    export_payout_run(run_id=approved(), at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    assert go(bank).outcomes == {"taken": 1}
    bank.service.work()
    assert go(bank).fetched_count == 1
    assert balances_of(owner_ids=[person])[person][Kind.PAYOUT_SETTLED] == 600_000


def test_a_partner_with_many_answers_takes_nobody_elses_turn(bank: RunningBank) -> None:
    *_, person = earners(3)
    set_account(person, "linkaja", "081234567890")
    know_everybody(bank)
    export_payout_run(run_id=approved(), at=EXPORTED_AT, proof_limit=None, rails=rails_to(bank))
    for partner in ("bni", "linkaja"):
        bank.fail("duplicate_file", partner=partner, times=2)
    go(bank)
    bank.service.work()
    took = hand_over_files(rails=rails_to(bank), at=SETTLED_AT, now=machine_now, limit=2)
    assert took.fetched_count == 4 and PayoutFetch.objects.filter(partner="linkaja").count() == 2


def test_a_partner_that_is_not_there_keeps_nobody_else_waiting(bank: RunningBank) -> None:
    run_id = released(bank)
    rails = rails_to(bank)
    gone = rails_to(bank)["linkaja"]
    assert gone.files is not None
    rails["linkaja"] = type(gone)("linkaja", gone.form, type(gone.files)("http://127.0.0.1:9", "x"))
    done = hand_over_files(rails=rails, at=SETTLED_AT, now=machine_now)
    assert done.outcomes == {"taken": 1} and done.silent_partners == ["linkaja"]
    bank.service.work()
    hand_over_files(rails=rails, at=SETTLED_AT, now=machine_now)
    paid_once(bank, run_id)


def test_a_partner_is_never_called_within_a_transaction(bank: RunningBank) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        go(bank)


def test_what_an_officer_hands_over_never_goes_by_itself_when_a_rail_comes(bank: RunningBank) -> None:
    (person,) = earners(1)
    set_account(person, "linkaja", "081234567800")
    know_everybody(bank)
    run_id = approved()
    assert export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=None).refusal is None
    assert rails_to(bank)["linkaja"].files is not None
    assert go(bank).did_anything is False and outcomes() == []
    assert bank.books.received("linkaja", PayoutFile.objects.get().name.removesuffix(".csv")) is None
