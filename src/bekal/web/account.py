"""Akun: who the reader is to the programme, how to reach and to pay them, whether lists are made for them."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.core.refusal import Refusal
from bekal.incentives.account_standing import account_standings, asking_partners
from bekal.incentives.ask_account_checks import ask_account_checks
from bekal.incentives.house_rails import house_rails
from bekal.incentives.reasons import sentence_of
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.clock import machine_now
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.queries import contact_points_of, payout_account_of, second_account_of
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.request_account_change import request_account_changes
from bekal.participants.set_payout_account import AccountOutcome, NewAccount, set_payout_accounts
from bekal.participants.set_second_account import (
    remove_second_accounts,
    request_second_accounts,
    set_second_accounts,
)
from bekal.recommender.switch_personalisation import personalisation_of, switch_personalisation
from bekal.ui.display import clock, day
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
    payout_account = payout_account_of(participant_id=participant.pk) if participant else None
    standing = account_standings(participant_ids=[participant.pk]).get(participant.pk) if participant else None
    context = {
        "reader": reader,
        "contacts": contact_points_of(participant_id=participant.pk) if participant else (),
        "payout_account": payout_account,
        "standing": standing,
        "second": second_account_of(participant_id=participant.pk) if participant else None,
        "is_asked": payout_account is not None and payout_account.partner in asking_partners(house_rails()),
        "reason": sentence_of(standing.reason_code) if standing and standing.reason_code else "",
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
@require_POST
@never_cache
def check_account(request: HttpRequest) -> HttpResponse:
    """Have the bank or wallet asked once more: a second click finds it asked."""
    reader = reader_of(request)
    if reader.participant is not None:
        (outcome,) = ask_account_checks(participant_ids=[reader.participant.pk], at=reader.at, now=machine_now())
        if outcome.refusal is None:
            messages.success(request, gettext("We ask your bank or wallet again. Look here in a few minutes."))
        elif outcome.refusal.code == PayoutRefusal.ACCOUNT_NOT_FAILED:
            messages.info(request, sentence(outcome.refusal))
        else:
            messages.error(request, sentence(outcome.refusal))
    return redirect(reverse("web:account") + "#payout")


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("number", "code")
def payout_account(request: HttpRequest) -> HttpResponse:
    """Set the account that incentives are paid to. Another in its place asks for a code: the same form again, with the
    account as it was typed and a place for the six digits."""
    return _account_form(request, is_second=False)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("number", "code")
def second_account(request: HttpRequest) -> HttpResponse:
    """Name the account that money goes to when it cannot be paid to the first: it always asks for a code."""
    return _account_form(request, is_second=True)


@open_to(Role.PARTICIPANT)
@require_POST
@never_cache
def remove_second_account(request: HttpRequest) -> HttpResponse:
    """A second click finds none."""
    reader = reader_of(request)
    if reader.participant is not None:
        remove_second_accounts(participant_ids=[reader.participant.pk])
        messages.success(request, gettext("You have no second account any more."))
    return redirect(reverse("web:account") + "#payout")


def _account_form(request: HttpRequest, *, is_second: bool) -> HttpResponse:
    reader = reader_of(request)
    if reader.participant is None:
        return redirect("web:account")
    set_accounts = set_second_accounts if is_second else set_payout_accounts
    ask_for_codes = request_second_accounts if is_second else request_account_changes
    form = PayoutAccountForm(posted(request))
    issued: IssuedCode | None = None
    if request.method == "POST" and form.is_valid():
        new = NewAccount(participant_id=reader.participant.pk, **form.cleaned_data)
        (outcome,) = set_accounts(accounts=[new], at=reader.at)
        refusal = outcome.refusal
        if refusal is None:
            _say(request, outcome, reader.at)
            return redirect("web:account" if is_second else "web:incentives")
        is_typing_code = "code" in request.POST
        if refusal.code == ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE and not is_typing_code:
            (answer,) = ask_for_codes(accounts=[new], at=reader.at)
            issued, refusal = (None, answer) if isinstance(answer, Refusal) else (answer, None)
        if refusal is not None:
            form.add_error("code" if is_typing_code else None, sentence(refusal))
    asks_for_code = issued is not None or "code" in form.errors
    points = contact_points_of(participant_id=reader.participant.pk) if asks_for_code else ()
    context = {
        "form": form,
        "is_second": is_second,
        "current": (second_account_of if is_second else payout_account_of)(participant_id=reader.participant.pk),
        "issued": issued,
        "asks_for_code": asks_for_code,
        "sent_to": next((one.masked for one in points if one.unreachable_since_at is None), ""),
    }
    return render(request, "web/payout_account.html", context, status=422 if form.errors else 200)


def _say(request: HttpRequest, outcome: AccountOutcome, at: datetime) -> None:
    if outcome.verified and outcome.pays_from_at is not None and outcome.pays_from_at > at:
        text = gettext("Your account is changed. Nothing is paid to it before %(on)s, %(at)s.")
        messages.success(request, text % {"on": day(outcome.pays_from_at), "at": clock(outcome.pays_from_at)})
    elif outcome.verified:
        messages.success(request, gettext("Your account is saved. Incentives are paid to it."))
    else:
        text = gettext("The account is saved, but its owner's name is not yours. Nothing is paid to it until it is.")
        messages.error(request, text)
