"""What people say of their instalments: a list of work with whose turn each is, its age and day, and the answers."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.incentives.answer_complaints import Answer, answer_complaints
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.complaint_queries import (
    ComplaintLine,
    ComplaintState,
    chosen_complaints,
    complaint_tallies,
)
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.copy_rows import MAX_BIGINT
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
STATES: dict[ComplaintState, tuple[Promise, str]] = {
    ComplaintState.OVERDUE: (gettext_lazy("overdue"), "bad"),
    ComplaintState.OPEN: (gettext_lazy("to be answered"), "sun"),
    ComplaintState.ANSWERED: (gettext_lazy("answered, not moved yet"), "accent"),
    ComplaintState.CLOSED: (gettext_lazy("closed"), "good"),
}


@dataclass(frozen=True, slots=True)
class ShownComplaint:
    """One complaint as officers see it: names masked, its age in days."""

    line: ComplaintLine
    state: ComplaintState
    age_days: int

    @property
    def label(self) -> Promise:
        return STATES[self.state][0]

    @property
    def tone(self) -> str:
        return STATES[self.state][1]

    @property
    def name(self) -> str:
        return mask_name(self.line.full_name)

    @property
    def is_alarming(self) -> bool:
        return self.state is ComplaintState.OVERDUE


def shown_complaint(line: ComplaintLine, on: date) -> ShownComplaint:
    return ShownComplaint(line, line.state(on), line.days_open(on))


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def complaints(request: HttpRequest) -> HttpResponse:
    """What is open, or what an officer chooses, the one to be answered first in front."""
    today = programme_day(programme_now())
    state = next((each for each in ComplaintState if each == request.GET.get("state", "")), None)
    turn = request.GET.get("turn", "")
    turn = turn if turn in Complaint.Turn.values else ""
    lines = chosen_complaints(
        on=today, state=state, turn=turn, after=_after(request.GET.get("after", "")), limit=PAGE_SIZE + 1
    )
    query = {name: value for name, value in (("state", state), ("turn", turn)) if value}
    last = lines[PAGE_SIZE - 1] if len(lines) > PAGE_SIZE else None
    context = {
        "lines": [shown_complaint(line, today) for line in lines[:PAGE_SIZE]],
        "next": f"?{urlencode({**query, 'after': f'{last.due_on}_{last.complaint_id}'})}" if last else "",
        "state": state,
        "turn": turn,
        "states": [(each, label) for each, (label, _tone) in STATES.items()],
        "turns": Complaint.Turn.choices,
        "tallies": complaint_tallies(on=today),
    }
    return render(request, "console/complaints.html", context)


def _after(text: str) -> tuple[date, int] | None:
    """The last one seen: its day and number; None where the address says nothing that can be read."""
    day, _, number = text.partition("_")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    try:
        return date.fromisoformat(day), int(number)
    except ValueError:
        return None


@open_to(Role.OFFICER)
@require_POST
def answer(request: HttpRequest, complaint_id: int) -> HttpResponse:
    """Answer one in words; where its instalment can come no further, and for good."""
    said = Answer(min(complaint_id, MAX_BIGINT), request.POST.get("text", ""), bool(request.POST.get("ends")))
    (outcome,) = answer_complaints(answers=[said], officer_id=signed_in_id(request), at=programme_now())
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    elif outcome.repeated:
        messages.info(request, _("This was answered so before; nothing has changed."))
    else:
        messages.success(request, _("Answered. The participant reads it, and has a message."))
    line = Complaint.objects.filter(pk=said.complaint_id).first()
    if line is None:
        return redirect("console:complaints")
    return redirect("console:instalment", line.participation_id, line.kind, line.instalment)
