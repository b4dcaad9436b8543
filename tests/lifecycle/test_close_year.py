"""Closing a year returns what was not earned, to the last rupiah; what was earned stays owed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bekal.core.rules import RULES
from bekal.engagement.queries import open_surveys, standings
from bekal.incentives.entitle import AnsweredSurvey, entitle, entitle_surveys
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.queries import InstalmentState, timeline_of
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, totals, transfers_of
from bekal.lifecycle.close_year import Closed, closable_ids, close_year, closing_preview
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.lifecycle.treasury import treasury_statement
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.purchases.reconcile import reconcile
from tests import factories
from tests.engagement.journey import answer
from tests.factories import ACCEPTED_AT, jakarta
from tests.factories.unchanged import nothing_changes
from tests.incentives import journey
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db

# Accepted in April 2020: the balance ends on 15 December, and 180 days later nothing can be earned any more.
EARNING_ENDS_ON = RULES.scheme(ACCEPTED_AT.date()).earning_ends_on
LAST_DAY, CLOSING_AT = jakarta(2021, 6, 13, 23, 59), jakarta(2021, 6, 14, 0, 0)


def money(person: int) -> dict[Kind, int]:
    return {kind: rupiah for kind, rupiah in balances_of(owner_ids=[person])[person].items() if rupiah}


def test_nothing_closes_while_something_can_be_earned() -> None:
    ids = factories.accepted(2)
    assert date(2021, 6, 13) == EARNING_ENDS_ON
    with nothing_changes():
        assert close_year(participation_ids=ids, at=LAST_DAY) == Closed(0, 0)
    assert closable_ids(year=2020, at=LAST_DAY) == []
    assert closable_ids(year=2020, at=CLOSING_AT) == list(ids)
    assert closable_ids(year=2021, at=CLOSING_AT) == []


def test_every_state_of_a_person_closes_to_the_rupiah() -> None:
    """Nobody's committed money is left but what was earned; the preview had said the sum."""
    idle, buyer, half, learner, answerer, lost = factories.accepted(6)
    factories.bought(buyer, factories.training(price_rupiah=999_999))
    training = factories.training(price_rupiah=400_001, session_count=2)
    started = factories.redeemed(half, training)
    factories.record_attendance(
        attendances=[factories.Attendance(training.institution_id, started, 1)], at=jakarta(2020, 4, 25)
    )
    factories.reconciled(learner, factories.training())
    entitle(at=factories.RECONCILED_AT)
    factories.bought(answerer, factories.training(price_rupiah=1_000_000))
    assert answer(answerer).refusal is None
    money_back.approved(lost)
    preview = closing_preview(year=2020, at=CLOSING_AT)
    closed = close_year(participation_ids=[idle, buyer, half, learner, answerer, lost], at=CLOSING_AT)
    assert closed == preview
    half_price = 200_001  # the larger half is what was attended
    assert closed == Closed(
        6,
        3_550_000  # never bought
        + (1 + 999_999 + 2_550_000)  # one rupiah of balance, the refund, nothing earned
        + (599_999 + 200_000 + 2_550_000)
        + (700_000 + 150_000)  # four instalments are earned
        + (1_000_000 + 2_400_000 + 100_000),  # one survey is
    )
    assert money(idle) == money(buyer) == money(lost) == {}
    assert money(half) == {Kind.TREASURY: -half_price, Kind.INSTITUTION_PAYABLE: half_price}
    assert money(learner)[Kind.INCENTIVE_COMMITTED] == 2_400_000
    assert money(answerer)[Kind.SURVEY_COMMITTED] == 50_000
    assert set(Participation.objects.values_list("closed_at", flat=True)) == {CLOSING_AT}
    assert not Purchase.objects.filter(reconciled_at=None, ended_at=None).exists()
    statement = treasury_statement(as_of=CLOSING_AT, year=2020)
    assert statement.difference_rupiah == 0 and statement.differing == ()
    not_earned = next(line for line in statement.held if line.line == "not_earned")
    assert not_earned.ledger_rupiah == 0


def test_one_rupiah_left_returns() -> None:
    (person,) = factories.accepted()
    factories.bought(person, factories.training(price_rupiah=999_999))
    before = totals()[Kind.TREASURY]
    close_year(participation_ids=[person], at=CLOSING_AT)
    keys = {one.idempotency_key: one.amount_rupiah for one in transfers_of(owner_id=person)}
    assert keys["end:training"] == 1
    assert keys["close:incentive"] == 2_400_000 and keys["close:survey"] == 150_000
    assert totals()[Kind.TREASURY] - before == 3_550_000


def test_again_closes_nobody() -> None:
    ids = factories.accepted(2)
    close_year(participation_ids=ids[:1], at=CLOSING_AT)
    with nothing_changes():
        assert close_year(participation_ids=ids[:1], at=CLOSING_AT + timedelta(days=1)) == Closed(0, 0)
    assert closable_ids(year=2020, at=CLOSING_AT) == [ids[1]]
    assert close_year(participation_ids=[*ids, 10**12], at=CLOSING_AT).participation_count == 1
    assert close_year(participation_ids=[], at=CLOSING_AT) == Closed(0, 0)


