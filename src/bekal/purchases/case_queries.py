"""Reads of cases of contested evidence: which wait, what each side said and when, and the decisions on them."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import F, QuerySet

from bekal.ledger.copy_rows import MAX_BIGINT
from bekal.purchases.models import CaseRuling, CaseRulingLine, Evidence, EvidenceCase


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """Which cases; None is any. Without `case_id` only those that are open."""

    kind: str | None = None
    institution_id: int | None = None
    officer_id: int | None = None
    overdue_on: date | None = None
    case_id: int | None = None


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """One case as it stands. `officer_name` empty: the whole office answers for it."""

    case_id: int
    kind: str
    purchase_id: int
    participation_id: int
    full_name: str = field(repr=False)
    institution_id: int
    institution_name: str
    title: str
    price_rupiah: int
    is_reconciled: bool
    opened_at: datetime
    due_on: date
    closed_at: datetime | None
    resolution: str
    officer_id: int | None
    officer_name: str


@dataclass(frozen=True, slots=True)
class SaidLine:
    """One statement about a purchase, as it came in."""

    source: str
    piece: str
    sequence: int
    holds: bool
    percent: int | None
    reason: str
    revision: int
    door: str
    happened_at: datetime | None
    recorded_at: datetime


def chosen_cases(choice: CaseChoice, *, after: tuple[date, int] | None = None, limit: int) -> tuple[WaitingCase, ...]:
    """Those chosen, the one that has to be decided first in front; `after` the last one seen (due on, number)."""
    rows = _chosen(choice)
    if after is not None:
        due_on, number = after
        rows = rows.filter(due_on__gt=due_on) | rows.filter(due_on=due_on, pk__gt=number)
    joined = rows.select_related("officer", "purchase__training__institution", "purchase__participation__participant")
    return tuple(_line(row) for row in joined.order_by("due_on", "pk")[:limit])


def chosen_case_ids(choice: CaseChoice, *, limit: int) -> list[int]:
    """Their numbers alone, the one that has to be decided first in front."""
    return list(_chosen(choice).order_by("due_on", "pk").values_list("pk", flat=True)[:limit])


def _chosen(choice: CaseChoice) -> QuerySet[EvidenceCase]:
    rows = EvidenceCase.objects.all()
    if choice.case_id is not None:
        return rows.filter(pk=min(choice.case_id, MAX_BIGINT))
    rows = rows.filter(closed_at=None)
    if choice.kind is not None:
        rows = rows.filter(kind=choice.kind)
    if choice.institution_id is not None:
        rows = rows.filter(purchase__training__institution=min(choice.institution_id, MAX_BIGINT))
    if choice.officer_id is not None:
        rows = rows.filter(officer=choice.officer_id)
    if choice.overdue_on is not None:
        rows = rows.filter(due_on__lt=choice.overdue_on)
    return rows


def _line(row: EvidenceCase) -> WaitingCase:
    purchase = row.purchase
    return WaitingCase(
        row.pk,
        row.kind,
        row.purchase_id,
        purchase.participation_id,
        purchase.participation.participant.full_name,
        purchase.training.institution_id,
        purchase.training.institution.name,
        purchase.training.title,
        purchase.price_rupiah,
        purchase.reconciled_at is not None,
        row.opened_at,
        row.due_on,
        row.closed_at,
        row.resolution,
        row.officer_id,
        row.officer.display_name if row.officer else "",
    )


def said_of(*, purchase_id: int) -> tuple[SaidLine, ...]:
    """Every statement about one purchase, in the order in which they came."""
    names = ("source", "piece", "sequence", "holds", "percent", "reason", "revision", "door")
    rows = Evidence.objects.filter(purchase_id=purchase_id).order_by("recorded_at", "pk")
    return tuple(SaidLine(*row) for row in rows.values_list(*names, "happened_at", "recorded_at"))


def open_rulings(*, limit: int) -> list[CaseRuling]:
    """Proposals that wait for a second officer, oldest first."""
    rows = CaseRuling.objects.filter(confirmed_at=None, dropped_at=None).select_related("proposed_by")
    return list(rows.order_by("proposed_at", "pk")[:limit])


def rulings_of(*, case_id: int) -> list[CaseRuling]:
    """Every decision that was proposed of one case, oldest first."""
    rows = CaseRuling.objects.filter(lines__case=min(case_id, MAX_BIGINT))
    return list(rows.select_related("proposed_by", "confirmed_by", "dropped_by").order_by("proposed_at", "pk"))


def ruling(*, ruling_id: int) -> CaseRuling | None:
    """One decision with who had a part in it."""
    rows = CaseRuling.objects.filter(pk=min(ruling_id, MAX_BIGINT))
    return rows.select_related("proposed_by", "confirmed_by", "dropped_by").first()


def ruling_lines(*, ruling_id: int) -> list[CaseRulingLine]:
    """Its cases in order, each with `kind`, `title`, `institution_name`, `price_rupiah`."""
    rows = CaseRulingLine.objects.filter(ruling_id=ruling_id).annotate(
        kind=F("case__kind"),
        title=F("case__purchase__training__title"),
        institution_name=F("case__purchase__training__institution__name"),
        price_rupiah=F("case__purchase__price_rupiah"),
    )
    return list(rows.order_by("case_id"))
