"""`decide_reviews`: an officer hides a review or lets it stand, and says why; another officer can turn it round."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.models import ReviewDecision
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_lock import LockedReview, ReviewOutcome, locked_reviews, refusal_of_note
from bekal.purchases.training_summary import Increase, increase

LATEST_SQL = """
SELECT DISTINCT ON (decision.review_id) decision.review_id, decision.number, decision.decision, decision.reason,
       decision.flag_count, decision.decided_by_id,
       EXISTS (SELECT 1 FROM purchases_reviewflag flag WHERE flag.review_id = decision.review_id
               AND flag.source = 'author' AND flag.number > decision.flag_count)
FROM purchases_reviewdecision decision WHERE decision.review_id = ANY(%s::bigint[])
ORDER BY decision.review_id, decision.number DESC
"""
DECIDE_SQL = """
UPDATE purchases_review AS review SET waiting_since_at = NULL,
    hidden_at = CASE WHEN decided.hides THEN coalesce(review.hidden_at, %s) END
FROM unnest(%s::bigint[], %s::boolean[]) AS decided(purchase_id, hides)
WHERE review.purchase_id = decided.purchase_id
"""
COLUMNS = ("review_id", "number", "decision", "reason", "flag_count", "decided_by_id", "decided_at")


@dataclass(frozen=True, slots=True)
class NewDecision:
    """`reason`: 1 to 500 characters, read by the author. `seen_version_count`, `seen_flag_count`: what the officer saw
    of the review, so that nobody decides about words or reports they have not read."""

    purchase_id: int
    decision: ReviewDecision.Decision
    officer_id: int
    seen_version_count: int
    seen_flag_count: int
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Latest:
    number: int
    decision: str
    reason: str
    flag_count: int
    decided_by_id: int
    author_objects: bool


def decide_reviews(*, decisions: Sequence[NewDecision], at: datetime) -> tuple[ReviewOutcome, ...]:
    """Hide reviews or let them stand; outcomes in the order of `decisions`, of several about one review the first is
    taken. The shown means follow; evidence and incentives are not touched.

    The same decision and reason by the same officer with no flag since is `repeated`. Refused: a review that is not
    there, was edited or flagged since it was seen, a decision that turns round one's own or answers an appeal or an
    edit against one's own, a reason that is empty, too long or unreadable.
    """
    with transaction.atomic():
        reviews = locked_reviews([decision.purchase_id for decision in decisions])
        latest = _latest(reviews)
        outcomes: list[ReviewOutcome] = []
        made: dict[int, tuple[NewDecision, str]] = {}
        for new in decisions:
            review, last, reason = reviews.get(new.purchase_id), latest.get(new.purchase_id), tidy(new.reason)
            refusal = refusal_of_note(reason, required=True) or _refusal(review, last, new)
            if refusal is None and new.purchase_id in made:
                refusal = Refusal(PurchaseRefusal.REVIEW_CHANGED)
            repeated = last is not None and (last.decision, last.reason, last.decided_by_id, last.flag_count) == (
                new.decision,
                reason,
                new.officer_id,
                new.seen_flag_count,
            )
            outcomes.append(ReviewOutcome(new.purchase_id, refusal, refusal is None and repeated))
            if refusal is None and not repeated:
                made[new.purchase_id] = new, reason
        _write(reviews, latest, made, at)
    return tuple(outcomes)


def _latest(purchase_ids: Collection[int]) -> dict[int, _Latest]:
    with connection.cursor() as cursor:
        cursor.execute(LATEST_SQL, [int_array(purchase_ids)])
        return {number: _Latest(*rest) for number, *rest in cursor.fetchall()}


def _refusal(review: LockedReview | None, last: _Latest | None, new: NewDecision) -> Refusal | None:
    if review is None:
        return Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    if (review.version_count, review.flag_count) != (new.seen_version_count, new.seen_flag_count):
        return Refusal(PurchaseRefusal.REVIEW_CHANGED)
    if last is not None and last.decided_by_id == new.officer_id:
        turns_round = last.decision != new.decision
        if turns_round or (last.decision == ReviewDecision.Decision.HIDDEN and last.author_objects):
            return Refusal(PurchaseRefusal.ANOTHER_OFFICER)
    return None


def _write(
    reviews: dict[int, LockedReview],
    latest: dict[int, _Latest],
    made: dict[int, tuple[NewDecision, str]],
    at: datetime,
) -> None:
    if not made:
        return
    hides = {number: new.decision == ReviewDecision.Decision.HIDDEN for number, (new, _) in made.items()}
    rows = [
        (number, last.number + 1 if last else 1, new.decision.value, reason, new.seen_flag_count, new.officer_id, at)
        for number, (new, reason), last in ((number, each, latest.get(number)) for number, each in made.items())
    ]
    copy_rows(ReviewDecision, COLUMNS, rows)
    with connection.cursor() as cursor:
        flags = "{" + ",".join("t" if each else "f" for each in hides.values()) + "}"
        cursor.execute(DECIDE_SQL, [at, int_array(hides), flags])
    changes: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for number, is_hidden in hides.items():
        review = reviews[number]
        sign = int(review.hidden_at is not None) - int(is_hidden)
        changes[review.training_id][0] += sign
        changes[review.training_id][1] += sign * review.rating
    increase(
        {
            training_id: Increase(rating_count=count, rating_sum=total)
            for training_id, (count, total) in changes.items()
            if count or total
        }
    )
