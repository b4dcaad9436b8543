"""Penahanan: a payment waits. Why, in plain words, who decides until when, and the reader's own objection."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.queries import EventLine, HoldLine, HoldState, hold_detail, holds_of_person
from bekal.ui.refusals import sentence
from bekal.web.forms import AppealForm, posted
from bekal.web.reader import Reader, reader_of

# What the reader may know: what has to be made sure, never how it was noticed or who else is looked at.
REASONS: dict[str, Promise] = {
    Hold.Reason.RING: _("The office has to make sure that this account is yours and that you use it yourself."),
    Hold.Reason.BURST: _("The office has to make sure that this account is yours and that you use it yourself."),
    Hold.Reason.SHARED: _("The office has to make sure that this account is yours and that you use it yourself."),
    Hold.Reason.TIMING: _("The office has to make sure that the training was learned as it was recorded."),
    Hold.Reason.OWNERSHIP: _("The office has to make sure that you bought the training for yourself."),
}
_OTHER = _("The office has to make sure that everything is right with the training.")
# What the reader is told of each step; what officers say among themselves is not among it.
STEPS: dict[str, Promise] = {
    HoldEvent.Kind.OPENED: _("The payment waits"),
    HoldEvent.Kind.APPEALED: _("You have objected"),
    HoldEvent.Kind.CONFIRMED: _("Two officers have decided that it goes on waiting"),
    HoldEvent.Kind.LIFTED: _("The office has decided that it is paid"),
}


@dataclass(frozen=True, slots=True)
class HeldPayment:
    """One hold as the one who waits reads it."""

    line: HoldLine
    state: HoldState

    @property
    def reason(self) -> Promise:
        return REASONS.get(self.line.reason, _OTHER)

    @property
    def may_object(self) -> bool:
        return self.line.lifted_at is None and self.line.appealed_at is None

    @property
    def is_confirmed(self) -> bool:
        return self.state is HoldState.CONFIRMED


def held_payments(reader: Reader) -> tuple[HeldPayment, ...]:
    """What waits for the reader, oldest first; one query."""
    if reader.participation is None:
        return ()
    lines = holds_of_person(participation_id=reader.participation.pk)
    return tuple(HeldPayment(line, line.state(reader.today)) for line in lines)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def hold(request: HttpRequest, hold_id: int) -> HttpResponse:
    """One hold of the reader's own, with what came of it; sent, an objection."""
    reader = reader_of(request)
    found = hold_detail(hold_id=hold_id)
    if found is None or reader.participation is None or found[0].participation_id != reader.participation.pk:
        raise Http404
    form = AppealForm(posted(request))
    if request.method == "POST" and form.is_valid():
        appeal = Appeal(hold_id, form.cleaned_data["text"], participation_id=reader.participation.pk)
        (outcome,) = appeal_holds(appeals=[appeal], at=reader.at)
        if outcome.refusal is None:
            messages.success(request, gettext("Your objection has arrived. You get a message when it is decided."))
            return redirect("web:hold", hold_id)
        form.add_error(None, sentence(outcome.refusal))
    line, events = found
    context = {
        "reader": reader,
        "held": HeldPayment(line, line.state(reader.today)),
        "steps": _steps(events),
        "form": form,
    }
    return render(request, "web/hold.html", context, status=422 if form.errors else 200)


def _steps(events: Sequence[EventLine]) -> list[tuple[EventLine, Promise, str]]:
    """(event, its words, the reader's own text); a proposal is the officers' own business."""
    own = HoldEvent.Kind.APPEALED
    return [(each, STEPS[each.kind], each.text if each.kind == own else "") for each in events if each.kind in STEPS]
