"""The systems of institutions and platforms, as the programme office sees them: who they are, what they sign with, how
their calls ended, where they send people back to, and whether their webhooks arrive."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.ledger.clock import machine_now, programme_day, programme_now
from bekal.partners.conformance import conformance_of
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import Partner, RedirectUri, WebhookDelivery, WebhookEndpoint
from bekal.partners.queries import counts_of
from bekal.partners.register import NAME_LIMIT_COUNT, REASON_LIMIT_COUNT, URI_LIMIT_COUNT, NewPartner, register_partners
from bekal.partners.scopes import ALL_SCOPES
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
COUNTED_DAYS = 14
LINES_SHOWN_COUNT = 100
DELIVERIES_SHOWN_COUNT = 20
MAX_ID = 2**63 - 1
ONLY = {
    "suspended": (Q(suspended_at__isnull=False) | Q(suspended_key_count__gt=0), gettext_lazy("suspended")),
    "untied": (Q(institution=None, platform=None), gettext_lazy("not tied yet")),
}


class RegisterForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("3 to 40 small letters, digits and hyphens. Its keys begin with it; it never changes."),
    )
    name = forms.CharField(label=gettext_lazy("Name of the system"), max_length=NAME_LIMIT_COUNT)
    kind = forms.ChoiceField(label=gettext_lazy("Whose system"), choices=Partner.Kind.choices)


class TieForm(forms.Form):
    owner_code = forms.CharField(
        label=gettext_lazy("Code of the institution or platform in the catalogue"),
        max_length=60,
        help_text=gettext_lazy("Live keys read and write what is its own. This cannot be changed afterwards."),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("At most 300 characters. Officers and auditors read it."),
    )


class RedirectForm(forms.Form):
    uri = forms.CharField(label=gettext_lazy("Address"), max_length=URI_LIMIT_COUNT)
    world = forms.ChoiceField(
        label=gettext_lazy("World"),
        choices=[("live", gettext_lazy("production")), ("sandbox", gettext_lazy("sandbox"))],
    )


class KeyForm(forms.Form):
    generation = forms.ChoiceField(label=gettext_lazy("Generation"), choices=[("2", "v2"), ("1", "v1")])
    world = forms.ChoiceField(
        label=gettext_lazy("World"),
        choices=[("sandbox", gettext_lazy("sandbox")), ("live", gettext_lazy("production"))],
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in ALL_SCOPES],
        initial=list(ALL_SCOPES),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    after = forms.IntegerField(min_value=0, max_value=MAX_ID, required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        if asked.get("generation") == "2" and not asked.get("scopes"):
            self.add_error("scopes", _("Tick what the key may be used for: without a scope it may do nothing."))
        return asked


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def partners(request: HttpRequest) -> HttpResponse:
    """Every partner by its name, or those an officer looks for."""
    return partners_page(request)


@open_to(Role.OFFICER)
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """A system that may have sandbox keys from now on."""
    form = RegisterForm(request.POST)
    if form.is_valid():
        (outcome,) = register_partners(partners=[NewPartner(**form.cleaned_data)], at=programme_now())
        if outcome.refusal is None:
            messages.success(request, _("Registered. Sandbox keys can be issued now, live ones once it is tied."))
            return redirect("console:partner", outcome.partner_id)
        form.add_error(None, sentence(outcome.refusal))
    return partners_page(request, form)


def partners_page(request: HttpRequest, form: RegisterForm | None = None) -> HttpResponse:
    text = request.GET.get("q", "").replace("\0", "").strip()[:100]
    kind, only, page_text = (request.GET.get(name, "") for name in ("kind", "only", "page"))
    number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 7 else 1
    context = {
        "page_obj": Paginator(_chosen(text, kind, only), PAGE_SIZE).get_page(number),
        "text": text,
        "kind": kind,
        "only": only,
        "is_chosen": bool(text or kind in Partner.Kind.values or only in ONLY),
        "kinds": Partner.Kind.choices,
        "onlys": [(name, label) for name, (_condition, label) in ONLY.items()],
        "limit_count": MISS_LIMIT_COUNT,
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "form": form or RegisterForm(),
    }
    return render(request, "console/partners.html", context, status=422 if form else 200)


def _chosen(text: str, kind: str, only: str) -> QuerySet[Partner]:
    rows = Partner.objects.select_related("institution", "platform").annotate(
        live_key_count=Count("keys", filter=Q(keys__revoked_at=None, keys__is_sandbox=False)),
        sandbox_key_count=Count("keys", filter=Q(keys__revoked_at=None, keys__is_sandbox=True)),
        suspended_key_count=Count("keys", filter=Q(keys__revoked_at=None, keys__suspended_at__isnull=False)),
        most_miss_count=Max("keys__miss_count", filter=Q(keys__revoked_at=None)),
    )
    if text:
        named = Q(name__icontains=text) | Q(code__icontains=text)
        rows = rows.filter(named | Q(institution__name__icontains=text) | Q(platform__name__icontains=text))
    if kind in Partner.Kind.values:
        rows = rows.filter(kind=kind)
    if only in ONLY:
        rows = rows.filter(ONLY[only][0])
    return rows.order_by("name", "pk")


def partner_of(partner_id: int) -> Partner:
    """Raises Http404 where there is none of this number."""
    rows = Partner.objects.select_related("institution", "platform")
    found = rows.filter(pk=partner_id).first() if partner_id <= MAX_ID else None
    if found is None:
        raise Http404
    return found


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def partner(request: HttpRequest, partner_id: int) -> HttpResponse:
    """One partner with everything that is its own."""
    return partner_page(request, partner_of(partner_id))


def partner_page(
    request: HttpRequest,
    partner: Partner,
    *,
    new_key: tuple[str, str] | None = None,
    forms_bound: dict[str, forms.Form] | None = None,
) -> HttpResponse:
    """`new_key`: the client code and the secret of a key issued now, shown this once. `forms_bound`: forms that were
    sent and not taken, by name."""
    keys = list(partner.keys.order_by("revoked_at", "is_sandbox", "generation", "pk"))
    failing = Q(failed_at__isnull=False) | Q(delivered_at=None, attempt_count__gt=0)
    deliveries = WebhookDelivery.objects.filter(failing, endpoint__partner=partner).select_related("event", "endpoint")
    context = {
        "partner": partner,
        "owner": partner.institution or partner.platform,
        "keys": keys,
        "new_key": new_key,
        "limit_count": MISS_LIMIT_COUNT,
        "counted": _counted({key.pk: key.client_code for key in keys}),
        "counted_days": COUNTED_DAYS,
        "uris": RedirectUri.objects.filter(partner=partner).order_by("is_sandbox", "uri"),
        "endpoints": WebhookEndpoint.objects.filter(partner=partner, closed_at=None).order_by("is_sandbox", "pk"),
        "deliveries": deliveries.order_by("-pk")[:DELIVERIES_SHOWN_COUNT],
        "conformance": conformance_of(partner),
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "key_form": KeyForm(initial={"scopes": list(ALL_SCOPES)}),
        "newest_key_id": max((key.pk for key in keys), default=0),
        "tie_form": TieForm(),
        "reason_form": ReasonForm(),
        "redirect_form": RedirectForm(),
    }
    return render(request, "console/partner.html", context | (forms_bound or {}), status=422 if forms_bound else 200)


def _counted(codes: dict[int, str]) -> list[tuple[date, str, str, int]]:
    """Day, client code, outcome, and how often: the newest day first, refusals of a day before what was answered."""
    since_on = programme_day(machine_now() - timedelta(days=COUNTED_DAYS))
    sums: Counter[tuple[date, str, str]] = Counter()
    for each in counts_of(key_ids=list(codes), since_on=since_on):
        if each.key_id is not None:
            sums[each.counted_on, codes[each.key_id], each.outcome] += each.call_count
    lines = [(*line, call_count) for line, call_count in sums.items()]
    lines.sort(key=lambda line: (line[2] in ("answered", "repeated"), line[1], line[2]))
    lines.sort(key=lambda line: line[0], reverse=True)
    return lines[:LINES_SHOWN_COUNT]
