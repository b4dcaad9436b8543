"""The webhooks of an institution's own system: its addresses, every delivery with how it went, and sending it again."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.institution import own_institution
from bekal.console.sandbox import own_partner
from bekal.core.refusal import Refusal
from bekal.ledger.clock import machine_now, programme_now
from bekal.partners.models import Partner, WebhookEndpoint
from bekal.partners.queries import deliveries_of
from bekal.partners.refusals import PartnerRefusal
from bekal.partners.replay_deliveries import Replay, replay_deliveries
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.webhook_endpoints import NewEndpoint, OwnEndpoint, close_endpoints, open_endpoints
from bekal.partners.webhook_events import ping
from bekal.partners.world import SandboxUnavailableError, World, world_of_partner
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
CLOSED_SHOWN_COUNT = 10
# What is told to institutions, in the order in which it happens.
EVENTS: Mapping[str, Promise] = {
    "purchase.redeemed": gettext_lazy("A redeem code was taken."),
    "purchase.completed": gettext_lazy("Every piece of your evidence is there."),
    "purchase.proven": gettext_lazy("The evidence of both sides agrees; the price is owed to you."),
    "purchase.ended": gettext_lazy("A purchase ended early."),
    "settlement.paid": gettext_lazy("What was owed was paid to you."),
    "settlement.failed": gettext_lazy("The bank rejected or sent back a payment to you; it is owed as before."),
    "bank_account.changed": gettext_lazy("Another bank account was agreed on, and when you are paid to it."),
}
STATES: Mapping[str, Promise] = {
    "waiting": gettext_lazy("on its way"),
    "delivered": gettext_lazy("delivered"),
    "failed": gettext_lazy("failed"),
}
WORLDS = {"live": False, "sandbox": True}


class EndpointForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("https, reachable from the internet. What is sent there is signed."),
    )
    events = forms.MultipleChoiceField(
        choices=list(EVENTS.items()), required=False, widget=forms.CheckboxSelectMultiple
    )


@open_to(Role.INSTITUTION)
@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """Of one world, live or sandbox, as the address says."""
    return _page(request, own_partner(own_institution(request)), _world(request.GET.get("world", "")))


def _page(
    request: HttpRequest,
    partner: Partner | None,
    world: str,
    *,
    secret: str = "",
    form: EndpointForm | None = None,
) -> HttpResponse:
    """`secret`: of an endpoint opened now, shown this once."""
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    context: dict[str, Any] = {"partner": partner, "world": world, "is_sandbox": WORLDS[world], "secret": secret}
    context |= {"state": state, "states": list(STATES.items()), "form": form or EndpointForm()}
    if partner is not None:
        rows = WebhookEndpoint.objects.filter(partner=partner, is_sandbox=WORLDS[world])
        before = request.GET.get("before", "")
        lines = deliveries_of(
            partner_id=partner.pk,
            is_sandbox=WORLDS[world],
            state=state,
            before_id=_number(before) or None,
            limit=PAGE_SIZE + 1,
        )
        context |= {
            "endpoints": rows.filter(closed_at=None).order_by("pk"),
            "closed": rows.exclude(closed_at=None).order_by("-closed_at", "-pk")[:CLOSED_SHOWN_COUNT],
            "deliveries": lines[:PAGE_SIZE],
            "before_id": lines[PAGE_SIZE - 1].pk if len(lines) > PAGE_SIZE else None,
        }
    return render(request, "console/webhooks.html", context, status=422 if form else 200)


@open_to(Role.INSTITUTION)
@require_POST
@never_cache
def open_webhook(request: HttpRequest) -> HttpResponse:
    """Shows the secret once, in this answer and nowhere else."""
    partner, world, form = _asked(request)
    if partner is None:
        return redirect("console:webhooks")
    if not form.is_valid():
        return _page(request, partner, world, form=form)
    stood = _stood(partner, world)
    if isinstance(stood, Refusal):
        return _told(request, world, stood, "")
    new = NewEndpoint(partner.pk, WORLDS[world], form.cleaned_data["url"], stood.at, tuple(form.cleaned_data["events"]))
    (outcome,) = open_endpoints(endpoints=[new], at=programme_now())
    if outcome.refusal is not None:
        form.add_error("url", sentence(outcome.refusal))
        return _page(request, partner, world, form=form)
    return _page(request, partner, world, secret=outcome.secret)


@open_to(Role.INSTITUTION)
@require_POST
def close_webhook(request: HttpRequest) -> HttpResponse:
    """Nothing is sent there any more; what waited for it has failed."""
    partner, world, _form = _asked(request)
    if partner is None:
        return redirect("console:webhooks")
    stood = _stood(partner, world)
    if isinstance(stood, Refusal):
        return _told(request, world, stood, "")
    closing = OwnEndpoint(partner.pk, WORLDS[world], _number(request.POST.get("webhook", "")))
    (outcome,) = close_endpoints(closings=[closing], at=stood.at)
    return _told(request, world, outcome.refusal, _("The webhook is closed. Nothing is sent there any more."))


@open_to(Role.INSTITUTION)
@require_POST
def ping_webhook(request: HttpRequest) -> HttpResponse:
    """One event of no meaning, to try the receiver."""
    partner, world, _form = _asked(request)
    if partner is None:
        return redirect("console:webhooks")
    number = _number(request.POST.get("webhook", ""))
    rows = WebhookEndpoint.objects.filter(partner=partner, is_sandbox=WORLDS[world], pk=number)
    endpoint, stood = rows.order_by("pk").first(), _stood(partner, world)
    if endpoint is None:
        return _told(request, world, Refusal(PartnerRefusal.ENDPOINT_UNKNOWN), "")
    if isinstance(stood, Refusal):
        return _told(request, world, stood, "")
    outcome = ping(endpoint=endpoint, at=stood.at, now=machine_now())
    return _told(request, world, outcome.refusal, _("A ping is on its way. Its outcome stands below in a moment."))


@open_to(Role.INSTITUTION)
@require_POST
def replay(request: HttpRequest) -> HttpResponse:
    """Send one delivery again, to the same address under the same number."""
    partner, world, _form = _asked(request)
    if partner is None:
        return redirect("console:webhooks")
    asked = Replay(partner.pk, WORLDS[world], _number(request.POST.get("delivery", "")))
    (outcome,) = replay_deliveries(replays=[asked], now=machine_now())
    said = _("It was on its way already.") if outcome.repeated else _("It is on its way again.")
    return _told(request, world, outcome.refusal, said)


def _asked(request: HttpRequest) -> tuple[Partner | None, str, EndpointForm]:
    return own_partner(own_institution(request)), _world(request.POST.get("world", "")), EndpointForm(request.POST)


def _stood(partner: Partner, world: str) -> World | Refusal:
    """The instant of the partner's world; rows of webhooks stand in the programme's books, outside of it."""
    try:
        with world_of_partner(partner, is_sandbox=WORLDS[world]) as stood:
            return stood
    except SandboxUnavailableError:
        return Refusal(SandboxRefusal.AWAY)


def _world(text: str) -> str:
    return text if text in WORLDS else "live"


def _number(text: str) -> int:
    """The number that is named; 0, which nothing has, where none is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _told(request: HttpRequest, world: str, refusal: Refusal | None, done: str) -> HttpResponse:
    if refusal is None:
        messages.success(request, done)
    else:
        messages.error(request, sentence(refusal))
    return redirect(f"{reverse('console:webhooks')}?world={world}")
