"""Conformance: which calls of the contract a system has shown, for its institution's staff and for the office."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.institution import own_institution
from bekal.console.partners import partner_of
from bekal.console.sandbox import own_partner
from bekal.partners.conformance import CheckState, begin_conformance_anew, conformance_of
from bekal.partners.models import Partner


@open_to(Role.INSTITUTION)
@require_safe
def conformance(request: HttpRequest) -> HttpResponse:
    institution = own_institution(request)
    partner = own_partner(institution)
    context: dict[str, object] = {"institution": institution, "partner": partner, "is_own": True}
    return render(request, "console/conformance.html", context | (_shown(partner) if partner else {}))


@open_to(Role.INSTITUTION)
@require_POST
def conformance_anew(request: HttpRequest) -> HttpResponse:
    partner = own_partner(own_institution(request))
    if partner is not None:
        begin_conformance_anew(partner_id=partner.pk)
        messages.success(request, _("What your calls had shown is forgotten; every check begins anew."))
    return redirect("console:conformance")


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def partner_conformance(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Of an institution's or a platform's system, before it is given live keys."""
    partner = partner_of(partner_id)
    return render(request, "console/conformance.html", {"partner": partner, "is_own": False} | _shown(partner))


def _shown(partner: Partner) -> dict[str, object]:
    seen = conformance_of(partner)
    language = (get_language() or "id")[:2]
    rows = [
        {
            "generation": f"v{result.check.generation}",
            "result": result,
            "title": result.check.titles[language],
            "advice": result.check.advice[language],
            "is_one_of": bool(result.check.any_of),
        }
        for result in seen.results
    ]
    return {
        "groups": [(name, [row for row in rows if row["generation"] == name]) for name in ("v1", "v2")],
        "seen": seen,
        "green": CheckState.GREEN,
        "failed": CheckState.FAILED,
    }
