"""Reads of reviews: order, words, pages, and initials only."""

from datetime import timedelta

import pytest

from bekal.purchases.models import Review
from bekal.purchases.review_queries import ReviewOrder, rating_histogram, reviews_of, visible_count
from tests import factories
from tests.purchases.reviewing import HIDDEN, WRITTEN_AT, decide, written


@pytest.mark.django_db
def test_reviews_come_newest_first_in_pages_with_initials_only() -> None:
    training = factories.training()
    names = ["Siti Rahayu", "budi", "Agus Dwi Cahyono"]
    for day, (name, rating) in enumerate(zip(names, (5, 2, 5), strict=True)):
        (buyer,) = factories.accepted(full_name=name)
        factories.reviewed(buyer, training, at=factories.BOUGHT_AT + timedelta(days=day), rating=rating)
    lines = reviews_of(training_id=training.pk)
    assert [(line.initials, line.rating) for line in lines] == [("A. C.", 5), ("B.", 2), ("S. R.", 5)]
    (second,) = reviews_of(training_id=training.pk, limit=1, offset=1)
    assert (second.initials, second.written_at) == (lines[1].initials, lines[1].written_at)
    assert rating_histogram(training.pk) == (0, 1, 0, 0, 2)
    assert rating_histogram(2**62) == (0, 0, 0, 0, 0)


@pytest.mark.django_db
def test_reviews_are_read_from_the_lowest_or_highest_and_with_words_only() -> None:
    training = factories.training()
    ids = [written(training, rating, at=WRITTEN_AT + timedelta(hours=n))[1] for n, rating in enumerate((4, 1, 5, 1, 3))]
    Review.objects.filter(pk=ids[2]).update(text="")
    decide(ids[4], HIDDEN, factories.officer())

    def ratings(**asked: object) -> list[int]:
        return [line.rating for line in reviews_of(training_id=training.pk, **asked)]  # type: ignore[arg-type]

    assert ratings() == [1, 5, 1, 4]
    assert ratings(order=ReviewOrder.LOWEST) == [1, 1, 4, 5]
    assert ratings(order=ReviewOrder.HIGHEST, with_text=True) == [4, 1, 1]
    assert [visible_count(training_id=training.pk, with_text=each) for each in (False, True)] == [4, 3]
