"""Institutions are paid over the same rails: listed, approved, exported, answered; what fails is owed again."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bekal.catalogue.models import Institution
from bekal.catalogue.stop_settlement import resume_settlement, stop_settlement
from bekal.catalogue.suspend import NewSuspension, suspend
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.export_payout_run import Exported
from bekal.incentives.hand_over_files import hand_over_files
from bekal.incentives.institution_payments import SettlementState, institution_settlements
from bekal.incentives.models import InstitutionAccount, Payout, PayoutException, PayoutRun, PayoutStatus
from bekal.incentives.plan_payout_run import LeftOut, LeftOutReason, plan_payout_run
from bekal.incentives.plan_settlement_run import owed_settlements, plan_settlement_run
from bekal.incentives.queries import run_detail, run_lines
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.ledger.clock import machine_now, programme_day
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.lifecycle.claw_back import approve_clawback, decide_clawback
from bekal.proofs.check import prove_ledger
from bekal.purchases.models import InstitutionSettlement, Purchase, SettlementFailure
from tests import factories
from tests.factories import settling
from tests.factories.holding import held_institution
from tests.factories.settling import ANSWERED_AT, EXPORTED_AT, PLANNED_AT
from tests.factories.unchanged import nothing_changes
from tests.incentives.banks import change, rails_to
from tests.incentives.journey import earners, references
from tests.incentives.journey import export as export_run
from tests.incentives.partner import answers, read_instructions, status_file
from tests.simulation.bank.clients import RunningBank, running_bank

pytestmark = pytest.mark.django_db
DAY = programme_day(PLANNED_AT)


def payable(count: int = 1, *, each: int = 1) -> list[Institution]:
    """Institutions with an account and a settlement that is owed."""
    institutions = [factories.institution() for _ in range(count)]
    for institution in institutions:
        settling.account(institution)
    settling.ordered(*institutions, each=each)
    return institutions


def answer(run: Exported, rejected: dict[str, str] | None = None) -> Settled:
    (file,) = run.files
    return settle_payouts(
        partner=file.partner, name="jawab.csv", content=answers(file.content, rejected), at=ANSWERED_AT
    )


def say(reference: str, state: str, reason: str = "", *, rupiah: int = 300_000, days: int = 0) -> Settled:
    content = status_file([(reference, rupiah, state, reason)])
    at = ANSWERED_AT + timedelta(days=days)
    return settle_payouts(partner="bni", name="jawab.csv", content=content, at=at)


def nothing_wrong() -> None:
    assert prove_ledger(connection).violations == ()


def plan(at: Any = PLANNED_AT) -> Any:
    return plan_settlement_run(planned_for=programme_day(at), officer_id=factories.officer().pk, at=at)


def test_a_settlement_goes_from_the_list_to_the_bank_and_is_paid_once() -> None:
    (institution,) = payable(each=2)
    settlement = InstitutionSettlement.objects.get()
    run = settling.exported()
    (file,) = run.files
    (line,) = read_instructions(file.content)
    account = InstitutionAccount.objects.get()
    assert line["reference"] == f"BKS{settlement.pk:014d}A01" and line["amount_rupiah"] == "600000"
    assert line["holder_name"] == institution.name and line["account_number"][-4:] == account.masked[-4:]
    assert totals()[Kind.INSTITUTION_PAYABLE] == 600_000, "what is sent is owed until the bank has paid it"
    nothing_wrong()
    assert [one.state for one in institution_settlements(institution_id=institution.pk)] == [SettlementState.SENT]
    outcome = answer(run)
    assert (outcome.settled_count, outcome.settled_rupiah, outcome.exception_count) == (1, 600_000, 0)
    settlement.refresh_from_db()
    assert settlement.settled_at == ANSWERED_AT
    assert (totals()[Kind.INSTITUTION_PAYABLE], totals()[Kind.INSTITUTION_SETTLED]) == (0, 600_000)
    detail = run_detail(run_id=run.run_id)
    assert detail is not None and (detail.run.payee, detail.in_transit_rupiah) == ("institutions", 0)
    (shown,) = run_lines(run_id=run.run_id)
    assert (shown.name, shown.institution_id, shown.participation_id) == (institution.name, institution.pk, None)
    officer_id = factories.officer().pk
    with nothing_changes():
        assert answer(run).repeated
        again = plan_settlement_run(planned_for=DAY, officer_id=officer_id, at=ANSWERED_AT)
    assert again.refusal is not None and again.refusal.code is PayoutRefusal.NOTHING_DUE
    nothing_wrong()


def test_what_the_bank_rejects_is_owed_again_and_paid_by_the_next_attempt() -> None:
    (institution,) = payable()
    run = settling.exported()
    (reference,) = references(run.run_id)
    assert answer(run, {reference: "AC04"}).rejected_count == 1
    failure = SettlementFailure.objects.get()
    assert (failure.reference, failure.reason_code, failure.paid_at) == (reference, "AC04", None)
    (line,) = institution_settlements(institution_id=institution.pk)
    assert (line.state, line.reason_code, line.came_back) == (SettlementState.ORDERED, "AC04", False)
    assert "closed" in str(line.reason) or "ditutup" in str(line.reason)
    assert totals()[Kind.INSTITUTION_PAYABLE] == 300_000
    nothing_wrong()
    again = settling.exported(at=PLANNED_AT + timedelta(days=1))
    assert references(again.run_id) == [reference.replace("A01", "A02")]
    say(references(again.run_id)[0], "settled", days=1)
    assert totals()[Kind.INSTITUTION_SETTLED] == 300_000
    nothing_wrong()


def test_what_comes_back_is_owed_again_in_whatever_order_it_is_said() -> None:
    payable(2)
    run = settling.exported()
    first, second = references(run.run_id)
    say(first, "settled")
    say(first, "returned", "AC06", days=1)
    say(second, "returned", "BE01", days=1)
    assert (totals()[Kind.INSTITUTION_PAYABLE], totals()[Kind.INSTITUTION_SETTLED]) == (600_000, 0)
    assert sorted(SettlementFailure.objects.order_by("pk").values_list("reason_code", flat=True)) == ["AC06", "BE01"]
    nothing_wrong()
    for at in (EXPORTED_AT, ANSWERED_AT, ANSWERED_AT + timedelta(days=1)):
        assert prove_ledger(connection, as_of=at).violations == ()
    say(second, "settled", days=2)
    assert PayoutException.objects.filter(kind="contradiction").count() == 0, "it was said to be paid with its return"


def test_what_contradicts_itself_is_an_exception_and_not_planned_again() -> None:
    payable()
    run = settling.exported()
    (reference,) = references(run.run_id)
    say(reference, "rejected", "AC04")
    say(reference, "settled")
    assert [one.kind for one in PayoutException.objects.all()] == ["contradiction"]
    planned = plan(PLANNED_AT + timedelta(days=1))
    assert planned.left_out == (LeftOut(LeftOutReason.IN_QUESTION, 1),) and planned.run_id is None
    assert say(reference, "settled", rupiah=299_999).opened[0].kind == "amount_mismatch"
    nothing_wrong()


def test_a_return_of_what_somebody_has_to_pay_back_is_the_offices_to_clear_up() -> None:
    payable()
    run = settling.exported()
    (reference,) = references(run.run_id)
    say(reference, "settled")
    person = Purchase.objects.get().participation_id
    decided = decide_clawback(
        participation_id=person,
        cause="identity",
        explanation="Bukan orangnya.",
        officer_id=factories.officer().pk,
        at=ANSWERED_AT + timedelta(days=1),
    )
    approve_clawback(
        clawback_id=decided.clawback_id or 0, officer_id=factories.officer().pk, at=ANSWERED_AT + timedelta(days=1)
    )
    assert totals()[Kind.TRAINING_RECEIVABLE] == 300_000
    assert say(reference, "returned", "AC04", days=2).opened[0].kind == "clawed_back"
    assert InstitutionSettlement.objects.get().settled_at is not None
    nothing_wrong()


def test_who_cannot_be_paid_is_left_out_with_the_reason() -> None:
    stopped, suspended, held, bare, changed, good = institutions = [factories.institution() for _ in range(6)]
    for institution in institutions:
        if institution is not bare:
            settling.account(institution)
    settling.ordered(*institutions)
    stop_settlement(institution_id=stopped.pk, reason="Diperiksa.", at=PLANNED_AT)
    suspend(
        suspensions=[NewSuspension(institution_id=suspended.pk, reason="Izin habis.", by_id=factories.officer().pk)],
        at=PLANNED_AT,
    )
    held_institution(held.pk, at=PLANNED_AT)
    settling.account(changed, at=PLANNED_AT - timedelta(hours=71))
    owed = {line.institution_id: line.left_out for line in owed_settlements(at=PLANNED_AT)}
    assert owed == {
        stopped.pk: LeftOutReason.STOPPED,
        suspended.pk: LeftOutReason.SUSPENDED,
        held.pk: LeftOutReason.HELD,
        bare.pk: LeftOutReason.NO_ACCOUNT,
        changed.pk: LeftOutReason.ACCOUNT_CHANGED,
        good.pk: None,
    }
    planned = plan()
    assert (planned.payout_count, planned.total_rupiah) == (1, 300_000)
    assert {each.reason for each in planned.left_out} == set(owed.values()) - {None}
    assert InstitutionSettlement.objects.filter(listed_at=PLANNED_AT).get().institution_id == good.pk
    resume_settlement(institution_id=stopped.pk, at=PLANNED_AT)
    assert plan(PLANNED_AT + timedelta(hours=2)).payout_count == 2, "the hold of 72 hours is over, too"


def test_who_is_stopped_after_the_approval_is_kept_back_and_nobody_else() -> None:
    bad, _good = payable(2)
    run_id = settling.approved()
    stop_settlement(institution_id=bad.pk, reason="Diperiksa.", at=PLANNED_AT)
    done = export_run(run_id=run_id, at=EXPORTED_AT)
    assert (done.withheld_count, len(done.files), done.files[0].line_count) == (1, 1, 1)
    assert list(PayoutStatus.objects.order_by("payout").values_list("state", flat=True)) == ["withheld", "sent"]
    nothing_wrong()


def test_an_account_that_was_replaced_since_is_not_paid_to() -> None:
    changed, _good = payable(2)
    run_id = settling.approved()
    settling.account(changed, at=PLANNED_AT)
    detail = run_detail(run_id=run_id)
    assert detail is not None and (detail.held_count, detail.changed_count) == (0, 1)
    done = export_run(run_id=run_id, at=EXPORTED_AT)
    assert (done.withheld_count, done.changed_count, done.files[0].line_count) == (1, 1, 1)
    assert plan(EXPORTED_AT).left_out == (LeftOut(LeftOutReason.ACCOUNT_CHANGED, 1),)
    nothing_wrong()


def test_the_approval_is_another_persons_and_of_this_list() -> None:
    payable()
    officer = factories.officer()
    planned = plan_settlement_run(planned_for=DAY, officer_id=officer.pk, at=PLANNED_AT)
    assert planned.run_id is not None and planned.list_sha256 is not None
    values = {"run_id": planned.run_id, "at": PLANNED_AT}
    own = approve_payout_run(officer_id=officer.pk, list_sha256=planned.list_sha256, **values)
    assert own.refusal is not None and own.refusal.code is PayoutRefusal.SAME_PERSON
    other = approve_payout_run(officer_id=factories.officer().pk, list_sha256=b"x" * 32, **values)
    assert other.refusal is not None and other.refusal.code is PayoutRefusal.LIST_CHANGED
    assert cancel_payout_run(run_id=planned.run_id, officer_id=officer.pk, at=PLANNED_AT).refusal is None
    again = plan()
    assert again.payout_count == 1 and Payout.objects.get(run_id=again.run_id).attempt == 2


def test_the_database_has_one_live_payment_of_a_settlement_and_one_payee() -> None:
    payable()
    run_id = settling.approved()
    row = Payout.objects.get(run_id=run_id)
    row.pk, row.attempt, row.reference = None, 2, "BKSX"
    with pytest.raises(IntegrityError, match="one_live_settlement"), transaction.atomic():
        row.save(force_insert=True)
    for changes in ({"settlement": None}, {"institution_account": None}):
        with pytest.raises(IntegrityError, match="of_one_payee"), transaction.atomic():
            Payout.objects.filter(run_id=run_id).update(**changes)


def test_lists_of_people_and_of_institutions_stay_apart() -> None:
    earners()
    payable()
    people = plan_payout_run(planned_for=DAY, officer_id=factories.officer().pk, at=PLANNED_AT)
    institutions = plan()
    assert people.payout_count == institutions.payout_count == 1
    assert set(PayoutRun.objects.order_by("pk").values_list("payee", flat=True)) == {"people", "institutions"}
    far = plan_settlement_run(planned_for=DAY + timedelta(days=15), officer_id=factories.officer().pk, at=PLANNED_AT)
    assert far.refusal is not None and far.refusal.code is PayoutRefusal.TOO_FAR_AHEAD
    nothing_wrong()


@pytest.mark.django_db(transaction=True)
def test_two_officers_who_plan_at_once_get_one_list(race: Callable[..., list[Any]]) -> None:
    payable(2)
    ids = [factories.officer().pk for _ in range(2)]
    results = race(
        *[lambda who=who: plan_settlement_run(planned_for=DAY, officer_id=who, at=PLANNED_AT) for who in ids]
    )
    assert sorted(each.payout_count for each in results) == [0, 2]


@pytest.fixture
def bank() -> Iterator[RunningBank]:
    with running_bank() as running:
        yield running


@pytest.mark.django_db(transaction=True)
def test_over_a_bank_with_books_of_its_own_each_settlement_is_paid_once(bank: RunningBank) -> None:
    open_, closed = payable(2)
    for account in InstitutionAccount.objects.order_by("pk"):
        change(bank, account, standing="active" if account.institution_id == open_.pk else "closed")
    run = settling.exported(rails=rails_to(bank))
    assert run.files[0].name.endswith(".xml")

    def go() -> None:
        hand_over_files(rails=rails_to(bank), at=ANSWERED_AT, now=machine_now)
        bank.service.work()

    for _ in range(3):
        go()
    assert list(bank.books.paid("bni").values()) == [(1, 300_000)]
    assert SettlementFailure.objects.get().settlement.institution_id == closed.pk
    assert InstitutionSettlement.objects.get(institution=open_).settled_at == ANSWERED_AT
    nothing_wrong()
