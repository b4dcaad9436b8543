"""The people behind a number of another page, and the ledger of one of them, as of any instant."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import as_of
from bekal.console.further import further
from bekal.console.reconciliation_words import owed_in_words
from bekal.incentives.account_standing import looks_at
from bekal.incentives.models import PayoutStatus
from bekal.incentives.timeline import timeline_of
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.queries import balances_of, transfers_of
from bekal.lifecycle.treasury import ENVELOPE_SQL
from bekal.participants.models import ContactPoint, Participation
from bekal.participants.queries import payout_account_of, second_account_of
from bekal.purchases.certificates import certificates_of
from bekal.purchases.models import Purchase
from bekal.purchases.queries import PurchaseLine, purchases_of
from bekal.ui.instalments import Entry

PAGE_SIZE = 50
# The channels that still reach a person, the phone first.
REACHED_BY = Prefetch(
    "participant__contact_points",
    ContactPoint.objects.filter(unreachable_since_at__isnull=True).order_by("-kind"),
    to_attr="reached_by",
)
# Who stands before a step without having taken it, and who lost the place or should have, by the names in addresses.
STAGES: dict[str, Promise] = {
    "all": gettext_lazy("Everybody accepted"),
    "not_bought": gettext_lazy("Accepted, no training bought"),
    "not_completed": gettext_lazy("Bought, nothing completed"),
    "not_proven": gettext_lazy("Completed, evidence still owed"),
    "not_paid": gettext_lazy("Evidence complete, not yet paid"),
    "not_bought_again": gettext_lazy("One training bought, no second"),
    "at_risk": gettext_lazy("Lose their place within 7 days"),
    "to_be_revoked": gettext_lazy("Without a purchase in time, place not lost yet"),
    "revoked": gettext_lazy("Place lost"),
    "revoked_unbought": gettext_lazy("Place lost because no training was bought in time"),
}
AT_RISK_DAYS = 7
# A page looks through so many people, a part at a time: of a large part the planner would ask for everybody's payouts.
PART_COUNT, PARTS_LIMIT = 5_000, 4


def _by(name: str, as_of: datetime | None) -> Q:
    """That it has happened: until now, or until an instant."""
    return Q(**{f"{name}__isnull": False}) if as_of is None else Q(**{f"{name}__lte": as_of})


def _conditions(as_of: datetime | None) -> dict[str, Any]:
    """Who belongs to each stage: what happened after the instant has not happened. Somebody taken over with opening
    balances has taken the steps that were taken before."""
    purchases = Purchase.objects.filter(_by("bought_at", as_of), participation=OuterRef("pk"))
    settled = PayoutStatus.objects.filter(
        _by("recorded_at", as_of),
        ~_by("payout__ended_at", as_of),
        state="settled",
        payout__entitlement__kind="incentive",
        payout__entitlement__participation=OuterRef("pk"),
    )
    paid_before, bought_before = Q(incentives_paid_before_count__gt=0), Q(bought_before=True)
    bought = bought_before | Exists(purchases)
    bought_again = (bought_before & Exists(purchases)) | Exists(purchases.filter(ordinal__gte=2))
    completed = paid_before | Exists(purchases.filter(_by("completed_at", as_of)))
    proven = paid_before | Exists(purchases.filter(_by("reconciled_at", as_of)))
    revoked = _by("revoked_at", as_of)
    return {
        "all": Q(),
        "not_bought": ~bought,
        "not_completed": bought & ~completed,
        "not_proven": completed & ~proven,
        "not_paid": proven & ~(paid_before | Exists(settled)),
        "not_bought_again": bought & ~bought_again,
        "at_risk": ~bought & ~revoked,
        "to_be_revoked": ~bought & ~revoked & ~_by("balance_ended_at", as_of),
        "revoked": revoked,
        # Not by a clawback: as the treasury's statement counts what returned of each wave.
        "revoked_unbought": revoked & (Q(clawed_back_at=None) | Q(clawed_back_at__gt=F("revoked_at"))),
    }


def people_at(
    stage: str,
    *,
    wave_number: int | None,
    on: date,
    as_of: datetime | None = None,
    envelope_rupiah: int | None = None,
) -> QuerySet[Participation]:
    """Participations of a stage on a day, now or as of an instant of it, by their numbers; each
    `participant.reached_by` lists the contact points that work."""
    rows = Participation.objects.filter(_conditions(as_of)[stage]).select_related("participant", "wave")
    if as_of is not None:
        rows = rows.filter(Q(opened_at=None) | Q(opened_at__lte=as_of), accepted_at__lte=as_of)
    if stage == "at_risk":
        rows = rows.filter(first_purchase_due_on__range=(on, on + timedelta(days=AT_RISK_DAYS)))
    if stage == "to_be_revoked":
        rows = rows.filter(first_purchase_due_on__lt=on)
    if wave_number is not None:
        rows = rows.filter(wave__number=wave_number)
    if envelope_rupiah is not None:
        rows = rows.alias(envelope=RawSQL(ENVELOPE_SQL, [as_of or "infinity"])).filter(envelope=envelope_rupiah)
    return rows.prefetch_related(REACHED_BY).order_by("pk")


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of them; whoever wants more goes on after `looked_until` (None: there is nobody behind the last)."""

    rows: list[Participation]
    looked_until: int | None


