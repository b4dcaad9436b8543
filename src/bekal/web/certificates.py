"""Sertifikat: its public page and addresses for machines, and its holder's downloads."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, open_to_all
from bekal.accounts.models import Role
from bekal.accounts.privacy import mask_name
from bekal.ledger.clock import programme_now
from bekal.purchases.certificates import CertificateLine, certificate_by_number, status_bits
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.open_badge import STATUS_KEPT, issuer_profile, open_badge, status_credential
from bekal.purchases.queries import purchases_of
from bekal.ui.certificate_pdf import certificate_pdf
from bekal.web.reader import reader_of


def base_address(request: HttpRequest) -> str:
    """The programme's address without a slash at its end, as it stands on certificates."""
    return settings.PUBLIC_ADDRESS or request.build_absolute_uri("/").rstrip("/")


@open_to_all
@require_safe
@never_cache
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """Whether a certificate is valid, for whoever was given its number: the training, and of the name its initials."""
    line = certificate_by_number(number)
    if line is None:
        raise Http404
    context = {"line": line, "name": mask_name(line.full_name), "issuer_name": settings.PROGRAMME_NAME}
    return _unlisted(render(request, "web/certificate.html", context))


@open_to_all
@require_safe
def issuer(request: HttpRequest) -> HttpResponse:
    """Who issues, and the public keys that verify."""
    return _for_machines(issuer_profile(base=base_address(request)))


@open_to_all
@require_safe
def status(request: HttpRequest, status_list: int) -> HttpResponse:
    """The signed list of what is revoked, of a quarter of a million certificates: asking for it tells nobody apart."""
    bits = status_bits(status_list=status_list)
    if bits is None:
        raise Http404
    at, base = programme_now(), base_address(request)
    return _for_machines(status_credential(bits=bits, status_list=status_list, base=base, at=at))


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def pdf(request: HttpRequest, number: str) -> HttpResponse:
    """The holder's own certificate on paper."""
    line = _own(request, number)
    response = HttpResponse(certificate_pdf(line, base=base_address(request)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="sertifikat-{line.grouped}.pdf"'
    return response


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def badge(request: HttpRequest, number: str) -> HttpResponse:
    """The holder's own certificate as a signed Open Badge."""
    line = _own(request, number)
    response = JsonResponse(open_badge(line, base=base_address(request)), json_dumps_params={"ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="sertifikat-{line.grouped}.json"'
    return response


@open_to(Role.PARTICIPANT)
@require_POST
def issue(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """The certificate of a training that was completed before there were any, or long ago."""
    reader = reader_of(request)
    own = purchases_of(participation_id=reader.participation.pk) if reader.participation else ()
    if purchase_id not in {line.purchase_id for line in own}:
        raise Http404
    if issue_certificates(at=reader.at, purchase_ids=[purchase_id]).purchase_ids:
        messages.success(request, gettext("Your certificate is ready."))
    else:
        messages.info(request, gettext("Nothing was issued: there is a certificate already, or evidence is missing."))
    return redirect("web:purchases")


def _own(request: HttpRequest, number: str) -> CertificateLine:
    """A valid certificate of the reader's; everybody else's, and what is revoked, is not there."""
    reader, line = reader_of(request), certificate_by_number(number)
    own_id = reader.participation.pk if reader.participation else None
    if line is None or line.participation_id != own_id or not line.is_valid:
        raise Http404
    return line


def _for_machines(document: dict[str, Any]) -> HttpResponse:
    """Verifiers run in browsers, too, at other addresses; they keep what they have read for a short while."""
    response = JsonResponse(document, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"] = "*"
    patch_cache_control(response, public=True, max_age=int(STATUS_KEPT.total_seconds()))
    return _unlisted(response)


def _unlisted(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
