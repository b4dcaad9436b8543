"""`write_review`: one review of one's own completed training, in words that can be stored and shown."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.models import Evidence, Review, ReviewFlag, ReviewVersion
from bekal.purchases.record_evidence import EvidenceOutcome
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.write_review import NewReview, write_review
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.REVIEWED_AT


def write(
    participation_id: int, purchase_id: int, rating: int = 4, text: str = "Jelas dan berguna."
) -> EvidenceOutcome:
    (outcome,) = write_review(reviews=[NewReview(participation_id, purchase_id, rating, text)], at=AT)
    return outcome


@pytest.mark.django_db
def test_a_review_is_evidence_and_raises_the_summary() -> None:
    first, second = factories.accepted(2)
    training = factories.training()
    one, two = factories.completed(first, training), factories.completed(second, training)
    assert write(first, one, 5, "  Baris satu\r\nbaris dua 👍 ") == EvidenceOutcome(one, None)
    write(second, two, 2)
    review = Review.objects.get(pk=one)
    assert (review.training_id, review.rating, review.text, review.written_at) == (
        training.pk,
        5,
        "Baris satu\nbaris dua 👍",
        AT,
    )
    pieces = Evidence.objects.filter(purchase_id=one, source="participant").order_by("piece")
    assert list(pieces.values_list("piece", flat=True)) == ["rating", "review"]
    training.refresh_from_db()
    assert (training.rating_count, training.rating_sum) == (2, 7)


@pytest.mark.django_db
def test_the_first_version_is_what_was_written() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    write(buyer, purchase_id, 3, "Cukup.")
    versions = ReviewVersion.objects.order_by("review_id", "number").values_list(
        "review_id", "number", "rating", "text"
    )
    assert list(versions) == [(purchase_id, 1, 3, "Cukup.")]


@pytest.mark.django_db
def test_numbers_of_people_are_never_stored_and_an_officer_is_told() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    text = "Hubungi 0812-3456-7890 atau budi@contoh.id."
    assert write(buyer, purchase_id, 5, text).refusal is None
    review = Review.objects.get()
    assert (review.text, review.waiting_since_at) == ("Hubungi ••• atau •••.", AT)
    flag = ReviewFlag.objects.get()
    assert (flag.reason, flag.source, flag.version_number, flag.raised_by) == ("personal_data", "automatic", 1, None)
    with nothing_changes():
        assert write(buyer, purchase_id, 5, text) == EvidenceOutcome(purchase_id, None, repeated=True)


@pytest.mark.django_db
def test_the_same_again_changes_nothing_and_another_one_is_refused() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    write(buyer, purchase_id)
    with nothing_changes():
        assert write(buyer, purchase_id) == EvidenceOutcome(purchase_id, None, repeated=True)
        for rating, text in ((5, "Jelas dan berguna."), (4, "Berubah pikiran.")):
            outcome = write(buyer, purchase_id, rating, text)
            assert outcome == EvidenceOutcome(purchase_id, Refusal(PurchaseRefusal.ALREADY_REVIEWED))


@pytest.mark.django_db
@pytest.mark.parametrize("rating", [0, 6, -1, 2**40, 2**70])
def test_a_rating_outside_1_to_5_is_refused(rating: int) -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    with nothing_changes():
        outcome = write(buyer, purchase_id, rating)
    assert outcome.refusal == Refusal(PurchaseRefusal.RATING_OUT_OF_RANGE, {"rating": rating})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", PurchaseRefusal.REVIEW_EMPTY),
        (" \r\n\t ", PurchaseRefusal.REVIEW_EMPTY),
        ("x" * 2_001, PurchaseRefusal.REVIEW_TOO_LONG),
        ("bagus\0", PurchaseRefusal.REVIEW_UNREADABLE),
        ("bagus \ud83d", PurchaseRefusal.REVIEW_UNREADABLE),
        ("bagus \x1b[31m", PurchaseRefusal.REVIEW_UNREADABLE),
    ],
)
def test_a_text_that_cannot_stand_is_refused(text: str, code: str) -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    with nothing_changes():
        outcome = write(buyer, purchase_id, text=text)
    assert outcome.refusal is not None and outcome.refusal.code == code


@pytest.mark.django_db
def test_2000_characters_are_stored_whole_and_line_ends_count_once() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    text = "Ñ" + "\r\n" * 1_998 + "👍"
    assert write(buyer, purchase_id, text=text).refusal is None
    assert len(Review.objects.get().text) == 2_000


@pytest.mark.django_db
def test_only_ones_own_completed_purchase_can_be_reviewed() -> None:
    buyer, other = factories.accepted(2)
    training = factories.training()
    purchase_id, redeemed_id = factories.completed(buyer, training), factories.redeemed(other, training)
    cases: list[tuple[int, int, str]] = [
        (other, purchase_id, PurchaseRefusal.UNKNOWN_PURCHASE),
        (2**70, purchase_id, PurchaseRefusal.UNKNOWN_PURCHASE),
        (buyer, purchase_id + 100, PurchaseRefusal.UNKNOWN_PURCHASE),
        (buyer, 2**70, PurchaseRefusal.UNKNOWN_PURCHASE),
        (other, redeemed_id, PurchaseRefusal.NOT_COMPLETED),
    ]
    for participation_id, number, code in cases:
        with nothing_changes():
            outcome = write(participation_id, number)
        assert outcome.refusal is not None and outcome.refusal.code == code


@pytest.mark.django_db
def test_two_reviews_in_one_call_are_one() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    reviews = [NewReview(buyer, purchase_id, rating, "Bagus.") for rating in (6, 4, 4, 5)]
    outcomes = write_review(reviews=reviews, at=AT)
    assert [(outcome.refusal and outcome.refusal.code, outcome.repeated) for outcome in outcomes] == [
        (PurchaseRefusal.RATING_OUT_OF_RANGE, False),
        (None, False),
        (None, True),
        (PurchaseRefusal.ALREADY_REVIEWED, False),
    ]
    assert Review.objects.get().rating == 4


@pytest.mark.django_db(transaction=True)
def test_of_rivals_one_writes(race: Callable[..., list[Any]]) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    purchase_id = factories.completed(buyer, training)
    outcomes = race(*(lambda rating=rating: write(buyer, purchase_id, rating) for rating in (1, 2, 3, 4, 5)))
    found = Counter(outcome.refusal.code if outcome.refusal else None for outcome in outcomes)
    assert found == {None: 1, PurchaseRefusal.ALREADY_REVIEWED: 4}
    training.refresh_from_db()
    assert (training.rating_count, training.rating_sum) == (1, Review.objects.get().rating)


@pytest.mark.django_db
def test_many_reviews_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    trainings = [factories.training(), factories.training()]
    for count in (2, 12):
        buyers = factories.accepted(count, with_accounts=False)
        reviews = [
            NewReview(buyer, factories.completed(buyer, trainings[index % 2]), 5, "Bagus.")
            for index, buyer in enumerate(buyers)
        ]
        with assert_queries(7):
            write_review(reviews=reviews, at=AT)
