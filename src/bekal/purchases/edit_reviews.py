"""`edit_reviews`: an author changes rating and words for some days; every version stays, the first stays evidence."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.core.text import tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.models import ReviewFlag, ReviewVersion
from bekal.purchases.raise_flags import NewFlag, raise_flags
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_lock import LockedReview, ReviewOutcome, locked_reviews
from bekal.purchases.review_text import masked
from bekal.purchases.training_summary import Increase, increase
from bekal.purchases.write_review import refusal_of_words

VERSION_LIMIT_COUNT = 20
# The version that was written last becomes what the review shows.
SHOW_SQL = """
UPDATE purchases_review AS review
SET rating = version.rating, text = version.text, edited_at = version.written_at, version_count = version.number,
    screened_at = NULL
FROM purchases_reviewversion version JOIN unnest(%s::bigint[], %s::int[]) AS latest(review_id, number)
    USING (review_id, number)
WHERE review.purchase_id = version.review_id
"""


@dataclass(frozen=True, slots=True)
class ReviewEdit:
    """`rating` 1 to 5 and `text` 1 to 2,000 characters for the review of a purchase of this participation."""

    participation_id: int
    purchase_id: int
    rating: int
    text: str = field(repr=False)


def edit_closes_on(written_at: datetime) -> date:
    """The last day on which a review written then can be edited; the rule is that of the day it was written."""
    on = programme_day(written_at)
    return on + timedelta(days=RULES.value("review_edit_days", on))


def edit_reviews(*, edits: Sequence[ReviewEdit], at: datetime) -> tuple[ReviewOutcome, ...]:
    """Write a new version of each review; outcomes in the order of `edits`.

    No evidence is written or changed: what counted when the review was first written counts on. The training's mean
    follows, unless the review is hidden; a hidden one comes before an officer again. Personal data are masked. The same
    rating and text again is `repeated`. Refused: a review that is not this participation's, one whose days have passed
    or that has 20 versions, and words that `write_review` would refuse.
    """
    with transaction.atomic():
        before = locked_reviews([edit.purchase_id for edit in edits])
        now = dict(before)
        outcomes: list[ReviewOutcome] = []
        flags: list[NewFlag] = []
        versions: list[tuple[object, ...]] = []
        for edit in edits:
            review, words = now.get(edit.purchase_id), tidy(edit.text)
            refusal = _refusal(review, edit, at) or refusal_of_words(edit.rating, words)
            text = masked(words)
            repeated = review is not None and (review.rating, review.text) == (edit.rating, text)
            outcomes.append(ReviewOutcome(edit.purchase_id, refusal, refusal is None and repeated))
            if refusal is not None or repeated or review is None:
                continue
            number = review.version_count + 1
            now[edit.purchase_id] = replace(review, rating=edit.rating, text=text, version_count=number)
            versions.append((edit.purchase_id, number, edit.rating, text, at))
            if text != words:
                source = ReviewFlag.Source.AUTOMATIC
                flags.append(NewFlag(edit.purchase_id, source, ReviewFlag.Reason.PERSONAL_DATA))
            if review.hidden_at is not None:
                flags.append(NewFlag(edit.purchase_id, ReviewFlag.Source.AUTHOR, ReviewFlag.Reason.EDITED))
        _write(before, now, versions)
        raise_flags(flags, at)
        _follow(before, now)
    return tuple(outcomes)


def _refusal(review: LockedReview | None, edit: ReviewEdit, at: datetime) -> Refusal | None:
    if review is None or review.participation_id != edit.participation_id:
        return Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    closes_on = edit_closes_on(review.written_at)
    if programme_day(at) > closes_on:
        return Refusal(PurchaseRefusal.REVIEW_EDIT_CLOSED, {"closed_on": closes_on})
    if review.version_count >= VERSION_LIMIT_COUNT:
        return Refusal(PurchaseRefusal.TOO_MANY_EDITS, {"limit_count": VERSION_LIMIT_COUNT})
    return None


def _write(
    before: Mapping[int, LockedReview], now: Mapping[int, LockedReview], versions: Sequence[Sequence[object]]
) -> None:
    latest = {number: now[number].version_count for number in now if now[number] != before[number]}
    if not latest:
        return
    copy_rows(ReviewVersion, ("review_id", "number", "rating", "text", "written_at"), versions)
    with connection.cursor() as cursor:
        cursor.execute(SHOW_SQL, [int_array(latest), int_array(latest.values())])


def _follow(before: Mapping[int, LockedReview], now: Mapping[int, LockedReview]) -> None:
    """The trainings' sums follow what is visible, as the last thing that is locked."""
    sums: defaultdict[int, int] = defaultdict(int)
    for number, review in now.items():
        if review.hidden_at is None and review.rating != before[number].rating:
            sums[review.training_id] += review.rating - before[number].rating
    increase({training_id: Increase(rating_sum=change) for training_id, change in sums.items()})
