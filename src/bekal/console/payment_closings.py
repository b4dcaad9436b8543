"""Each partner's days: closed over its statement, open, or waiting for it; and the certificate of a closed one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.payout_exceptions import next_step_of
from bekal.incentives.close_day import AFTER_THE_DAY, GAP, NOT_DUE_YET
from bekal.incentives.closing_content import Line, read_content, with_trailer
from bekal.incentives.closings import day_lines
from bekal.incentives.exception_alarm import is_alarming
from bekal.incentives.house_rails import house_rails
from bekal.incentives.models import DayClosing, PayoutException
from bekal.ledger.clock import programme_day, programme_now
from bekal.participants.models import PaymentPartner

PAGE_SIZE = 31
MAX_ID = 2**63 - 1
# What a certificate calls its figures, in the order in which they are read: first our payments, then both balances.
PAYMENTS: dict[str, Promise] = {
    "in_transit_before": _("With the partner when the day before was closed"),
    "sent": _("Sent since"),
    "settled": _("Paid"),
    "rejected": _("Rejected"),
    "returned": _("Sent back after they were paid"),
    "in_transit_after": _("With the partner now"),
}
BALANCES: tuple[tuple[Promise, str, str], ...] = (
    (_("Began with"), "statement_opening", "ledger_opening"),
    (_("Money put in"), "statement_money_in", "statement_money_in"),
    (_("Fees and what else left"), "statement_money_out", "statement_money_out"),
    (_("Paid to participants"), "statement_paid", "ledger_paid"),
    (_("Sent back by the bank"), "statement_returned", "ledger_returned"),
    (_("Sent before the first statement"), "", "ledger_sent_before"),
    (_("Ended with"), "statement_closing", "ledger_closing"),
)
TIMELY: dict[str, Promise] = {
    AFTER_THE_DAY: _("Booked after that day"),
    NOT_DUE_YET: _("Within the time that the partner has for its statement"),
    GAP: _("Statements that do not go on from the day before, cleared up"),
}
OWNERS: dict[str, Promise] = {"calendar": _("nobody: the day has not come")}


@dataclass(frozen=True, slots=True)
class Named:
    """One difference or exception of a certificate in words."""

    line: Line
    what: str
    owner: str
    next_step: Promise | str
    is_alarming: bool


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def payment_closings(request: HttpRequest) -> HttpResponse:
    """The days of one partner, the newest first."""
    asked = request.GET.get("partner", "")
    partner = asked if asked in PaymentPartner.values else PaymentPartner.values[0]
    lines = day_lines(
        partner=partner,
        rails=house_rails(),
        today=programme_day(programme_now()),
        before=_day(request.GET.get("before", "")),
        limit=PAGE_SIZE + 1,
    )
    context = {
        "partners": PaymentPartner.choices,
        "partner": partner,
        "partner_name": PaymentPartner(partner).label,
        "lines": lines[:PAGE_SIZE],
        "next_before": lines[PAGE_SIZE - 1].day if len(lines) > PAGE_SIZE else None,
    }
    return render(request, "console/payment_closings.html", context)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text.isascii() else None
    except ValueError:
        return None


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def payment_closing(request: HttpRequest, closing_id: int) -> HttpResponse:
    """What the certificate of one day says."""
    closing = _closing_or_404(closing_id)
    lines = read_content(closing.content)
    found = {line.item: line for line in lines}
    earlier = DayClosing.objects.filter(partner=closing.partner, number=closing.number - 1)
    context = {
        "closing": closing,
        "sha256": bytes(closing.sha256).hex(),
        "previous_sha256": bytes(closing.previous_sha256 or b"").hex(),
        "previous_id": earlier.values_list("id", flat=True).first(),
        "payments": [(what, found[item]) for item, what in PAYMENTS.items()],
        "balances": [(what, found.get(stated), found[ours]) for what, stated, ours in BALANCES],
        "difference_rupiah": closing.statement_rupiah - closing.ledger_rupiah,
        "differences": _named(lines, "difference", closing.closed_at),
        "exceptions": _named(lines, "exception", closing.closed_at),
    }
    return render(request, "console/payment_closing.html", context)


def _named(lines: Iterable[Line], item: str, at: datetime) -> list[Named]:
    return [_words(line, at) for line in lines if line.item == item]


def _words(line: Line, at: datetime) -> Named:
    kind, _colon, cleared = line.kind.partition(":")
    owner = str(OWNERS[line.owner] if line.owner in OWNERS else PayoutException.Owner(line.owner).label)
    if kind in TIMELY and line.item == "difference":
        return Named(line, str(TIMELY[kind]), owner, "", is_alarming=False)
    what = str(PayoutException.Kind(kind).label)
    if cleared:
        return Named(line, what, owner, _("An officer has cleared it up."), is_alarming=False)
    return Named(line, what, owner, next_step_of(kind, line.owner), is_alarming(line.days or 0, at=at))


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def certificate_of_day(request: HttpRequest, closing_id: int) -> HttpResponse:
    """The certificate as a file: its lines, and under them the SHA-256 of all above."""
    closing = _closing_or_404(closing_id)
    response = HttpResponse(with_trailer(closing.content), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="closing-{closing.partner}-{closing.stated_on}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _closing_or_404(closing_id: int) -> DayClosing:
    return get_object_or_404(DayClosing, pk=min(closing_id, MAX_ID))
