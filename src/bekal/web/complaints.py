"""Keluhan: an instalment has not come or is not right. Whose turn it is, by when it is answered, what was answered."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.complaint_queries import complaints_of
from bekal.incentives.open_complaints import NewComplaint, open_complaints
from bekal.incentives.timeline import timeline_of
from bekal.ui.instalments import Entry
from bekal.ui.refusals import sentence
from bekal.web.forms import ComplaintForm, posted
from bekal.web.reader import reader_of


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def complaint(request: HttpRequest, earned_kind: str, instalment: int) -> HttpResponse:
    """One instalment of the reader's own, with what was said of it; sent, a complaint."""
    reader = reader_of(request)
    if reader.participation is None:
        raise Http404
    place_id, wanted = reader.participation.pk, (earned_kind, instalment)
    lines = timeline_of(participation_id=place_id, on=reader.today)
    line = next((one for one in lines if (one.kind, one.instalment) == wanted), None)
    if line is None:
        raise Http404
    form = ComplaintForm(posted(request))
    if request.method == "POST" and form.is_valid():
        about = Complaint.About(form.cleaned_data["about"])
        new = NewComplaint(place_id, earned_kind, instalment, about, form.cleaned_data["text"])
        (outcome,) = open_complaints(complaints=[new], at=reader.at)
        if outcome.refusal is None:
            said = gettext("Your complaint has arrived. You get a message when something happens.")
            messages.success(request, gettext("You have said so already.") if outcome.repeated else said)
            return redirect("web:complaint", *wanted)
        form.add_error(None, sentence(outcome.refusal))
    made = complaints_of(participation_id=place_id).get((line.kind.value, line.instalment))
    context = {"reader": reader, "entry": Entry(line, made), "form": form}
    return render(request, "web/complaint.html", context, status=422 if form.errors else 200)
