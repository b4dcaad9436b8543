"""`reconcile`: complete evidence of both sides moves the escrow, whatever the order it came in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.catalogue.models import Training
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.purchases.models import Purchase
from bekal.purchases.queries import evidence_owed
from bekal.purchases.reconcile import Reconciled, reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.write_review import NewReview, write_review
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.RECONCILED_AT


def kinds(participation_id: int) -> tuple[int, int]:
    """What is in escrow and what is owed to institutions, in rupiah."""
    balances = balances_of(owner_ids=[participation_id])[participation_id]
    return balances.get(Kind.ESCROW, 0), balances.get(Kind.INSTITUTION_PAYABLE, 0)


@pytest.mark.django_db
def test_complete_evidence_moves_the_price_from_escrow_to_the_institution() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(price_rupiah=250_000, session_count=2)
    purchase_id = factories.reviewed(buyer, training)
    assert kinds(buyer) == (250_000, 0)
    assert reconcile(at=AT) == Reconciled((purchase_id,), 0)
    assert kinds(buyer) == (0, 250_000)
    assert transfers_of(owner_id=buyer)[-1].idempotency_key == f"completion:{training.pk}"
    assert Purchase.objects.get().reconciled_at == AT
    with nothing_changes():
        assert reconcile(at=AT + timedelta(days=1)) == Reconciled((), 0)


@pytest.mark.django_db
def test_a_free_training_is_reconciled_without_a_transfer() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.reconciled(buyer, factories.training(price_rupiah=0))
    assert Purchase.objects.get(pk=purchase_id).reconciled_at is not None
    assert kinds(buyer) == (0, 0)


@pytest.mark.django_db
def test_without_a_review_it_waits_and_uncompleted_ones_do_not_count() -> None:
    one, two, three = factories.accepted(3)
    training = factories.training()
    waiting, _, ready = (
        factories.completed(one, training),
        factories.redeemed(two, training),
        factories.reviewed(three, training),
    )
    assert reconcile(at=AT) == Reconciled((ready,), 1)
    with nothing_changes():
        assert reconcile(at=AT) == Reconciled((), 1)
    write_review(reviews=[NewReview(one, waiting, 5, "Bagus.")], at=AT)
    assert reconcile(at=AT) == Reconciled((waiting,), 0)


@pytest.mark.django_db
def test_a_session_that_was_added_meanwhile_must_be_attended_too() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(session_count=1)
    purchase_id = factories.reviewed(buyer, training)
    Training.objects.filter(pk=training.pk).update(session_count=2)
    with nothing_changes():
        assert reconcile(at=AT) == Reconciled((), 1)
    record_attendance(attendances=[Attendance(training.institution_id, purchase_id, 2)], at=AT)
    assert reconcile(at=AT) == Reconciled((purchase_id,), 0)


@pytest.mark.django_db
def test_only_the_purchases_named_are_looked_at() -> None:
    one, two = factories.accepted(2)
    training = factories.training()
    first, second = factories.reviewed(one, training), factories.reviewed(two, training)
    with nothing_changes():
        assert reconcile(at=AT, purchase_ids=[]) == Reconciled((), 0)
        assert reconcile(at=AT, purchase_ids=[second + 1, 0, 2**62]) == Reconciled((), 0)
    assert reconcile(at=AT, purchase_ids=[second]) == Reconciled((second,), 0)
    assert reconcile(at=AT) == Reconciled((first,), 0)


@pytest.mark.django_db
def test_two_trainings_of_one_person_are_reconciled_in_one_call() -> None:
    (buyer,) = factories.accepted()
    ids = [factories.reviewed(buyer, factories.training(price_rupiah=price)) for price in (100_000, 200_000)]
    assert reconcile(at=AT) == Reconciled(tuple(ids), 0)
    assert kinds(buyer) == (0, 300_000)


@pytest.mark.django_db
def test_a_clock_set_back_does_not_reconcile_before_the_completion() -> None:
    (buyer,) = factories.accepted()
    factories.reviewed(buyer, factories.training())
    reconcile(at=factories.BOUGHT_AT)
    row = Purchase.objects.get()
    assert row.reconciled_at == row.completed_at


@pytest.mark.django_db(transaction=True)
def test_rivals_reconcile_everything_once(race: Callable[..., list[Any]]) -> None:
    buyers = factories.accepted(8, with_accounts=False)
    training = factories.training(price_rupiah=100_000)
    ids = [factories.reviewed(buyer, training) for buyer in buyers]
    results = race(*[lambda: reconcile(at=AT)] * 3, lambda: reconcile(at=AT, purchase_ids=ids[::-1]))
    assert sorted(number for result in results for number in result.purchase_ids) == ids
    assert [kinds(buyer) for buyer in buyers] == [(0, 100_000)] * 8


@pytest.mark.django_db
def test_many_purchases_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training()
    for count in (1, 12):
        for buyer in factories.accepted(count, with_accounts=False):
            factories.reviewed(buyer, training)
        with assert_queries(6):  # what is proven is read again under the lock
            assert len(reconcile(at=AT).purchase_ids) == count


# The messages of both sides about one purchase of two sessions: (what, session).
MESSAGES = [("attend", 1), ("attend", 2), ("complete", 0), ("review", 0)]


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(MESSAGES * 2), stops=st.sets(st.integers(0, 7)))
def test_order_and_repetition_of_the_evidence_make_no_difference(
    order: list[tuple[str, int]], stops: set[int], clock: Any
) -> None:
    (buyer,) = factories.accepted(with_accounts=False)
    training = factories.training(price_rupiah=400_000, session_count=2)
    purchase_id = factories.redeemed(buyer, training)
    for index, (what, sequence) in enumerate(order):
        _send(what, sequence, buyer, training.institution_id, purchase_id)
        if index in stops:
            reconcile(at=AT, purchase_ids=[purchase_id])
            _agrees(buyer, purchase_id)
    # What came too early is sent again, as both sides do until it is taken.
    for what, sequence in MESSAGES:
        _send(what, sequence, buyer, training.institution_id, purchase_id)
    reconcile(at=AT, purchase_ids=[purchase_id])
    _agrees(buyer, purchase_id)
    training.refresh_from_db()
    assert kinds(buyer) == (0, 400_000)
    assert (training.bought_count, training.completed_count) == (1, 1)
    assert (training.rating_count, training.rating_sum) == (1, 4)


def _send(what: str, sequence: int, buyer: int, institution_id: int, purchase_id: int) -> None:
    if what == "attend":
        record_attendance(attendances=[Attendance(institution_id, purchase_id, sequence)], at=AT)
    elif what == "complete":
        record_completion(completions=[Completion(institution_id, purchase_id)], at=AT)
    else:
        write_review(reviews=[NewReview(buyer, purchase_id, 4, "Bagus.")], at=AT)


def _agrees(buyer: int, purchase_id: int) -> None:
    """Reconciled exactly where nothing is owed any more, and the money is where that says."""
    reconciled = Purchase.objects.get(pk=purchase_id).reconciled_at is not None
    assert reconciled == (evidence_owed(purchase_ids=[purchase_id])[purchase_id] == ())
    assert kinds(buyer) == ((0, 400_000) if reconciled else (400_000, 0))