def people_page(rows: QuerySet[Participation], *, after_id: int) -> PeoplePage:
    """One page of them after a number; looks through so many people and no more."""
    last_id = after_id
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
    """The people of a stage, of a wave or of all, with an envelope or with any."""
    stage = request.GET.get("stage", "all")
    if stage not in STAGES:
        stage = "all"
    asked = as_of(request)
    at = asked.at or programme_now()
    wave_number, after_id = _number(request.GET.get("wave", "")), _number(request.GET.get("after", "")) or 0
    envelope_rupiah = _number(request.GET.get("envelope", ""))
    rows = people_at(
        stage, wave_number=wave_number, on=programme_day(at), as_of=asked.at, envelope_rupiah=envelope_rupiah
    )
    found = people_page(rows, after_id=after_id)
    for row in found.rows:
        _forget_later(row, asked.at)
    bought = Purchase.objects.filter(_by("bought_at", asked.at), participation__in=[row.pk for row in found.rows])
    counts = dict(bought.order_by("participation_id").values_list("participation_id").annotate(Count("pk")))
    context = {
        "asked": asked,
        "at": at,
        "stage": stage,
        "stages": STAGES.items(),
        "title": STAGES[stage],
        "lines": [(row, mask_name(row.participant.full_name), counts.get(row.pk, 0)) for row in found.rows],
        "further": further(request, after_id, found.looked_until, is_full=len(found.rows) == PAGE_SIZE),
        "wave_number": wave_number,
        "envelope_rupiah": envelope_rupiah,
    }
    return render(request, "console/people.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
def person(request: HttpRequest, participation_id: int) -> HttpResponse:
    place = get_object_or_404(
        Participation.objects.select_related("participant__district", "wave"), pk=min(participation_id, 2**63 - 1)
    )
    asked = as_of(request)
    at = asked.at or programme_now()
    _forget_later(place, asked.at)
    balances = balances_of(owner_ids=[place.pk], as_of=asked.at).get(place.pk, {})
    context = {
        "place": place,
        "name": mask_name(place.participant.full_name),
        "contact_points": place.participant.contact_points.order_by("kind"),
        "asked": asked,
        "at": at,
        "balances": sorted(balances.items()),
        "difference": sum(balances.values()),
        "transfers": transfers_of(owner_id=place.pk, as_of=asked.at),
        # What is said of a purchase is known of now alone.
        "purchases": [(line, () if asked.at else owed_in_words(line)) for line in _purchases(place.pk, asked.at)],
        # So is where somebody is paid, and what its bank or wallet says of it.
        "payout_account": payout_account_of(participant_id=place.participant_id) if asked.at is None else None,
        "second_account": second_account_of(participant_id=place.participant_id) if asked.at is None else None,
        "looks": looks_at(participant_id=place.participant_id) if asked.at is None else (),
        "certificates": certificates_of(participation_id=place.pk) if asked.at is None else (),
        "today": programme_day(at),
        # Where the money is, too.
        "entries": [Entry(line) for line in timeline_of(participation_id=place.pk, on=programme_day(at))]
        if asked.at is None
        else [],
    }
    return render(request, "console/person.html", context)


def _happened(at: datetime | None, as_of: datetime | None) -> datetime | None:
    return at if at is None or as_of is None or at <= as_of else None


def _forget_later(place: Participation, as_of: datetime | None) -> None:
    """What happened to a place after the instant has not happened; it is shown, and never saved."""
    for name in ("revoked_at", "clawed_back_at", "closed_at"):
        setattr(place, name, _happened(getattr(place, name), as_of))


def _purchases(participation_id: int, as_of: datetime | None) -> list[PurchaseLine]:
    """The purchases there were at an instant, as far as each had come."""
    lines = purchases_of(participation_id=participation_id)
    return [_line_then(line, as_of) for line in lines if _happened(line.bought_at, as_of)]


def _line_then(line: PurchaseLine, as_of: datetime | None) -> PurchaseLine:
    instants = ("redeemed_at", "completed_at", "reconciled_at", "ended_at", "settled_at")
    then: dict[str, Any] = {name: _happened(getattr(line, name), as_of) for name in instants}
    if then["ended_at"] is None:
        then |= {"ending": "", "refunded_rupiah": 0, "to_balance": False}
    return replace(line, **then)
