"""`reply_to_reviews`: the institution answers what was said of its training, once for each review; it may reword it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.models import ReviewReply
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_lock import LockedReview, ReviewOutcome, locked_reviews
from bekal.purchases.review_text import masked

TEXT_LIMIT_COUNT = 1_000
VERSION_LIMIT_COUNT = 20
LATEST_SQL = """
SELECT DISTINCT ON (review_id) review_id, number, text FROM purchases_reviewreply WHERE review_id = ANY(%s::bigint[])
ORDER BY review_id, number DESC
"""


@dataclass(frozen=True, slots=True)
class NewReply:
    """1 to 1,000 characters of this institution, written by one of its staff."""

    institution_id: int
    purchase_id: int
    user_id: int
    text: str = field(repr=False)


def reply_to_reviews(*, replies: Sequence[NewReply], at: datetime) -> tuple[ReviewOutcome, ...]:
    """Write the institution's reply, or its next wording; outcomes in the order of `replies`.

    The same words again are `repeated`; addresses and numbers of people are masked. Refused: a review of another
    institution's training or one that is hidden, a text that is empty, too long or unreadable, a 21st wording.
    """
    with transaction.atomic():
        reviews = locked_reviews([reply.purchase_id for reply in replies])
        with connection.cursor() as cursor:
            cursor.execute(LATEST_SQL, [int_array(reviews)])
            latest = {review_id: (number, text) for review_id, number, text in cursor.fetchall()}
        outcomes: list[ReviewOutcome] = []
        rows: list[tuple[object, ...]] = []
        for reply in replies:
            number, said = latest.get(reply.purchase_id, (0, ""))
            words = tidy(reply.text)
            refusal = _refusal(reviews.get(reply.purchase_id), reply.institution_id, words, number)
            text = masked(words)
            outcomes.append(ReviewOutcome(reply.purchase_id, refusal, refusal is None and text == said))
            if refusal is None and text != said:
                latest[reply.purchase_id] = number + 1, text
                rows.append((reply.purchase_id, number + 1, text, reply.user_id, at))
        copy_rows(ReviewReply, ("review_id", "number", "text", "written_by_id", "written_at"), rows)
    return tuple(outcomes)


def _refusal(review: LockedReview | None, institution_id: int, text: str, number: int) -> Refusal | None:
    if review is None or review.institution_id != institution_id or review.hidden_at is not None:
        return Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    if not text:
        return Refusal(PurchaseRefusal.NOTE_EMPTY)
    if len(text) > TEXT_LIMIT_COUNT:
        values = {"length_count": len(text), "limit_count": TEXT_LIMIT_COUNT}
        return Refusal(PurchaseRefusal.NOTE_TOO_LONG, values)
    if not is_readable(text, multiline=True):
        return Refusal(PurchaseRefusal.NOTE_UNREADABLE)
    if number >= VERSION_LIMIT_COUNT:
        return Refusal(PurchaseRefusal.TOO_MANY_EDITS, {"limit_count": VERSION_LIMIT_COUNT})
    return None
