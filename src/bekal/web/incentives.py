"""Insentif: where is my money? Every instalment with one truthful state, its dates, its reason, and what to do now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.queries import InstalmentLine, timeline_of
from bekal.participants.queries import payout_account_of
from bekal.web.calendar import calendar_of
from bekal.web.holds import held_payments
from bekal.web.money_back import money_back_of
from bekal.web.reader import reader_of


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def incentives(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    lines: tuple[InstalmentLine, ...] = ()
    if reader.participation is not None:
        lines = timeline_of(participation_id=reader.participation.pk, on=reader.today)
    context = {
        "reader": reader,
        "calendar": calendar_of(lines),
        "money_back": money_back_of(reader),
        "held_payments": held_payments(reader),
        "payout_account": payout_account_of(participant_id=reader.participant.pk) if reader.participant else None,
    }
    return render(request, "web/incentives.html", context)
