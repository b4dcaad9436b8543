"""What the verbs about reviews ask first: the review, locked with its purchase, and the words that come with an act."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable
from bekal.ledger.copy_rows import id_array, int_array
from bekal.purchases.refusals import PurchaseRefusal

NOTE_LIMIT_COUNT = 500
LOCK_SQL = "SELECT id FROM purchases_purchase WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
REVIEWS_SQL = """
SELECT review.purchase_id, purchase.participation_id, review.training_id, training.institution_id, review.rating,
       review.text, review.written_at, review.hidden_at, review.version_count, review.flag_count
FROM purchases_review review JOIN purchases_purchase purchase ON purchase.id = review.purchase_id
JOIN catalogue_training training ON training.id = review.training_id
WHERE review.purchase_id = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class LockedReview:
    """One review as it stands; nobody changes it until the transaction ends."""

    purchase_id: int
    participation_id: int
    training_id: int
    institution_id: int
    rating: int
    text: str
    written_at: datetime
    hidden_at: datetime | None
    version_count: int
    flag_count: int


@dataclass(frozen=True, slots=True)
class ReviewOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    purchase_id: int
    refusal: Refusal | None
    repeated: bool = False


def locked_reviews(purchase_ids: Collection[int]) -> dict[int, LockedReview]:
    """The reviews there are of these purchases, which are locked in the order of their numbers (two queries)."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(set(purchase_ids))])
        cursor.execute(REVIEWS_SQL, [int_array(number for (number,) in cursor.fetchall())])
        return {row[0]: LockedReview(*row) for row in cursor.fetchall()}


def refusal_of_note(note: str, *, required: bool) -> Refusal | None:
    """Whether these words (tidied) can be kept with a report, an appeal or a decision."""
    if required and not note:
        return Refusal(PurchaseRefusal.NOTE_EMPTY)
    if len(note) > NOTE_LIMIT_COUNT:
        values = {"length_count": len(note), "limit_count": NOTE_LIMIT_COUNT}
        return Refusal(PurchaseRefusal.NOTE_TOO_LONG, values)
    return None if is_readable(note, multiline=True) else Refusal(PurchaseRefusal.NOTE_UNREADABLE)
