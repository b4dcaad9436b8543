"""Insentif: where is my money? Every instalment with one truthful state, its dates, its reason, and what to do now:
as a page, and the same rows as JSON."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.incentives.complaint_queries import ComplaintLine, complaints_of
from bekal.incentives.instalment_line import InstalmentLine
from bekal.incentives.timeline import timeline_of
from bekal.participants.queries import payout_account_of
from bekal.ui.instalments import Entry
from bekal.web.calendar import calendar_of
from bekal.web.holds import held_payments
from bekal.web.money_back import money_back_of
from bekal.web.reader import Reader, reader_of


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def incentives(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    context = {
        "reader": reader,
        "calendar": calendar_of(_lines(reader), _complaints(reader)),
        "money_back": money_back_of(reader),
        "held_payments": held_payments(reader),
        "payout_account": payout_account_of(participant_id=reader.participant.pk) if reader.participant else None,
    }
    return render(request, "web/incentives.html", context)


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def status(request: HttpRequest) -> JsonResponse:
    """The reader's own instalments as JSON, told as on the page; `docs/where-is-my-money.md` names every field."""
    reader = reader_of(request)
    complaints = _complaints(reader)
    entries = [Entry(line, complaints.get((line.kind.value, line.instalment))) for line in _lines(reader)]
    told = {"as_of": reader.today, "instalments": [_told(entry) for entry in entries]}
    return JsonResponse(told, json_dumps_params={"ensure_ascii": False})


def _lines(reader: Reader) -> tuple[InstalmentLine, ...]:
    if reader.participation is None:
        return ()
    return timeline_of(participation_id=reader.participation.pk, on=reader.today)


def _complaints(reader: Reader) -> dict[tuple[str, int], ComplaintLine]:
    return complaints_of(participation_id=reader.participation.pk) if reader.participation is not None else {}


def _told(entry: Entry) -> dict[str, Any]:
    line = entry.line
    return {
        "kind": line.kind,
        "instalment": line.instalment,
        "amount_rupiah": line.amount_rupiah,
        "scheduled_on": line.scheduled_on,
        "payment_on": line.payment_on,
        "why": entry.why,
        "is_earned": line.is_earned,
        "is_late": line.is_late,
        "state": line.state,
        "state_since_at": line.state_since_at,
        "sentence": str(entry.sentence),
        "reason_code": line.reason_code if entry.reason else "",
        "reason": entry.reason,
        "next_step": line.next_step,
        "next_step_sentence": str(entry.next_step),
        "turn": line.turn,
        "due_on": line.due_on,
        "is_overdue": line.is_overdue,
        "partner": line.partner,
        "masked_account": line.masked_account,
        "reference": line.reference,
        "next_partner": line.next_partner,
        "next_masked_account": line.next_masked,
        "paid_at": line.paid_at,
        "steps": [
            {"what": each.step.what, "at": each.step.at, "attempt": each.step.attempt, "words": each.words}
            for each in entry.steps
        ],
        "complaint": _told_complaint(entry.complaint) if entry.complaint is not None else None,
    }


def _told_complaint(line: ComplaintLine) -> dict[str, Any]:
    names = ("about", "turn", "opened_at", "due_on", "answered_at", "closed_at", "moved_to", "answer")
    return {name: getattr(line, name) for name in names}
