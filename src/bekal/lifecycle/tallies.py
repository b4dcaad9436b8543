"""Figures over everybody that take seconds to count: asked for by a page, counted by the worker, kept until the next.

The figures are plain JSON values. Of those of one name, instant and parameters the newest are kept, and at most one
request waits.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import transaction

from bekal.lifecycle.mass_work import wake_workers
from bekal.lifecycle.models import Tally

Parameters = Mapping[str, int | str | None]
# Those of past instants are asked for once and looked at for a while.
KEPT_FOR = timedelta(days=30)


class Count(Protocol):
    """Counts one kind of figures: now (`at`), or as of an earlier instant."""

    def __call__(self, *, at: datetime, as_of: datetime | None, parameters: Parameters) -> Any: ...


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures, the instant they are of, and how long counting took."""

    figures: Any
    at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request: since when it waits, and since when a worker is at it."""

    asked_at: datetime
    taken_at: datetime | None


def counted(name: str, *, as_of: datetime | None = None, parameters: Parameters | None = None) -> Counted | None:
    """The newest figures of this name, of now or as of the instant; None where they were never counted."""
    rows = Tally.objects.filter(name=name, as_of=as_of, parameters=parameters or {}, counted_at__isnull=False)
    row = rows.order_by("-id").first()
    if row is None or row.counted_at is None:
        return None
    return Counted(row.figures, row.as_of or row.counted_at, row.duration_ms or 0)


def waiting(name: str, *, as_of: datetime | None = None, parameters: Parameters | None = None) -> Waiting | None:
    """The request for these figures that has no answer yet."""
    row = Tally.objects.filter(name=name, as_of=as_of, parameters=parameters or {}, counted_at=None).first()
    return None if row is None else Waiting(row.asked_at, row.taken_at)


def ask(name: str, *, at: datetime, as_of: datetime | None = None, parameters: Parameters | None = None) -> None:
    """Ask the worker to count; asked again while one waits, it is the same request."""
    row = Tally(name=name, as_of=as_of, parameters=dict(parameters or {}), asked_at=at)
    Tally.objects.bulk_create([row], ignore_conflicts=True)
    wake_workers()


def count_next(counts: Mapping[str, Count], *, at: datetime) -> str | None:
    """Count what was asked for first; its name, or None where nothing waits.

    One worker at a time (a lock of its caller's): a request whose taker died is taken again."""
    row = Tally.objects.filter(counted_at=None, name__in=list(counts)).order_by("id").first()
    if row is None:
        return None
    Tally.objects.filter(pk=row.pk).update(taken_at=at)
    started = time.perf_counter()
    figures = counts[row.name](at=at, as_of=row.as_of, parameters=row.parameters)
    duration_ms = round((time.perf_counter() - started) * 1_000)
    with transaction.atomic():
        Tally.objects.filter(pk=row.pk).update(figures=figures, counted_at=at, duration_ms=duration_ms)
        done = Tally.objects.filter(counted_at__isnull=False)
        done.filter(name=row.name, as_of=row.as_of, parameters=row.parameters, pk__lt=row.pk).delete()
        done.filter(as_of__isnull=False, counted_at__lt=at - KEPT_FOR).delete()
    return row.name
