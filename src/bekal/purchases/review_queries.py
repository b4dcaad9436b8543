"""Reads of reviews: what those who choose see of a training, what an author sees of their own, an institution of its
trainings', and an officer of those that wait. Whoever is not the author or an officer gets initials and a handle."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from cryptography.fernet import InvalidToken
from django.db.models import Count, QuerySet

from bekal.accounts.privacy import decrypt, encrypt
from bekal.ledger.clock import programme_day
from bekal.purchases.edit_reviews import edit_closes_on
from bekal.purchases.models import Review, ReviewDecision, ReviewFlag, ReviewReply, ReviewVersion

HANDLE_LIMIT_COUNT = 120


class ReviewOrder(StrEnum):
    """In which order the reviews of a training are read."""

    NEWEST = "newest"
    LOWEST = "lowest"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the institution answers, as it stands; `edited_at` is None for its first wording."""

    text: str
    written_at: datetime
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One visible review of a completed training; of its author only the initials. `handle` names it on screens that
    must not tell its purchase."""

    handle: str
    training_id: int
    title: str
    rating: int
    text: str
    initials: str
    written_at: datetime
    edited_at: datetime | None
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class OwnReview:
    """A review as its author sees it. `hidden_because` is empty where it is shown."""

    rating: int
    text: str
    written_at: datetime
    edited_at: datetime | None
    editable_until_on: date
    hidden_because: str
    may_appeal: bool
    has_masked: bool
    versions: tuple[ReviewVersion, ...]
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Case:
    """A review that an officer looks at, with everything said about it, oldest first."""

    review: Review
    initials: str
    flags: tuple[ReviewFlag, ...]
    decisions: tuple[ReviewDecision, ...]
    versions: tuple[ReviewVersion, ...] = ()
    reply: Reply | None = None


def handle_of(purchase_id: int) -> str:
    """A name for a review that tells nobody its purchase; another one each time."""
    return urlsafe_b64encode(encrypt(f"review:{purchase_id}")).decode().rstrip("=")


def purchase_id_of(handle: str) -> int | None:
    """The purchase whose review has this handle; None for anything else."""
    if len(handle) > HANDLE_LIMIT_COUNT or not handle.isascii():
        return None
    try:
        kind, _, number = decrypt(urlsafe_b64decode(handle + "=" * (-len(handle) % 4))).partition(":")
    except (InvalidToken, ValueError, binascii.Error):
        return None
    return int(number) if kind == "review" and number.isdigit() else None


def initials_of(full_name: str) -> str:
    """`Siti Rahayu` is shown as `S. R.`: a review says something of the training, not of its author."""
    words = full_name.split()
    shown = words if len(words) < 2 else [words[0], words[-1]]
    return " ".join(f"{word[0].upper()}." for word in shown)


def reviews_of(
    *,
    training_id: int,
    limit: int = 20,
    offset: int = 0,
    order: ReviewOrder = ReviewOrder.NEWEST,
    with_text: bool = False,
) -> tuple[ReviewLine, ...]:
    """Visible reviews of one training in this order, the newest first among equals; `with_text`: only those with
    words (history brought in from elsewhere may have stars alone). Two queries."""
    first = {
        ReviewOrder.NEWEST: (),
        ReviewOrder.LOWEST: ("rating",),
        ReviewOrder.HIGHEST: ("-rating",),
    }[order]
    rows = _visible(training_id=training_id, with_text=with_text).order_by(*first, "-written_at", "-purchase_id")
    return _lines(rows[offset : offset + limit])


def visible_count(*, training_id: int, with_text: bool) -> int:
    """How many reviews `reviews_of` can list."""
    return _visible(training_id=training_id, with_text=with_text).count()


def reviews_of_institution(*, institution_id: int, limit: int, offset: int = 0) -> tuple[ReviewLine, ...]:
    """Visible reviews of an institution's trainings, newest first; without their authors."""
    rows = Review.objects.filter(training__institution_id=institution_id, hidden_at=None)
    return _lines(rows.order_by("-written_at", "-purchase_id")[offset : offset + limit])


def institution_review_count(*, institution_id: int) -> int:
    """How many reviews `reviews_of_institution` can list."""
    return Review.objects.filter(training__institution_id=institution_id, hidden_at=None).count()


def visible_review(*, handle: str, institution_id: int | None = None) -> ReviewLine | None:
    """The visible review of this handle; of this institution's trainings only, where one is named."""
    purchase_id = purchase_id_of(handle)
    if purchase_id is None:
        return None
    rows = Review.objects.filter(pk=purchase_id, hidden_at=None)
    if institution_id is not None:
        rows = rows.filter(training__institution_id=institution_id)
    return next(iter(_lines(rows)), None)


def _visible(*, training_id: int, with_text: bool) -> QuerySet[Review]:
    rows = Review.objects.filter(training_id=training_id, hidden_at=None)
    return rows.exclude(text="") if with_text else rows


def _lines(rows: QuerySet[Review]) -> tuple[ReviewLine, ...]:
    found = list(rows.select_related("purchase__participation__participant", "training"))
    replies = _replies(review.pk for review in found)
    return tuple(
        ReviewLine(
            handle=handle_of(review.pk),
            training_id=review.training_id,
            title=review.training.title,
            rating=review.rating,
            text=review.text,
            initials=initials_of(review.purchase.participation.participant.full_name),
            written_at=review.written_at,
            edited_at=review.edited_at,
            reply=replies.get(review.pk),
        )
        for review in found
    )


