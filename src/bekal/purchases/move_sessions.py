"""`move_sessions`: an institution dates a session, moves it or calls it off, and everybody who bought is told why.
`reschedule_sessions`: many at once, from a system or a file, which give no reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.catalogue.models import LOCK_ORDER, Session, SessionChange, Training
from bekal.catalogue.reasons import refusal_of_reason
from bekal.catalogue.refusals import ShelfRefusal
from bekal.catalogue.schedule_sessions import NewSession, ScheduledSessions, schedule_sessions
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.participants.notify import Notice, notify
from bekal.purchases.models import Purchase

PLACE_LIMIT_COUNT = 200
MAX_BIGINT = 2**63 - 1
TEMPLATE = "session_moved"
_MOVED = _(
    "Session %(sequence)s of “%(title)s” was moved to %(moment)s. Reason: %(reason)s. "
    "The institution answers questions."
)
_MOVED_BY_SYSTEM = _("Session %(sequence)s of “%(title)s” was moved to %(moment)s. The institution answers questions.")
_CALLED_OFF = _(
    "Session %(sequence)s of “%(title)s” was called off. Reason: %(reason)s. "
    "The institution will give it another date; your purchase stays as it is."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMove:
    """The `sequence`-th session (from 1) of a training of `institution_id` gets these instants; `starts_at` None: it is
    called off and has no date until it gets another. A reason is needed where it had a date."""

    institution_id: int
    training_id: int
    sequence: int
    starts_at: datetime | None
    ends_at: datetime | None = None
    place: str = ""
    reason: str = ""
    by_id: int | None = None


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """`told_count` buyers were sent a message; `repeated`: it stood so before. A refusal changed nothing."""

    told_count: int = 0
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def move_sessions(*, moves: Sequence[SessionMove], at: datetime) -> tuple[MoveOutcome, ...]:
    """Change dates; outcomes in the order given. Told are all whose purchase of the training is neither completed nor
    ended, where the session had a date before. Each change stays as a row.

    Refused: a training of somebody else, a session it does not have, one that has begun, a date that has passed, an end
    before the start, an order of sessions that is not theirs, no reason. Lock order: trainings.
    """
    programme_day(at)  # refuses a naive instant
    ids = [min(move.training_id, MAX_BIGINT) for move in moves]
    locked = Training.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by(*LOCK_ORDER)
    trainings = {training.pk: training for training in locked}
    return tuple(_move(move, trainings.get(move.training_id), at) for move in moves)


@transaction.atomic
def reschedule_sessions(*, sessions: Sequence[NewSession], at: datetime, dry_run: bool = False) -> ScheduledSessions:
    """`schedule_sessions`, with its answers; whoever has bought and not completed is told of each session that begins
    at another instant than before, unless both have passed. Each such change stays as a row."""
    scheduled = schedule_sessions(sessions=sessions, at=at, dry_run=dry_run)
    if dry_run:
        return scheduled
    for moved in scheduled.moved:
        told_count = 0
        if max(moved.from_at, moved.to_at) > at:
            values = {"sequence": moved.sequence, "moment": _moment(moved.to_at)}
            told_count = _tell_buyers(moved.training_id, _MOVED_BY_SYSTEM, values, at)
        SessionChange.objects.create(
            training_id=moved.training_id,
            sequence=moved.sequence,
            from_at=moved.from_at,
            to_at=moved.to_at,
            told_count=told_count,
            changed_at=at,
        )
    return scheduled


def _move(move: SessionMove, training: Training | None, at: datetime) -> MoveOutcome:
    if training is None or training.institution_id != move.institution_id:
        return MoveOutcome(refusal=Refusal(ShelfRefusal.NOT_YET_APPROVED))
    dated = {session.sequence: session for session in training.sessions.order_by("sequence")}
    known = dated.get(move.sequence)
    place, reason = tidy(move.place), tidy(move.reason)
    if known and (known.starts_at, known.ends_at, known.place) == (move.starts_at, move.ends_at, place):
        return MoveOutcome(repeated=True)
    refusal = _refusal(move, training, known, place, reason, at) or _refusal_of_order(move, dated)
    if refusal is not None:
        return MoveOutcome(refusal=refusal)
    from_at = known.starts_at if known else None
    if move.starts_at is None:
        training.sessions.filter(sequence=move.sequence).delete()
    else:
        values = {"starts_at": move.starts_at, "ends_at": move.ends_at, "place": place}
        Session.objects.update_or_create(training=training, sequence=move.sequence, defaults=values)
    told_count = _tell(move, training, reason, at) if known else 0
    SessionChange.objects.create(
        training=training,
        sequence=move.sequence,
        from_at=from_at,
        to_at=move.starts_at,
        reason=reason,
        told_count=told_count,
        changed_by_id=move.by_id,
        changed_at=at,
    )
    return MoveOutcome(told_count)


def _refusal(
    move: SessionMove, training: Training, known: Session | None, place: str, reason: str, at: datetime
) -> Refusal | None:
    if not 1 <= move.sequence <= training.session_count:
        return Refusal(ShelfRefusal.SESSION_UNKNOWN, {"session_count": training.session_count})
    if known is not None and known.starts_at <= at:
        return Refusal(ShelfRefusal.SESSION_OVER, {"session_on": programme_day(known.starts_at)})
    if move.starts_at is None and known is None:
        return Refusal(ShelfRefusal.SESSION_UNDATED)
    if move.starts_at is not None and move.starts_at <= at:
        return Refusal(ShelfRefusal.SESSION_IN_PAST)
    if move.starts_at is not None and move.ends_at is not None and move.ends_at <= move.starts_at:
        return Refusal(ShelfRefusal.SESSION_ENDS_EARLY)
    if len(place) > PLACE_LIMIT_COUNT or not is_readable(place):
        return Refusal(ShelfRefusal.PLACE_UNREADABLE, {"limit_count": PLACE_LIMIT_COUNT})
    return refusal_of_reason(reason) if known is not None or reason else None


def _refusal_of_order(move: SessionMove, dated: dict[int, Session]) -> Refusal | None:
    if move.starts_at is None:
        return None
    for sequence, other in dated.items():
        is_earlier = sequence < move.sequence and other.starts_at > move.starts_at
        is_later = sequence > move.sequence and other.starts_at < move.starts_at
        if is_earlier or is_later:
            other_on = programme_day(other.starts_at)
            return Refusal(ShelfRefusal.SESSION_ORDER, {"sequence": sequence, "other_on": other_on})
    return None


def _tell(move: SessionMove, training: Training, reason: str, at: datetime) -> int:
    moment = _moment(move.starts_at) if move.starts_at else ""
    values = {"sequence": move.sequence, "moment": moment, "reason": reason.rstrip(".")}
    return _tell_buyers(training.pk, _MOVED if move.starts_at else _CALLED_OFF, values, at)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(JAKARTA):%d-%m-%Y %H.%M} WIB"


def _tell_buyers(training_id: int, sentence: Promise, values: Mapping[str, object], at: datetime) -> int:
    """All whose purchase of the training is neither completed nor ended; how many."""
    rows = Purchase.objects.filter(training=training_id, completed_at=None, ended_at=None).order_by("pk")
    notices = [
        Notice(participant_id, TEMPLATE, sentence, {"title": title, **values})
        for participant_id, title in rows.values_list("participation__participant_id", "training__title")
    ]
    return notify(notices=notices, at=at)
