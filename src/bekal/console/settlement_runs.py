"""Settlements that are owed to institutions, and the list that pays them: from there on a payout run like any other."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.payout_runs import PlanForm
from bekal.core.money import format_rupiah
from bekal.incentives.institution_payments import reason_for_institution
from bekal.incentives.plan_payout_run import LeftOutReason
from bekal.incentives.plan_settlement_run import owed_settlements, plan_settlement_run
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
WAITS = {
    LeftOutReason.STOPPED: gettext_lazy("the institution is stopped"),
    LeftOutReason.SUSPENDED: gettext_lazy("the institution or a training of it is suspended"),
    LeftOutReason.HELD: gettext_lazy("an alarm holds it until an officer has decided"),
    LeftOutReason.IN_QUESTION: gettext_lazy("the bank has said two contrary things of the last payment"),
    LeftOutReason.NO_ACCOUNT: gettext_lazy("no bank account that two officers have agreed on"),
    LeftOutReason.ACCOUNT_CHANGED: gettext_lazy("the bank account was changed, and nothing is paid to it for 72 hours"),
}


class SettlementPlanForm(PlanForm):
    """The day of payment: everything that is owed by now goes on the list, whenever it was ordered."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["planned_for"]
        field.label, field.help_text = _("Pay institutions on"), _("The day on which the bank is to pay.")


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def settlements(request: HttpRequest) -> HttpResponse:
    return _settlements(request)


def _settlements(request: HttpRequest, form: SettlementPlanForm | None = None) -> HttpResponse:
    text = request.GET.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    at = programme_now()
    lines = owed_settlements(at=at, after=after, limit=PAGE_SIZE + 1)
    context = {
        "lines": [
            (
                line,
                WAITS[line.left_out] if line.left_out else "",
                reason_for_institution(line.reason_code) if line.reason_code else "",
            )
            for line in lines[:PAGE_SIZE]
        ],
        "next_after": lines[PAGE_SIZE - 1].settlement_id if len(lines) > PAGE_SIZE else None,
        "form": form or SettlementPlanForm(initial={"planned_for": programme_day(at)}),
    }
    return render(request, "console/settlements.html", context, status=422 if form else 200)


@open_to(Role.OFFICER)
@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    """Put everything that can be paid on one list."""
    form = SettlementPlanForm(request.POST)
    if not form.is_valid():
        return _settlements(request, form)
    planned = plan_settlement_run(
        planned_for=form.cleaned_data["planned_for"], officer_id=signed_in_id(request), at=programme_now()
    )
    for left_out in planned.left_out:
        words = ngettext(
            "%(count)s settlement left out: %(reason)s.",
            "%(count)s settlements left out: %(reason)s.",
            left_out.entitlement_count,
        )
        messages.info(request, words % {"count": left_out.entitlement_count, "reason": WAITS[left_out.reason]})
    if planned.refusal is not None:
        form.add_error("planned_for", sentence(planned.refusal))
        return _settlements(request, form)
    words = ngettext(
        "Planned: %(count)s payment to an institution, %(total)s in all. A second officer must approve it.",
        "Planned: %(count)s payments to institutions, %(total)s in all. A second officer must approve them.",
        planned.payout_count,
    )
    messages.success(request, words % {"count": planned.payout_count, "total": format_rupiah(planned.total_rupiah)})
    return redirect("console:run", run_id=planned.run_id)
