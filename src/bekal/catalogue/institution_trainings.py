"""Reads of one institution's own trainings and their sessions, for its systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bekal.catalogue.models import Session, Training


@dataclass(frozen=True, slots=True)
class OwnTraining:
    """One training of an institution; `seats_left` None: no limit."""

    training_id: int
    code: str
    title: str
    mode: str
    price_rupiah: int
    session_count: int
    on_sale: bool
    seat_count: int | None
    seats_left: int | None


@dataclass(frozen=True, slots=True)
class DatedSession:
    """The `sequence`-th session of a training, where it has a date."""

    sequence: int
    starts_at: datetime
    ends_at: datetime | None
    place: str


def own_trainings(*, institution_id: int, after_id: int = 0, limit: int) -> tuple[OwnTraining, ...]:
    """The trainings of an institution by their numbers, after one."""
    rows = Training.objects.filter(institution_id=institution_id, pk__gt=after_id).order_by("pk")[:limit]
    return tuple(_training(row) for row in rows)


def own_training(*, institution_id: int, code: str) -> OwnTraining | None:
    """The training with this code, if it is the institution's."""
    if "\0" in code:
        return None
    row = Training.objects.filter(institution_id=institution_id, code=code).first()
    return None if row is None else _training(row)


def dated_sessions(*, training_ids: Sequence[int]) -> dict[int, tuple[DatedSession, ...]]:
    """The sessions with a date of each of these trainings, in their order."""
    found: dict[int, list[DatedSession]] = {number: [] for number in training_ids}
    for row in Session.objects.filter(training_id__in=training_ids).order_by("training_id", "sequence"):
        found[row.training_id].append(DatedSession(row.sequence, row.starts_at, row.ends_at, row.place))
    return {number: tuple(sessions) for number, sessions in found.items()}


def _training(row: Training) -> OwnTraining:
    return OwnTraining(
        training_id=row.pk,
        code=row.code,
        title=row.title,
        mode=row.mode,
        price_rupiah=row.price_rupiah,
        session_count=row.session_count,
        on_sale=row.on_sale,
        seat_count=row.seat_count,
        seats_left=row.seats_left,
    )
