"""`edit_reviews`: every version stays, the mean follows, the evidence does not."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.core.refusal import Refusal
from bekal.incentives.entitle import entitle
from bekal.incentives.models import Entitlement
from bekal.ledger.clock import programme_day
from bekal.purchases.edit_reviews import VERSION_LIMIT_COUNT, ReviewEdit, edit_closes_on, edit_reviews
from bekal.purchases.models import Evidence, Purchase, Review, ReviewFlag, ReviewVersion
from bekal.purchases.reconcile import reconcile
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_lock import ReviewOutcome
from tests import factories
from tests.factories.unchanged import nothing_changes
from tests.purchases.reviewing import HIDDEN, WRITTEN_AT, decide, edit, sums, written

FACTS = ("piece", "source", "sequence", "recorded_at")


def evidence(purchase_id: int) -> list[tuple[object, ...]]:
    return list(Evidence.objects.filter(purchase_id=purchase_id).order_by("piece", "sequence").values_list(*FACTS))


@pytest.mark.django_db
def test_every_version_stays_and_the_last_is_shown() -> None:
    training = factories.training()
    written(training, 2)
    buyer, purchase_id = written(training, 5, "Bagus.")
    before = evidence(purchase_id)
    assert edit(buyer, purchase_id, 3, " Ternyata\r\nbiasa saja. ") == ReviewOutcome(purchase_id, None)
    assert edit(buyer, purchase_id, 4, "Masih berguna.", timedelta(days=2)).refusal is None
    review = Review.objects.get(pk=purchase_id)
    shown = (review.rating, review.text, review.written_at, review.edited_at)
    assert shown == (4, "Masih berguna.", WRITTEN_AT, WRITTEN_AT + timedelta(days=2))
    versions = ReviewVersion.objects.filter(review=review).order_by("number").values_list("number", "rating", "text")
    assert list(versions) == [(1, 5, "Bagus."), (2, 3, "Ternyata\nbiasa saja."), (3, 4, "Masih berguna.")]
    assert sums(training) == (2, 6)
    assert evidence(purchase_id) == before


@pytest.mark.django_db
def test_the_same_again_changes_nothing() -> None:
    buyer, purchase_id = written(factories.training(), 5, "Bagus.")
    with nothing_changes():
        assert edit(buyer, purchase_id, 5, "Bagus. ") == ReviewOutcome(purchase_id, None, repeated=True)


@pytest.mark.django_db
def test_two_versions_in_one_call_are_two() -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 5)
    edits = [ReviewEdit(buyer, purchase_id, rating, text) for rating, text in ((1, "a"), (1, "a"), (2, "b"))]
    outcomes = edit_reviews(edits=edits, at=WRITTEN_AT)
    assert [(outcome.refusal, outcome.repeated) for outcome in outcomes] == [(None, False), (None, True), (None, False)]
    assert (Review.objects.get().version_count, sums(training)) == (3, (1, 2))


@pytest.mark.django_db
def test_a_review_can_be_edited_for_two_weeks_by_its_author_alone() -> None:
    training = factories.training()
    buyer, purchase_id = written(training)
    other, _ = written(training)
    closed_on = programme_day(WRITTEN_AT) + timedelta(days=14)
    assert edit_closes_on(WRITTEN_AT) == closed_on
    late = Refusal(PurchaseRefusal.REVIEW_EDIT_CLOSED, {"closed_on": closed_on})
    unknown = Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    bought = factories.completed(factories.accepted()[0], training)
    with nothing_changes():
        assert edit(buyer, purchase_id, 1, "Lain.", timedelta(days=15)).refusal == late
        for somebody, number in ((other, purchase_id), (buyer, 2**70), (buyer, bought)):
            assert edit(somebody, number, 1, "Lain.").refusal == unknown
        assert edit(buyer, purchase_id, 6, "Lain.").refusal == Refusal(
            PurchaseRefusal.RATING_OUT_OF_RANGE, {"rating": 6}
        )
        assert edit(buyer, purchase_id, 1, " ").refusal == Refusal(PurchaseRefusal.REVIEW_EMPTY)
    assert edit(buyer, purchase_id, 1, "Lain.", timedelta(days=14)).refusal is None


@pytest.mark.django_db
def test_the_twentieth_version_is_the_last() -> None:
    buyer, purchase_id = written(factories.training())
    edits = [ReviewEdit(buyer, purchase_id, 1 + number % 5, str(number)) for number in range(VERSION_LIMIT_COUNT)]
    *made, last = edit_reviews(edits=edits, at=WRITTEN_AT)
    assert not any(outcome.refusal for outcome in made)
    assert last.refusal == Refusal(PurchaseRefusal.TOO_MANY_EDITS, {"limit_count": 20})


@pytest.mark.django_db
def test_a_hidden_review_stays_hidden_and_comes_before_an_officer_again() -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 1, "Hinaan.")
    decide(purchase_id, HIDDEN, factories.officer())
    assert edit(buyer, purchase_id, 2, "Kurang jelas, 081234567890.", timedelta(days=4)).refusal is None
    review = Review.objects.get()
    assert review.hidden_at is not None and review.waiting_since_at == WRITTEN_AT + timedelta(days=4)
    assert review.text == "Kurang jelas, •••."
    assert sorted(ReviewFlag.objects.order_by("number").values_list("reason", flat=True)) == ["edited", "personal_data"]
    assert sums(training) == (0, 0)


@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=st.integers(1, 5), second=st.integers(1, 5), hides=st.booleans())
def test_neither_stars_nor_an_edit_nor_hiding_changes_what_is_earned(first: int, second: int, hides: bool) -> None:
    """For any rating the same evidence, the same proof, the same instalments."""
    buyer, purchase_id = written(factories.training(), first, "Apa pun.")
    edit(buyer, purchase_id, second, "Lain lagi.", timedelta(hours=1))
    if hides:
        decide(purchase_id, HIDDEN, factories.officer())
    at = WRITTEN_AT + timedelta(days=3)
    reconcile(at=at, purchase_ids=[purchase_id])
    entitle(at=at, participation_ids=[buyer])
    assert Purchase.objects.get(pk=purchase_id).reconciled_at == at
    pieces = [
        (piece, recorded_at) for piece, source, _, recorded_at in evidence(purchase_id) if source == "participant"
    ]
    assert pieces == [("rating", WRITTEN_AT), ("review", WRITTEN_AT)]
    earned = Entitlement.objects.filter(participation_id=buyer).order_by("instalment")
    assert list(earned.values_list("instalment", "amount_rupiah")) == [(number, 600_000) for number in (1, 2, 3, 4)]
