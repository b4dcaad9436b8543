"""The demo's letter box: what would have been sent to the reader's phone."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.messaging.queries import messages_to
from bekal.web.reader import reader_of


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest messages to the reader, and to nobody else. In a real programme this page does not exist."""
    if not settings.DEMO:
        raise Http404
    participant = reader_of(request).participant
    letters = messages_to(holder_id=participant.pk) if participant else ()
    return render(request, "web/demo_outbox.html", {"letters": letters})
