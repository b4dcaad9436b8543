"""What the tests about reviews share."""

from datetime import datetime, timedelta

from bekal.accounts.models import User
from bekal.catalogue.models import Training
from bekal.purchases.decide_reviews import NewDecision, decide_reviews
from bekal.purchases.edit_reviews import ReviewEdit, edit_reviews
from bekal.purchases.models import Review, ReviewDecision
from bekal.purchases.report_reviews import ReviewReport, report_reviews
from bekal.purchases.review_lock import ReviewOutcome
from bekal.purchases.write_review import NewReview, write_review
from tests import factories

WRITTEN_AT = factories.REVIEWED_AT
HIDDEN, STANDS = ReviewDecision.Decision.HIDDEN, ReviewDecision.Decision.STANDS


def written(training: Training, rating: int = 5, text: str = "Bagus.", at: datetime = WRITTEN_AT) -> tuple[int, int]:
    """A participation and the purchase that it has reviewed."""
    (buyer,) = factories.accepted(with_accounts=False)
    purchase_id = factories.completed(buyer, training)
    (outcome,) = write_review(reviews=[NewReview(buyer, purchase_id, rating, text)], at=at)
    assert outcome.refusal is None, outcome
    return buyer, purchase_id


def edit(buyer: int, purchase_id: int, rating: int, text: str, after: timedelta = timedelta(days=1)) -> ReviewOutcome:
    (outcome,) = edit_reviews(edits=[ReviewEdit(buyer, purchase_id, rating, text)], at=WRITTEN_AT + after)
    return outcome


def report(purchase_id: int, user: User, reason: str = "insult", **by: int) -> ReviewOutcome:
    given = ReviewReport(purchase_id, reason, user.pk, note=" Tidak sopan. ", **by)
    (outcome,) = report_reviews(reports=[given], at=WRITTEN_AT + timedelta(days=2))
    return outcome


def decide(
    purchase_id: int, decision: ReviewDecision.Decision, officer: User, reason: str = "Ada hinaan."
) -> ReviewOutcome:
    """By somebody who has read the review as it stands."""
    review = Review.objects.get(pk=purchase_id)
    new = NewDecision(purchase_id, decision, officer.pk, review.version_count, review.flag_count, reason)
    (outcome,) = decide_reviews(decisions=[new], at=WRITTEN_AT + timedelta(days=3))
    return outcome


def sums(training: Training) -> tuple[int, int]:
    """How many ratings the training shows, and their sum."""
    training.refresh_from_db()
    return training.rating_count, training.rating_sum
