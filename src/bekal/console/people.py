"""The people behind a number of the funnel, and the ledger of one of them as of any instant."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import as_of
from bekal.console.further import further
from bekal.incentives.models import PayoutStatus
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.queries import balances_of, transfers_of
from bekal.participants.models import ContactPoint, Participation
from bekal.purchases.models import Purchase
from bekal.purchases.queries import purchases_of

PAGE_SIZE = 50
# Somebody taken over with opening balances has taken the steps that were taken before.
PAID_BEFORE = Q(incentives_paid_before_count__gt=0)
PAID = PAID_BEFORE | Exists(
    PayoutStatus.objects.filter(
        state="settled",
        payout__ended_at=None,
        payout__entitlement__kind="incentive",
        payout__entitlement__participation=OuterRef("pk"),
    )
)
BOUGHT_HERE = Exists(Purchase.objects.filter(participation=OuterRef("pk")))
BOUGHT = Q(bought_before=True) | BOUGHT_HERE
BOUGHT_AGAIN = (Q(bought_before=True) & BOUGHT_HERE) | Exists(
    Purchase.objects.filter(participation=OuterRef("pk"), ordinal__gte=2)
)
COMPLETED = PAID_BEFORE | Exists(Purchase.objects.filter(participation=OuterRef("pk"), completed_at__isnull=False))
PROVEN = PAID_BEFORE | Exists(Purchase.objects.filter(participation=OuterRef("pk"), reconciled_at__isnull=False))
# The channels that still reach a person, the phone first.
REACHED_BY = Prefetch(
    "participant__contact_points",
    ContactPoint.objects.filter(unreachable_since_at__isnull=True).order_by("-kind"),
    to_attr="reached_by",
)
# Who stands before a step without having taken it, by the name the funnel's address uses.
STAGES: dict[str, tuple[Any, Any]] = {
    "all": (gettext_lazy("Everybody accepted"), Q()),
    "not_bought": (gettext_lazy("Accepted, no training bought"), ~BOUGHT),
    "not_completed": (gettext_lazy("Bought, nothing completed"), BOUGHT & ~COMPLETED),
    "not_proven": (gettext_lazy("Completed, evidence still owed"), COMPLETED & ~PROVEN),
    "not_paid": (gettext_lazy("Evidence complete, not yet paid"), PROVEN & ~PAID),
    "not_bought_again": (gettext_lazy("One training bought, no second"), BOUGHT & ~BOUGHT_AGAIN),
    "at_risk": (gettext_lazy("Lose their place within 7 days"), ~BOUGHT & Q(revoked_at=None)),
    "revoked": (gettext_lazy("Place lost"), Q(revoked_at__isnull=False)),
}
AT_RISK_DAYS = 7
# A page looks through so many people, a part at a time: of a large part the planner would ask for everybody's payouts.
PART_COUNT, PARTS_LIMIT = 5_000, 4


def people_at(stage: str, *, wave_number: int | None, on: date) -> QuerySet[Participation]:
    """Participations before a step on a day, by their numbers; each `participant.reached_by` lists the contact points
    that work."""
    rows = Participation.objects.filter(STAGES[stage][1]).select_related("participant", "wave")
    if stage == "at_risk":
        rows = rows.filter(first_purchase_due_on__range=(on, on + timedelta(days=AT_RISK_DAYS)))
    if wave_number is not None:
        rows = rows.filter(wave__number=wave_number)
    return rows.prefetch_related(REACHED_BY).order_by("pk")


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of them; whoever wants more goes on after `looked_until` (None: there is nobody behind the last)."""

    rows: list[Participation]
    looked_until: int | None


def people_page(stage: str, *, wave_number: int | None, on: date, after_id: int) -> PeoplePage:
    """One page of the people before a step; looks through so many people and no more."""
    rows, last_id = people_at(stage, wave_number=wave_number, on=on), after_id
    found: list[Participation] = []
    for _ in range(PARTS_LIMIT):
        behind = Participation.objects.filter(pk__gt=last_id).order_by("pk").values_list("pk", flat=True)
        until_id = behind[PART_COUNT : PART_COUNT + 1].first()
        part = rows.filter(pk__gt=last_id)
        part = part if until_id is None else part.filter(pk__lte=until_id)
        found += part[: PAGE_SIZE + 1 - len(found)]
        if len(found) > PAGE_SIZE:
            return PeoplePage(found[:PAGE_SIZE], found[PAGE_SIZE - 1].pk)
        if until_id is None:
            return PeoplePage(found, None)
        last_id = until_id
    return PeoplePage(found, last_id)


def mask_name(name: str) -> str:
    """`Siti R•••`: enough to tell people apart on a list, too little to look them up elsewhere."""
    first, *rest = name.split()
    return " ".join([first, *(f"{word[:1]}•••" for word in rest[-1:])])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


@open_to(Role.OFFICER, Role.AUDITOR)
def people(request: HttpRequest) -> HttpResponse:
    stage = request.GET.get("stage", "all")
    if stage not in STAGES:
        stage = "all"
    wave_number, after_id = _number(request.GET.get("wave", "")), _number(request.GET.get("after", "")) or 0
    today = programme_day(programme_now())
    found = people_page(stage, wave_number=wave_number, on=today, after_id=after_id)
    bought = Purchase.objects.filter(participation__in=[row.pk for row in found.rows]).order_by("participation_id")
    counts = dict(bought.values_list("participation_id").annotate(Count("pk")))
    context = {
        "stage": stage,
        "stages": [(name, label) for name, (label, _condition) in STAGES.items()],
        "title": STAGES[stage][0],
        "lines": [(row, mask_name(row.participant.full_name), counts.get(row.pk, 0)) for row in found.rows],
        "further": further(request, after_id, found.looked_until, is_full=len(found.rows) == PAGE_SIZE),
        "wave_number": wave_number,
    }
    return render(request, "console/people.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
def person(request: HttpRequest, participation_id: int) -> HttpResponse:
    place = get_object_or_404(
        Participation.objects.select_related("participant__district", "wave"), pk=min(participation_id, 2**63 - 1)
    )
    asked, at = as_of(request), programme_now()
    balances = balances_of(owner_ids=[place.pk], as_of=asked.at).get(place.pk, {})
    context = {
        "place": place,
        "name": mask_name(place.participant.full_name),
        "contact_points": place.participant.contact_points.order_by("kind"),
        "asked": asked,
        "at": asked.at or at,
        "balances": sorted(balances.items()),
        "difference": sum(balances.values()),
        "transfers": transfers_of(owner_id=place.pk, as_of=asked.at),
        "purchases": purchases_of(participation_id=place.pk),
        "today": programme_day(at),
    }
    return render(request, "console/person.html", context)
