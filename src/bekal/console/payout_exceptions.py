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
from bekal.incentives.exception_alarm import alarming_count, is_alarming
from bekal.incentives.models import PayoutException
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
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
    Kind.OTHER_ACCOUNT: gettext_lazy("Ask the partner to whom it paid, and to take it back; nothing is booked before."),
    Kind.PAID_TWICE: gettext_lazy("Ask the partner to put the second payment back on our account."),
    Kind.NOT_ON_STATEMENT: gettext_lazy(
        "Ask the partner whether it paid: it said so, and its statement does not show it."
    ),
    Kind.STATEMENT_MISSING: gettext_lazy(
        "Ask the partner for the statement of that day. Clear it up only where it will never come: "
        "the days after it are closed then, with the gap named."
    ),
    Kind.STATEMENT_GAP: gettext_lazy(
        "Ask the partner why the day does not begin with what the day before ended with. "
        "Once it is cleared up, the statement is taken when it is read again."
    ),
    Kind.STATEMENT_OVERLAP: gettext_lazy("Ask the partner which of the two statements of that day holds."),
}
# What an officer hands over by hand may lie on the officer's own table.
_SILENT_BY_HAND = gettext_lazy("Make sure that the partner has the list, then ask it for its answer and read that in.")


def next_step_of(kind: str, owner: str) -> Promise:
    """What somebody has to do about an exception of that kind, whose turn it is."""
    is_by_hand = kind == Kind.SILENT and owner == PayoutException.Owner.OFFICE
    return _SILENT_BY_HAND if is_by_hand else NEXT_STEPS[kind]


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
        "alarming_count": alarming_count(at=now),
    }
    return render(request, "console/payout_exceptions.html", context)


def _line(row: PayoutException, now: datetime) -> Line:
    age_days = max(0, (programme_day(now) - programme_day(row.opened_at)).days)
    return Line(row, next_step_of(row.kind, row.owner), age_days, is_alarming(age_days, at=now))


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
