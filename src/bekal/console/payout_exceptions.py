"""What payment partners said and the books could not take: each with its owner, its age and the next step."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.further import further
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.models import PayoutException
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
ALARM_DAYS = 3
MAX_ID = 2**63 - 1
Kind = PayoutException.Kind
NEXT_STEPS: dict[str, Promise] = {
    Kind.UNKNOWN_REFERENCE: gettext_lazy("Ask the partner what it paid and to whom: we have not ordered it."),
    Kind.OTHER_PARTNER: gettext_lazy("Ask this partner why it speaks of a payment of another."),
    Kind.AMOUNT_MISMATCH: gettext_lazy("Ask the partner what was paid before anything else."),
    Kind.CONTRADICTION: gettext_lazy(
        "Ask the partner which of the two holds. Clear it up only where nothing was paid: "
        "the instalment is due again then."
    ),
    Kind.CLAWED_BACK: gettext_lazy("Record what came back as a repayment of the clawback, under this reference."),
    Kind.NOT_THE_FILE: gettext_lazy("Ask the partner for the file that it has: count or sum are not ours."),
    Kind.FILE_REFUSED: gettext_lazy("Read why, and have the partner confirm that it paid nothing of it."),
    Kind.FILE_UNREADABLE: gettext_lazy("Ask the partner for the whole file again."),
    Kind.SILENT: gettext_lazy("Ask the partner for the status; nobody sends it again before."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One open exception as the page shows it."""

    row: PayoutException
    next_step: Promise
    age_days: int
    is_alarming: bool


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def payout_exceptions(request: HttpRequest) -> HttpResponse:
    """The open ones, the oldest first."""
    text = request.GET.get("after", "")
    after_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    rows = PayoutException.objects.filter(resolved_at=None, id__gt=after_id).order_by("id")
    found = list(rows.select_related("payout", "file").defer("file__content_encrypted")[: PAGE_SIZE + 1])
    now = programme_now()
    shown = found[:PAGE_SIZE]
    has_more = len(found) > PAGE_SIZE
    context = {
        "lines": [_line(row, now) for row in shown],
        "further": further(request, after_id, shown[-1].pk if has_more else None, is_full=True),
        "alarm_days": ALARM_DAYS,
    }
    return render(request, "console/payout_exceptions.html", context)


def _line(row: PayoutException, now: datetime) -> Line:
    age_days = max(0, (programme_day(now) - programme_day(row.opened_at)).days)
    return Line(row, NEXT_STEPS[row.kind], age_days, age_days > ALARM_DAYS)


@open_to(Role.OFFICER)
@require_POST
def clear_payout_exception(request: HttpRequest, exception_id: int) -> HttpResponse:
    """One is cleared up: the note says how."""
    cleared = clear_exception(
        exception_id=min(exception_id, MAX_ID),
        officer_id=signed_in_id(request),
        note=request.POST.get("note", ""),
        at=programme_now(),
    )
    if cleared.refusal is not None:
        messages.error(request, sentence(cleared.refusal))
    elif cleared.repeated:
        messages.info(request, _("It was cleared up before; nothing has changed."))
    else:
        messages.success(request, _("Cleared up."))
    return redirect("console:payout_exceptions")
