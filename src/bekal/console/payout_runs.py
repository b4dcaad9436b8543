"""Payout runs: one officer plans, another approves exactly that list, the files go out and the answers come back."""

import re
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.accounts.privacy import decrypt
from bekal.console.payout_waiting import waiting_lines
from bekal.core.money import format_rupiah
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.exception_alarm import alarming_count
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.house_rails import house_rails
from bekal.incentives.models import PayoutFile, PayoutReversal, PayoutRun
from bekal.incentives.pause_payout_run import pause_payout_run, resume_payout_run
from bekal.incentives.plan_follow_up import run_links
from bekal.incentives.plan_payout_run import LeftOutReason, PlannedRun, plan_payout_run
from bekal.incentives.queries import RunState, due_days, run_detail, run_lines
from bekal.incentives.queries import runs as list_runs
from bekal.incentives.reverse_payouts import (
    ReverseOutcome,
    ask_to_reverse_payouts,
    drop_reversals,
    reverse_payouts,
)
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.under_way import UnderWay, open_exception_count, under_way
from bekal.ledger.clock import programme_day, programme_now
from bekal.participants.models import PaymentPartner
from bekal.ui.refusals import sentence

PAGE_SIZE = 25
LINES = 50
MAX_ID = 2**63 - 1
MAX_STATUS_FILE_BYTES = 50_000_000
REFERENCE = re.compile(r"[A-Z0-9]{1,35}")
LEFT_OUT = {
    LeftOutReason.NO_ACCOUNT: gettext_lazy("%(count)s due, left out: no payout account yet."),
    LeftOutReason.ACCOUNT_NOT_VERIFIED: gettext_lazy("%(count)s due, left out: the payout account is not verified."),
    LeftOutReason.ACCOUNT_CHANGED: gettext_lazy(
        "%(count)s due, left out: the payout account was changed, and nothing is paid to it for 72 hours."
    ),
    LeftOutReason.ACCOUNT_FAILED: gettext_lazy(
        "%(count)s due, left out: their bank or wallet says that it cannot pay to the account. They have been told."
    ),
    LeftOutReason.ACCOUNT_NOT_CHECKED: gettext_lazy(
        "%(count)s due, left out: their bank or wallet has not yet said whether it can pay to the account."
    ),
    LeftOutReason.REVOKED: gettext_lazy("%(count)s due, left out: the place was revoked before it was earned."),
    LeftOutReason.CLAWED_BACK: gettext_lazy("%(count)s earned, left out: the money of these people was clawed back."),
    LeftOutReason.HELD: gettext_lazy("%(count)s due, left out: an alarm holds them until an officer has decided."),
    LeftOutReason.IN_QUESTION: gettext_lazy(
        "%(count)s due, left out: the partner has said two contrary things of the last attempt."
    ),
    LeftOutReason.OVER_LIMIT: gettext_lazy("%(count)s due, left out: larger than the partner takes in one payment."),
}


class PlanForm(forms.Form):
    planned_for = forms.DateField(
        label=gettext_lazy("Pay everything due on or before"),
        # The form a date field of a browser takes, whatever the language.
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("The 25th in 2020; the first week of the month from January 2021."),
    )


