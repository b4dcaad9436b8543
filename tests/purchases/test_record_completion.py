"""`record_completion`: only what was bought, redeemed and attended to the last session."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.models import Evidence, Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.record_evidence import EvidenceOutcome
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.COMPLETED_AT


def record(institution_id: int, purchase_id: int, *, at: Any = AT) -> EvidenceOutcome:
    (outcome,) = record_completion(completions=[Completion(institution_id, purchase_id)], at=at)
    return outcome


def attend(institution_id: int, purchase_id: int, *sequences: int) -> None:
    attendances = [Attendance(institution_id, purchase_id, sequence) for sequence in sequences]
    record_attendance(attendances=attendances, at=AT)


@pytest.mark.django_db
def test_after_every_session_the_training_is_completed_once() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=2)
    purchase_id, institution_id = factories.redeemed(buyer, training), training.institution_id
    attend(institution_id, purchase_id, 2)
    with nothing_changes():
        outcome = record(institution_id, purchase_id)
    values = {"attended_count": 1, "session_count": 2}
    assert outcome == EvidenceOutcome(purchase_id, Refusal(PurchaseRefusal.ATTENDANCE_MISSING, values))
    attend(institution_id, purchase_id, 1)
    assert record(institution_id, purchase_id) == EvidenceOutcome(purchase_id, None)
    assert Purchase.objects.get().completed_at == AT
    assert Evidence.objects.filter(piece="completion", source="institution").count() == 1
    training.refresh_from_db()
    assert training.completed_count == 1
    with nothing_changes():
        again = record(institution_id, purchase_id, at=AT + timedelta(days=1))
    assert again == EvidenceOutcome(purchase_id, None, repeated=True)


@pytest.mark.django_db
def test_what_was_not_bought_not_redeemed_or_not_theirs_is_refused() -> None:
    (buyer,) = factories.accepted()
    training, other = factories.training(), factories.institution()
    purchase_id = factories.bought(buyer, training).purchase_id or 0
    cases: list[tuple[int, int, str]] = [
        (training.institution_id, purchase_id + 1, PurchaseRefusal.UNKNOWN_PURCHASE),
        (training.institution_id, 2**70, PurchaseRefusal.UNKNOWN_PURCHASE),
        (other.pk, purchase_id, PurchaseRefusal.UNKNOWN_PURCHASE),
        (training.institution_id, purchase_id, PurchaseRefusal.NOT_REDEEMED),
    ]
    for institution_id, number, code in cases:
        with nothing_changes():
            outcome = record(institution_id, number)
        assert outcome.refusal is not None and outcome.refusal.code == code


@pytest.mark.django_db
def test_another_institution_learns_nothing_of_a_completed_purchase() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    outcome = record(factories.institution().pk, purchase_id)
    assert outcome == EvidenceOutcome(purchase_id, Refusal(PurchaseRefusal.UNKNOWN_PURCHASE))


@pytest.mark.django_db
def test_a_clock_set_back_does_not_complete_before_the_redemption() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.redeemed(buyer, training)
    factories.complete(purchase_id, at=factories.BOUGHT_AT)
    row = Purchase.objects.get()
    assert row.completed_at == row.redeemed_at


@pytest.mark.django_db(transaction=True)
def test_of_rivals_one_records(race: Callable[..., list[Any]]) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.redeemed(buyer, training)
    attend(training.institution_id, purchase_id, 1)
    outcomes = race(*[lambda: record(training.institution_id, purchase_id)] * 4)
    assert Counter(outcome.repeated for outcome in outcomes) == {False: 1, True: 3}
    training.refresh_from_db()
    assert training.completed_count == 1


@pytest.mark.django_db
def test_twice_in_one_call_is_once_and_many_take_no_more_statements(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training()
    for count in (1, 10):
        ids = [factories.redeemed(buyer, training) for buyer in factories.accepted(count, with_accounts=False)]
        for purchase_id in ids:
            attend(training.institution_id, purchase_id, 1)
        completions = [Completion(training.institution_id, purchase_id) for purchase_id in [*ids, ids[0]]]
        with assert_queries(10):
            outcomes = record_completion(completions=completions, at=AT)
        assert [outcome.repeated for outcome in outcomes] == [False] * count + [True]
    training.refresh_from_db()
    assert training.completed_count == 11
