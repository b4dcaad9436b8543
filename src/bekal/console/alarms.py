"""Alarms: what waits and why, by detector, institution, age and officer; one hold with its evidence; the decisions.

One officer lifts, one proposes and another confirms; many at once. The auditor reads all of it and decides nothing.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.alarms.queries import latest_looks
from bekal.console.people import mask_name
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds, take_holds
from bekal.holds.models import Hold
from bekal.holds.queries import HoldLine, HoldState, chosen_holds, hold_detail, hold_tallies
from bekal.holds.steps import TEXT_LENGTH, HoldOutcome
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.display import count
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
CASE_SIZE = 200
STATES: dict[HoldState, tuple[Promise, str]] = {
    HoldState.OVERDUE: (gettext_lazy("overdue"), "bad"),
    HoldState.APPEALED: (gettext_lazy("objection waits"), "sun"),
    HoldState.PROPOSED: (gettext_lazy("confirmation proposed"), "accent"),
    HoldState.OPEN: (gettext_lazy("to be looked at"), "sun"),
    HoldState.CONFIRMED: (gettext_lazy("confirmed"), "bad"),
    HoldState.LIFTED: (gettext_lazy("lifted"), "good"),
}
REASONS: dict[str, Promise | str] = dict(Hold.Reason.choices)
SUBJECTS: dict[str, Promise | str] = dict(Hold.Subject.choices)
FIGURES: dict[str, Promise] = {
    "group_count": gettext_lazy("People in the group"),
    "bought_there_count": gettext_lazy("Of them bought at the institution"),
    "concentrated_group_count": gettext_lazy("Small groups that met at the institution"),
    "expected_group_count": gettext_lazy("Such groups expected by chance"),
    "window_days": gettext_lazy("Within days"),
    "window_hours": gettext_lazy("Within hours"),
    "shape": gettext_lazy("Shape"),
    "shared_kind": gettext_lazy("What is shared"),
    "staff_of": gettext_lazy("With staff of"),
    "learned_minutes": gettext_lazy("Minutes from redemption to completion"),
    "training_hours": gettext_lazy("Hours of the training"),
    "session_at": gettext_lazy("Last session begins"),
    "at_once_count": gettext_lazy("Codes redeemed within ten seconds"),
    "at_once_before_count": gettext_lazy("The most of the eight weeks before"),
    "night_count": gettext_lazy("Codes redeemed by night this week"),
    "night_before_count": gettext_lazy("By night in the largest week before"),
    "step": gettext_lazy("What there was too much of"),
    "week_count": gettext_lazy("In the last seven days"),
    "expected_count": gettext_lazy("Expected from its past and its peers"),
}
WORDS: dict[str, Promise] = {
    "one_group": gettext_lazy("one large group"),
    "many_groups": gettext_lazy("many small groups"),
    "device": gettext_lazy("a device"),
    "institution": gettext_lazy("the institution itself"),
    "house": gettext_lazy("another institution of the same hands"),
    "phone": gettext_lazy("a phone number or wallet"),
    "email": gettext_lazy("an e-mail address"),
    "account": gettext_lazy("a bank account"),
    "bought_at": gettext_lazy("purchases"),
    "redeemed_at": gettext_lazy("redemptions"),
    "completed_at": gettext_lazy("completions"),
}


@dataclass(frozen=True, slots=True)
class ShownHold:
    """One hold as officers see it: names masked, figures in words."""

    line: HoldLine
    state: HoldState
    days_open: int

    @property
    def label(self) -> Promise:
        return STATES[self.state][0]

    @property
    def tone(self) -> str:
        return STATES[self.state][1]

    @property
    def reason(self) -> Promise | str:
        return REASONS[self.line.reason]

    @property
    def subject(self) -> Promise | str:
        return SUBJECTS[self.line.subject]

    @property
    def name(self) -> str:
        return mask_name(self.line.full_name) if self.line.full_name else ""

    @property
    def figures(self) -> list[tuple[Promise | str, Promise | str]]:
        return [(FIGURES.get(name, name), _figure(value)) for name, value in sorted(self.line.figures.items())]


def _figure(value: int | str) -> Promise | str:
    return count(value) if isinstance(value, int) else WORDS.get(value, value)


def shown_hold(line: HoldLine, on: date) -> ShownHold:
    return ShownHold(line, line.state(on), line.days_open(on))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What was looked at, and what follows. Auditors read it, the participant does not."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What has to be decided, the most urgent first, or what an officer chooses; when each detector looked last."""
    today = programme_day(programme_now())
    choice, query = _choice(request)
    lines = chosen_holds(on=today, after=_after(request.GET.get("after", "")), limit=PAGE_SIZE + 1, **choice)
    last = lines[PAGE_SIZE - 1] if len(lines) > PAGE_SIZE else None
    context = {
        "lines": [shown_hold(line, today) for line in lines[:PAGE_SIZE]],
        "next": f"?{urlencode({**query, 'after': f'{last.due_on}_{last.hold_id}'})}" if last else "",
        "choice": choice,
        "query": query,
        "states": [(each, label) for each, (label, _tone) in STATES.items()],
        "reasons": list(REASONS.items()),
        "tallies": [(REASONS[each.reason], each) for each in hold_tallies(on=today)],
        "looks": [(REASONS[each.reason], each) for each in latest_looks()],
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "form": ReasonForm(),
    }
    return render(request, "console/alarms.html", context)


