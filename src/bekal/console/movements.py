"""One movement of the ledger (a reason, from one kind to another): its days, and the transfers of one day."""

from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import AsOf, as_of
from bekal.console.year import asked_year, of_year, query_of
from bekal.ledger.clock import JAKARTA, programme_now
from bekal.ledger.movements import Movement
from bekal.ledger.queries import OwnedTransfer, moved
from bekal.lifecycle.closed_sums import MovedDay, movement_days
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def ledger_movement(request: HttpRequest, reason: int, debit_kind: int, credit_kind: int) -> HttpResponseBase:
    """The days on which it moved something, for those accepted in a year or for all; `?day=` shows the transfers of
    one."""
    try:
        movement = Movement((reason, debit_kind, credit_kind))
    except ValueError:
        raise Http404 from None
    asked = as_of(request)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and asked.problem:
        return redirect(f"{request.path}?{urlencode({'as_of': asked.text})}")
    year, known_years = asked_year(request)
    context: dict[str, Any] = {
        "movement": movement,
        "asked": asked,
        "at": asked.at or programme_now(),
        "year": year,
        "years": known_years,
        "back": query_of(asked, year),
    }
    on = _day(request.GET.get("day", ""))
    if on is not None:
        return _transfers(request, movement, on, asked, year, form, context)
    days = movement_days(movement, as_of=asked.at, year=year)
    if form in ("csv", "xlsx"):
        return _days_out(form, movement, year, days)
    text = request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 1
    context |= {
        "page_obj": Paginator(days, PAGE_SIZE).get_page(number),
        "transfer_count": sum(day.transfer_count for day in days),
        "rupiah": sum(day.rupiah for day in days),
        "query": _on(context["back"]),
    }
    return render(request, "console/ledger_movement.html", context)


def _on(query: str) -> str:
    """The address again, to go on with."""
    return f"{query}&" if query else "?"


def _day(text: str) -> date | None:
    try:
        return parse_date(text[:10])
    except ValueError:
        return None


def _transfers(
    request: HttpRequest,
    movement: Movement,
    on: date,
    asked: AsOf,
    year: int | None,
    form: str,
    context: dict[str, Any],
) -> HttpResponseBase:
    since_at = datetime.combine(on, time.min, tzinfo=JAKARTA)
    until_at = datetime.combine(on, time.max, tzinfo=JAKARTA)
    until_at = min(until_at, asked.at) if asked.at else until_at
    if form in ("csv", "xlsx"):
        every = moved(movement=movement, since_at=since_at, until_at=until_at)
        return _transfers_out(form, movement, on, year, of_year(every, year))
    text = request.GET.get("after", "")
    after_id = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
    # Of a year it is not known how many have to be read for a page.
    limit = PAGE_SIZE + 1 if year is None else None
    asking = moved(movement=movement, since_at=since_at, until_at=until_at, after_id=after_id, limit=limit)
    found = list(islice(of_year(asking, year), PAGE_SIZE + 1))
    context |= {
        "on": on,
        "lines": found[:PAGE_SIZE],
        "query": f"{_on(context['back'])}day={on.isoformat()}&",
        "first": bool(after_id),
        "next_id": found[PAGE_SIZE - 1].transfer.id if len(found) > PAGE_SIZE else None,
    }
    return render(request, "console/ledger_movement_day.html", context)


def _name(movement: Movement, year: int | None) -> str:
    name = f"ledger-movement-{movement.reason.value}-{movement.debit_kind.value}-{movement.credit_kind.value}"
    return name if year is None else f"{name}-accepted-{year}"


def _title(movement: Movement) -> str:
    return f"{movement.reason.label}: {movement.debit_kind.label} → {movement.credit_kind.label}"


def _days_out(form: str, movement: Movement, year: int | None, days: tuple[MovedDay, ...]) -> HttpResponseBase:
    name = _name(movement, year)
    header = [_("Day"), _("Transfers"), _("Rupiah")]
    rows = [[day.on, day.transfer_count, day.rupiah] for day in days]
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    return xlsx_response(name=name, title=_title(movement), header=header, rows=rows, rupiah_columns=(2,))


def _transfers_out(
    form: str, movement: Movement, on: date, year: int | None, found: Iterator[OwnedTransfer]
) -> HttpResponseBase:
    header = [_("Participation"), _("Number"), _("When"), _("Rupiah"), _("Key")]
    rows = (
        [
            each.owner_id,
            each.transfer.id,
            each.transfer.posted_at,
            each.transfer.amount_rupiah,
            each.transfer.idempotency_key,
        ]
        for each in found
    )
    name = f"{_name(movement, year)}-{on.isoformat()}"
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    return xlsx_response(name=name, title=_title(movement), header=header, rows=rows, rupiah_columns=(3,))
