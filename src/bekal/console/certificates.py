"""One certificate for officers and auditors: what it rests on, and its revocation, which takes two officers."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.ledger.clock import programme_now
from bekal.purchases.certificates import CertificateLine
from bekal.purchases.certificates import certificate as certificate_line
from bekal.purchases.revoke_certificates import (
    REASON_LIMIT_COUNT,
    RevocationOutcome,
    ask_to_revoke_certificates,
    keep_certificates,
    revoke_certificates,
)
from bekal.ui.refusals import sentence


class RevocationForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why the certificate is revoked"),
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": REASON_LIMIT_COUNT}),
        help_text=gettext_lazy("The second officer decides by this, and the holder reads it."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
def certificate(request: HttpRequest, certificate_id: int) -> HttpResponse:
    return _page(request, _line_or_404(certificate_id), RevocationForm())


@open_to(Role.OFFICER)
@require_POST
def ask_to_revoke(request: HttpRequest, certificate_id: int) -> HttpResponse:
    """One officer asks and says why; until another agrees it stays valid."""
    line, form = _line_or_404(certificate_id), RevocationForm(request.POST)
    if form.is_valid():
        [outcome] = ask_to_revoke_certificates(
            certificate_ids=[certificate_id],
            officer_id=signed_in_id(request),
            reason=form.cleaned_data["reason"],
            at=programme_now(),
        )
        if outcome.refusal is None:
            return _told(request, outcome, _("Asked. A second officer must agree; until then it stays valid."))
        form.add_error(None, sentence(outcome.refusal))
    return _page(request, line, form)


@open_to(Role.OFFICER)
@require_POST
def agree_to_revoke(request: HttpRequest, certificate_id: int) -> HttpResponse:
    """Agree to exactly the reason that was shown."""
    [outcome] = revoke_certificates(
        certificate_ids=[_line_or_404(certificate_id).certificate_id],
        officer_id=signed_in_id(request),
        reason=request.POST.get("reason", ""),
        at=programme_now(),
    )
    return _told(request, outcome, _("Revoked. Its page and the status list say so from now on."))


@open_to(Role.OFFICER)
@require_POST
def keep(request: HttpRequest, certificate_id: int) -> HttpResponse:
    [outcome] = keep_certificates(
        certificate_ids=[_line_or_404(certificate_id).certificate_id],
        officer_id=signed_in_id(request),
        at=programme_now(),
    )
    return _told(request, outcome, _("The request is dropped, and the certificate stays valid."))


def _page(request: HttpRequest, line: CertificateLine, form: RevocationForm) -> HttpResponse:
    context = {
        "line": line,
        "name": mask_name(line.full_name),
        "form": form,
        "digest": line.evidence_digest.hex(),
        "is_own": line.asked is not None and line.asked.officer_id == request.user.pk,
    }
    return render(request, "console/certificate.html", context, status=422 if form.errors else 200)


def _line_or_404(certificate_id: int) -> CertificateLine:
    line = certificate_line(certificate_id=certificate_id)
    if line is None:
        raise Http404
    return line


def _told(request: HttpRequest, outcome: RevocationOutcome, done: str) -> HttpResponse:
    say: Callable[[HttpRequest, str], None] = messages.success if outcome.refusal is None else messages.error
    say(request, done if outcome.refusal is None else sentence(outcome.refusal))
    return redirect("console:certificate", certificate_id=outcome.certificate_id)
