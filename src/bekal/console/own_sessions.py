"""The institution's desk for its sessions: dated, moved, called off, with a message to those who bought."""

from datetime import datetime, time

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.models import REASON_LIMIT_COUNT, Training
from bekal.console.institution import own_institution
from bekal.ledger.clock import JAKARTA, programme_now
from bekal.purchases.move_sessions import PLACE_LIMIT_COUNT, SessionMove, move_sessions
from bekal.ui.refusals import sentence

MAX_ID = 2**63 - 1


class SessionForm(forms.Form):
    sequence = forms.TypedChoiceField(label=gettext_lazy("Session"), coerce=int)
    on = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("Empty: the session is called off and has no date."),
    )
    starts = forms.TimeField(
        label=gettext_lazy("Starts"),
        initial=time(9),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=gettext_lazy("West Indonesian Time (WIB)."),
    )
    ends = forms.TimeField(
        label=gettext_lazy("Ends"), required=False, widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    )
    place = forms.CharField(label=gettext_lazy("Place"), required=False, max_length=PLACE_LIMIT_COUNT)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=REASON_LIMIT_COUNT,
        help_text=gettext_lazy("Needed where the session had a date: those who bought are told."),
    )

    def __init__(self, *args: object, session_count: int, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["sequence"].choices = [(number, number) for number in range(1, session_count + 1)]  # type: ignore[attr-defined]

    def move(self, training: Training, by_id: int) -> SessionMove:
        """What the form asks for, in Jakarta's time."""
        given = self.cleaned_data
        on, ends = given["on"], given["ends"]
        return SessionMove(
            institution_id=training.institution_id,
            training_id=training.pk,
            sequence=given["sequence"],
            starts_at=datetime.combine(on, given["starts"], tzinfo=JAKARTA) if on else None,
            ends_at=datetime.combine(on, ends, tzinfo=JAKARTA) if on and ends else None,
            place=given["place"],
            reason=given["reason"],
            by_id=by_id,
        )


@open_to(Role.INSTITUTION)
def own_sessions(request: HttpRequest, training_id: int) -> HttpResponse:
    """The dates of a training of one's own, and a form that changes one."""
    rows = Training.objects.filter(pk=min(training_id, MAX_ID), institution=own_institution(request))
    training = rows.first()
    if training is None:
        raise Http404
    posted = request.POST if request.method == "POST" else None
    form = SessionForm(posted, session_count=training.session_count)
    if posted is not None and form.is_valid():
        [outcome] = move_sessions(moves=[form.move(training, signed_in_id(request))], at=programme_now())
        if outcome.refusal is None:
            said = _("Kept. Buyers who were told: %(count)s.") % {"count": outcome.told_count}
            messages.success(request, said)
            return redirect("console:own_sessions", training.pk)
        form.add_error(None, sentence(outcome.refusal))
    context = {
        "training": training,
        "sessions": training.sessions.order_by("sequence"),
        "moves": training.session_changes.order_by("-pk")[:50],
        "form": form,
    }
    return render(request, "console/own_sessions.html", context, status=422 if form.errors else 200)
