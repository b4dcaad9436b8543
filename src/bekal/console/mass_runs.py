"""Mass runs: a verb over many people is seen before it happens, approved by a second person, and watched at work."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day, programme_now
from bekal.lifecycle.mass_people import ListLine, ListView, dry_run, dry_run_lines, left_out, lines_of, list_of
from bekal.lifecycle.mass_queries import failures
from bekal.lifecycle.mass_runs import (
    MassRunState,
    MassState,
    approve_mass_run,
    cancel_mass_run,
    mass_run,
    plan_mass_run,
)
from bekal.lifecycle.mass_runs import mass_runs as list_runs
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import FIRST_YEAR, OPERATIONS, Subject
from bekal.participants.models import Wave
from bekal.ui.display import count, rupiah
from bekal.ui.refusals import sentence
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 25
MAX_ID = 2**63 - 1
WAVES_SHOWN = 200
Kinds = MassRun.Operation
# In the order in which they come in somebody's life: what it is called, and what it does.
KINDS: dict[str, tuple[Any, Any]] = {
    Kinds.ACCEPT_WAVE: (
        gettext_lazy("Accept a wave"),
        gettext_lazy("Registered people get a place, as many as the wave has, and their whole envelope is committed."),
    ),
    Kinds.ENTITLE: (
        gettext_lazy("Plan instalments"),
        gettext_lazy("Whose first training is proven earns every instalment, each with its day of payment."),
    ),
    Kinds.REVOKE: (
        gettext_lazy("Revoke places"),
        gettext_lazy("Who bought no training in time loses the place; the whole envelope returns to the treasury."),
    ),
    Kinds.END_BALANCES: (
        gettext_lazy("End balances"),
        gettext_lazy("After its last day what is left of a training balance returns to the treasury."),
    ),
    Kinds.SETTLE_INSTITUTIONS: (
        gettext_lazy("Settle institutions"),
        gettext_lazy("What is proven, and past its hold, is ordered to be paid: a settlement run pays it."),
    ),
    Kinds.CLOSE_YEAR: (
        gettext_lazy("Close a year"),
        gettext_lazy("What can no longer be earned returns to the treasury, to the last rupiah."),
    ),
}
WILL_HAPPEN = {
    Kinds.ACCEPT_WAVE: gettext_lazy(
        "%(count)s people get their place, and %(total)s is committed from the treasury. It begins at once."
    ),
    Kinds.ENTITLE: gettext_lazy(
        "%(count)s people earn their instalments, %(total)s in all. Nothing is paid by this: a payout run does that on "
        "the day of payment. It begins at once."
    ),
    Kinds.REVOKE: gettext_lazy(
        "%(count)s people lose their place, and %(total)s returns to the treasury. Whoever is found to have bought is "
        "left out. It begins when a second officer has approved the list."
    ),
    Kinds.END_BALANCES: gettext_lazy(
        "%(count)s training balances end, and %(total)s returns to the treasury. Incentives are not touched. It begins "
        "when a second officer has approved the list."
    ),
    Kinds.SETTLE_INSTITUTIONS: gettext_lazy(
        "%(count)s purchases are ordered to be paid, %(total)s in all. Nothing is paid by this: a settlement run does "
        "that, to the banks. It begins when a second officer has approved the list."
    ),
    Kinds.CLOSE_YEAR: gettext_lazy(
        "%(count)s places are closed, and %(total)s returns to the treasury. Nobody on the list can earn anything "
        "afterwards. It begins when a second officer has approved the list."
    ),
}
LEFT_OUT = {
    "bought": gettext_lazy("bought a training after all"),
    "revoked": gettext_lazy("had lost the place before"),
    "ended": gettext_lazy("the balance had ended before"),
    "closed": gettext_lazy("had been closed before"),
    "entitled": gettext_lazy("had earned them before"),
    "accepted": gettext_lazy("had a place already"),
    "full": gettext_lazy("no place was left in the wave"),
    "settled": gettext_lazy("had been settled before"),
    "stopped": gettext_lazy("the settlement of the institution was stopped"),
    "other": gettext_lazy("was no longer due for it"),
}


class WaveForm(forms.Form):
    wave = forms.ChoiceField(label=gettext_lazy("Wave"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        waves = Wave.objects.order_by("-number").values_list("pk", "number")[:WAVES_SHOWN]
        self.fields["wave"].choices = list(waves)  # type: ignore[attr-defined]

    def parameters(self) -> dict[str, int]:
        return {"wave_id": int(self.cleaned_data["wave"])}


class YearForm(forms.Form):
    year = forms.ChoiceField(label=gettext_lazy("Accepted in"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        years = range(programme_day(programme_now()).year, FIRST_YEAR - 1, -1)
        self.fields["year"].choices = [(year, year) for year in years]  # type: ignore[attr-defined]

    def parameters(self) -> dict[str, int]:
        return {"year": int(self.cleaned_data["year"])}


FORMS: dict[str, type[WaveForm] | type[YearForm]] = {Kinds.ACCEPT_WAVE: WaveForm, Kinds.CLOSE_YEAR: YearForm}


def run_or_404(run_id: int) -> MassRunState:
    run = mass_run(min(run_id, MAX_ID))
    if run is None:
        raise Http404
    return run


def _known_or_404(operation: str) -> str:
    if operation not in KINDS:
        raise Http404
    return operation


@open_to(Role.OFFICER, Role.AUDITOR)
def mass_runs(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("before", "")
    before_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    found = list_runs(limit=PAGE_SIZE + 1, before_id=before_id)
    context = {
        "runs": [(run, KINDS[run.operation][0]) for run in found[:PAGE_SIZE]],
        "next_before": found[PAGE_SIZE - 1].run_id if len(found) > PAGE_SIZE else None,
        "kinds": [(operation, label, what) for operation, (label, what) in KINDS.items()],
    }
    return render(request, "console/mass_runs.html", context)


# Before it is planned


@open_to(Role.OFFICER, Role.AUDITOR)
def plan_mass(request: HttpRequest, operation: str) -> HttpResponse:
    """The dry run: what this operation would do now, and for whom."""
    return _dry_run_page(request, _known_or_404(operation), request.GET)


def _dry_run_page(
    request: HttpRequest, operation: str, data: Any, refusal: Refusal | None = None, status: int = 200
) -> HttpResponse:
    form, parameters = _asked(operation, data)
    view: ListView | None = None
    if refusal is None and parameters is not None:
        found = dry_run(operation=operation, at=programme_now(), parameters=parameters)
        refusal, view = (found, None) if isinstance(found, Refusal) else (None, found)
    label, what = KINDS[operation]
    open_run = next((run for run in list_runs(open_only=True) if run.operation == operation), None)
    context = {
        "operation": operation,
        "label": label,
        "what": what,
        "form": form,
        "refusal": refusal,
        "view": view,
        "will_happen": _will_happen(operation, view) if view and view.subject_count else "",
        "lines": _shown(view),
        "group_label": _group_label(operation),
        "open_run": open_run,
        "query": urlencode({field.name: field.value() for field in form or ()}) if parameters else "",
        "may_act": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
    }
    return render(request, "console/mass_runs_plan.html", context, status=status)


def _asked(operation: str, data: Any) -> tuple[forms.Form | None, dict[str, int] | None]:
    """The operation's own form, and its parameters once they are given and make sense."""
    if operation not in FORMS:
        return None, {}
    kind = FORMS[operation]
    name = next(iter(kind.base_fields))
    if name not in data:
        return kind(), None
    form = kind(data)
    return form, form.parameters() if form.is_valid() else None