def test_what_was_earned_is_still_paid() -> None:
    (person,) = journey.earners()
    close_year(participation_ids=[person], at=CLOSING_AT)
    planned = plan_payout_run(planned_for=CLOSING_AT.date(), officer_id=factories.officer().pk, at=CLOSING_AT)
    assert (planned.payout_count, planned.total_rupiah) == (4, 2_400_000)


def test_a_payout_that_is_rejected_after_the_closing_is_still_owed() -> None:
    (person,) = journey.earners()
    run = journey.exported()
    close_year(participation_ids=[person], at=CLOSING_AT)
    assert money(person)[Kind.PAYOUT_IN_TRANSIT] == 600_000
    journey.settled(run, dict.fromkeys(journey.references(run.run_id), "AC04"), at=CLOSING_AT)
    assert money(person)[Kind.INCENTIVE_COMMITTED] == 2_400_000


def test_what_is_proven_by_the_closing_is_earned_even_where_nobody_has_entitled_it() -> None:
    reconciled, complete = factories.accepted(2)
    purchase_id = factories.reviewed(reconciled, factories.training())
    factories.reviewed(complete, factories.training())
    assert reconcile(at=CLOSING_AT, purchase_ids=[purchase_id]).purchase_ids == (purchase_id,)
    told = closing_preview(year=2020, at=CLOSING_AT)
    assert close_year(participation_ids=[reconciled, complete], at=CLOSING_AT) == told
    for person in (reconciled, complete):
        assert money(person)[Kind.INCENTIVE_COMMITTED] == 2_400_000
        lines = timeline_of(participation_id=person, on=CLOSING_AT.date())
        assert InstalmentState.PLANNED in {line.state for line in lines}


def test_nothing_is_earned_after_the_closing() -> None:
    late, asked = factories.accepted(2)
    factories.bought(asked, factories.training())
    factories.bought(late, factories.training())
    assert open_surveys(participation_ids=[asked], at=CLOSING_AT) == {asked: (1,)}
    close_year(participation_ids=[late, asked], at=CLOSING_AT)
    assert entitle(at=CLOSING_AT + timedelta(days=1)).entitlement_count == 0
    outcome = answer(asked, at=CLOSING_AT + timedelta(days=1))
    assert outcome.refusal is not None
    assert (outcome.refusal.code, outcome.refusal.values) == (
        LifecycleRefusal.YEAR_CLOSED,
        {"closed_on": CLOSING_AT.date()},
    )
    later = AnsweredSurvey(asked, 1, CLOSING_AT + timedelta(days=1))
    assert entitle_surveys(answers=[later]).entitlement_count == 0
    assert open_surveys(participation_ids=[asked], at=CLOSING_AT) == {}
    assert standings(participation_ids=[asked], at=CLOSING_AT) == ()
    lines = timeline_of(participation_id=late, on=CLOSING_AT.date())
    assert {line.state for line in lines} == {InstalmentState.RETURNED}


def test_a_year_with_other_rules_closes_on_its_own_day() -> None:
    (early,) = factories.accepted()
    (late,) = factories.accepted(at=jakarta(2021, 3, 1))
    assert closable_ids(year=2021, at=CLOSING_AT) == []
    assert close_year(participation_ids=[early, late], at=CLOSING_AT).participation_count == 1
    scheme = RULES.scheme(date(2021, 3, 1))
    at = jakarta(scheme.earning_ends_on.year, scheme.earning_ends_on.month, scheme.earning_ends_on.day)
    assert closable_ids(year=2021, at=at) == []
    assert closable_ids(year=2021, at=at + timedelta(days=1)) == [late]


def test_many_are_as_few_statements_as_one() -> None:
    ids = factories.accepted(12)
    factories.bought_all(ids[:6], factories.training())
    close_year(participation_ids=[ids[0], ids[6]], at=CLOSING_AT)
    counts = []
    for chunk in ([ids[1], ids[7]], [*ids[2:6], *ids[8:]]):
        with CaptureQueriesContext(connection) as captured:
            close_year(participation_ids=chunk, at=CLOSING_AT)
        counts.append(len(captured))
    assert counts[0] == counts[1], counts


@pytest.mark.django_db(transaction=True)
def test_closing_and_an_answer_wait_for_each_other(race: Callable[..., list[Any]]) -> None:
    """Either the survey is earned and stays owed, or its money has returned and the answer is refused."""
    (person,) = factories.accepted()
    factories.bought(person, factories.training())
    closed, answered = race(
        lambda: close_year(participation_ids=[person], at=CLOSING_AT), lambda: answer(person, at=CLOSING_AT)
    )
    left = money(person).get(Kind.SURVEY_COMMITTED, 0)
    assert closed.participation_count == 1
    assert left == (0 if answered.refusal else 50_000), answered


@pytest.mark.django_db(transaction=True)
def test_closing_and_entitling_wait_for_each_other(race: Callable[..., list[Any]]) -> None:
    """Whatever comes first: what is proven is earned, and stays committed until it is paid."""
    ids = factories.accepted(3)
    journey.learned(ids)
    closed, _ = race(lambda: close_year(participation_ids=ids, at=CLOSING_AT), lambda: entitle(at=CLOSING_AT))
    assert closed.participation_count == 3
    assert [money(person).get(Kind.INCENTIVE_COMMITTED, 0) for person in ids] == [2_400_000] * 3
