"""Balances by what is left and for how long, what lapses where and when, and the people behind each number."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.accounts.provinces import PROVINCES
from bekal.console.as_of import AsOf, as_of
from bekal.console.further import further
from bekal.console.people import mask_name
from bekal.console.tally import Report, figures
from bekal.core.money import format_rupiah
from bekal.ledger.clock import programme_day, programme_now
from bekal.lifecycle.ageing import (
    DAYS_BANDS,
    LEFT_BANDS,
    AgeingCell,
    Behind,
    LapsingDay,
    balance_ageing,
    days_between,
    every_lapsing_person,
    lapsing,
    lapsing_people,
    left_between,
)
from bekal.lifecycle.tallies import Parameters
from bekal.ui.display import day, month, province
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
MAX_ID_DIGITS = 18


@dataclass(frozen=True, slots=True)
class AgeingRow:
    """One band of what is left: its cells in the order of the days, and their sum."""

    label: str
    cells: tuple[AgeingCell, ...]

    @property
    def people_count(self) -> int:
        return sum(cell.people_count for cell in self.cells)

    @property
    def left_rupiah(self) -> int:
        return sum(cell.left_rupiah for cell in self.cells)

    def has(self, days_band: int) -> bool:
        return self.cells[days_band].people_count > 0


@dataclass(slots=True)
class Total:
    """People and what they have left, of a day, a month or a province."""

    label: str
    key: str
    people_count: int = 0
    left_rupiah: int = 0
    parts: list["Total"] = field(default_factory=list)

    def add(self, line: LapsingDay) -> None:
        self.people_count += line.people_count
        self.left_rupiah += line.left_rupiah


def left_label(band: int) -> str:
    """`Rp1 – Rp99.999`; the first band is nothing, the last has no end."""
    first, below = left_between(band)
    if below == 1:
        return _("nothing left")
    if below is None:
        return _("%(amount)s or more") % {"amount": format_rupiah(first)}
    return f"{format_rupiah(first)} – {format_rupiah(below - 1)}"


def days_label(band: int) -> str:
    """`8 – 30 days`; the first band is over already."""
    first, last = days_between(DAYS_BANDS, band)
    if first is None:
        return _("over, not returned yet")
    if last is None:
        return _("more than %(days)s days") % {"days": first - 1}
    return _("%(first)s – %(last)s days") % {"first": first, "last": last}


def ageing_rows(cells: Iterable[AgeingCell]) -> list[AgeingRow]:
    """A row for every band that has people, the largest amounts first."""
    found = {(cell.left_band, cell.days_band): cell for cell in cells}
    rows = []
    for left in reversed(range(len(LEFT_BANDS))):
        row = [found.get((left, days), AgeingCell(left, days, 0, 0)) for days in range(len(DAYS_BANDS))]
        rows.append(AgeingRow(left_label(left), tuple(row)))
    return [row for row in rows if row.people_count]


def by_month(lines: Iterable[LapsingDay]) -> list[Total]:
    """Months in their order, each with its days."""
    months: dict[str, Total] = {}
    days: dict[date, Total] = {}
    for line in lines:
        on = line.balance_ends_on
        of_month = months.setdefault(f"{on:%Y-%m}", Total(month(on), f"{on:%Y-%m}"))
        of_month.add(line)
        if on not in days:
            days[on] = Total(day(on), on.isoformat())
            of_month.parts.append(days[on])
        days[on].add(line)
    return list(months.values())


def by_province(lines: Iterable[LapsingDay]) -> list[Total]:
    """Provinces, those in which most lapses first."""
    found: dict[int, Total] = {}
    for line in lines:
        found.setdefault(line.province, Total(province(line.province), str(line.province))).add(line)
    return sorted(found.values(), key=lambda total: (-total.left_rupiah, total.label))


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def ageing(request: HttpRequest) -> HttpResponseBase:
    """How many have how much left for how long, and what lapses by when; `on` shows one day by province."""
    asked = as_of(request)
    found = figures(LAPSING, request, at=programme_now(), as_of=asked.at)
    cells, lines = _from(found.values) if found.values is not None else ([], [])
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and not asked.problem and found.values is not None:
        return _ageing_out(form, cells) if request.GET.get("table") == "ageing" else _lapsing_out(form, lines)
    days = sorted({line.balance_ends_on for line in lines})
    on = _day(request.GET.get("on", ""))
    on = on if on in days else days[0] if len(days) == 1 else None
    rows = ageing_rows(cells)
    context = {
        "asked": asked,
        "at": found.at,
        "figures": found,
        "rows": rows,
        "columns": [(band, days_label(band)) for band in range(len(DAYS_BANDS)) if any(row.has(band) for row in rows)],
        "people_count": sum(row.people_count for row in rows),
        "left_rupiah": sum(row.left_rupiah for row in rows),
        "months": by_month(lines),
        "on": on,
        "on_text": on.isoformat() if on else "",
        "provinces": by_province(line for line in lines if line.balance_ends_on == on) if on else [],
        "query": f"{asked.query}&" if asked.query else "?",
    }
    return render(request, "console/lapsing.html", context)


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> dict[str, Any]:
    lines = lapsing(at=at, as_of=as_of)
    return {
        "cells": [astuple(cell) for cell in balance_ageing(at=at, as_of=as_of)],
        "lines": [
            [line.balance_ends_on.isoformat(), line.province, line.people_count, line.left_rupiah] for line in lines
        ],
    }


def _from(values: Any) -> tuple[list[AgeingCell], list[LapsingDay]]:
    lines = [LapsingDay(date.fromisoformat(on), *rest) for on, *rest in values["lines"]]
    return [AgeingCell(*cell) for cell in values["cells"]], lines


LAPSING = Report("lapsing", _count)


def title_of(behind: Behind) -> str:
    parts = [
        left_label(behind.left_band) if behind.left_band is not None else "",
        days_label(behind.days_band) if behind.days_band is not None else "",
        _("lapses after %(day)s") % {"day": day(behind.balance_ends_on)} if behind.balance_ends_on else "",
        province(behind.province) if behind.province is not None else "",
    ]
    return " · ".join(part for part in parts if part) or _("everybody with something left")


def query_of(behind: Behind, asked: AsOf) -> str:
    """The address again, to go on with."""
    parts = {
        "as_of": asked.text if asked.at else "",
        "left": _text(behind.left_band),
        "days": _text(behind.days_band),
        "on": _text(behind.balance_ends_on),
        "province": _text(behind.province),
    }
    return "?" + "".join(f"{urlencode({name: text})}&" for name, text in parts.items() if text)


def _text(value: object) -> str:
    return "" if value is None else str(value)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def people(request: HttpRequest) -> HttpResponseBase:
    """The people behind a number of the tables, fifty at a time; a file has all of them, without names."""
    asked, at = as_of(request), programme_now()
    behind = Behind(
        left_band=_number(request.GET.get("left", ""), below=len(LEFT_BANDS)),
        days_band=_number(request.GET.get("days", ""), below=len(DAYS_BANDS)),
        balance_ends_on=_day(request.GET.get("on", "")),
        province=_number(request.GET.get("province", ""), among=PROVINCES),
    )
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and not asked.problem:
        return _people_out(form, behind, asked, at)
    after_id = _number(request.GET.get("after", "")) or 0
    found = lapsing_people(behind, at=at, as_of=asked.at, after_id=after_id, limit=PAGE_SIZE)
    context = {
        "asked": asked,
        "at": asked.at or at,
        "today": programme_day(asked.at or at),
        "title": title_of(behind),
        "lines": [(line, mask_name(line.full_name)) for line in found.people],
        "further": further(request, after_id, found.looked_until, is_full=len(found.people) == PAGE_SIZE),
        "query": query_of(behind, asked),
    }
    return render(request, "console/lapsing_people.html", context)


def _number(text: str, *, below: int | None = None, among: Any = None) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        return None
    number = int(text)
    fits = (below is None or number < below) and (among is None or number in among)
    return number if fits else None


def _day(text: str) -> date | None:
    try:
        return parse_date(text[:10])
    except ValueError:
        return None


def _out(form: str, name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponseBase:
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    return xlsx_response(name=name, title=title, header=header, rows=rows, rupiah_columns=(len(header) - 1,))


def _ageing_out(form: str, cells: Iterable[AgeingCell]) -> HttpResponseBase:
    header = [_("Left"), _("Until it lapses"), _("People"), _("Left together (Rp)")]
    rows = [
        [left_label(cell.left_band), days_label(cell.days_band), cell.people_count, cell.left_rupiah] for cell in cells
    ]
    return _out(form, "balance-ageing", _("Balances by what is left and for how long"), header, rows)


def _lapsing_out(form: str, lines: Iterable[LapsingDay]) -> HttpResponseBase:
    header = [_("Last day"), _("Province"), _("People"), _("Lapses (Rp)")]
    rows = [[line.balance_ends_on, province(line.province), line.people_count, line.left_rupiah] for line in lines]
    return _out(form, "lapsing", _("What lapses by when"), header, rows)


def _people_out(form: str, behind: Behind, asked: AsOf, at: datetime) -> HttpResponseBase:
    header = [_("Participation"), _("Province"), _("Last day"), _("Left (Rp)")]

    def rows() -> Iterator[list[object]]:
        for line in every_lapsing_person(behind, at=at, as_of=asked.at):
            yield [line.participation_id, province(line.province), line.balance_ends_on, line.left_rupiah]

    return _out(form, "lapsing-people", title_of(behind), header, rows())