def _replies(purchase_ids: Iterable[int]) -> Mapping[int, Reply]:
    """The reply as it stands to each of these reviews that has one."""
    rows = ReviewReply.objects.filter(review_id__in=list(purchase_ids)).order_by("review_id", "number")
    replies: dict[int, Reply] = {}
    for row in rows:
        first = replies.get(row.review_id)
        written_at = first.written_at if first else row.written_at
        replies[row.review_id] = Reply(row.text, written_at, row.written_at if first else None)
    return replies


def rating_histogram(training_id: int) -> tuple[int, int, int, int, int]:
    """How many visible reviews rate the training 1, 2, 3, 4 and 5."""
    rows = Review.objects.filter(training_id=training_id, hidden_at=None).order_by("rating")
    counts = {row["rating"]: row["count"] for row in rows.values("rating").annotate(count=Count("pk"))}
    return counts.get(1, 0), counts.get(2, 0), counts.get(3, 0), counts.get(4, 0), counts.get(5, 0)


def own_review(*, participation_id: int, purchase_id: int) -> OwnReview | None:
    """The review that this participation wrote of this purchase, with why it is hidden, if it is (five queries)."""
    review = Review.objects.filter(pk=purchase_id, purchase__participation_id=participation_id).first()
    if review is None:
        return None
    flags = list(ReviewFlag.objects.filter(review=review).order_by("number"))
    decisions = list(ReviewDecision.objects.filter(review=review).order_by("number"))
    stood = max((each.flag_count for each in decisions if each.decision == ReviewDecision.Decision.STANDS), default=0)
    appealed = any(flag.reason == ReviewFlag.Reason.APPEAL and flag.number > stood for flag in flags)
    return OwnReview(
        rating=review.rating,
        text=review.text,
        written_at=review.written_at,
        edited_at=review.edited_at,
        editable_until_on=edit_closes_on(review.written_at),
        hidden_because=decisions[-1].reason if review.hidden_at and decisions else "",
        may_appeal=review.hidden_at is not None and not appealed,
        has_masked=any(
            flag.reason == ReviewFlag.Reason.PERSONAL_DATA
            and flag.source == ReviewFlag.Source.AUTOMATIC
            and flag.version_number == review.version_count
            for flag in flags
        ),
        versions=tuple(ReviewVersion.objects.filter(review=review).order_by("number")),
        reply=_replies([review.pk]).get(review.pk),
    )


def can_be_edited(review: OwnReview, at: datetime) -> bool:
    """Whether its days have not passed."""
    return programme_day(at) <= review.editable_until_on


class Pile(StrEnum):
    """Which reviews an officer asks for."""

    WAITING = "waiting"
    HIDDEN = "hidden"
    DECIDED = "decided"


def pile_of(pile: Pile, *, reason: str | None = None) -> QuerySet[Review]:
    """The reviews of a pile, those that wait longest first, the others by number from the end; `reason`: only those
    with a flag of this reason."""
    rows = Review.objects.all()
    if reason is not None:
        rows = rows.filter(pk__in=ReviewFlag.objects.filter(reason=reason).values("review_id"))
    if pile is Pile.WAITING:
        return rows.filter(waiting_since_at__isnull=False).order_by("waiting_since_at", "purchase_id")
    if pile is Pile.HIDDEN:
        return rows.filter(hidden_at__isnull=False).order_by("-hidden_at", "-purchase_id")
    decided = ReviewDecision.objects.values("review_id")
    return rows.filter(pk__in=decided, waiting_since_at=None).order_by("-purchase_id")


def waiting_by_reason() -> dict[str, int]:
    """How many reviews wait with an unanswered flag of each reason; one with several counts under each."""
    answered = ReviewDecision.objects.order_by("review_id", "-number").distinct("review_id")
    since = dict(answered.filter(review__waiting_since_at__isnull=False).values_list("review_id", "flag_count"))
    flags = ReviewFlag.objects.filter(review__waiting_since_at__isnull=False).order_by("review_id", "number")
    found: dict[str, set[int]] = {}
    for review_id, number, reason in flags.values_list("review_id", "number", "reason"):
        if number > since.get(review_id, 0):
            found.setdefault(reason, set()).add(review_id)
    return {reason: len(ids) for reason, ids in sorted(found.items())}


def cases_of(reviews: Sequence[Review], *, whole: bool = False) -> tuple[Case, ...]:
    """The reviews (with purchase, participation, participant, training and institution selected) as cases; `whole`:
    with their earlier versions and the institution's reply. Two queries, or four."""
    ids = [review.pk for review in reviews]
    flags: dict[int, list[ReviewFlag]] = {}
    for flag in ReviewFlag.objects.filter(review_id__in=ids).order_by("review_id", "number"):
        flags.setdefault(flag.review_id, []).append(flag)
    decisions: dict[int, list[ReviewDecision]] = {}
    rows = ReviewDecision.objects.filter(review_id__in=ids).select_related("decided_by")
    for decision in rows.order_by("review_id", "number"):
        decisions.setdefault(decision.review_id, []).append(decision)
    versions: dict[int, list[ReviewVersion]] = {}
    replies: Mapping[int, Reply] = {}
    if whole:
        for version in ReviewVersion.objects.filter(review_id__in=ids).order_by("review_id", "number"):
            versions.setdefault(version.review_id, []).append(version)
        replies = _replies(ids)
    return tuple(
        Case(
            review,
            initials_of(review.purchase.participation.participant.full_name),
            tuple(flags.get(review.pk, ())),
            tuple(decisions.get(review.pk, ())),
            tuple(versions.get(review.pk, ())),
            replies.get(review.pk),
        )
        for review in reviews
    )
