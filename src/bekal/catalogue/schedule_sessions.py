"""`schedule_sessions`: give the sessions of known trainings their dates; all or nothing, repeatable."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from django.db import transaction

from bekal.catalogue.faults import Fault, FaultyRows
from bekal.catalogue.models import LOCK_ORDER, Session, Training


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """The `sequence`-th session of a training (from 1): when it starts and ends (instants), and where."""

    training_code: str
    sequence: int
    starts_at: datetime
    ends_at: datetime | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class MovedSession:
    """A session that had a date and begins at another instant now."""

    training_id: int
    sequence: int
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduledSessions:
    """What changed: counts of sessions, and those of the changed that begin at another instant."""

    added_count: int
    changed_count: int
    unchanged_count: int
    moved: tuple[MovedSession, ...] = field(default=(), compare=False)


def schedule_sessions(*, sessions: Sequence[NewSession], at: datetime, dry_run: bool = False) -> ScheduledSessions:
    """Add the sessions that have no date yet, change those that differ, leave the others; one transaction.

    Nobody is told: where people may have bought, `purchases/move_sessions.py` is called instead.
    Dates may lie before `at`, because an office brings its past along; `at` itself must be an instant like them.
    With `dry_run` everything is tried and nothing kept. Raises ValueError where a session stands twice or an instant
    has no time zone, and FaultyRows (nothing changed) for an unknown training, a sequence outside 1 to its
    `session_count`, an end that is not after the start, or a later session that would start before an earlier one.
    """
    _check_call(sessions, at)
    with transaction.atomic():
        scheduled = _schedule(sessions)
        transaction.set_rollback(dry_run)
    return scheduled


def _check_call(sessions: Sequence[NewSession], at: datetime) -> None:
    named = Counter((new.training_code, new.sequence) for new in sessions)
    twice = [pair for pair, count in named.items() if count > 1]
    if twice:
        raise ValueError(f"a session stands twice in one call: {twice[:5]}")
    instants = [at, *(instant for new in sessions for instant in (new.starts_at, new.ends_at) if instant is not None)]
    if any(instant.utcoffset() is None for instant in instants):
        raise ValueError("every instant needs a time zone")


def _schedule(sessions: Sequence[NewSession]) -> ScheduledSessions:
    codes = {new.training_code for new in sessions}
    # The lock keeps two calls from dating the same session, and an import from taking sessions away meanwhile.
    locked = Training.objects.select_for_update(no_key=True).filter(code__in=codes).order_by(*LOCK_ORDER)
    trainings = {training.code: training for training in locked}
    known: dict[tuple[str, int], Session] = {
        (session.training.code, session.sequence): session
        for session in Session.objects.filter(training__in=trainings.values()).select_related("training").order_by("id")
    }
    faults = _faults_of_rows(sessions, trainings) or _faults_of_order(sessions, known.values())
    if faults:
        raise FaultyRows(faults)
    added, changed, moved = [], [], []
    for new in sessions:
        old = known.get((new.training_code, new.sequence))
        if old is None:
            training = trainings[new.training_code]
            added.append(
                Session(
                    training=training,
                    sequence=new.sequence,
                    starts_at=new.starts_at,
                    ends_at=new.ends_at,
                    place=new.place,
                )
            )
        elif (old.starts_at, old.ends_at, old.place) != (new.starts_at, new.ends_at, new.place):
            if old.starts_at != new.starts_at:
                moved.append(MovedSession(old.training_id, old.sequence, old.starts_at, new.starts_at))
            old.starts_at, old.ends_at, old.place = new.starts_at, new.ends_at, new.place
            changed.append(old)
    Session.objects.bulk_create(added, batch_size=5000)
    if changed:
        Session.objects.bulk_update(changed, ("starts_at", "ends_at", "place"), batch_size=1000)
    return ScheduledSessions(len(added), len(changed), len(sessions) - len(added) - len(changed), tuple(moved))


def _faults_of_rows(sessions: Sequence[NewSession], trainings: Mapping[str, Training]) -> list[Fault]:
    """What is wrong with a row by itself."""
    faults: list[Fault] = []
    for place, new in enumerate(sessions):
        training = trainings.get(new.training_code)
        if training is None:
            mend = "no training has this code: import the trainings first, or correct the code"
            faults.append(Fault(place, "training", new.training_code, mend))
        elif not 1 <= new.sequence <= training.session_count:
            mend = (
                f"{new.training_code} has sessions 1 to {training.session_count}: correct the number, "
                "or import the training with more sessions first"
            )
            faults.append(Fault(place, "sequence", str(new.sequence), mend))
        if new.ends_at is not None and new.ends_at <= new.starts_at:
            mend = "a session ends after it starts: write a later end, or leave it blank"
            faults.append(Fault(place, "ends_at", new.ends_at.isoformat(sep=" "), mend))
    return faults


def _faults_of_order(sessions: Sequence[NewSession], known: Iterable[Session]) -> list[Fault]:
    """What is wrong with a row beside the other sessions of its training, those dated before included."""
    places = {(new.training_code, new.sequence): place for place, new in enumerate(sessions)}
    starts = {(session.training.code, session.sequence): session.starts_at for session in known}
    starts |= {(new.training_code, new.sequence): new.starts_at for new in sessions}
    faults: list[Fault] = []
    for (earlier, earlier_at), (later, later_at) in pairwise(sorted(starts.items())):
        named = later if later in places else earlier
        if earlier[0] != later[0] or later_at >= earlier_at or named not in places:
            continue
        mend = (
            f"session {later[1]} of {later[0]} would start before session {earlier[1]}: "
            "give later sessions later dates, and all that move in one file"
        )
        faults.append(Fault(places[named], "starts_at", starts[named].isoformat(sep=" "), mend))
    return faults


def described(scheduled: ScheduledSessions) -> Mapping[str, int]:
    """The counts by the word a report uses for them, in order."""
    return {
        "added": scheduled.added_count,
        "changed": scheduled.changed_count,
        "unchanged": scheduled.unchanged_count,
    }
