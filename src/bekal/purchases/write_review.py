"""`write_review`: a participant rates and reviews what they completed; it is evidence, and others choose by it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array, int_array
from bekal.purchases.models import Evidence, Review, ReviewFlag, ReviewVersion
from bekal.purchases.raise_flags import NewFlag, raise_flags
from bekal.purchases.record_evidence import EvidenceOutcome
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_text import masked
from bekal.purchases.training_summary import Increase, increase

TEXT_LIMIT_COUNT = 2_000
LOCK_SQL = """
SELECT id, participation_id, training_id, completed_at IS NOT NULL, ended_at FROM purchases_purchase
WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
WRITTEN_SQL = "SELECT purchase_id, rating, text FROM purchases_review WHERE purchase_id = ANY(%s::bigint[])"
_PIECES, _SOURCE = (Evidence.Piece.RATING.value, Evidence.Piece.REVIEW.value), Evidence.Source.PARTICIPANT.value


class _Purchase(NamedTuple):
    """What a review must know of its purchase."""

    participation_id: int
    training_id: int
    completed: bool
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewReview:
    """`rating` 1 to 5, `text` 1 to 2,000 characters, of a purchase of this participation."""

    participation_id: int
    purchase_id: int
    rating: int
    text: str = field(repr=False)


def write_review(*, reviews: Sequence[NewReview], at: datetime) -> tuple[EvidenceOutcome, ...]:
    """Write reviews, one for each completed purchase; outcomes in the order of `reviews`.

    The same rating and text again is `repeated` and changes nothing; a second, other review is refused, as are somebody
    else's purchase, one not completed or ended without its review, a rating outside 1 to 5, a text that is empty, too
    long or unreadable. Addresses and numbers of people are masked before anything is stored, and an officer is told.
    """
    with transaction.atomic():
        purchases, written = _locked_purchases(reviews)
        outcomes: list[EvidenceOutcome] = []
        new: dict[int, tuple[int, int, str]] = {}
        flags: list[NewFlag] = []
        for review in reviews:
            purchase, words = purchases.get(review.purchase_id), tidy(review.text)
            refusal = _refusal_of_purchase(purchase, review) or refusal_of_words(review.rating, words)
            text = masked(words)
            earlier = written.get(review.purchase_id)
            if refusal is None and earlier not in (None, (review.rating, text)):
                refusal = Refusal(PurchaseRefusal.ALREADY_REVIEWED)
            if refusal is None and earlier is None and purchase is not None:
                written[review.purchase_id] = review.rating, text
                new[review.purchase_id] = purchase.training_id, review.rating, text
                if text != words:
                    reason = ReviewFlag.Reason.PERSONAL_DATA
                    flags.append(NewFlag(review.purchase_id, ReviewFlag.Source.AUTOMATIC, reason))
            outcomes.append(EvidenceOutcome(review.purchase_id, refusal, refusal is None and earlier is not None))
        _write(new, flags, at)
    return tuple(outcomes)


def _locked_purchases(reviews: Sequence[NewReview]) -> tuple[dict[int, _Purchase], dict[int, tuple[int, str]]]:
    """The purchases there are by number, locked in that order, and rating and text of those that have a review."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array({review.purchase_id for review in reviews})])
        purchases = {number: _Purchase(*rest) for number, *rest in cursor.fetchall()}
        cursor.execute(WRITTEN_SQL, [int_array(purchases)])
        return purchases, {number: (rating, text) for number, rating, text in cursor.fetchall()}


def _refusal_of_purchase(purchase: _Purchase | None, review: NewReview) -> Refusal | None:
    if purchase is None or purchase.participation_id != review.participation_id:
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    if purchase.ended_at is not None:
        return Refusal(PurchaseRefusal.PURCHASE_ENDED, {"ended_on": programme_day(purchase.ended_at)})
    return None if purchase.completed else Refusal(PurchaseRefusal.NOT_COMPLETED)


def refusal_of_words(rating: int, text: str) -> Refusal | None:
    """Whether these stars and this text (tidied) can be a review."""
    if not 1 <= rating <= 5:
        return Refusal(PurchaseRefusal.RATING_OUT_OF_RANGE, {"rating": rating})
    if not text:
        return Refusal(PurchaseRefusal.REVIEW_EMPTY)
    if len(text) > TEXT_LIMIT_COUNT:
        values = {"length_count": len(text), "limit_count": TEXT_LIMIT_COUNT}
        return Refusal(PurchaseRefusal.REVIEW_TOO_LONG, values)
    return None if is_readable(text, multiline=True) else Refusal(PurchaseRefusal.REVIEW_UNREADABLE)


def _write(reviews: Mapping[int, tuple[int, int, str]], flags: Sequence[NewFlag], at: datetime) -> None:
    """Write training, rating and text by purchase as its first version, with both pieces of evidence, whatever the
    number of stars."""
    if not reviews:
        return
    columns: tuple[str, ...] = ("purchase_id", "training_id", "rating", "text", "written_at")
    copy_rows(Review, columns, ((number, *review, at) for number, review in reviews.items()))
    versions = ((number, 1, rating, text, at) for number, (_, rating, text) in reviews.items())
    copy_rows(ReviewVersion, ("review_id", "number", "rating", "text", "written_at"), versions)
    columns = ("purchase_id", "piece", "source", "sequence", "recorded_at")
    copy_rows(Evidence, columns, ((number, piece, _SOURCE, 1, at) for number in reviews for piece in _PIECES))
    raise_flags(flags, at)
    ratings: defaultdict[int, list[int]] = defaultdict(list)
    for training_id, rating, _ in reviews.values():
        ratings[training_id].append(rating)
    increase({number: Increase(rating_count=len(each), rating_sum=sum(each)) for number, each in ratings.items()})