def _choice(request: HttpRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """What an officer asks for, as the read takes it and as the address says it; what is no choice is left out."""
    asked = {name: request.GET.get(name, "") for name in ("state", "reason", "institution", "mine", "case")}
    choice: dict[str, Any] = {
        "state": next((each for each in HoldState if each == asked["state"]), None),
        "reason": asked["reason"] if asked["reason"] in REASONS else "",
        "institution_id": _number(asked["institution"]),
        "officer_id": request.user.pk if asked["mine"] == "1" else None,
        "case_key": asked["case"] if asked["case"].isascii() and asked["case"].isalnum() else "",
    }
    names = ("state", "reason", "institution", "mine", "case")
    chosen = zip(names, choice.values(), strict=True)
    return choice, {name: asked[name] for name, value in chosen if value not in (None, "")}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _after(text: str) -> tuple[date, int] | None:
    day, _sign, number = text.partition("_")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return None
    found = _number(number)
    return None if found is None else (on, found)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def alarm(request: HttpRequest, hold_id: int) -> HttpResponse:
    """One hold: what was found, everything that was said, and the others of the same finding."""
    found = hold_detail(hold_id=hold_id)
    if found is None:
        raise Http404
    line, events = found
    today = programme_day(programme_now())
    case = chosen_holds(on=today, case_key=line.case_key, limit=CASE_SIZE + 1)
    context = {
        "held": shown_hold(line, today),
        "events": events,
        "case": [shown_hold(each, today) for each in case[:CASE_SIZE] if each.hold_id != hold_id],
        "is_case_cut": len(case) > CASE_SIZE,
        "case_size": CASE_SIZE,
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "own_proposal": line.proposed_by_id == request.user.pk,
        "form": ReasonForm(),
    }
    return render(request, "console/alarm.html", context)


Decide = Callable[..., tuple[HoldOutcome, ...]]
DECISIONS: Mapping[str, tuple[Decide, bool]] = {
    "take": (take_holds, False),
    "lift": (lift_holds, True),
    "propose": (propose_holds, True),
    "confirm": (confirm_holds, False),
}


@open_to(Role.OFFICER)
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Take, lift, propose or confirm the holds that are ticked, and say of each refusal why."""
    decision = DECISIONS.get(request.POST.get("decision", ""))
    numbers = [_number(text) for text in request.POST.getlist("hold")[:CASE_SIZE]]
    hold_ids = list(dict.fromkeys(number for number in numbers if number is not None))
    back = _number(request.POST.get("back", ""))
    if decision is None or not hold_ids:
        messages.error(request, _("Tick at least one hold, and choose what to do with it."))
    else:
        verb, needs_reason = decision
        if needs_reason:
            verb = partial(verb, reason=request.POST.get("reason", ""))
        _tell(request, verb(hold_ids=hold_ids, officer_id=signed_in_id(request), at=programme_now()))
    return redirect("console:alarm", back) if back else redirect("console:alarms")


def _tell(request: HttpRequest, outcomes: Collection[HoldOutcome]) -> None:
    done_count = sum(each.refusal is None for each in outcomes)
    if done_count:
        text = ngettext("Done for %(shown)s hold.", "Done for %(shown)s holds.", done_count)
        messages.success(request, text % {"shown": count(done_count)})
    for text in dict.fromkeys(sentence(each.refusal) for each in outcomes if each.refusal is not None):
        messages.error(request, text)
