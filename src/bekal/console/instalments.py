"""One instalment of one person as it is told to them, with what an officer needs beside it: lists and exceptions."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.complaints import shown_complaint
from bekal.console.people import mask_name
from bekal.incentives.complaint_queries import complaints_about
from bekal.incentives.models import Payout, PayoutException
from bekal.incentives.timeline import timeline_of
from bekal.ledger.clock import programme_day, programme_now
from bekal.participants.models import Participation
from bekal.ui.instalments import Entry

MAX_ID = 2**63 - 1
REFERENCE = re.compile(r"[A-Z0-9]{1,35}")


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def instalment(request: HttpRequest, participation_id: int, earned_kind: str, instalment: int) -> HttpResponse:
    """Where it is, why, whose turn; what happened, each step with its list; what the books could not take of it."""
    places = Participation.objects.select_related("participant")
    place = get_object_or_404(places, pk=min(participation_id, MAX_ID))
    today = programme_day(programme_now())
    lines = timeline_of(participation_id=place.pk, on=today)
    line = next((one for one in lines if (one.kind, one.instalment) == (earned_kind, instalment)), None)
    if line is None:
        raise Http404
    of_line = PayoutException.objects.filter(
        payout__entitlement__participation=place,
        payout__entitlement__kind=earned_kind,
        payout__entitlement__instalment=instalment,
    )
    context = {
        "place": place,
        "name": mask_name(place.participant.full_name),
        "entry": Entry(line),
        "exceptions": of_line.order_by("pk"),
        "complaints": [
            shown_complaint(one, today)
            for one in complaints_about(participation_id=place.pk, kind=line.kind.value, instalment=line.instalment)
        ],
    }
    return render(request, "console/instalment.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def payout(request: HttpRequest, reference: str) -> HttpResponse:
    """From the reference of a payout to its instalment; of one that pays an institution, to its run."""
    if not REFERENCE.fullmatch(reference):
        raise Http404
    row = get_object_or_404(Payout.objects.select_related("entitlement"), reference=reference)
    of = row.entitlement
    if of is None:
        return redirect("console:run", row.run_id)
    return redirect("console:instalment", of.participation_id, of.kind, of.instalment)
