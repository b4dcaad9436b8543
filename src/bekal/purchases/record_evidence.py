"""`record_evidence`: the one intake of what anybody says of a purchase, through whichever door it comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from bekal.core.evidence import MAY_SAY, WHOLE_PERCENT, Piece, Source
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows
from bekal.purchases.evidence_intake import Content, Held, locked, reviewed_ids, settle
from bekal.purchases.models import Evidence
from bekal.purchases.refusals import PurchaseRefusal

REASON_LIMIT_COUNT = 300
MAX_REVISION = 32_767
_COLUMNS = (
    "purchase_id",
    "piece",
    "source",
    "sequence",
    "revision",
    "holds",
    "percent",
    "happened_at",
    "reason",
    "recorded_at",
    "door",
)
_OF_REVIEWS = frozenset({Piece.RATING, Piece.REVIEW})


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: `source` with the number of the institution, platform, participation or, for the programme, of the
    officer."""

    source: Source
    id: int


@dataclass(frozen=True, slots=True)
class Message:
    """One statement of a speaker about one purchase, as `core.evidence.Statement` describes it. `reason` (at most 300
    characters, never anything personal) says why something is partial, denied or taken back; who corrects an earlier
    message raises `revision`."""

    speaker: Speaker
    purchase_id: int
    piece: Piece
    sequence: int = 1
    holds: bool = True
    percent: int | None = None
    reason: str = field(default="", repr=False)
    happened_at: datetime | None = None
    revision: int = 1
    door: Evidence.Door = Evidence.Door.PAGE


@dataclass(frozen=True, slots=True)
class EvidenceOutcome:
    """`repeated`: the very same was said before and nothing changed. A refusal changed nothing either."""

    purchase_id: int
    refusal: Refusal | None
    repeated: bool = False


def record_evidence(
    *, messages: Sequence[Message], at: datetime, in_order: bool = False
) -> tuple[EvidenceOutcome, ...]:
    """Add what is said; outcomes in the order of `messages`. Any order and repetition of the same messages ends in the
    same state: a completion may come before its attendance, and does not count until that is there. A desk asks
    `in_order`: there the person can still record the session that was forgotten, and is told so.

    When all of it is proven, the purchase gets its `completed_at`, once and for good; where what is said is contested,
    a case is opened, and closed as soon as it is not any more. Nothing is reconciled here: `reconcile` does that.

    Refused: an unknown purchase or one that is not the speaker's (with the same words: nobody learns what was not
    handed to them), one not redeemed or ended, a piece the speaker cannot speak of, a session there is not, a
    percentage, reason or revision that cannot be, what happens in the future or before the purchase, a rating or review
    nobody wrote.

    Locks the purchases in the order of their numbers; trainings that count a completion more come last.
    """
    with transaction.atomic(savepoint=False):  # what fails here ends the caller's transaction, too
        purchases = locked({message.purchase_id for message in messages})
        written = _written(messages)
        outcomes: list[EvidenceOutcome] = []
        new: dict[tuple[int, Content], str] = {}
        for message in messages:
            purchase = purchases.get(message.purchase_id)
            refusal = _refusal(message, purchase, at, written)
            repeated = False
            if refusal is None and purchase is not None:
                content = content_of(message)
                repeated = content in purchase.known
                if in_order and not repeated:
                    refusal = _refusal_of_order(message, purchase)
                if refusal is None and not repeated:
                    purchase.known.add(content)
                    new[message.purchase_id, content] = message.door.value
            outcomes.append(EvidenceOutcome(message.purchase_id, refusal, repeated))
        copy_rows(Evidence, _COLUMNS, ((number, *content, at, door) for (number, content), door in new.items()))
        settle([purchases[number] for number in dict.fromkeys(number for number, _ in new)], at)
    return tuple(outcomes)


def content_of(message: Message) -> Content:
    """What is said, as the columns of its row; two messages of the same content are one."""
    return Content(
        message.piece.value,
        message.speaker.source.value,
        message.sequence,
        message.revision,
        message.holds,
        message.percent,
        message.happened_at,
        message.reason,
    )


