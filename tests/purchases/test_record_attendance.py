"""`record_attendance`: sessions there are, of redeemed purchases, by their own institution."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_evidence import EvidenceOutcome
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.COMPLETED_AT


def record(institution_id: int, purchase_id: int, sequence: int) -> EvidenceOutcome:
    (outcome,) = record_attendance(attendances=[Attendance(institution_id, purchase_id, sequence)], at=AT)
    return outcome


@pytest.mark.django_db
def test_a_session_is_recorded_once_in_any_order() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=3)
    purchase_id = factories.redeemed(buyer, training)
    assert record(training.institution_id, purchase_id, 3) == EvidenceOutcome(purchase_id, None)
    assert record(training.institution_id, purchase_id, 1) == EvidenceOutcome(purchase_id, None)
    with nothing_changes():
        assert record(training.institution_id, purchase_id, 3) == EvidenceOutcome(purchase_id, None, repeated=True)
    rows = Evidence.objects.order_by("pk").values_list("piece", "source", "sequence", "recorded_at")
    assert list(rows) == [("attendance", "institution", 3, AT), ("attendance", "institution", 1, AT)]


@pytest.mark.django_db
@pytest.mark.parametrize("sequence", [0, -1, 4, 40_000, 2**63, 2**70])
def test_a_session_the_training_does_not_have_is_refused(sequence: int) -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=3)
    purchase_id = factories.redeemed(buyer, training)
    with nothing_changes():
        outcome = record(training.institution_id, purchase_id, sequence)
    values = {"sequence": sequence, "session_count": 3}
    assert outcome == EvidenceOutcome(purchase_id, Refusal(PurchaseRefusal.SESSION_OUT_OF_RANGE, values))


@pytest.mark.django_db
def test_before_the_code_is_redeemed_nothing_can_be_attended() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.bought(buyer, training).purchase_id or 0
    with nothing_changes():
        outcome = record(training.institution_id, purchase_id, 1)
    assert outcome.refusal == Refusal(PurchaseRefusal.NOT_REDEEMED)


@pytest.mark.django_db
def test_another_institution_and_unknown_purchases_are_refused() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.redeemed(buyer, training)
    other = factories.institution()
    with nothing_changes():
        for institution_id in (other.pk, 0, 2**70):
            outcome = record(institution_id, purchase_id, 1)
            assert outcome.refusal == Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
        for unknown in (purchase_id + 1, 0, -1, 2**63, 2**70):
            assert record(training.institution_id, unknown, 1).refusal == Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)


@pytest.mark.django_db
def test_a_session_twice_in_one_call_and_mixed_outcomes_in_order() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=2)
    purchase_id, institution_id = factories.redeemed(buyer, training), training.institution_id
    wanted = [(purchase_id, 1), (purchase_id, 3), (purchase_id, 1), (purchase_id + 9, 1), (purchase_id, 2)]
    outcomes = record_attendance(attendances=[Attendance(institution_id, *each) for each in wanted], at=AT)
    assert [outcome.repeated for outcome in outcomes] == [False, False, True, False, False]
    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [
        None,
        PurchaseRefusal.SESSION_OUT_OF_RANGE,
        None,
        PurchaseRefusal.UNKNOWN_PURCHASE,
        None,
    ]
    assert Evidence.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_rivals_one_records(race: Callable[..., list[Any]]) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.redeemed(buyer, training)
    outcomes = race(*[lambda: record(training.institution_id, purchase_id, 1)] * 4)
    assert Counter(outcome.repeated for outcome in outcomes) == {False: 1, True: 3}
    assert Evidence.objects.count() == 1


@pytest.mark.django_db
def test_many_sessions_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training(session_count=4)
    for count in (1, 10):
        for buyer in factories.accepted(count, with_accounts=False):
            factories.redeemed(buyer, training)
        ids = Purchase.objects.filter(evidence=None).order_by("pk").values_list("pk", flat=True)
        attendances = [Attendance(training.institution_id, key, number) for key in ids for number in range(1, 5)]
        with assert_queries(2):
            record_attendance(attendances=attendances, at=AT)
