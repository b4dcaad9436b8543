"""Akun: who the reader is to the programme, how to reach and to pay them, whether lists are made for them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.participants.queries import contact_points_of, payout_account_of
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.recommender.switch_personalisation import personalisation_of, switch_personalisation
from bekal.ui.refusals import sentence
from bekal.web.forms import PayoutAccountForm, posted
from bekal.web.reader import reader_of
from bekal.web.reasons import facts_used


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    participant = reader.participant
    context = {
        "reader": reader,
        "contacts": contact_points_of(participant_id=participant.pk) if participant else (),
        "payout_account": payout_account_of(participant_id=participant.pk) if participant else None,
        "is_personal": personalisation_of([participant.pk])[participant.pk] if participant else True,
        "facts": facts_used(),
    }
    return render(request, "web/account.html", context)


@open_to(Role.PARTICIPANT)
@require_POST
@never_cache
def personalisation(request: HttpRequest) -> HttpResponse:
    """Switch recommendations to what the button said: a second click finds them so."""
    reader = reader_of(request)
    wanted = request.POST.get("on", "")
    if reader.participant is None:
        return redirect("web:account")
    if wanted not in ("0", "1"):
        messages.error(request, gettext("Nothing was switched. Use the button below “Recommendations for you”."))
        return redirect("web:account")
    switch_personalisation(participant_ids=[reader.participant.pk], is_on=wanted == "1", at=reader.at)
    if wanted == "1":
        messages.success(request, gettext("Recommendations are on. You find them on your home page."))
    else:
        messages.success(request, gettext("Recommendations are off. No list is made from your data any more."))
    return redirect(reverse("web:account") + "#recommendations")


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def payout_account(request: HttpRequest) -> HttpResponse:
    """Set or replace the account that incentives are paid to."""
    reader = reader_of(request)
    if reader.participant is None:
        return redirect("web:account")
    form = PayoutAccountForm(posted(request))
    if request.method == "POST" and form.is_valid():
        new = NewAccount(participant_id=reader.participant.pk, **form.cleaned_data)
        (outcome,) = set_payout_accounts(accounts=[new], at=reader.at)
        if outcome.refusal is None:
            _say(request, outcome.verified)
            return redirect("web:incentives")
        form.add_error(None, sentence(outcome.refusal))
    context = {"form": form, "current": payout_account_of(participant_id=reader.participant.pk)}
    return render(request, "web/payout_account.html", context, status=422 if form.errors else 200)


def _say(request: HttpRequest, verified: bool) -> None:
    if verified:
        messages.success(request, gettext("Your account is saved. Incentives are paid to it."))
    else:
        text = gettext("The account is saved, but its owner's name is not yours. Nothing is paid to it until it is.")
        messages.error(request, text)