class StatusFileForm(forms.Form):
    partner = forms.ChoiceField(label=gettext_lazy("Payment partner"), choices=PaymentPartner.choices)
    file = forms.FileField(
        label=gettext_lazy("File of the partner (CSV, pain.002, camt.053, camt.054, MT940)"),
        allow_empty_file=True,
        help_text=gettext_lazy("Count, sum and hash in the last line are checked before anything is used."),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_STATUS_FILE_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB. Send it in parts, one run at a time."))
        return file


def run_or_404(run_id: int) -> PayoutRun:
    return get_object_or_404(PayoutRun, pk=min(run_id, MAX_ID))


@open_to(Role.OFFICER, Role.AUDITOR)
def runs(request: HttpRequest, form: PlanForm | None = None) -> HttpResponse:
    text = request.GET.get("before", "")
    before_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    lines = list_runs(limit=PAGE_SIZE + 1, before_id=before_id)
    asking = PayoutReversal.objects.filter(payout__ended_at=None, agreed_at=None, dropped_at=None)
    context = {
        "runs": lines[:PAGE_SIZE],
        "next_before": lines[PAGE_SIZE - 1].run_id if len(lines) > PAGE_SIZE else None,
        "due_days": due_days(),
        "alarming_count": alarming_count(at=programme_now()),
        "reversals": asking.select_related("payout", "asked_by").order_by("asked_at", "pk")[:LINES],
        "form": form or PlanForm(initial={"planned_for": programme_day(programme_now())}),
    }
    return render(request, "console/runs.html", context, status=422 if form else 200)


@open_to(Role.OFFICER)
@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    form = PlanForm(request.POST)
    if not form.is_valid():
        return runs(request, form=form)
    planned = plan_payout_run(
        planned_for=form.cleaned_data["planned_for"],
        officer_id=signed_in_id(request),
        at=programme_now(),
        rails=house_rails(),
    )
    say_planned(request, planned)
    if planned.refusal is not None:
        form.add_error("planned_for", sentence(planned.refusal))
        return runs(request, form=form)
    return redirect("console:run", run_id=planned.run_id)


def say_planned(request: HttpRequest, planned: PlannedRun) -> None:
    """What is on the list and what is left out of it; why there is none is for the page to say."""
    for left_out in planned.left_out:
        messages.info(request, LEFT_OUT[left_out.reason] % {"count": left_out.entitlement_count})
    if planned.refusal is None:
        words = ngettext(
            "Planned: %(count)s payout, %(total)s in all. A second officer must approve it.",
            "Planned: %(count)s payouts, %(total)s in all. A second officer must approve them.",
            planned.payout_count,
        )
        values = {"count": planned.payout_count, "total": format_rupiah(planned.total_rupiah)}
        messages.success(request, words % values)


@open_to(Role.OFFICER, Role.AUDITOR)
def run(request: HttpRequest, run_id: int, form: StatusFileForm | None = None) -> HttpResponse:
    detail = run_detail(run_id=min(run_id, MAX_ID))
    if detail is None:
        raise Http404
    after = request.GET.get("after", "")
    lines = run_lines(run_id=run_id, after_reference=after if REFERENCE.fullmatch(after) else "", limit=LINES + 1)
    is_out = detail.run.state is RunState.EXPORTED
    ways = under_way(run_id=run_id) if is_out else {}
    rails = house_rails()
    # What goes by itself is watched; an answer that an officer reads in comes no sooner by looking.
    moves = is_out and detail.run.paused_at is None and not ways.keys().isdisjoint(rails)
    context = {
        "shares": [(total, ways.get(total.partner, UnderWay(total.partner))) for total in detail.partners],
        "unknown_count": sum(way.unknown_count for way in ways.values()),
        "exception_count": open_exception_count(run_id=run_id) if detail.run.exported_at else 0,
        "waiting": waiting_lines(run_id=run_id, rails=rails, at=programme_now()) if is_out and rails else [],
        "moves": moves,
        "watched": moves and form is None and "still" not in request.GET,
        "detail": detail,
        "run": detail.run,
        "links": run_links(run_id=run_id),
        "list_sha256": detail.run.list_sha256.hex(),
        "own": detail.run.planned_by_id == request.user.pk,
        "lines": lines[:LINES],
        "user_id": request.user.pk,
        "next_after": lines[LINES - 1].reference if len(lines) > LINES else "",
        "form": form or StatusFileForm(),
    }
    return render(request, "console/run.html", context, status=422 if form else 200)


@open_to(Role.OFFICER)
@require_POST
def approve(request: HttpRequest, run_id: int) -> HttpResponse:
    payout_run = run_or_404(run_id)
    try:
        shown = bytes.fromhex(request.POST.get("list_sha256", ""))
    except ValueError:
        shown = b""
    refusal = approve_payout_run(
        run_id=payout_run.pk, officer_id=signed_in_id(request), list_sha256=shown, at=programme_now()
    ).refusal
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("Approved. The files can be made now."))
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    payout_run = run_or_404(run_id)
    refusal = cancel_payout_run(run_id=payout_run.pk, officer_id=signed_in_id(request), at=programme_now()).refusal
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("Cancelled. Nobody was paid by this run; its instalments can be planned again."))
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def export(request: HttpRequest, run_id: int) -> HttpResponse:
    payout_run = run_or_404(run_id)
    exported = export_payout_run(run_id=payout_run.pk, at=programme_now(), rails=house_rails())
    if exported.refusal is not None:
        messages.error(request, sentence(exported.refusal))
    else:
        messages.success(request, _("The files are ready: one for each payment partner."))
        if held_count := exported.withheld_count - exported.changed_count:
            words = _(
                "%(count)s payouts that an alarm or an open question holds were kept back. "
                "They are due again when that is over."
            )
            messages.info(request, words % {"count": held_count})
        if exported.changed_count:
            words = _(
                "%(count)s payouts were kept back because their account was changed after the list was planned. "
                "They are due again."
            )
            messages.info(request, words % {"count": exported.changed_count})
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def pause(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop handing over: one officer is enough."""
    payout_run = run_or_404(run_id)
    paused = pause_payout_run(run_id=payout_run.pk, officer_id=signed_in_id(request), at=programme_now())
    if paused.refusal is not None:
        messages.error(request, sentence(paused.refusal))
    else:
        messages.success(request, _("Paused. Nothing more is handed over; what a partner has taken goes on."))
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def resume(request: HttpRequest, run_id: int) -> HttpResponse:
    payout_run = run_or_404(run_id)
    resumed = resume_payout_run(run_id=payout_run.pk)
    if resumed.refusal is not None:
        messages.error(request, sentence(resumed.refusal))
    else:
        messages.success(request, _("The run goes on."))
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def settle(request: HttpRequest, run_id: int) -> HttpResponse:
    payout_run = run_or_404(run_id)
    form = StatusFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return run(request, payout_run.pk, form=form)
    file = form.cleaned_data["file"]
    settled = settle_payouts(
        partner=form.cleaned_data["partner"],
        name=file.name,
        content=file.read(),
        at=programme_now(),
    )
    if settled.refusal is not None:
        form.add_error("file", sentence(settled.refusal))
        return run(request, payout_run.pk, form=form)
    sentence_read = (
        _(
            "This file was read before; nothing has changed. "
            "It holds %(settled)s paid, %(rejected)s rejected, %(returned)s sent back."
        )
        if settled.repeated
        else _("Read: %(settled)s paid, %(rejected)s rejected, %(returned)s sent back.")
    )
    if settled.exception_count:
        words = ngettext(
            "%(count)s line could not be taken. It is an exception now, with its next step.",
            "%(count)s lines could not be taken. They are exceptions now, each with its next step.",
            settled.exception_count,
        )
        messages.warning(request, words % {"count": settled.exception_count})
    counts = {"settled": settled.settled_count, "rejected": settled.rejected_count, "returned": settled.returned_count}
    messages.success(request, sentence_read % counts)
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
@require_POST
def reverse(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask that one payout of a run be taken back that was paid and should not have been."""
    reference, reason_code = _of_reversal(request)
    (outcome,) = ask_to_reverse_payouts(
        references=[reference], reason_code=reason_code, officer_id=signed_in_id(request), at=programme_now()
    )
    return _told_of_reversal(
        request,
        run_id,
        outcome,
        _("Asked: %(reference)s, %(amount)s. A second officer must agree before it is taken back."),
        _("%(reference)s was taken back, or asked for, before; nothing has changed."),
    )


@open_to(Role.OFFICER)
@require_POST
def agree_to_reversal(request: HttpRequest, run_id: int) -> HttpResponse:
    """Take a payout back, for exactly the reason that was shown."""
    reference, reason_code = _of_reversal(request)
    (outcome,) = reverse_payouts(
        references=[reference], reason_code=reason_code, officer_id=signed_in_id(request), at=programme_now()
    )
    return _told_of_reversal(
        request,
        run_id,
        outcome,
        _("%(reference)s is taken back: %(amount)s. Its instalment is due again."),
        _("%(reference)s was taken back before; nothing has changed."),
    )


@open_to(Role.OFFICER)
@require_POST
def drop_reversal(request: HttpRequest, run_id: int) -> HttpResponse:
    reference, _reason_code = _of_reversal(request)
    (outcome,) = drop_reversals(references=[reference], officer_id=signed_in_id(request), at=programme_now())
    return _told_of_reversal(request, run_id, outcome, _("The request is dropped: %(reference)s stays paid."), "")


def _of_reversal(request: HttpRequest) -> tuple[str, str]:
    reference, reason_code = (request.POST.get(name, "").strip().upper()[:64] for name in ("reference", "reason_code"))
    return reference, reason_code


def _told_of_reversal(
    request: HttpRequest, run_id: int, outcome: ReverseOutcome, done: str, repeated: str
) -> HttpResponse:
    payout_run = run_or_404(run_id)
    values = {"reference": outcome.reference, "amount": format_rupiah(outcome.amount_rupiah)}
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    elif outcome.repeated:
        messages.info(request, repeated % values)
    else:
        messages.success(request, done % values)
    return redirect("console:run", run_id=payout_run.pk)


@open_to(Role.OFFICER)
def download(request: HttpRequest, run_id: int, file_id: int) -> HttpResponse:
    """One file of a run, byte for byte as it was sent or received."""
    found = get_object_or_404(PayoutFile, run_id=min(run_id, MAX_ID), pk=min(file_id, MAX_ID))
    content = decrypt(bytes(found.content_encrypted)).encode()
    content_type = "application/xml" if found.name.endswith(".xml") else "text/csv; charset=utf-8"
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name)}"
    response["Cache-Control"] = "no-store"
    return response
