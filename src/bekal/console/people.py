"""The people behind a number of the funnel, and the ledger of one of them as of any instant."""

from datetime import datetime, time
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.models import PayoutStatus
from bekal.ledger.clock import JAKARTA, programme_day, programme_now
from bekal.ledger.queries import balances_of, transfers_of
from bekal.participants.models import ContactPoint, Participation
from bekal.purchases.models import Purchase
from bekal.purchases.queries import purchases_of

PAGE_SIZE = 50
MAX_PAGE = 100_000
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
}


def people_at(stage: str, *, wave_number: int | None) -> QuerySet[Participation]:
    """Participations before a step, those with the nearest deadline first; each `participant.reached_by` lists the
    contact points that work."""
    rows = Participation.objects.filter(STAGES[stage][1]).select_related("participant", "wave")
    if wave_number is not None:
        rows = rows.filter(wave__number=wave_number)
    rows = rows.annotate(purchase_count=Count("purchases")).prefetch_related(REACHED_BY)
    return rows.order_by("first_purchase_due_on", "pk")


def mask_name(name: str) -> str:
    """`Siti R•••`: enough to tell people apart on a list, too little to look them up elsewhere."""
    first, *rest = name.split()
    return " ".join([first, *(f"{word[:1]}•••" for word in rest[-1:])])


def _number(text: str, limit: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= limit else None


@open_to(Role.OFFICER, Role.AUDITOR)
def people(request: HttpRequest) -> HttpResponse:
    stage = request.GET.get("stage", "all")
    if stage not in STAGES:
        stage = "all"
    wave_number = _number(request.GET.get("wave", ""), MAX_PAGE)
    page = Paginator(people_at(stage, wave_number=wave_number), PAGE_SIZE).get_page(
        _number(request.GET.get("page", "1"), MAX_PAGE) or 1
    )
    lines = [(row, mask_name(row.participant.full_name)) for row in page.object_list]
    context = {
        "stage": stage,
        "stages": [(name, label) for name, (label, _condition) in STAGES.items()],
        "title": STAGES[stage][0],
        "page_obj": page,
        "lines": lines,
        "wave_number": wave_number,
        "today": programme_day(programme_now()),
    }
    return render(request, "console/people.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
def person(request: HttpRequest, participation_id: int) -> HttpResponse:
    place = get_object_or_404(
        Participation.objects.select_related("participant__district", "wave"), pk=min(participation_id, 2**63 - 1)
    )
    as_of, problem = _as_of(request.GET.get("as_of", ""))
    balances = balances_of(owner_ids=[place.pk], as_of=as_of).get(place.pk, {})
    context = {
        "place": place,
        "name": mask_name(place.participant.full_name),
        "contact_points": place.participant.contact_points.order_by("kind"),
        "as_of": as_of,
        "problem": problem,
        "balances": sorted(balances.items()),
        "difference": sum(balances.values()),
        "transfers": transfers_of(owner_id=place.pk, as_of=as_of),
        "purchases": purchases_of(participation_id=place.pk),
        "today": programme_day(programme_now()),
    }
    return render(request, "console/person.html", context)


def _as_of(text: str) -> tuple[datetime | None, str]:
    """The end of the day the address names in Jakarta; else None with a sentence, or None where no day is named."""
    if not text:
        return None, ""
    try:
        day = parse_date(text[:20])
    except ValueError:
        day = None
    if day is None or not 1900 < day.year < 9999:
        return None, _("“%(value)s” is not a day. Write it as 2020-07-27.") % {"value": text[:20]}
    return datetime.combine(day, time.max, tzinfo=JAKARTA), ""
