"""Reads of holds: what waits, whose, since when, until when; and the conditions other rooms ask with."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from bekal.accounts.privacy import decrypt
from bekal.holds.models import Hold, HoldEvent
from bekal.ledger.copy_rows import MAX_BIGINT

# Whether incentives of `participation.id` wait: for the person, or for one of the purchases they may rest on.
INCENTIVES_HELD_SQL = """EXISTS (SELECT 1 FROM holds_hold hold
    WHERE hold.participation_id = participation.id AND hold.lifted_at IS NULL)"""
# Whether what `purchase` pays to `institution` waits: for that purchase, or for the institution.
SETTLEMENT_HELD_SQL = """(EXISTS (SELECT 1 FROM holds_hold hold
    WHERE hold.purchase_id = purchase.id AND hold.lifted_at IS NULL)
  OR EXISTS (SELECT 1 FROM holds_hold hold
    WHERE hold.institution_id = institution.id AND hold.subject = 'settlement' AND hold.lifted_at IS NULL))"""


class HoldState(StrEnum):
    """Where a hold stands: every one that is not lifted holds."""

    OPEN = "open"
    APPEALED = "appealed"
    PROPOSED = "proposed"
    OVERDUE = "overdue"
    CONFIRMED = "confirmed"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One hold as it stands. `officer_name` empty: the whole office answers for it."""

    hold_id: int
    subject: str
    reason: str
    participation_id: int | None
    purchase_id: int | None
    institution_id: int | None
    institution_name: str
    full_name: str = field(repr=False)
    case_key: str
    figures: dict[str, Any]
    opened_at: datetime
    due_on: date
    officer_id: int | None
    officer_name: str
    appealed_at: datetime | None
    proposed_by_id: int | None
    confirmed_at: datetime | None
    lifted_at: datetime | None

    def state(self, on: date) -> HoldState:
        """An appeal is looked at first, then what is late."""
        if self.lifted_at is not None:
            return HoldState.LIFTED
        if self.appealed_at is not None:
            return HoldState.OVERDUE if self.due_on < on else HoldState.APPEALED
        if self.confirmed_at is not None:
            return HoldState.CONFIRMED
        if self.due_on < on:
            return HoldState.OVERDUE
        return HoldState.PROPOSED if self.proposed_by_id is not None else HoldState.OPEN

    def days_open(self, on: date) -> int:
        """Whole days since it began to wait."""
        return max((on - self.opened_at.date()).days, 0)


@dataclass(frozen=True, slots=True)
class EventLine:
    """One step; `text` is what was said, `by_name` empty: the background worker or who waits."""

    kind: HoldEvent.Kind
    by_name: str
    recorded_at: datetime
    due_on: date | None
    text: str = field(repr=False)


def _lines(rows: QuerySet[Hold]) -> tuple[HoldLine, ...]:
    chosen = rows.select_related("institution", "participation__participant", "officer")
    return tuple(
        HoldLine(
            row.pk,
            row.subject,
            row.reason,
            row.participation_id,
            row.purchase_id,
            row.institution_id,
            row.institution.name if row.institution else "",
            row.participation.participant.full_name if row.participation else "",
            row.case_key,
            row.figures,
            row.opened_at,
            row.due_on,
            row.officer_id,
            row.officer.display_name if row.officer else "",
            row.appealed_at,
            row.proposed_by_id,
            row.confirmed_at,
            row.lifted_at,
        )
        for row in chosen
    )


def holds_of_person(*, participation_id: int) -> tuple[HoldLine, ...]:
    """What waits for one person, oldest first."""
    return _lines(Hold.objects.filter(participation_id=participation_id, lifted_at=None).order_by("opened_at", "pk"))


def holds_of_institution(*, institution_id: int, limit: int = 50) -> tuple[HoldLine, ...]:
    """What waits for one institution, oldest first: its whole settlement, or single purchases."""
    return _lines(
        Hold.objects.filter(institution_id=institution_id, lifted_at=None).order_by("opened_at", "pk")[:limit]
    )


