"""Pesan: what the programme has told the reader, whether it reached their phone or not. One-time codes are left out."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.messaging.queries import messages_to
from bekal.web.reader import reader_of

SHOWN_COUNT = 50


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """The newest messages to the reader, and to nobody else."""
    reader = reader_of(request)
    letters = (
        messages_to(holder_id=reader.participant.pk, limit=SHOWN_COUNT, with_codes=False) if reader.participant else ()
    )
    return render(request, "web/messages.html", {"reader": reader, "letters": letters})
