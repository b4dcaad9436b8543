"""Where an institution is paid: one officer enters an account, another agrees to exactly that one."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution
from bekal.core.refusal import Refusal
from bekal.incentives.set_institution_account import (
    BANKS,
    agree_to_institution_account,
    drop_institution_account,
    enter_institution_account,
)
from bekal.ledger.clock import programme_now
from bekal.participants.set_payout_account import HOLDER_NAME_LIMIT_COUNT
from bekal.ui.refusals import sentence

MAX_ID = 2**63 - 1


class AccountForm(forms.Form):
    partner = forms.ChoiceField(label=gettext_lazy("Bank"), choices=[(bank.value, bank.label) for bank in BANKS])
    number = forms.CharField(
        label=gettext_lazy("Account number"),
        max_length=40,
        help_text=gettext_lazy("Digits only. It is kept encrypted; from then on only its last digits are shown."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    holder_name = forms.CharField(label=gettext_lazy("Name on the account"), max_length=HOLDER_NAME_LIMIT_COUNT)


@open_to(Role.OFFICER)
@require_POST
def enter(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    """Enter a bank account; another officer has to agree before anything is paid to it."""
    _known(institution_id)
    form = AccountForm(request.POST)
    if not form.is_valid():
        for faults in form.errors.values():
            messages.error(request, " ".join(map(str, faults)))
        return redirect("console:institution_statement", institution_id)
    given = form.cleaned_data
    entered = enter_institution_account(
        institution_id=institution_id,
        partner=given["partner"],
        number=given["number"],
        holder_name=given["holder_name"],
        officer_id=signed_in_id(request),
        at=programme_now(),
    )
    done = _("This account stands here already; nothing has changed.")
    if not entered.repeated:
        done = _("Entered. Nothing is paid to it before a second officer has agreed.")
    return _answer(request, institution_id, entered.refusal, done)


@open_to(Role.OFFICER)
@require_POST
def agree(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    """Agree to the account that was shown."""
    _known(institution_id)
    try:
        shown = bytes.fromhex(request.POST.get("account_hash", ""))
    except ValueError:
        shown = b""
    agreed = agree_to_institution_account(
        institution_id=institution_id, account_hash=shown, officer_id=signed_in_id(request), at=programme_now()
    )
    done = _("Agreed. The institution reads on its desk from when it is paid to this account.")
    return _answer(request, institution_id, agreed.refusal, done)


@open_to(Role.OFFICER)
@require_POST
def drop(request: HttpRequest, institution_id: int) -> HttpResponseBase:
    """Drop the account that waits."""
    _known(institution_id)
    dropped = drop_institution_account(
        institution_id=institution_id, officer_id=signed_in_id(request), at=programme_now()
    )
    return _answer(request, institution_id, dropped.refusal, _("Dropped. The account there was stays."))


def _known(institution_id: int) -> None:
    if not Institution.objects.filter(pk=min(institution_id, MAX_ID)).exists():
        raise Http404


def _answer(request: HttpRequest, institution_id: int, refusal: Refusal | None, done: str) -> HttpResponseBase:
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, done)
    return redirect("console:institution_statement", institution_id)
