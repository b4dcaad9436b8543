"""Reads of complaints: a person's own, the office's list of work, and how many wait for whom."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Count, Min, Q, QuerySet
from django.utils.functional import Promise

from bekal.accounts.privacy import decrypt
from bekal.incentives.complaint_models import Complaint, ComplaintEvent
from bekal.ledger.clock import programme_day


class ComplaintState(StrEnum):
    """Where a complaint stands: overdue once its day is past, answered while it waits for its instalment to move."""

    OVERDUE = "overdue"
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ComplaintStep:
    """One step; `text` is what was said, `by_name` empty: whose instalment it is, or the background worker."""

    kind: ComplaintEvent.Kind
    turn: Complaint.Turn
    by_name: str
    due_on: date
    recorded_at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComplaintLine:
    """One complaint as it stands, with its steps, the oldest first."""

    complaint_id: int
    participation_id: int
    full_name: str = field(repr=False)
    kind: str
    instalment: int
    about: Complaint.About
    turn: Complaint.Turn
    opened_at: datetime
    due_on: date
    answered_at: datetime | None
    closed_at: datetime | None
    moved_to: str
    steps: tuple[ComplaintStep, ...]

    def state(self, on: date) -> ComplaintState:
        """What is late is looked at first."""
        if self.closed_at is not None:
            return ComplaintState.CLOSED
        if self.due_on < on:
            return ComplaintState.OVERDUE
        return ComplaintState.OPEN if self.answered_at is None else ComplaintState.ANSWERED

    def days_open(self, on: date) -> int:
        """Whole days since it was made, until it ended."""
        last_on = programme_day(self.closed_at) if self.closed_at is not None else on
        return max((last_on - programme_day(self.opened_at)).days, 0)

    @property
    def ended_by(self) -> Promise | str:
        """What the instalment has come to, where that ended it."""
        return Complaint.MovedTo(self.moved_to).label if self.moved_to else ""

    @property
    def text(self) -> str:
        """The person's own words; they may be none."""
        return next((step.text for step in self.steps if step.kind is ComplaintEvent.Kind.OPENED), "")

    @property
    def answer(self) -> str:
        """The newest answer of an officer; empty where there is none."""
        return next((step.text for step in reversed(self.steps) if step.text and step.by_name), "")


def complaints_of(*, participation_id: int) -> dict[tuple[str, int], ComplaintLine]:
    """The newest complaint about each instalment of a person, by its kind and number; two queries at most."""
    rows = Complaint.objects.filter(participation_id=participation_id).order_by("pk")
    return {(line.kind, line.instalment): line for line in _lines(rows)}


def complaints_about(*, participation_id: int, kind: str, instalment: int) -> tuple[ComplaintLine, ...]:
    """Every complaint about one instalment, the newest first."""
    rows = Complaint.objects.filter(participation_id=participation_id, kind=kind, instalment=instalment)
    return _lines(rows.order_by("-pk"))


def chosen_complaints(
    *,
    on: date,
    state: ComplaintState | None = None,
    turn: str = "",
    after: tuple[date, int] | None = None,
    limit: int = 50,
) -> tuple[ComplaintLine, ...]:
    """Complaints by what an officer asks for (None: all that are open), the one to be answered first in front; `after`
    the last one seen."""
    rows = Complaint.objects.filter(closed_at__isnull=state is not ComplaintState.CLOSED)
    match state:
        case ComplaintState.OVERDUE:
            rows = rows.filter(due_on__lt=on)
        case ComplaintState.OPEN:
            rows = rows.filter(due_on__gte=on, answered_at=None)
        case ComplaintState.ANSWERED:
            rows = rows.filter(due_on__gte=on, answered_at__isnull=False)
    if turn:
        rows = rows.filter(turn=turn)
    if after is not None:
        due_on, number = after
        rows = rows.filter(Q(due_on__gt=due_on) | Q(due_on=due_on, pk__gt=number))
    return _lines(rows.order_by("due_on", "pk")[:limit])


def _lines(rows: QuerySet[Complaint]) -> tuple[ComplaintLine, ...]:
    found = list(rows.select_related("participation__participant"))
    steps: dict[int, list[ComplaintStep]] = {}
    events = ComplaintEvent.objects.filter(complaint__in=found).select_related("by").order_by("pk")
    for event in events if found else ():
        step = ComplaintStep(
            ComplaintEvent.Kind(event.kind),
            Complaint.Turn(event.turn),
            event.by.display_name if event.by else "",
            event.due_on,
            event.recorded_at,
            decrypt(bytes(event.text_encrypted)) if event.text_encrypted is not None else "",
        )
        steps.setdefault(event.complaint_id, []).append(step)
    return tuple(
        ComplaintLine(
            row.pk,
            row.participation_id,
            row.participation.participant.full_name,
            row.kind,
            row.instalment,
            Complaint.About(row.about),
            Complaint.Turn(row.turn),
            row.opened_at,
            row.due_on,
            row.answered_at,
            row.closed_at,
            row.moved_to,
            tuple(steps.get(row.pk, ())),
        )
        for row in found
    )


@dataclass(frozen=True, slots=True)
class ComplaintTally:
    """How many open complaints are whose turn, how many of them are late, since when the oldest waits."""

    turn: str
    open_count: int
    overdue_count: int
    oldest_at: datetime

    @property
    def turn_label(self) -> Promise | str:
        return Complaint.Turn(self.turn).label


def complaint_tallies(*, on: date) -> tuple[ComplaintTally, ...]:
    """One for each turn that has any, in one query."""
    rows = (
        Complaint.objects.filter(closed_at=None)
        .values("turn")
        .annotate(
            open_count=Count("pk"), overdue_count=Count("pk", filter=Q(due_on__lt=on)), oldest_at=Min("opened_at")
        )
        .order_by("turn")
    )
    return tuple(ComplaintTally(**row) for row in rows)
