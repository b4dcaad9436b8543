"""`report_reviews` and `appeal_reviews`: whoever finds something wrong with a review, or with its hiding, says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.copy_rows import int_array
from bekal.purchases.models import ReviewFlag
from bekal.purchases.raise_flags import NewFlag, raise_flags
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_lock import LockedReview, ReviewOutcome, locked_reviews, refusal_of_note
from bekal.purchases.review_text import masked

# What a person can say is wrong; the others are found by the programme or are the author's.
REPORTED = (
    ReviewFlag.Reason.INSULT,
    ReviewFlag.Reason.PERSONAL_DATA,
    ReviewFlag.Reason.OFF_TOPIC,
    ReviewFlag.Reason.ADVERTISING,
    ReviewFlag.Reason.UNTRUE,
)
# One appeal for each time that it was hidden: since it last stood.
APPEALED_SQL = """
SELECT DISTINCT flag.review_id FROM purchases_reviewflag flag
WHERE flag.review_id = ANY(%s::bigint[]) AND flag.reason = 'appeal' AND flag.number > coalesce(
    (SELECT max(decision.flag_count) FROM purchases_reviewdecision decision
     WHERE decision.review_id = flag.review_id AND decision.decision = 'stands'), 0)
"""


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """By a participant (`participation_id`) or by somebody of an institution (`institution_id`): one of the two."""

    purchase_id: int
    reason: str
    user_id: int
    participation_id: int | None = None
    institution_id: int | None = None
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ReviewAppeal:
    """The author of a hidden review says why it should stand, in 1 to 500 characters."""

    participation_id: int
    purchase_id: int
    user_id: int
    note: str = field(repr=False)


def report_reviews(*, reports: Sequence[ReviewReport], at: datetime) -> tuple[ReviewOutcome, ...]:
    """Put the reviews before an officer; outcomes in the order of `reports`. Nothing is hidden by it.

    The same reason by the same person for the same version is `repeated`. Refused: a review that is hidden or not
    there, an institution's report of another institution's review, one's own review, a reason that is none of
    REPORTED, a note that is too long or unreadable.
    """
    with transaction.atomic():
        reviews = locked_reviews([report.purchase_id for report in reports])
        refusals = [_refusal_of_report(reviews.get(report.purchase_id), report) for report in reports]
        flags = [
            NewFlag(
                report.purchase_id,
                ReviewFlag.Source.PARTICIPANT if report.institution_id is None else ReviewFlag.Source.INSTITUTION,
                ReviewFlag.Reason(report.reason),
                report.user_id,
                masked(tidy(report.note)),
            )
            for report, refusal in zip(reports, refusals, strict=True)
            if refusal is None
        ]
        is_new = iter(raise_flags(flags, at))
    return tuple(
        ReviewOutcome(report.purchase_id, refusal, refusal is None and not next(is_new))
        for report, refusal in zip(reports, refusals, strict=True)
    )


def _refusal_of_report(review: LockedReview | None, report: ReviewReport) -> Refusal | None:
    other = report.institution_id is not None and review is not None and review.institution_id != report.institution_id
    if review is None or review.hidden_at is not None or other:
        return Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    if review.participation_id == report.participation_id:
        return Refusal(PurchaseRefusal.OWN_REVIEW)
    if report.reason not in REPORTED:
        return Refusal(PurchaseRefusal.UNKNOWN_REASON)
    return refusal_of_note(tidy(report.note), required=False)


def appeal_reviews(*, appeals: Sequence[ReviewAppeal], at: datetime) -> tuple[ReviewOutcome, ...]:
    """Put hidden reviews before another officer; outcomes in the order of `appeals`.

    Refused: a review that is not this participation's, one that is not hidden, a second appeal against the same hiding,
    a note that is empty, too long or unreadable.
    """
    with transaction.atomic():
        reviews = locked_reviews([appeal.purchase_id for appeal in appeals])
        with connection.cursor() as cursor:
            cursor.execute(APPEALED_SQL, [int_array(reviews)])
            appealed = {number for (number,) in cursor.fetchall()}
        refusals: list[Refusal | None] = []
        flags = []
        for appeal in appeals:
            note = tidy(appeal.note)
            refusal = _refusal_of_appeal(reviews.get(appeal.purchase_id), appeal, appealed) or refusal_of_note(
                note, required=True
            )
            refusals.append(refusal)
            if refusal is None:
                appealed.add(appeal.purchase_id)
                source, reason = ReviewFlag.Source.AUTHOR, ReviewFlag.Reason.APPEAL
                flags.append(NewFlag(appeal.purchase_id, source, reason, appeal.user_id, masked(note)))
        raise_flags(flags, at)
    return tuple(ReviewOutcome(appeal.purchase_id, refusal) for appeal, refusal in zip(appeals, refusals, strict=True))


def _refusal_of_appeal(review: LockedReview | None, appeal: ReviewAppeal, appealed: set[int]) -> Refusal | None:
    if review is None or review.participation_id != appeal.participation_id:
        return Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    if review.hidden_at is None:
        return Refusal(PurchaseRefusal.REVIEW_NOT_HIDDEN)
    return Refusal(PurchaseRefusal.ALREADY_APPEALED) if appeal.purchase_id in appealed else None
