"""`write_review`: a participant rates and reviews what they completed; it is evidence, and others choose by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.purchases.institution_desk import RecordOutcome
from bekal.purchases.models import Evidence, Purchase, Review
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.training_summary import Increase, increase

TEXT_LIMIT_COUNT = 2_000


@dataclass(frozen=True, slots=True)
class NewReview:
    """`rating` 1 to 5, `text` 1 to 2,000 characters, of a purchase of this participation."""

    participation_id: int
    purchase_id: int
    rating: int
    text: str = field(repr=False)


def write_review(*, reviews: Sequence[NewReview], at: datetime) -> tuple[RecordOutcome, ...]:
    """Write reviews, one for each completed purchase; outcomes in the order of `reviews`.

    The same rating and text again is `repeated` and changes nothing; a second, other review is refused, as are somebody
    else's purchase, one not completed, a rating outside 1 to 5 and a text that is empty, too long or unreadable.
    """
    with transaction.atomic():
        purchases = _locked_purchases(reviews)
        written = {
            review.purchase_id: (review.rating, review.text)
            for review in Review.objects.filter(purchase_id__in=purchases).order_by("purchase_id")
        }
        outcomes: list[RecordOutcome] = []
        new: dict[int, Review] = {}
        for review in reviews:
            purchase, text = purchases.get(review.purchase_id), tidy(review.text)
            refusal = _refusal_of_purchase(purchase, review) or _refusal_of_words(review.rating, text)
            earlier = written.get(review.purchase_id)
            if refusal is None and earlier not in (None, (review.rating, text)):
                refusal = Refusal(PurchaseRefusal.ALREADY_REVIEWED)
            if refusal is None and earlier is None and purchase is not None:
                written[review.purchase_id] = review.rating, text
                new[review.purchase_id] = Review(
                    purchase_id=purchase.pk,
                    training_id=purchase.training_id,
                    rating=review.rating,
                    text=text,
                    written_at=at,
                )
            outcomes.append(RecordOutcome(review.purchase_id, refusal, refusal is None and earlier is not None))
        _write(new, at)
    return tuple(outcomes)


def _locked_purchases(reviews: Sequence[NewReview]) -> dict[int, Purchase]:
    rows = Purchase.objects.filter(pk__in={review.purchase_id for review in reviews}).order_by("pk")
    locked = rows.select_for_update(no_key=True).only("pk", "participation_id", "training_id", "completed_at")
    return {purchase.pk: purchase for purchase in locked}


def _refusal_of_purchase(purchase: Purchase | None, review: NewReview) -> Refusal | None:
    if purchase is None or purchase.participation_id != review.participation_id:
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    return None if purchase.completed_at else Refusal(PurchaseRefusal.NOT_COMPLETED)


def _refusal_of_words(rating: int, text: str) -> Refusal | None:
    if not 1 <= rating <= 5:
        return Refusal(PurchaseRefusal.RATING_OUT_OF_RANGE, {"rating": rating})
    if not text:
        return Refusal(PurchaseRefusal.REVIEW_EMPTY)
    if len(text) > TEXT_LIMIT_COUNT:
        values = {"length_count": len(text), "limit_count": TEXT_LIMIT_COUNT}
        return Refusal(PurchaseRefusal.REVIEW_TOO_LONG, values)
    return None if is_readable(text, multiline=True) else Refusal(PurchaseRefusal.REVIEW_UNREADABLE)


def _write(reviews: Mapping[int, Review], at: datetime) -> None:
    if not reviews:
        return
    Review.objects.bulk_create(reviews.values())
    Evidence.objects.bulk_create(
        Evidence(purchase_id=purchase_id, piece=piece, source=Evidence.Source.PARTICIPANT, recorded_at=at)
        for purchase_id in reviews
        for piece in (Evidence.Piece.RATING, Evidence.Piece.REVIEW)
    )
    increases: dict[int, Increase] = {}
    for review in reviews.values():
        before = increases.get(review.training_id, Increase())
        increases[review.training_id] = Increase(
            rating_count=before.rating_count + 1, rating_sum=before.rating_sum + review.rating
        )
    increase(increases)
