"""What front loading changes: the payment months of a year replayed under the rule that came later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.tables import Cell, Table, exact_share, number, table, table_out, words
from bekal.console.tally import Report, figures
from bekal.core.replay_payments import CashDay, Replay, Scheduled
from bekal.incentives.on_time import promised_months
from bekal.incentives.replay_payout_days import ScheduledGroup, first_front_loaded_on, replay_year, scheduled_in
from bekal.ledger.clock import programme_now
from bekal.lifecycle.tallies import Parameters
from bekal.ui.display import day, month, rupiah

# SVG units of the chart.
WIDTH, HEIGHT, ROOM = 640, 180, 6


@dataclass(frozen=True, slots=True)
class Curves:
    """What has left by each day, under both rules, as paths on one scale."""

    own: str
    other: str
    width: int = WIDTH
    height: int = HEIGHT


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def front_loading(request: HttpRequest) -> HttpResponseBase:
    """Days earlier and cash by day, computed by the schedule from the instalments there are."""
    at = programme_now()
    last = first_front_loaded_on().year - 1
    years = sorted({each.year for each in promised_months(at=at) if each.year <= last} | {last})
    text = request.GET.get("year", "")
    year = next((each for each in years if str(each) == text), last)
    found = figures(FRONT_LOADING, request, at=at, parameters={"year": year})
    replayed = replay_year(tuple(_group(row) for row in found.values or ()), year=year)
    replay = replayed.replay
    tables = {"earlier": _earlier(replay), "month": _by_month(replay.cash), "day": _by_day(replay.cash)}
    wanted = request.GET.get("table", "")
    if request.GET.get("form", "") in ("csv", "xlsx") and found.values is not None and wanted in tables:
        return table_out(request.GET["form"], tables[wanted], name=f"front-loading-{year}-{wanted}")
    context = {
        "at": found.at,
        "figures": found,
        "year": year,
        "years": years,
        "replayed": replayed,
        "replay": replay,
        "mean_days": float(replay.mean_days_earlier or 0),
        "tables": tables,
        "curves": _curves(replay) if len(replay.cash) > 1 else None,
        "query": f"?year={year}&",
    }
    return render(request, "console/front_loading.html", context)


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> list[list[Any]]:
    return [
        [
            group.payment_on.isoformat(),
            group.scheduled.scheduled_on.isoformat(),
            group.scheduled.entitled_on.isoformat(),
            group.scheduled.instalment_count,
            group.scheduled.total_rupiah,
        ]
        for group in scheduled_in(year=int(parameters["year"] or 0), at=at)
    ]


FRONT_LOADING = Report("front_loading", _count)


def _group(row: Sequence[Any]) -> ScheduledGroup:
    paid_on, scheduled_on, entitled_on = (date.fromisoformat(text) for text in row[:3])
    return ScheduledGroup(paid_on, Scheduled(scheduled_on, entitled_on, row[3], row[4]))


def _earlier(replay: Replay) -> Table:
    columns = [(_("Days earlier"), True), (_("Instalments"), True), (_("Share"), True)]
    rows = [
        (number(days), number(instalments), exact_share(instalments, replay.instalment_count))
        for days, instalments in replay.by_days_earlier
    ]
    return table("earlier", _("How many days earlier"), columns, rows)


def _money(amount: int) -> Cell:
    return Cell(rupiah(amount), amount)


def _by_month(cash: Iterable[CashDay]) -> Table:
    """What leaves in each month, and the most on one day of it, under both rules."""
    columns = [
        (_("Month"), False),
        (_("As it was"), True),
        (_("Most on one day"), True),
        (_("Front loaded"), True),
        (_("Most on one day, front loaded"), True),
    ]
    rows = []
    for first, days in groupby(cash, key=lambda each: each.on.replace(day=1)):
        of_month = list(days)
        own, other = [each.own_rupiah for each in of_month], [each.other_rupiah for each in of_month]
        rows.append((words(month(first)), *map(_money, (sum(own), max(own), sum(other), max(other)))))
    return table("month", _("Cash by month"), columns, rows)


def _by_day(cash: Iterable[CashDay]) -> Table:
    columns = [
        (_("Day"), False),
        (_("As it was"), True),
        (_("Front loaded"), True),
        (_("More by its end, front loaded"), True),
    ]
    rows = [
        (
            Cell(day(each.on), each.on),
            *map(_money, (each.own_rupiah, each.other_rupiah, each.other_until_rupiah - each.own_until_rupiah)),
        )
        for each in cash
    ]
    return table("day", _("Cash by day"), columns, rows)


def _curves(replay: Replay) -> Curves:
    first, last = replay.cash[0].on, replay.cash[-1].on
    across = (WIDTH - 2 * ROOM) / (last - first).days
    up = (HEIGHT - 2 * ROOM) / replay.total_rupiah

    def path(values: Iterable[tuple[date, int]]) -> str:
        steps = [f"M{ROOM} {HEIGHT - ROOM}"]
        for on, until_rupiah in values:
            steps.append(f"H{ROOM + across * (on - first).days:.1f}V{HEIGHT - ROOM - up * until_rupiah:.1f}")
        return "".join(steps)

    return Curves(
        path((each.on, each.own_until_rupiah) for each in replay.cash),
        path((each.on, each.other_until_rupiah) for each in replay.cash),
    )
