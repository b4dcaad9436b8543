"""Clawbacks: one officer decides, another approves, repayments come in, and what was decided wrongly is withdrawn."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.core.money import MoneyError, format_rupiah, parse_rupiah
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.lifecycle.ageing import OVERDUE_BANDS, days_between, due_between, receivables
from bekal.lifecycle.claw_back import (
    WithdrawnClawback,
    agree_to_withdrawal,
    amounts_owed,
    approve_clawback,
    decide_clawback,
    keep_clawback,
    withdraw_clawback,
)
from bekal.lifecycle.clawbacks import ClawbackLine, ClawbackState, clawback_detail, clawbacks
from bekal.lifecycle.models import Clawback
from bekal.lifecycle.record_repayment import record_repayment
from bekal.participants.models import Participation
from bekal.ui.display import province
from bekal.ui.refusals import sentence
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
MAX_ID = 2**63 - 1
CAUSES: dict[str, Promise] = {
    Clawback.Cause.INELIGIBLE: gettext_lazy("The conditions were not met: cash and the cost of trainings"),
    Clawback.Cause.FALSE_EVIDENCE: gettext_lazy("Evidence was false: the cash"),
    Clawback.Cause.IDENTITY: gettext_lazy("The identity was not the person's own: cash and the cost of trainings"),
}
STATES: dict[ClawbackState, tuple[Promise, str]] = {
    ClawbackState.DECIDED: (gettext_lazy("waits for a second officer"), "sun"),
    ClawbackState.DUE: (gettext_lazy("to be paid back"), "accent"),
    ClawbackState.OVERDUE: (gettext_lazy("overdue"), "bad"),
    ClawbackState.REPAID: (gettext_lazy("nothing owed any more"), "good"),
    ClawbackState.WITHDRAWN: (gettext_lazy("let go"), ""),
}


class DecideForm(forms.Form):
    participation = forms.IntegerField(
        label=gettext_lazy("Number of the participation"), min_value=1, max_value=MAX_ID, localize=False
    )
    cause = forms.ChoiceField(label=gettext_lazy("Cause"), choices=[("", "–"), *CAUSES.items()])
    explanation = forms.CharField(
        label=gettext_lazy("Explanation"),
        widget=forms.Textarea(attrs={"rows": 4}),
        strip=True,
        help_text=gettext_lazy("The participant reads this: say in plain words what was found, and where."),
    )


class RepaymentForm(forms.Form):
    reference = forms.CharField(
        label=gettext_lazy("Number of the treasury's receipt"), help_text=gettext_lazy("As printed on the receipt.")
    )
    amount = forms.CharField(
        label=gettext_lazy("Amount in rupiah"),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=gettext_lazy("Digits only, for example 600000. It may be a part."),
    )
    received_on = forms.DateField(
        label=gettext_lazy("Received on"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def clean_amount(self) -> int:
        try:
            return parse_rupiah(self.cleaned_data["amount"], minimum=1)
        except MoneyError:
            text = _("“%(value)s” is not an amount. Write whole rupiah above 0, digits only, for example 600000.")
            raise forms.ValidationError(text % {"value": self.cleaned_data["amount"][:40]}) from None


class WithdrawForm(forms.Form):
    because = forms.CharField(
        label=gettext_lazy("Why it is withdrawn"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The participant reads this, too."),
    )


def age_label(band: int) -> str:
    """How long a receivable is overdue."""
    first, last = days_between(OVERDUE_BANDS, band)
    if first is None:
        return _("not due yet")
    if last is None:
        return _("more than %(days)s days overdue") % {"days": first - 1}
    return _("%(first)s – %(last)s days overdue") % {"first": first, "last": last}


def _shown(line: ClawbackLine, on: date) -> dict[str, Any]:
    state = line.state(on)
    label, tone = STATES[state]
    return {"line": line, "name": mask_name(line.full_name), "state": state, "label": label, "tone": tone}


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def overview(request: HttpRequest) -> HttpResponseBase:
    """All clawbacks, or those in one state or so long overdue; what is owed back, by age."""
    at = programme_now()
    today = programme_day(at)
    state_text, age_text, before = (request.GET.get(name, "") for name in ("state", "age", "before"))
    state = next((each for each in ClawbackState if each == state_text), None)
    band = int(age_text) if age_text in [str(number) for number in range(len(OVERDUE_BANDS))] else None
    due = due_between(band, today) if band is not None else (None, None)
    choice: dict[str, Any] = {"on": today, "state": state, "due_from_on": due[0], "due_until_on": due[1]}
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return _clawbacks_out(form, clawbacks(**choice), today)
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) <= 18 else None
    lines = clawbacks(before_id=before_id, limit=PAGE_SIZE + 1, **choice)
    ages = receivables(as_of=at)
    query = "".join(f"{name}={text}&" for name, text in (("state", state), ("age", band)) if text is not None)
    context = {
        "lines": [_shown(line, today) for line in lines[:PAGE_SIZE]],
        "next": f"?{query}before={lines[PAGE_SIZE - 1].clawback_id}" if len(lines) > PAGE_SIZE else "",
        "query": f"?{query}",
        "state": state,
        "band": band,
        "band_label": age_label(band) if band is not None else "",
        "states": [(each, label) for each, (label, _tone) in STATES.items()],
        "ages": [(age, age_label(age.band)) for age in ages],
        "owed_rupiah": sum(age.total_rupiah for age in ages),
        "owed_count": sum(age.clawback_count for age in ages),
        "today": today,
    }
    return render(request, "console/clawbacks.html", context)


def _clawbacks_out(form: str, lines: Iterable[ClawbackLine], today: date) -> HttpResponseBase:
    header: Sequence[str] = [
        _("Clawback"),
        _("Participation"),
        _("Province"),
        _("Cause"),
        _("State"),
        _("Cash (Rp)"),
        _("Cost of trainings (Rp)"),
        _("Paid back (Rp)"),
        _("Outstanding (Rp)"),
        _("Decided"),
        _("Approved"),
        _("Due on"),
    ]
    rows = (
        [
            line.clawback_id,
            line.participation_id,
            province(line.province),
            line.cause_label,
            STATES[line.state(today)][0],
            line.incentive_rupiah,
            line.training_rupiah,
            line.repaid_rupiah,
            line.outstanding_rupiah,
            line.decided_at,
            line.approved_at,
            line.due_on,
        ]
        for line in lines
    )
    if form == "csv":
        return csv_response(name="clawbacks", header=header, rows=rows)
    return xlsx_response(name="clawbacks", title=_("Clawbacks"), header=header, rows=rows, rupiah_columns=(5, 6, 7, 8))


@open_to(Role.OFFICER)
def decide(request: HttpRequest) -> HttpResponse:
    """The form, with what each cause would ask back once a participation is named; sent, the decision."""
    wanted = request.GET.get("participation", "")
    initial = {"participation": wanted if wanted.isascii() and wanted.isdigit() and len(wanted) <= 18 else ""}
    form = DecideForm(request.POST) if request.method == "POST" else DecideForm(initial=initial)
    if request.method == "POST" and form.is_valid():
        decided = decide_clawback(
            participation_id=form.cleaned_data["participation"],
            cause=form.cleaned_data["cause"],
            explanation=form.cleaned_data["explanation"],
            officer_id=signed_in_id(request),
            at=programme_now(),
        )
        if decided.refusal is None:
            total = format_rupiah(decided.incentive_rupiah + decided.training_rupiah)
            messages.success(request, _("Decided: %(total)s. A second officer must approve it.") % {"total": total})
            return redirect("console:clawback", clawback_id=decided.clawback_id)
        form.add_error(None, sentence(decided.refusal))
    number = str(form["participation"].value() or "")
    person = _person(number)
    context = {"form": form, "person": person, "preview": _preview(person) if person else []}
    return render(request, "console/clawback_new.html", context, status=422 if form.errors else 200)


def _person(number: str) -> Participation | None:
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return Participation.objects.select_related("participant", "wave").filter(pk=int(number)).first()


def _preview(person: Participation) -> list[tuple[str, int, int]]:
    """What each cause asks back now: (cause, cash, cost of trainings)."""
    held = balances_of(owner_ids=[person.pk]).get(person.pk, {})
    return [(str(label), *amounts_owed(held, cause)) for cause, label in CAUSES.items()]


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def clawback(request: HttpRequest, clawback_id: int) -> HttpResponse:
    return _page(request, clawback_id)


def _page(
    request: HttpRequest,
    clawback_id: int,
    *,
    repayment: RepaymentForm | None = None,
    withdraw: WithdrawForm | None = None,
) -> HttpResponse:
    found = clawback_detail(clawback_id=min(clawback_id, MAX_ID))
    if found is None:
        raise Http404
    line, repayments = found
    today = programme_day(programme_now())
    held = balances_of(owner_ids=[line.participation_id]).get(line.participation_id, {})
    context = {
        **_shown(line, today),
        "repayments": repayments,
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "own": line.decided_by_id == request.user.pk,
        "own_withdrawal": line.withdrawal_asked_by_id == request.user.pk,
        "payable_rupiah": held.get(Kind.INSTITUTION_PAYABLE, 0),
        "clawback_days": RULES.value("clawback_days", today),
        "days_left": (line.due_on - today).days if line.due_on else 0,
        "repayment": repayment or RepaymentForm(initial={"received_on": today}),
        "withdraw": withdraw or WithdrawForm(),
    }
    return render(request, "console/clawback.html", context, status=422 if repayment or withdraw else 200)


@open_to(Role.OFFICER)
@require_POST
def approve(request: HttpRequest, clawback_id: int) -> HttpResponse:
    _must_exist(clawback_id)
    approved = approve_clawback(clawback_id=clawback_id, officer_id=signed_in_id(request), at=programme_now())
    if approved.refusal is not None:
        messages.error(request, sentence(approved.refusal))
    else:
        text = _("Approved. %(owed)s has to be paid back, %(returned)s returned to the treasury at once.")
        values = {"owed": format_rupiah(approved.owed_rupiah), "returned": format_rupiah(approved.returned_rupiah)}
        messages.success(request, text % values)
    return redirect("console:clawback", clawback_id=clawback_id)


@open_to(Role.OFFICER)
@require_POST
def repay(request: HttpRequest, clawback_id: int) -> HttpResponse:
    _must_exist(clawback_id)
    form = RepaymentForm(request.POST)
    if not form.is_valid():
        return _page(request, clawback_id, repayment=form)
    recorded = record_repayment(
        clawback_id=clawback_id,
        reference=form.cleaned_data["reference"],
        amount_rupiah=form.cleaned_data["amount"],
        received_on=form.cleaned_data["received_on"],
        officer_id=signed_in_id(request),
        at=programme_now(),
    )
    if recorded.refusal is not None:
        form.add_error(None, sentence(recorded.refusal))
        return _page(request, clawback_id, repayment=form)
    left = format_rupiah(recorded.outstanding_rupiah)
    if recorded.repeated:
        messages.info(
            request,
            _("This receipt had been recorded before; nothing changed. Outstanding: %(left)s.") % {"left": left},
        )
    else:
        messages.success(request, _("Recorded. Outstanding: %(left)s.") % {"left": left})
    return redirect("console:clawback", clawback_id=clawback_id)


@open_to(Role.OFFICER)
@require_POST
def withdraw(request: HttpRequest, clawback_id: int) -> HttpResponse:
    _must_exist(clawback_id)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return _page(request, clawback_id, withdraw=form)
    withdrawn = withdraw_clawback(
        clawback_id=clawback_id,
        officer_id=signed_in_id(request),
        because=form.cleaned_data["because"],
        at=programme_now(),
    )
    if withdrawn.refusal is not None:
        form.add_error(None, sentence(withdrawn.refusal))
        return _page(request, clawback_id, withdraw=form)
    _tell_of_withdrawal(request, withdrawn)
    return redirect("console:clawback", clawback_id=clawback_id)


@open_to(Role.OFFICER)
@require_POST
def agree(request: HttpRequest, clawback_id: int) -> HttpResponse:
    """Agree to a withdrawal, for exactly the reason and the amounts that were shown."""
    _must_exist(clawback_id)
    try:
        seen = bytes.fromhex(request.POST.get("seen", ""))
    except ValueError:
        seen = b""
    withdrawn = agree_to_withdrawal(
        clawback_id=clawback_id, officer_id=signed_in_id(request), seen_sha256=seen, at=programme_now()
    )
    if withdrawn.refusal is not None:
        messages.error(request, sentence(withdrawn.refusal))
    else:
        _tell_of_withdrawal(request, withdrawn)
    return redirect("console:clawback", clawback_id=clawback_id)


@open_to(Role.OFFICER)
@require_POST
def keep(request: HttpRequest, clawback_id: int) -> HttpResponse:
    _must_exist(clawback_id)
    refusal = keep_clawback(clawback_id=clawback_id)
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("The request is dropped, and the clawback stands."))
    return redirect("console:clawback", clawback_id=clawback_id)


def _tell_of_withdrawal(request: HttpRequest, withdrawn: WithdrawnClawback) -> None:
    left, repaid = format_rupiah(withdrawn.withdrawn_rupiah), format_rupiah(withdrawn.repaid_rupiah)
    if withdrawn.waits:
        text = _("Asked. %(left)s is not owed any more once a second officer has agreed.")
    else:
        text = _(
            "Withdrawn. %(left)s is not owed any more; %(repaid)s was paid back before and stays with the treasury."
        )
    messages.success(request, text % {"left": left, "repaid": repaid})


def _must_exist(clawback_id: int) -> None:
    if clawback_id > MAX_ID or not Clawback.objects.filter(pk=clawback_id).exists():
        raise Http404
