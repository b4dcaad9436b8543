"""Messages: what waits for a carrier and since when, what arrived, what failed and why. No words of any message."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.ledger.clock import programme_now
from bekal.messaging.channels import carriers
from bekal.messaging.queries import failed_messages, outbox_state
from bekal.participants.models import Participation

LOOK_BACK_DAYS = 7
PAGE_SIZE = 50
MAX_ID_DIGITS = 18


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Each channel, and the newest failures with the person they were for."""
    at = programme_now()
    able = carriers(settings.CARRIER_ADDRESSES, demo=settings.DEMO)
    states = outbox_state(since_at=at - timedelta(days=LOOK_BACK_DAYS))
    before = request.GET.get("before", "")
    usable = before.isascii() and before.isdigit() and len(before) <= MAX_ID_DIGITS
    lines = failed_messages(limit=PAGE_SIZE + 1, before_id=int(before) if usable else None)
    shown, more = lines[:PAGE_SIZE], len(lines) > PAGE_SIZE
    participations = dict(
        Participation.objects.filter(participant__in={line.holder_id for line in shown})
        .order_by("pk")
        .values_list("participant_id", "pk")
    )
    context = {
        "channels": [(state, state.channel in able) for state in states],
        "without_carrier": [state.channel.label for state in states if state.channel not in able],
        "lines": [(line, participations.get(line.holder_id)) for line in shown],
        "older": shown[-1].message_id if more else None,
        "days": LOOK_BACK_DAYS,
        "at": at,
    }
    return render(request, "console/messages.html", context)
