"""Money received unjustly: decided by one, approved by another, owed for 60 days, exact to the rupiah."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from bekal.accounts.models import User
from bekal.core.rules import RULES
from bekal.incentives.models import Entitlement
from bekal.incentives.plan_payout_run import LeftOutReason, plan_payout_run
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.lifecycle.claw_back import (
    ApprovedClawback,
    approve_clawback,
    decide_clawback,
)
from bekal.lifecycle.clawbacks import ClawbackState, clawback_detail, clawback_of, clawbacks
from bekal.lifecycle.models import Clawback
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.incentives import journey
from tests.lifecycle import money_back
from tests.lifecycle.money_back import APPROVED_AT, DECIDED_AT, DUE_ON, EXPLANATION

pytestmark = pytest.mark.django_db

ENVELOPE_RUPIAH = 3_550_000


def held(person: int) -> dict[Kind, int]:
    """What the kinds hold of one person, without those at Rp0."""
    return {kind: rupiah for kind, rupiah in balances_of(owner_ids=[person])[person].items() if rupiah}


def settle(person: int) -> None:
    """The institution is paid for everything this person has proven."""
    ids = Purchase.objects.filter(participation=person).order_by("pk").values_list("pk", flat=True)
    assert settle_institutions(purchase_ids=list(ids), at=jakarta(2020, 5, 3)).purchase_count


def decide(person: int, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "participation_id": person,
        "cause": "ineligible",
        "explanation": EXPLANATION,
        "officer_id": changes.get("officer_id") or factories.officer().pk,
        "at": DECIDED_AT,
    }
    return decide_clawback(**values | changes)


def test_a_decision_moves_nothing() -> None:
    (person,) = money_back.paid()
    settle(person)
    officer = factories.officer()
    with nothing_changes(but=[Clawback]):
        outcome = decide(person, officer_id=officer.pk)
    assert (outcome.incentive_rupiah, outcome.training_rupiah, outcome.repeated) == (600_000, 300_000, False)
    with nothing_changes():
        assert decide(person, officer_id=officer.pk).repeated, "a double click decides once"


@pytest.mark.parametrize(
    ("cause", "training_rupiah"), [("ineligible", 300_000), ("identity", 300_000), ("false_evidence", 0)]
)
def test_the_cause_says_whether_trainings_are_owed(cause: str, training_rupiah: int) -> None:
    (person,) = money_back.paid()
    settle(person)
    money_back.approved(person, cause=cause)
    money = held(person)
    assert money.get(Kind.TRAINING_RECEIVABLE, 0) == training_rupiah
    assert money[Kind.INCENTIVE_RECEIVABLE] == 600_000
    assert money.get(Kind.INSTITUTION_SETTLED, 0) == 300_000 - training_rupiah, "the institution keeps what it earned"


def test_what_is_not_settled_to_the_institution_is_no_part() -> None:
    (person,) = money_back.paid()
    assert decide(person).training_rupiah == 0


def test_the_approval_returns_the_rest_of_the_envelope_and_sets_the_day() -> None:
    (person,) = money_back.paid()
    outcome = money_back.approve(money_back.decided(person))
    # 700,000 of the balance, 1,800,000 earned and not paid, 150,000 for surveys.
    assert outcome == ApprovedClawback(outcome.clawback_id, 600_000, 2_650_000, DUE_ON)
    assert (DUE_ON - APPROVED_AT.date()).days == RULES.value("clawback_days", APPROVED_AT.date()) == 60
    assert held(person) == {
        Kind.TREASURY: -ENVELOPE_RUPIAH + 2_650_000,
        Kind.INSTITUTION_PAYABLE: 300_000,
        Kind.INCENTIVE_RECEIVABLE: 600_000,
    }
    place = Participation.objects.get(pk=person)
    assert place.revoked_at == place.clawed_back_at == APPROVED_AT
    keys = {one.idempotency_key for one in transfers_of(owner_id=person) if one.posted_at == APPROVED_AT}
    number = outcome.clawback_id
    assert keys == {
        f"clawback:{number}:{what}" for what in ("incentive", "rest-training", "rest-incentive", "rest-survey")
    }


def test_open_trainings_end_into_the_treasury() -> None:
    (person,) = factories.accepted()
    training = factories.training(price_rupiah=400_000, session_count=2)
    half = factories.redeemed(person, training)
    (attended,) = factories.record_attendance(
        attendances=[factories.Attendance(training.institution_id, half, 1)], at=jakarta(2020, 4, 25)
    )
    assert attended.refusal is None
    factories.bought(person, factories.training(price_rupiah=100_000))
    outcome = money_back.approve(money_back.decided(person))
    assert (outcome.owed_rupiah, outcome.returned_rupiah) == (0, ENVELOPE_RUPIAH - 200_000)
    assert held(person) == {Kind.TREASURY: -200_000, Kind.INSTITUTION_PAYABLE: 200_000}
    assert set(Purchase.objects.values_list("ending", flat=True)) == {"partial", "refunded"}


def test_who_lost_the_place_before_keeps_its_day_and_loses_what_was_earned() -> None:
    (person,) = factories.accepted()
    Entitlement.objects.create(
        participation_id=person,
        kind="survey",
        instalment=1,
        amount_rupiah=50_000,
        scheduled_on="2020-05-25",
        payment_on="2020-05-26",
        entitled_at=jakarta(2020, 5, 20),
    )
    revoked_at = jakarta(2020, 5, 21)
    revoke(at=revoked_at)
    outcome = money_back.approve(money_back.decided(person, at=jakarta(2020, 6, 1)), at=jakarta(2020, 6, 2))
    assert (outcome.owed_rupiah, outcome.returned_rupiah) == (0, 50_000)
    place = Participation.objects.get(pk=person)
    assert (place.revoked_at, place.clawed_back_at) == (revoked_at, jakarta(2020, 6, 2))
    assert held(person) == {}


def test_nothing_of_it_is_paid_afterwards() -> None:
    person, other = money_back.paid(2)
    money_back.approved(person)
    planned = plan_payout_run(planned_for=date(2020, 5, 26), officer_id=factories.officer().pk, at=jakarta(2020, 5, 20))
    assert (planned.payout_count, planned.total_rupiah) == (1, 600_000), "only the other one"
    assert [(each.reason, each.entitlement_count) for each in planned.left_out] == [(LeftOutReason.CLAWED_BACK, 1)]
    assert held(other)[Kind.PAYOUT_SETTLED] == 600_000


@pytest.mark.parametrize("how_far", ["planned", "approved", "exported"])
def test_a_payout_under_way_comes_first(how_far: str) -> None:
    (person,) = journey.earners()
    clawback_id = money_back.decided(person)
    run: Any = getattr(journey, how_far)()
    run_id = run if isinstance(run, int) else run.run_id
    with nothing_changes():
        # The officers of the builder are rows, too: one who is there already approves.
        refusal = approve_clawback(clawback_id=clawback_id, officer_id=_some_officer(), at=APPROVED_AT).refusal
    assert refusal is not None
    assert (refusal.code, refusal.values) == (LifecycleRefusal.PAYOUT_UNDER_WAY, {"run_id": run_id})


def _some_officer() -> int:
    decider = Clawback.objects.get().decided_by_id
    return int(User.objects.exclude(pk=decider).filter(role="officer").order_by("pk")[0].pk)


def test_the_approval_is_bound_to_what_was_decided() -> None:
    (person,) = journey.earners()
    clawback_id = money_back.decided(person)
    journey.settled(journey.exported())
    outcome = money_back.approve(clawback_id)
    assert outcome.refusal is not None
    assert outcome.refusal.code == LifecycleRefusal.AMOUNTS_CHANGED
    assert outcome.refusal.values == {"decided_rupiah": 0, "now_rupiah": 600_000}
    assert Participation.objects.get(pk=person).revoked_at is None
    money_back.withdraw(clawback_id, at=APPROVED_AT)
    assert money_back.approve(money_back.decided(person)).owed_rupiah == 600_000


def test_it_takes_two_people() -> None:
    (person,) = money_back.paid()
    officer = factories.officer()
    clawback_id = decide(person, officer_id=officer.pk).clawback_id
    with nothing_changes():
        refusal = approve_clawback(clawback_id=clawback_id, officer_id=officer.pk, at=APPROVED_AT).refusal
    assert refusal is not None and refusal.code == LifecycleRefusal.CLAWBACK_SAME_PERSON


def test_approved_once() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    other = factories.officer().pk
    with nothing_changes():
        refusal = approve_clawback(clawback_id=clawback_id, officer_id=other, at=APPROVED_AT).refusal
    assert refusal is not None and refusal.code == LifecycleRefusal.CLAWBACK_APPROVED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cause": "whim"}, LifecycleRefusal.CAUSE_UNKNOWN),
        ({"cause": "\x00"}, LifecycleRefusal.CAUSE_UNKNOWN),
        ({"explanation": " \r\n "}, LifecycleRefusal.EXPLANATION_EMPTY),
        ({"explanation": "x" * 1001}, LifecycleRefusal.EXPLANATION_TOO_LONG),
        ({"explanation": "a\x00b"}, LifecycleRefusal.EXPLANATION_UNREADABLE),
        ({"participation_id": 2**62}, LifecycleRefusal.PARTICIPATION_UNKNOWN),
    ],
)
def test_a_decision_that_cannot_be_taken(changes: dict[str, Any], code: LifecycleRefusal) -> None:
    (person,) = factories.accepted()
    officer_id = factories.officer().pk
    with nothing_changes():
        outcome = decide(person, officer_id=officer_id, **changes)
    assert outcome.clawback_id is None and outcome.refusal.code == code


def test_one_clawback_stands_at_a_time() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.decided(person)
    outcome = decide(person, cause="identity")
    assert (outcome.refusal.code, outcome.refusal.values) == (
        LifecycleRefusal.CLAWBACK_STANDING,
        {"clawback_id": clawback_id},
    )


def test_from_who_has_nothing_nothing_is_taken() -> None:
    (person,) = factories.accepted()
    revoke(at=jakarta(2020, 5, 21))
    assert decide(person, at=jakarta(2020, 6, 1)).refusal.code == LifecycleRefusal.NOTHING_RECEIVED


def test_there_is_no_such_clawback() -> None:
    officer_id = factories.officer().pk
    assert approve_clawback(clawback_id=4711, officer_id=officer_id, at=APPROVED_AT).refusal is not None


def test_lists_and_states() -> None:
    waiting, due, back, gone = money_back.paid(4)
    waiting_id = money_back.decided(waiting)
    due_id, back_id, gone_id = (money_back.approved(each) for each in (due, back, gone))
    money_back.repay(back_id, 600_000)
    money_back.withdraw(gone_id, at=jakarta(2020, 6, 1))
    on = DUE_ON
    expected = {
        ClawbackState.DECIDED: [waiting_id],
        ClawbackState.DUE: [due_id],
        ClawbackState.OVERDUE: [],
        ClawbackState.REPAID: [back_id],
        ClawbackState.WITHDRAWN: [gone_id],
    }
    for state, ids in expected.items():
        assert [line.clawback_id for line in clawbacks(on=on, state=state)] == ids
        assert all(line.state(on) == state for line in clawbacks(on=on, state=state))
    late = on + timedelta(days=1)
    assert [line.clawback_id for line in clawbacks(on=late, state=ClawbackState.OVERDUE)] == [due_id]
    assert [line.clawback_id for line in clawbacks(on=on, limit=2)] == [gone_id, back_id], "the newest first"
    assert [line.clawback_id for line in clawbacks(on=on, before_id=back_id)] == [due_id, waiting_id]
    assert clawback_of(participation_id=waiting) is None, "nothing is owed before the approval"
    line = clawback_of(participation_id=due)
    assert line is not None and line.outstanding_rupiah == 600_000
    assert clawback_detail(clawback_id=4711) is None


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_are_one(race: Callable[..., list[Any]]) -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.decided(person)
    officers = [factories.officer().pk, factories.officer().pk]
    results = race(
        *(
            lambda officer_id=officer_id: approve_clawback(
                clawback_id=clawback_id, officer_id=officer_id, at=APPROVED_AT
            )
            for officer_id in officers
        )
    )
    assert sorted(result.refusal is None for result in results) == [False, True], results
    assert held(person)[Kind.INCENTIVE_RECEIVABLE] == 600_000


@pytest.mark.django_db(transaction=True)
def test_planner_and_approval_wait_for_each_other(race: Callable[..., list[Any]]) -> None:
    """Either the payout is planned and the approval refused, or the place is lost and nothing is planned."""
    (person,) = journey.earners()
    clawback_id = money_back.decided(person)
    approver, planner = factories.officer().pk, factories.officer().pk
    approved, planned = race(
        lambda: approve_clawback(clawback_id=clawback_id, officer_id=approver, at=APPROVED_AT),
        lambda: plan_payout_run(planned_for=date(2020, 4, 27), officer_id=planner, at=APPROVED_AT),
    )
    assert (approved.refusal is None) == (planned.run_id is None), (approved, planned)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_transfer WHERE amount_rupiah <= 0")
        assert cursor.fetchone() == (0,)
