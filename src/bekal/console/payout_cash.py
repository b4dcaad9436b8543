"""Cash by day: what the treasury has to have at each payment partner, and by when; and what each partner takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.payout_previews import REASONS
from bekal.console.payout_waiting import instant_words
from bekal.incentives.cash_forecast import CashForecast, cash_forecast
from bekal.incentives.house_rails import Amount, Rail, house_rails
from bekal.incentives.release import begun_on
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.tables_out import csv_response, xlsx_response

# SVG units of one bar.
BAR_WIDTH = 300


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart: its rupiah, and its length in SVG units against the day with the most."""

    day: date
    total_rupiah: int
    width: int


@dataclass(frozen=True, slots=True)
class Taking:
    """When one partner takes payments and how many, and what was begun there today. `opens`: when it takes the next, in
    words; empty while it is open."""

    rail: Rail
    begun: Amount
    opens: str


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def payout_cash(request: HttpRequest) -> HttpResponseBase:
    """The coming days as a table and a chart, and as a file."""
    at, rails = programme_now(), house_rails()
    forecast = cash_forecast(at=at, rails=rails)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return _out(form, forecast)
    context = {
        "at": at,
        "forecast": forecast,
        "bars": _bars(forecast),
        "held_back": [(REASONS[share.what], share) for share in forecast.held_back],
        "takings": _takings(rails, at),
        "total_rupiah": sum(forecast.days.values()),
    }
    return render(request, "console/payout_cash.html", context)


def _bars(forecast: CashForecast) -> list[Bar]:
    most = max(forecast.days.values(), default=0)
    return [Bar(day, rupiah, max(1, BAR_WIDTH * rupiah // most)) for day, rupiah in sorted(forecast.days.items())]


def _takings(rails: Mapping[str, Rail], at: datetime) -> list[Taking]:
    today = programme_day(at)
    return [
        Taking(rail, begun_on(partner, today), "" if rail.hours.is_open(at) else instant_words(rail.hours.opens_at(at)))
        for partner, rail in sorted(rails.items())
    ]


def _out(form: str, forecast: CashForecast) -> HttpResponseBase:
    header = [
        _("Day"),
        _("Needed by"),
        _("Partner"),
        _("Payouts"),
        _("To be paid (Rp)"),
        _("Of it on lists (Rp)"),
        _("Since today (Rp)"),
    ]
    rows = [
        [
            line.day,
            line.needed_at,
            line.partner.upper(),
            line.whole.payment_count,
            line.whole.total_rupiah,
            line.listed.total_rupiah,
            line.since_today_rupiah,
        ]
        for line in forecast.lines
    ]
    if form == "csv":
        return csv_response(name="payout-cash", header=header, rows=rows)
    return xlsx_response(name="payout-cash", title=_("Cash by day"), header=header, rows=rows, rupiah_columns=(4, 5, 6))