def _will_happen(operation: str, view: ListView) -> str:
    return str(WILL_HAPPEN[Kinds(operation)]) % {
        "count": count(view.subject_count),
        "total": rupiah(view.total_rupiah),
    }


def _shown(view: ListView | None) -> list[tuple[ListLine, str]]:
    return [] if view is None else [(line, mask_name(line.full_name)) for line in view.lines]


def _group_label(operation: str) -> str:
    """What the lines of a list are grouped by; blank where by nothing."""
    labels = {Subject.PARTICIPATION: _("Wave"), Subject.PURCHASE: _("Institution"), Subject.PARTICIPANT: ""}
    return labels[OPERATIONS[operation].subject]


@open_to(Role.OFFICER)
@require_POST
def plan_mass_confirm(request: HttpRequest, operation: str) -> HttpResponse:
    """Put everybody who is due on a sealed list. A second click finds the run of the first."""
    _form, parameters = _asked(_known_or_404(operation), request.POST)
    if parameters is None:
        return _dry_run_page(request, operation, request.POST, status=422)
    planned = plan_mass_run(
        operation=operation, planned_by_id=signed_in_id(request), at=programme_now(), parameters=parameters
    )
    if planned.run_id is not None:
        told = {"count": count(planned.subject_count), "total": rupiah(planned.total_rupiah)}
        if OPERATIONS[operation].needs_approval:
            said = _("Planned: %(count)s on the list, %(total)s in all. A second officer must approve it.")
        else:
            said = _("Planned: %(count)s on the list, %(total)s in all. The work begins at once.")
        messages.success(request, said % told)
        return redirect("console:mass_run", run_id=planned.run_id)
    refusal = planned.refusal
    assert refusal is not None
    if "run_id" in refusal.values:
        messages.info(request, sentence(refusal))
        return redirect("console:mass_run", run_id=refusal.values["run_id"])
    return _dry_run_page(request, operation, request.POST, refusal=refusal, status=422)