def chosen_holds(
    *,
    on: date,
    state: HoldState | None = None,
    reason: str = "",
    institution_id: int | None = None,
    officer_id: int | None = None,
    case_key: str = "",
    after: tuple[date, int] | None = None,
    limit: int = 50,
) -> tuple[HoldLine, ...]:
    """Holds by what an officer asks for, the one that has to be decided first in front; `after` the last one seen."""
    rows = _in_state(Hold.objects.all(), state, on)
    if reason:
        rows = rows.filter(reason=reason)
    if institution_id is not None:
        rows = rows.filter(institution_id=min(institution_id, MAX_BIGINT))
    if officer_id is not None:
        rows = rows.filter(officer_id=officer_id)
    if case_key:
        rows = rows.filter(case_key=case_key)
    if after is not None:
        due_on, number = after
        rows = rows.filter(due_on__gt=due_on) | rows.filter(due_on=due_on, pk__gt=number)
    return _lines(rows.order_by("due_on", "pk")[:limit])


def _in_state(rows: QuerySet[Hold], state: HoldState | None, on: date) -> QuerySet[Hold]:
    if state is HoldState.LIFTED:
        return rows.filter(lifted_at__isnull=False)
    rows = rows.filter(lifted_at=None)
    undecided = rows.filter(confirmed_at=None) | rows.filter(appealed_at__isnull=False)
    match state:
        case HoldState.OVERDUE:
            return undecided.filter(due_on__lt=on)
        case HoldState.APPEALED:
            return rows.filter(appealed_at__isnull=False, due_on__gte=on)
        case HoldState.CONFIRMED:
            return rows.filter(confirmed_at__isnull=False, appealed_at=None)
        case HoldState.PROPOSED:
            return undecided.filter(proposed_at__isnull=False, appealed_at=None, due_on__gte=on)
        case HoldState.OPEN:
            return undecided.filter(proposed_at=None, appealed_at=None, due_on__gte=on)
    return rows


def hold_detail(*, hold_id: int) -> tuple[HoldLine, tuple[EventLine, ...]] | None:
    """One hold with every step of it, oldest first; None where it does not exist."""
    found = _lines(Hold.objects.filter(pk=min(hold_id, MAX_BIGINT)).order_by("pk"))
    if not found:
        return None
    return found[0], events_of(hold_ids=[hold_id])


def events_of(*, hold_ids: Collection[int]) -> tuple[EventLine, ...]:
    """Every step of these holds, oldest first."""
    events = HoldEvent.objects.filter(hold_id__in=hold_ids).select_related("by").order_by("recorded_at", "pk")
    return tuple(
        EventLine(
            HoldEvent.Kind(event.kind),
            event.by.display_name if event.by else "",
            event.recorded_at,
            event.due_on,
            decrypt(bytes(event.text_encrypted)) if event.text_encrypted is not None else "",
        )
        for event in events
    )


@dataclass(frozen=True, slots=True)
class HoldTally:
    """How many holds of one reason stand: to be decided, of them late or with an objection, confirmed."""

    reason: str
    undecided_count: int
    overdue_count: int
    appealed_count: int
    confirmed_count: int
    oldest_at: datetime | None


def hold_tallies(*, on: date) -> tuple[HoldTally, ...]:
    """One for each reason that holds anything, in one query."""
    undecided = Q(confirmed_at=None) | Q(appealed_at__isnull=False)
    rows = (
        Hold.objects.filter(lifted_at=None)
        .values("reason")
        .annotate(
            undecided_count=Count("pk", filter=undecided),
            overdue_count=Count("pk", filter=undecided & Q(due_on__lt=on)),
            appealed_count=Count("pk", filter=Q(appealed_at__isnull=False)),
            confirmed_count=Count("pk", filter=~undecided),
            oldest_at=Min("opened_at", filter=undecided),
        )
        .order_by("reason")
    )
    return tuple(HoldTally(**row) for row in rows)
