"""Whoever owes a piece is reminded of it: all of a choice at once, at most once within some days."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.reconciliation import waiting_choice
from bekal.ledger.clock import programme_now
from bekal.purchases.remind import remind_owing
from bekal.ui.display import count


@open_to(Role.OFFICER)
@require_POST
def remind(request: HttpRequest) -> HttpResponse:
    """Remind those of the choice that the form carries, and say how many."""
    done = remind_owing(waiting_choice(request.POST), officer_id=signed_in_id(request), at=programme_now())
    if done.participant_count or done.institution_count:
        told = {"people": count(done.participant_count), "pieces": count(done.institution_count)}
        text = _("Messages to participants: %(people)s; pieces marked at desks of institutions: %(pieces)s.")
        messages.success(request, text % told)
    else:
        messages.info(request, _("Nobody was left to remind: all of them were reminded a short while ago."))
    response = redirect("console:reconciliation_waiting")
    response["Location"] += f"?{query}" if (query := _query(request)) else ""
    return response


def _query(request: HttpRequest) -> str:
    asked = request.POST.copy()
    asked.pop("csrfmiddlewaretoken", None)
    return asked.urlencode()
