"""The sandbox of an institution's own system: test keys, test codes, its clock, and its last calls."""

import re
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution
from bekal.console.institution import own_institution
from bekal.core.money import format_rupiah
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_now
from bekal.partners.conformance import conformance_of, last_calls
from bekal.partners.keys import KeyOrder, issue_keys, revoke_keys
from bekal.partners.models import Partner, PartnerKey, RedirectUri, SandboxCode
from bekal.partners.move_clock import Destination, MovedClock, begin_anew, move_clock
from bekal.partners.open_sandbox import FRESH, OpenedSandbox, more_codes, open_sandboxes, sandbox_of
from bekal.partners.register import NewPartner, register_partners, register_redirect, tie_partner
from bekal.partners.sandbox_keys import REDIRECT_URI
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.scopes import ALL_SCOPES
from bekal.partners.world import SandboxUnavailableError
from bekal.ui.display import count, moment
from bekal.ui.refusals import sentence

CALLS_SHOWN_COUNT = 20
CODES_SHOWN_COUNT = 60
BUYABLE = (*FRESH, SandboxCode.Purpose.LATER)
CODES_AT_A_CLICK = 5
DAYS_OFFERED = (1, 7, 30)


def own_partner(institution: Institution) -> Partner | None:
    """The system that speaks for the institution; None until somebody has opened its sandbox or an officer tied one."""
    return Partner.objects.filter(institution=institution).first()


@open_to(Role.INSTITUTION)
@require_safe
def sandbox(request: HttpRequest) -> HttpResponse:
    return _page(request, own_institution(request))


