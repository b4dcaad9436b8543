"""What an officer does about a partner: ties it, gives it keys, revokes, suspends and lifts, registers addresses."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution, Platform
from bekal.console.partners import MAX_ID, KeyForm, ReasonForm, RedirectForm, TieForm, partner_of, partner_page
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_now
from bekal.partners.keys import KeyOrder, KeyOutcome, issue_keys, lift_keys, revoke_keys, suspend_keys
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.refusals import PartnerRefusal
from bekal.partners.register import (
    lift_partner,
    register_redirect,
    remove_redirect,
    suspend_partner,
    tie_partner,
)
from bekal.ui.refusals import sentence


@open_to(Role.OFFICER)
@require_POST
def tie(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Say whose system it is, for good."""
    partner, form = partner_of(partner_id), TieForm(request.POST)
    if form.is_valid():
        owners = Institution.objects if partner.kind == Partner.Kind.INSTITUTION else Platform.objects
        owner = owners.filter(code=form.cleaned_data["owner_code"]).order_by("pk").first()
        refusal: Refusal | None = Refusal(PartnerRefusal.OWNER_UNKNOWN)
        if owner is not None:
            refusal = tie_partner(partner_id=partner.pk, owner_id=owner.pk).refusal
        if refusal is None:
            messages.success(request, _("Tied to %(name)s. Live keys can be issued now.") % {"name": owner})
            return redirect("console:partner", partner.pk)
        form.add_error("owner_code", sentence(refusal))
    return partner_page(request, partner, forms_bound={"tie_form": form})


@open_to(Role.OFFICER)
@require_POST
@never_cache
def issue_key(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Shows the secret once, in this answer and nowhere else."""
    partner, form = partner_of(partner_id), KeyForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        scopes = tuple(asked["scopes"]) if asked["generation"] == "2" else ()
        order = KeyOrder(partner.pk, int(asked["generation"]), asked["world"] == "sandbox", scopes, asked["after"])
        (outcome,) = issue_keys(orders=[order], at=programme_now())
        if outcome.refusal is None:
            return partner_page(request, partner, new_key=(outcome.client_code, outcome.secret))
        form.add_error(None, sentence(outcome.refusal))
    return partner_page(request, partner, forms_bound={"key_form": form})


@open_to(Role.OFFICER)
@require_POST
def revoke_key(request: HttpRequest, partner_id: int) -> HttpResponse:
    """For good."""
    return _decided(request, partner_id, revoke_keys, _("The key %(key)s is revoked."))


@open_to(Role.OFFICER)
@require_POST
def suspend_key(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Until it is lifted."""
    return _decided(request, partner_id, suspend_keys, _("The key %(key)s is suspended."))


@open_to(Role.OFFICER)
@require_POST
def lift_key(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Also after too many misses: it has its whole budget again."""
    return _decided(
        request, partner_id, lift_keys, _("The key %(key)s is answered again, with a whole budget of misses.")
    )


def _decided(
    request: HttpRequest, partner_id: int, verb: Callable[..., tuple[KeyOutcome, ...]], said: str
) -> HttpResponse:
    """One key of this partner, named in the form."""
    partner = partner_of(partner_id)
    number = _number(request.POST.get("key", ""))
    key = PartnerKey.objects.filter(partner=partner, pk=number).order_by("pk").first()
    if key is None:
        refusal: Refusal | None = Refusal(PartnerRefusal.KEY_UNKNOWN)
    else:
        (outcome,) = verb(key_ids=[key.pk], at=programme_now())
        refusal = outcome.refusal
    _tell(request, refusal, said % {"key": key.client_code if key else ""})
    return redirect("console:partner", partner.pk)


@open_to(Role.OFFICER)
@require_POST
def suspend(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Nothing that this partner signs is answered; again it gets the new reason."""
    partner, form = partner_of(partner_id), ReasonForm(request.POST)
    if form.is_valid():
        outcome = suspend_partner(partner_id=partner.pk, reason=form.cleaned_data["reason"], at=programme_now())
        if outcome.refusal is None:
            messages.success(request, _("The partner is suspended. Nothing that it signs is answered."))
            return redirect("console:partner", partner.pk)
        form.add_error("reason", sentence(outcome.refusal))
    return partner_page(request, partner, forms_bound={"reason_form": form})


@open_to(Role.OFFICER)
@require_POST
def lift(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Keys that are suspended themselves stay so."""
    partner = partner_of(partner_id)
    outcome = lift_partner(partner_id=partner.pk)
    _tell(request, outcome.refusal, _("The partner is answered again. Keys suspended by themselves stay suspended."))
    return redirect("console:partner", partner.pk)


@open_to(Role.OFFICER)
@require_POST
def add_redirect(request: HttpRequest, partner_id: int) -> HttpResponse:
    """People may be sent back to exactly this address."""
    partner, form = partner_of(partner_id), RedirectForm(request.POST)
    if form.is_valid():
        uri, is_sandbox = form.cleaned_data["uri"], form.cleaned_data["world"] == "sandbox"
        outcome = register_redirect(partner_id=partner.pk, uri=uri, is_sandbox=is_sandbox, at=programme_now())
        if outcome.refusal is None:
            messages.success(request, _("The address is registered."))
            return redirect("console:partner", partner.pk)
        form.add_error("uri", sentence(outcome.refusal))
    return partner_page(request, partner, forms_bound={"redirect_form": form})


@open_to(Role.OFFICER)
@require_POST
def drop_redirect(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Nobody is sent there any more."""
    partner = partner_of(partner_id)
    outcome = remove_redirect(partner_id=partner.pk, redirect_id=_number(request.POST.get("redirect", "")))
    _tell(request, outcome.refusal, _("The address is removed. Nobody is sent there any more."))
    return redirect("console:partner", partner.pk)


def _number(text: str) -> int:
    """The number that a form names; 0, which nothing has, where it names none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else 0
    return number if number <= MAX_ID else 0


def _tell(request: HttpRequest, refusal: Refusal | None, done: str) -> None:
    if refusal is None:
        messages.success(request, done)
    else:
        messages.error(request, sentence(refusal))
