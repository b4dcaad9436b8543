"""Reads of mass runs: how far each has come, who is on its list, who was left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from bekal.lifecycle.models import MassChunk, MassRun
from bekal.lifecycle.operations import OPERATIONS


class MassState(StrEnum):
    """How far a run has come."""

    WAITING = "waiting"  # for a second person
    READY = "ready"
    WORKING = "working"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class MassRunState:
    """One run with what its chunks say; the counts of what is done are those of finished chunks."""

    run_id: int
    operation: str
    at: datetime
    parameters: Mapping[str, Any]
    subject_count: int
    total_rupiah: int
    list_sha256: bytes = field(repr=False)
    planned_by_id: int | None
    planned_by_name: str | None
    planned_at: datetime
    approved_by_id: int | None
    approved_by_name: str | None
    approved_at: datetime | None
    cancelled_by_name: str | None
    cancelled_at: datetime | None
    stop_asked_by_id: int | None
    stop_asked_by_name: str | None
    stop_asked_at: datetime | None
    stop_because: str = field(repr=False)
    stopped_by_name: str | None
    stopped_at: datetime | None
    finished_at: datetime | None
    chunk_count: int
    done_chunk_count: int
    failed_chunk_count: int
    done_subject_count: int
    done_planned_rupiah: int
    done_count: int
    done_rupiah: int

    @property
    def state(self) -> MassState:
        if self.cancelled_at is not None:
            return MassState.CANCELLED
        if self.stopped_at is not None:
            return MassState.STOPPED
        if self.finished_at is not None or self.done_chunk_count == self.chunk_count:
            return MassState.FINISHED
        if self.needs_approval and self.approved_at is None:
            return MassState.WAITING
        return MassState.WORKING if self.done_chunk_count else MassState.READY

    @property
    def needs_approval(self) -> bool:
        return OPERATIONS[self.operation].needs_approval

    @property
    def left_out_count(self) -> int:
        """Of the list's finished chunks, how many had lost the right to it by then."""
        return self.done_subject_count - self.done_count

    @property
    def undone_count(self) -> int:
        """On the list and in no finished chunk; what a run that was stopped or cancelled leaves undone."""
        return self.subject_count - self.done_subject_count

    @property
    def undone_rupiah(self) -> int:
        return self.total_rupiah - self.done_planned_rupiah

    @property
    def difference_rupiah(self) -> int:
        """How much less (or, below 0, more) the finished chunks moved than was planned for them."""
        return self.done_planned_rupiah - self.done_rupiah


def open_runs() -> QuerySet[MassRun]:
    """Planned and neither done nor cancelled nor stopped: of each operation there is at most one."""
    return MassRun.objects.filter(finished_at=None, cancelled_at=None, stopped_at=None)


def mass_run(run_id: int) -> MassRunState | None:
    """One run; None where there is none of that number."""
    return next(iter(_states(MassRun.objects.filter(id=run_id).order_by("id"), 1)), None)


def mass_runs(*, limit: int = 50, before_id: int | None = None, open_only: bool = False) -> tuple[MassRunState, ...]:
    """The newest runs first; the next page is the one before the last `run_id`."""
    rows = open_runs() if open_only else MassRun.objects.all()
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    return _states(rows.order_by("-id"), limit)


def _states(rows: QuerySet[MassRun], limit: int) -> tuple[MassRunState, ...]:
    names = [name for name in MassRunState.__dataclass_fields__ if name != "run_id"]
    done = Q(chunks__done_at__isnull=False)
    annotated = rows.annotate(
        planned_by_name=F("planned_by__display_name"),
        approved_by_name=F("approved_by__display_name"),
        cancelled_by_name=F("cancelled_by__display_name"),
        stop_asked_by_name=F("stop_asked_by__display_name"),
        stopped_by_name=F("stopped_by__display_name"),
        chunk_count=Count("chunks"),
        done_chunk_count=Count("chunks", filter=done),
        failed_chunk_count=Count("chunks", filter=Q(chunks__done_at=None, chunks__failed_at__isnull=False)),
        done_subject_count=Coalesce(Sum("chunks__subject_count", filter=done), 0),
        done_planned_rupiah=Coalesce(Sum("chunks__total_rupiah", filter=done), 0),
        done_count=Coalesce(Sum("chunks__done_count"), 0),
        done_rupiah=Coalesce(Sum("chunks__done_rupiah"), 0),
    )
    found: list[dict[str, Any]] = list(annotated.values("id", *names)[:limit])
    return tuple(
        MassRunState(run_id=row.pop("id"), **{**row, "list_sha256": bytes(row["list_sha256"])}) for row in found
    )


@dataclass(frozen=True, slots=True)
class FailedChunk:
    """A chunk that could not be done: which numbers it has, since when and by what kind of error."""

    number: int
    subject_count: int
    first_id: int
    last_id: int
    failed_at: datetime
    failure: str


def failures(*, run_id: int, limit: int = 20) -> tuple[FailedChunk, ...]:
    """The open items of a run: chunks whose last try failed, in order."""
    rows = MassChunk.objects.filter(run_id=run_id, done_at=None, failed_at__isnull=False).order_by("number")
    return tuple(
        FailedChunk(number, count, ids[0], ids[-1], failed_at, failure)
        for number, count, ids, failed_at, failure in rows.values_list(
            "number", "subject_count", "subject_ids", "failed_at", "failure"
        )[:limit]
        if failed_at is not None
    )