def _page(
    request: HttpRequest, institution: Institution, *, new_key: tuple[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """`new_key`: the client code and the secret of a key issued now, which are shown this once."""
    partner = own_partner(institution)
    seen, is_away = None, False
    if partner is not None:
        try:
            seen = sandbox_of(partner)
        except SandboxUnavailableError:
            is_away = True
    context: dict[str, object] = {"institution": institution, "seen": seen, "is_away": is_away, "new_key": new_key}
    if partner is not None and seen is not None:
        conformance = conformance_of(partner)
        keys = list(partner.keys.filter(is_sandbox=True).order_by("generation", "pk"))
        context |= {
            "newest_key_id": max((key.pk for key in keys), default=0),
            "keys": [key for key in keys if key.revoked_at is None],
            "uris": RedirectUri.objects.filter(partner=partner, is_sandbox=True).order_by("pk"),
            "unused": [code for code in seen.codes if code.is_unused and code.purpose in FRESH][:CODES_SHOWN_COUNT],
            "refused": [code for code in seen.codes if code.purpose not in FRESH][:CODES_SHOWN_COUNT],
            "buyable": BUYABLE,
            "days_offered": DAYS_OFFERED,
            "calls": last_calls(partner_id=partner.pk, limit_count=CALLS_SHOWN_COUNT),
            "green_count": conformance.green_count,
            "check_count": len(conformance.results),
        }
    return render(request, "console/sandbox.html", context, status=status)


@open_to(Role.INSTITUTION)
@require_POST
def open_own(request: HttpRequest) -> HttpResponse:
    institution, at = own_institution(request), programme_now()
    partner = own_partner(institution)
    if partner is None:
        registered = _registered(institution, at)
        if isinstance(registered, Refusal):
            messages.error(request, sentence(registered))
            return redirect("console:sandbox")
        partner = registered
    register_redirect(partner_id=partner.pk, uri=REDIRECT_URI, is_sandbox=True, at=at)
    (outcome,) = open_sandboxes(partner_ids=[partner.pk])
    return _told(request, outcome, _("Your sandbox is open: with test people, trainings and codes of its own."))


def _registered(institution: Institution, at: datetime) -> Partner | Refusal:
    """The institution's own system, by its code where that can be one and is nobody's yet."""
    code = re.sub(r"[^a-z0-9-]", "-", institution.code.lower())[:31]
    for each in (code, f"lembaga-{institution.pk}", f"lembaga-{institution.pk}-{code}"[:40]):
        new = NewPartner(each, institution.name[:150], Partner.Kind.INSTITUTION)
        (outcome,) = register_partners(partners=[new], at=at)
        if outcome.partner_id is not None:
            tie_partner(partner_id=outcome.partner_id, owner_id=institution.pk)
            break
    found = own_partner(institution)
    if found is None:
        return outcome.refusal or Refusal(SandboxRefusal.PARTNER_UNKNOWN)
    return found


@open_to(Role.INSTITUTION)
@require_POST
@never_cache
def issue_key(request: HttpRequest) -> HttpResponse:
    """Shows the secret once; a page that is loaded again has it no more."""
    institution = own_institution(request)
    partner = own_partner(institution)
    generation = request.POST.get("generation", "")
    if partner is None or generation not in ("1", "2"):
        return redirect("console:sandbox")
    scopes, after = ALL_SCOPES if generation == "2" else (), request.POST.get("after", "")
    after_id = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else None
    order = KeyOrder(partner.pk, int(generation), True, scopes, after_id)
    (outcome,) = issue_keys(orders=[order], at=programme_now())
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
        return redirect("console:sandbox")
    return _page(request, institution, new_key=(outcome.client_code, outcome.secret))


@open_to(Role.INSTITUTION)
@require_POST
def revoke_key(request: HttpRequest) -> HttpResponse:
    """Only a sandbox key of one's own; live ones are the programme office's."""
    partner = own_partner(own_institution(request))
    # No key has a NUL in it, and PostgreSQL refuses to look for one.
    code = request.POST.get("client_code", "").replace("\0", "")[:60]
    key = PartnerKey.objects.filter(partner=partner, client_code=code, is_sandbox=True).order_by("pk").first()
    if partner is not None and key is not None:
        revoke_keys(key_ids=[key.pk], at=programme_now())
        messages.success(request, _("The test key %(key)s is revoked.") % {"key": key.client_code})
    return redirect("console:sandbox")


@open_to(Role.INSTITUTION)
@require_POST
def codes(request: HttpRequest) -> HttpResponse:
    partner = own_partner(own_institution(request))
    purpose = next((each for each in BUYABLE if each.value == request.POST.get("purpose", "")), None)
    if partner is None or purpose is None:
        return redirect("console:sandbox")
    made = more_codes(partner_id=partner.pk, purposes=[purpose] * CODES_AT_A_CLICK)
    if isinstance(made, Refusal):
        messages.error(request, sentence(made))
    else:
        said = ngettext("%(count)d more code is there.", "%(count)d more codes are there.", len(made))
        messages.success(request, said % {"count": len(made)})
    return redirect("console:sandbox")


@open_to(Role.INSTITUTION)
@require_POST
def clock(request: HttpRequest) -> HttpResponse:
    partner = own_partner(own_institution(request))
    to = request.POST.get("to", "")
    if partner is None:
        return redirect("console:sandbox")
    if to in tuple(Destination):
        moved = move_clock(partner_id=partner.pk, destination=Destination(to))
    elif to in {str(days) for days in DAYS_OFFERED}:
        moved = move_clock(partner_id=partner.pk, days=int(to))
    else:
        return redirect("console:sandbox")
    if moved.refusal is not None:
        messages.error(request, sentence(moved.refusal))
    else:
        for line in lines_of(moved):
            messages.success(request, line)
    return redirect("console:sandbox")


def lines_of(moved: MovedClock) -> list[str]:
    """What moving the clock has done, a sentence each; what nobody was touched by is left out."""
    assert moved.at is not None
    happened = (
        (moved.reviewed_count, 0, _("Test participants reviewed what they completed: %(count)s.")),
        (moved.proven_count, 0, _("Purchases whose evidence is complete now: %(count)s.")),
        (moved.entitled_count, 0, _("Test participants who earned their incentives: %(count)s.")),
        (moved.settled_count, moved.settled_rupiah, _("Settled to your institution: %(count)s purchases, %(amount)s.")),
        (moved.revoked_count, moved.revoked_rupiah, _("Places without a purchase taken back: %(count)s, %(amount)s.")),
        (moved.ended_count, moved.ended_rupiah, _("Training balances that ended: %(count)s, %(amount)s left in them.")),
    )
    lines = [_("Your clock shows %(moment)s.") % {"moment": moment(moved.at)}]
    lines += [
        text % {"count": count(number), "amount": format_rupiah(rupiah)} for number, rupiah, text in happened if number
    ]
    if moved.returned_rupiah:
        lines.append(_("Returned to the treasury: %(amount)s.") % {"amount": format_rupiah(moved.returned_rupiah)})
    return lines


@open_to(Role.INSTITUTION)
@require_POST
def anew(request: HttpRequest) -> HttpResponse:
    partner = own_partner(own_institution(request))
    if partner is None:
        return redirect("console:sandbox")
    said = _("Your sandbox begins anew: the programme's clock, fresh people and codes. Your keys stay.")
    return _told(request, begin_anew(partner_id=partner.pk), said)


def _told(request: HttpRequest, outcome: OpenedSandbox, done: str) -> HttpResponse:
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        messages.success(request, done)
    return redirect("console:sandbox")
