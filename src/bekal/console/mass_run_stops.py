"""The way out of an approved mass run: one officer asks to stop it and says why, another agrees."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.mass_runs import KINDS, run_or_404
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_now
from bekal.lifecycle.mass_runs import MassRunState, ask_to_stop_mass_run, keep_mass_run, stop_mass_run
from bekal.ui.refusals import sentence


class StopForm(forms.Form):
    because = forms.CharField(
        label=gettext_lazy("Why the run has to be stopped"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The second officer decides by this."),
    )


@open_to(Role.OFFICER)
def ask_to_stop_mass(request: HttpRequest, run_id: int) -> HttpResponse:
    """A page of its own, which does not come anew while somebody writes."""
    run = run_or_404(run_id)
    form = StopForm(request.POST) if request.method == "POST" else StopForm()
    if request.method == "POST" and form.is_valid():
        refusal = ask_to_stop_mass_run(
            run_id=run.run_id,
            officer_id=signed_in_id(request),
            because=form.cleaned_data["because"],
            at=programme_now(),
        )
        if refusal is None:
            messages.success(request, _("Asked. A second officer must agree; until then the work goes on."))
            return redirect("console:mass_run", run_id=run.run_id)
        form.add_error(None, sentence(refusal))
    context: dict[str, Any] = {"run": run, "label": KINDS[run.operation][0], "form": form}
    return render(request, "console/mass_runs_stop.html", context, status=422 if form.errors else 200)


@open_to(Role.OFFICER)
@require_POST
def stop_mass(request: HttpRequest, run_id: int) -> HttpResponse:
    """Agree to exactly the reason that was shown."""
    run = run_or_404(run_id)
    refusal = stop_mass_run(
        run_id=run.run_id,
        officer_id=signed_in_id(request),
        because=request.POST.get("because", ""),
        at=programme_now(),
    )
    return _told(request, run, refusal, _("Stopped. What is done stays done; the rest can be planned anew."))


@open_to(Role.OFFICER)
@require_POST
def keep_mass(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_or_404(run_id)
    return _told(request, run, keep_mass_run(run_id=run.run_id), _("The request is dropped, and the work goes on."))


def _told(request: HttpRequest, run: MassRunState, refusal: Refusal | None, done: str) -> HttpResponse:
    if refusal is not None:
        messages.error(request, sentence(refusal))
    else:
        messages.success(request, done)
    return redirect("console:mass_run", run_id=run.run_id)
