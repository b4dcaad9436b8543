"""Di mana uang saya? Every instalment has one truthful state at every step of the journey."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest

from bekal.core.entitlement import InstalmentKind
from bekal.core.schedule import Closed
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.instalment_line import Happening
from bekal.incentives.models import (
    Entitlement,
    Payout,
    PayoutCall,
    PayoutStatus,
)
from bekal.incentives.pause_payout_run import pause_payout_run
from bekal.incentives.queries import InstalmentLine, InstalmentState, NextStep, timeline_of
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.timeline import timelines_of
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation, PayoutAccount
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.reconcile import reconcile
from tests import factories
from tests.factories import ACCEPTED_AT, BOUGHT_AT, RECONCILED_AT, jakarta
from tests.incentives.journey import (
    APPROVED_AT,
    EXPORTED_AT,
    FIRST_PAY_ON,
    PLANNED_AT,
    SETTLED_AT,
    approved,
    earners,
    exported,
    planned,
    references,
    settled,
    taken_back,
)
from tests.incentives.partner import status_file
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db

ON = date(2020, 4, 24)


def incentives(participation_id: int, on: date = ON) -> list[InstalmentLine]:
    return [
        one for one in timeline_of(participation_id=participation_id, on=on) if one.kind == InstalmentKind.INCENTIVE
    ]


def step_of(participation_id: int, on: date = ON) -> tuple[InstalmentState, NextStep]:
    """State and next step, which all instalments that are not earned share."""
    (step,) = {(one.state, one.next_step) for one in incentives(participation_id, on)}
    return step


def test_before_anything_is_earned_the_whole_promise_is_shown_with_the_earliest_days() -> None:
    (person,) = factories.accepted()
    lines = timeline_of(participation_id=person, on=ON)
    assert [(one.kind, one.instalment, one.amount_rupiah) for one in lines] == [
        *((InstalmentKind.INCENTIVE, number, 600_000) for number in (1, 2, 3, 4)),
        *((InstalmentKind.SURVEY, number, 50_000) for number in (1, 2, 3)),
    ]
    assert sum(one.amount_rupiah for one in lines) == 3_550_000 - 1_000_000
    assert (lines[0].scheduled_on, lines[0].payment_on) == (date(2020, 4, 25), FIRST_PAY_ON)
    assert not any(one.is_earned or one.is_late for one in lines)
    assert {(one.state, one.next_step) for one in lines[4:]} == {
        (InstalmentState.WAITING_ANSWER, NextStep.WAIT_FOR_SURVEY)
    }


def test_each_missing_piece_is_named_by_whose_turn_it_is() -> None:
    none, bought, redeemed, completed, reviewed, reconciled = factories.accepted(6)
    training = factories.training()
    factories.bought(bought, training)
    factories.redeemed(redeemed, training)
    factories.completed(completed, training)
    factories.reviewed(reviewed, training)
    factories.reconciled(reconciled, training)
    waiting = InstalmentState.WAITING_EVIDENCE
    assert step_of(none) == (InstalmentState.WAITING_PURCHASE, NextStep.BUY_TRAINING)
    assert step_of(bought) == (waiting, NextStep.REDEEM_CODE)
    assert step_of(redeemed) == (waiting, NextStep.WAIT_FOR_INSTITUTION)
    assert step_of(completed) == (waiting, NextStep.GIVE_REVIEW)
    assert step_of(reviewed) == (InstalmentState.WAITING_RECONCILIATION, NextStep.WAIT_FOR_OFFICE)
    assert step_of(reconciled) == (InstalmentState.WAITING_RECONCILIATION, NextStep.WAIT_FOR_OFFICE)


def test_of_several_trainings_the_nearest_one_counts() -> None:
    (person,) = factories.accepted()
    factories.bought(person, factories.training())
    factories.completed(person, factories.training(), at=BOUGHT_AT + timedelta(hours=1))
    assert step_of(person) == (InstalmentState.WAITING_EVIDENCE, NextStep.GIVE_REVIEW)


def test_who_did_not_buy_in_time_has_nothing_to_wait_for() -> None:
    (person,) = factories.accepted()
    due_on = Participation.objects.get(pk=person).first_purchase_due_on
    assert step_of(person, due_on) == (InstalmentState.WAITING_PURCHASE, NextStep.BUY_TRAINING)
    late = due_on + timedelta(days=1)
    assert step_of(person, late) == (InstalmentState.DEADLINE_PASSED, NextStep.NOTHING)
    revoked_at = ACCEPTED_AT + timedelta(days=32)
    revoke(at=revoked_at)
    lines = timeline_of(participation_id=person, on=late + timedelta(days=2))
    assert {(one.state, one.next_step, one.state_since_at) for one in lines} == {
        (InstalmentState.RETURNED, NextStep.NOTHING, revoked_at)
    }
    assert {(one.scheduled_on, one.payment_on) for one in lines} == {(None, None)}


def test_from_earned_to_paid() -> None:
    (person,) = earners()
    account = PayoutAccount.objects.get(participant__participation=person)

    def first(on: date = FIRST_PAY_ON) -> InstalmentLine:
        return incentives(person, on)[0]

    entitled_at = RECONCILED_AT + timedelta(hours=1)
    assert (first(ON).state, first(ON).state_since_at) == (InstalmentState.PLANNED, entitled_at)
    assert (first(ON).next_step, first(ON).masked_account) == (NextStep.WAIT_FOR_DAY, account.masked)
    assert (first(ON).turn, first(ON).due_on) == (Side.CALENDAR, FIRST_PAY_ON)
    assert (first().state, first().turn, first().due_on) == (InstalmentState.DUE, Side.PROGRAMME, FIRST_PAY_ON)
    cancelled = planned().run_id or 0
    assert (first().state, first().state_since_at) == (InstalmentState.IN_RUN, PLANNED_AT)
    cancel_payout_run(run_id=cancelled, officer_id=factories.officer().pk, at=PLANNED_AT)
    assert first().state == InstalmentState.DUE
    run_id = approved()
    assert (first().state, first().state_since_at) == (InstalmentState.APPROVED, APPROVED_AT)
    assert (first().next_step, first().due_on) == (NextStep.WAIT_FOR_OFFICE, FIRST_PAY_ON)
    pause_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=APPROVED_AT)
    assert (first().state, first().state_since_at) == (InstalmentState.PAUSED, APPROVED_AT)
    cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=PLANNED_AT)
    run = exported()
    assert (first().state, first().state_since_at) == (InstalmentState.SENT, EXPORTED_AT)
    assert (first().next_step, first().turn) == (NextStep.WAIT_FOR_PARTNER, Side.PARTNER)
    assert first().due_on == FIRST_PAY_ON + timedelta(days=1)
    assert first(FIRST_PAY_ON + timedelta(days=1)).is_late
    settled(run)
    line = first(FIRST_PAY_ON + timedelta(days=1))
    assert (line.state, line.state_since_at, line.is_late) == (InstalmentState.SETTLED, SETTLED_AT, False)
    assert [one.state for one in incentives(person)[1:]] == [InstalmentState.PLANNED] * 3
    assert [(step.what, step.attempt) for step in line.steps] == [
        (Happening.EARNED, 0),
        (Happening.LISTED, 1),
        (Happening.LIST_CANCELLED, 1),
        (Happening.LISTED, 2),
        (Happening.LIST_CANCELLED, 2),
        (Happening.LISTED, 3),
        (Happening.LIST_APPROVED, 2),
        (Happening.LIST_APPROVED, 3),
        (Happening.SENT, 3),
        (Happening.SETTLED, 3),
    ]
    assert line.steps[-1].planned_for == FIRST_PAY_ON and line.steps[-1].masked_account == account.masked


def test_why_then_is_told_by_the_calendar() -> None:
    (person,) = earners()
    why = incentives(person)[0].why
    assert why is not None and (why.payment_on, why.earliest_on) == (FIRST_PAY_ON, date(2020, 4, 25))
    assert [off.closed for off in why.days_off] == [Closed.WEEKEND, Closed.WEEKEND]
    # The second falls on Idul Fitri.
    second = incentives(person)[1].why
    assert second is not None and [off.name for off in second.days_off] == ["Idul Fitri"]
    Entitlement.objects.filter(participation_id=person).update(payment_on=date(2020, 4, 29))
    assert incentives(person)[0].why is None, "a day that no rule gives is not explained"


def test_a_list_that_names_the_account_before_is_made_anew() -> None:
    (person,) = earners()
    approved()
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=PLANNED_AT)
    states = [incentives(person, FIRST_PAY_ON + timedelta(days=day))[0].state for day in (0, 4)]
    assert states == [InstalmentState.WAITING_CHANGE, InstalmentState.TO_LIST_ANEW]


def test_what_a_partner_has_accepted_is_on_its_way() -> None:
    (person,) = earners()
    exported()
    payout = Payout.objects.get()
    call = PayoutCall.objects.create(payout=payout, act="pay", outcome="accepted", noted_at=SETTLED_AT)
    PayoutStatus.objects.create(payout=payout, state="accepted", call=call, recorded_at=SETTLED_AT)
    line = incentives(person)[0]
    assert (line.state, line.state_since_at, line.next_step) == (
        InstalmentState.ACCEPTED,
        SETTLED_AT,
        NextStep.WAIT_FOR_PARTNER,
    )


def test_what_goes_to_a_changed_account_waits_and_is_then_planned() -> None:
    (person,) = earners()
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=PLANNED_AT)
    states = [incentives(person, FIRST_PAY_ON + timedelta(days=day))[0] for day in (0, 3, 4)]
    assert [(one.state, one.next_step) for one in states] == [
        (InstalmentState.WAITING_CHANGE, NextStep.WAIT_FOR_CHANGE),
        (InstalmentState.WAITING_CHANGE, NextStep.WAIT_FOR_CHANGE),
        (InstalmentState.DUE, NextStep.WAIT_FOR_OFFICE),
    ]


def test_who_named_another_account_after_a_rejection_has_done_their_part() -> None:
    (person,) = earners()
    run = exported()
    settled(run, {references(run.run_id)[0]: "AC04"})
    assert incentives(person)[0].next_step is NextStep.CHECK_ACCOUNT
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=SETTLED_AT)
    states = [incentives(person, FIRST_PAY_ON + timedelta(days=day))[0].state for day in (0, 4)]
    assert states == [InstalmentState.WAITING_CHANGE, InstalmentState.DUE]


def test_what_the_person_cannot_mend_is_not_asked_of_them() -> None:
    (person,) = earners()
    run = exported()
    settled(run, {references(run.run_id)[0]: "AM04"})
    line = incentives(person)[0]
    assert (line.state, line.next_step) == (InstalmentState.REJECTED, NextStep.WAIT_FOR_OFFICE)


def test_a_rejection_has_its_reason_and_the_account_it_went_to() -> None:
    (person,) = earners()
    before = PayoutAccount.objects.get(participant__participation=person)
    run = exported()
    settled(run, {references(run.run_id)[0]: "AC04"})
    line = incentives(person)[0]
    assert (line.state, line.reason_code, line.next_step) == (
        InstalmentState.REJECTED,
        "AC04",
        NextStep.CHECK_ACCOUNT,
    )
    assert (line.partner, line.masked_account, line.reference) == ("bni", before.masked, references(run.run_id)[0])
    # Another account: the person has done their part, and both accounts are named.
    set_account(person, "ovo", "081234567890")
    line = incentives(person)[0]
    assert (line.state, line.reason_code) == (InstalmentState.WAITING_CHANGE, "AC04")
    assert (line.partner, line.next_partner, line.next_masked[-4:]) == ("bni", "ovo", "7890")
    planned()
    line = incentives(person)[0]
    assert (line.state, line.partner, line.reason_code) == (InstalmentState.IN_RUN, "ovo", "")
    assert line.masked_account.endswith("7890")


def test_what_the_bank_sent_back_is_told_with_both_days_and_why_until_it_is_paid_again() -> None:
    (person,) = earners()
    run = exported()
    settled(run)
    (reference,) = references(run.run_id)
    back_at = jakarta(2020, 4, 29)
    content = status_file([(reference, 600_000, "returned", "AC06")])
    settle_payouts(partner="bni", name="retur.csv", content=content, at=back_at)
    line = incentives(person, date(2020, 4, 30))[0]
    assert (line.state, line.state_since_at, line.paid_at) == (InstalmentState.SENT_BACK, back_at, SETTLED_AT)
    assert (line.reason_code, line.next_step, line.is_late) == ("AC06", NextStep.CHECK_ACCOUNT, True)
    again = exported(at=jakarta(2020, 4, 30, 8))
    assert incentives(person)[0].state is InstalmentState.SENT and incentives(person)[0].paid_at is None
    settled(again, at=jakarta(2020, 4, 30, 15))
    line = incentives(person)[0]
    assert (line.state, line.paid_at) == (InstalmentState.SETTLED, jakarta(2020, 4, 30, 15))


def test_what_the_programme_took_back_is_told() -> None:
    (person,) = earners()
    run = exported()
    settled(run)
    back_at = jakarta(2020, 4, 29)
    taken_back(*references(run.run_id), reason_code="AM05", at=back_at)
    line = incentives(person)[0]
    assert (line.state, line.state_since_at, line.paid_at, line.next_step, line.reason_code) == (
        InstalmentState.TAKEN_BACK,
        back_at,
        SETTLED_AT,
        NextStep.WAIT_FOR_OFFICE,
        "AM05",
    )


def test_a_training_that_ended_proves_nothing_but_another_one_can() -> None:
    (person,) = factories.accepted()
    ended = factories.redeemed(person, factories.training(price_rupiah=900_000))
    end_purchases(purchase_ids=[ended], at=RECONCILED_AT)
    assert step_of(person) == (InstalmentState.WAITING_PURCHASE, NextStep.BUY_TRAINING)
    assert step_of(person, date(2020, 12, 16)) == (InstalmentState.UNPROVEN, NextStep.NOTHING)
    factories.redeemed(person, factories.training(price_rupiah=900_000), at=RECONCILED_AT)
    assert step_of(person) == (InstalmentState.WAITING_EVIDENCE, NextStep.WAIT_FOR_INSTITUTION)


def test_without_a_verified_account_the_next_step_is_to_set_one() -> None:
    (nobody,) = earners(with_accounts=False)
    (unverified,) = earners()
    PayoutAccount.objects.filter(participant__participation=unverified).update(verified_at=None)
    for person in (nobody, unverified):
        assert step_of(person) == (InstalmentState.WAITING_ACCOUNT, NextStep.SET_ACCOUNT)


def test_an_answered_survey_stands_beside_those_to_come() -> None:
    (person,) = factories.accepted()
    Entitlement.objects.create(
        participation_id=person,
        kind="survey",
        instalment=2,
        amount_rupiah=50_000,
        scheduled_on="2020-05-25",
        payment_on="2020-05-26",
        entitled_at=jakarta(2020, 5, 1),
    )
    surveys = [one for one in timeline_of(participation_id=person, on=ON) if one.kind == InstalmentKind.SURVEY]
    assert [one.state for one in surveys] == [
        InstalmentState.WAITING_ANSWER,
        InstalmentState.PLANNED,
        InstalmentState.WAITING_ANSWER,
    ]


def test_the_earliest_days_are_those_that_entitlement_then_gives() -> None:
    (person,) = factories.accepted()
    factories.reviewed(person, factories.training())
    promised = [(one.scheduled_on, one.payment_on) for one in incentives(person, RECONCILED_AT.date())]
    reconcile(at=RECONCILED_AT)
    entitle(at=RECONCILED_AT)
    assert [(one.scheduled_on, one.payment_on) for one in incentives(person, RECONCILED_AT.date())] == promised


def test_it_is_read_with_few_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    (person,) = factories.accepted()
    factories.completed(person, factories.training())
    with assert_queries(5):
        timeline_of(participation_id=person, on=ON)


def test_many_are_read_with_as_many_statements_as_one(
    assert_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    people = earners(5)
    exported()
    for participation_ids in (people[:1], people):
        with assert_queries(5):
            told = timelines_of(participation_ids=participation_ids, on=ON)
        assert {number: len(lines) for number, lines in told.items()} == dict.fromkeys(participation_ids, 7)
        assert {lines[0].state for lines in told.values()} == {InstalmentState.SENT}


def test_nobody_has_no_timeline() -> None:
    with pytest.raises(Participation.DoesNotExist):
        timeline_of(participation_id=10**9, on=ON)