# A run


@open_to(Role.OFFICER, Role.AUDITOR)
def mass_run_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: who planned and approved it, how far it is, what it did and whom it left out."""
    run = run_or_404(run_id)
    at_work = run.state in (MassState.READY, MassState.WORKING)
    show_list = run.state is MassState.WAITING or "list" in request.GET
    view = list_of(run=run) if show_list else None
    context = {
        "run": run,
        "label": KINDS[run.operation][0],
        "about": _about(run),
        "list_sha256": run.list_sha256.hex(),
        "own": run.planned_by_id == request.user.pk,
        "own_stop": run.stop_asked_by_id == request.user.pk,
        "may_act": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "at_work": at_work,
        # Whoever reads the list, or asked for it, is not disturbed by a page that comes anew.
        "refresh": at_work and not show_list and "still" not in request.GET,
        "will_happen": _will_happen(run.operation, view) if view else "",
        "view": view,
        "lines": _shown(view),
        "group_label": _group_label(run.operation),
        "left_out": [(each, LEFT_OUT[each.reason]) for each in left_out(run=run)],
        "failures": failures(run_id=run.run_id) if run.failed_chunk_count and at_work else (),
    }
    return render(request, "console/mass_runs_run.html", context)


def _about(run: MassRunState) -> str:
    """Which wave or year a run is about; blank where about neither."""
    if "wave_id" in run.parameters:
        number = Wave.objects.values_list("number", flat=True).get(pk=run.parameters["wave_id"])
        return _("wave %(number)s") % {"number": number}
    if "year" in run.parameters:
        return _("accepted in %(year)s") % {"year": run.parameters["year"]}
    return ""


@open_to(Role.OFFICER)
@require_POST
def approve_mass(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(run_id)
    try:
        shown = bytes.fromhex(request.POST.get("list_sha256", ""))
    except ValueError:
        shown = b""
    refusal = approve_mass_run(
        run_id=run.run_id, officer_id=signed_in_id(request), list_sha256=shown, at=programme_now()
    )
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("Approved. The work begins at once."))
    return redirect("console:mass_run", run_id=run.run_id)


@open_to(Role.OFFICER)
@require_POST
def cancel_mass(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(run_id)
    refusal = cancel_mass_run(run_id=run.run_id, officer_id=signed_in_id(request), at=programme_now())
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, _("Cancelled. What was not done is not done any more; it can be planned again."))
    return redirect("console:mass_run", run_id=run.run_id)


# The whole list as a file


@open_to(Role.OFFICER, Role.AUDITOR)
def plan_mass_list(request: HttpRequest, operation: str, form: str) -> HttpResponseBase:
    """The list of the dry run as CSV or XLSX."""
    _form, parameters = _asked(_known_or_404(operation), request.GET)
    if parameters is None:
        raise Http404
    at = programme_now()
    lines = dry_run_lines(operation=operation, at=at, parameters=parameters)
    if isinstance(lines, Refusal):
        raise Http404
    return _file(f"bekal-{operation}-{programme_day(at):%Y%m%d}", operation, lines, form)


@open_to(Role.OFFICER, Role.AUDITOR)
def mass_run_list(request: HttpRequest, run_id: int, form: str) -> HttpResponseBase:
    """The sealed list as CSV or XLSX; from its first two columns anybody can make the SHA-256 again."""
    run = run_or_404(run_id)
    return _file(f"bekal-run-{run.run_id}", run.operation, lines_of(run=run), form)


def _file(name: str, operation: str, lines: Iterator[ListLine], form: str) -> HttpResponseBase:
    header = [_("Number"), _("Rupiah"), _("Participation"), _("Name"), _group_label(operation) or _("Group")]
    rows = (
        (line.subject_id, line.amount_rupiah, line.participation_id, mask_name(line.full_name), line.group)
        for line in lines
    )
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    if form == "xlsx":
        title = str(KINDS[operation][0])
        return xlsx_response(name=name, title=title, header=header, rows=rows, rupiah_columns=[1])
    raise Http404