def _written(messages: Sequence[Message]) -> frozenset[int]:
    """Those of the purchases rated or reviewed here that have a review: asked only where somebody speaks of one."""
    ids = {message.purchase_id for message in messages if _rests_on_a_review(message)}
    return reviewed_ids(ids) if ids else frozenset()


def _rests_on_a_review(message: Message) -> bool:
    return message.piece in _OF_REVIEWS and message.speaker.source is Source.PARTICIPANT and message.holds


def _refusal(message: Message, purchase: Held | None, at: datetime, written: frozenset[int]) -> Refusal | None:
    source = message.speaker.source
    if purchase is None or not purchase.belongs_to(source, message.speaker.id):
        return Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    # An institution was never handed what nobody redeemed there: not even that it ended is told.
    if purchase.redeemed_at is None and (purchase.ended_at is None or source is Source.INSTITUTION):
        return Refusal(PurchaseRefusal.NOT_REDEEMED)
    if purchase.ended_at is not None:
        return Refusal(PurchaseRefusal.PURCHASE_ENDED, {"ended_on": programme_day(purchase.ended_at)})
    if message.piece not in MAY_SAY[source]:
        return Refusal(PurchaseRefusal.PIECE_OF_ANOTHER, {"piece": message.piece.value, "source": source.value})
    session_count = purchase.session_count if message.piece is Piece.ATTENDANCE else 1
    if not 1 <= message.sequence <= session_count:
        values = {"sequence": message.sequence, "session_count": session_count}
        return Refusal(PurchaseRefusal.SESSION_OUT_OF_RANGE, values)
    if _rests_on_a_review(message) and message.purchase_id not in written:
        return Refusal(PurchaseRefusal.NOT_REVIEWED)
    return _refusal_of_words(message, purchase, at)


def _refusal_of_order(message: Message, purchase: Held) -> Refusal | None:
    if message.piece is not Piece.COMPLETION or purchase.attended_count == purchase.session_count:
        return None
    values = {"attended_count": purchase.attended_count, "session_count": purchase.session_count}
    return Refusal(PurchaseRefusal.ATTENDANCE_MISSING, values)


def _refusal_of_words(message: Message, purchase: Held, at: datetime) -> Refusal | None:
    percent, is_progress = message.percent, message.piece is Piece.PROGRESS
    if percent is None and is_progress and message.holds:
        return Refusal(PurchaseRefusal.PERCENT_MISSING)
    if percent is not None and not (is_progress or message.piece is Piece.COMPLETION):
        return Refusal(PurchaseRefusal.PERCENT_WITHOUT_MEANING, {"piece": message.piece.value})
    if percent is not None and not 0 <= percent <= WHOLE_PERCENT:
        return Refusal(PurchaseRefusal.PERCENT_OUT_OF_RANGE, {"percent": percent})
    if not 1 <= message.revision <= MAX_REVISION:
        values: dict[str, int | str] = {"revision": message.revision, "limit_count": MAX_REVISION}
        return Refusal(PurchaseRefusal.REVISION_OUT_OF_RANGE, values)
    if len(message.reason) > REASON_LIMIT_COUNT:
        values = {"length_count": len(message.reason), "limit_count": REASON_LIMIT_COUNT}
        return Refusal(PurchaseRefusal.REASON_TOO_LONG, values)
    if not is_readable(message.reason):
        return Refusal(PurchaseRefusal.REASON_UNREADABLE)
    if message.happened_at is None:
        return None
    if message.happened_at > at:
        return Refusal(PurchaseRefusal.HAPPENED_IN_FUTURE, {"happened_on": programme_day(message.happened_at)})
    # Senders write whole seconds: what happened within the second of the purchase did not happen before it.
    if message.happened_at < purchase.bought_at.replace(microsecond=0):
        happened = {"happened_on": programme_day(message.happened_at), "bought_on": programme_day(purchase.bought_at)}
        return Refusal(PurchaseRefusal.HAPPENED_BEFORE_PURCHASE, happened)
    return None
