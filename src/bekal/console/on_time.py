"""Paid on the promised day, by month, partner and place, beside what the same people say of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.accounts.provinces import PROVINCES
from bekal.console.tables import Cell, Table, exact_share, figure, number, people, table, table_out, words
from bekal.console.tally import Report, figures
from bekal.core.small_groups import MINIMUM_PEOPLE, told_and_folded
from bekal.engagement.on_time_groups import Choice, GroupedBy, OnTimeGroup, on_time_groups
from bekal.incentives.models import Entitlement
from bekal.incentives.on_time import OnTimeShare, promised_months
from bekal.ledger.clock import programme_now
from bekal.lifecycle.tallies import Parameters
from bekal.participants.models import District, PaymentPartner
from bekal.proofs.published import FIGURES
from bekal.ui.display import count, day, month, province

PAGE_SIZE = 50
MAX_PLACE_DIGITS = 9
BOTH, NOBODY_YET = "both", "none"
FOLDED = "folded"
SAID_PUBLISHED = next(figure for figure in FIGURES if figure.id == "S11.on_time")


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def on_time(request: HttpRequest) -> HttpResponseBase:
    """The measured share beside the said one, of all that is chosen and of its groups."""
    at = programme_now()
    months = promised_months(at=at)
    parameters = _chosen(request, months)
    found = figures(ON_TIME, request, at=at, parameters=parameters)
    groups = [_group(row) for row in found.values or ()]
    by = {each: [group for group in groups if group.by is each] for each in GroupedBy}
    everything = by[GroupedBy.ALL][0] if by[GroupedBy.ALL] else None
    place_name = _place_names([group.key for group in by[GroupedBy.PLACE]])
    tables = {
        "beside": _beside(everything),
        "month": _of_groups("month", _("Month of the promised day"), by[GroupedBy.MONTH], _month_name, parameters),
        "partner": _of_groups("partner", _("Partner"), by[GroupedBy.PARTNER], _partner_name, parameters),
        "place": _of_groups("place", _("Place"), by[GroupedBy.PLACE], place_name, parameters),
    }
    wanted = request.GET.get("table", "")
    if request.GET.get("form", "") in ("csv", "xlsx") and found.values is not None and wanted in tables:
        return table_out(request.GET["form"], tables[wanted], name=f"on-time-{wanted}")
    places = Paginator(tables["place"].rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "at": found.at,
        "figures": found,
        "everything": everything if everything and everything.share.counted_count else None,
        "is_small": everything is not None and everything.person_count < MINIMUM_PEOPLE,
        "tables": tables,
        "places": places,
        "place_table": replace(tables["place"], rows=tuple(places)),
        "query": _query(parameters),
        "months": [(f"{first:%Y-%m}", month(first)) for first in months],
        "partners": [*PaymentPartner.choices, (NOBODY_YET, _("on no list yet"))],
        "chosen": parameters,
        "place_name": _place_names([parameters["place"]])(parameters["place"]) if parameters["place"] else "",
        "without_place": _query({**parameters, "place": None}),
    }
    return render(request, "console/on_time.html", context)


def _chosen(request: HttpRequest, months: Sequence[date]) -> dict[str, str | None]:
    """What the address asks for, as the tally knows it; anything else means all."""
    kind, wanted_month, partner = (request.GET.get(name, "") for name in ("kind", "month", "partner"))
    place = request.GET.get("place", "")
    return {
        "kind": kind if kind in (Entitlement.Kind.SURVEY, BOTH) else Entitlement.Kind.INCENTIVE.value,
        "month": wanted_month if wanted_month in {f"{first:%Y-%m}" for first in months} else None,
        "partner": partner if partner in (*PaymentPartner.values, NOBODY_YET) else None,
        "place": place if _is_place(place) else None,
    }


def _is_place(text: str) -> bool:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_PLACE_DIGITS):
        return False
    return -int(text) in PROVINCES if int(text) < 0 else District.objects.filter(pk=int(text)).exists()


def _query(parameters: Mapping[str, object]) -> str:
    """The address of a choice, to go on with."""
    told = {name: text for name, text in parameters.items() if text and (name, text) != ("kind", "incentive")}
    return f"?{urlencode(told)}&" if told else "?"


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> list[list[Any]]:
    kind, wanted, partner, place = (parameters[name] for name in ("kind", "month", "partner", "place"))
    choice = Choice(
        kind=None if kind == BOTH else str(kind),
        month_on=None if wanted is None else date.fromisoformat(f"{wanted}-01"),
        partner=None if partner is None else "" if partner == NOBODY_YET else str(partner),
        place=None if place is None else int(place),
    )
    return [
        [
            each.by.value,
            each.key,
            each.person_count,
            astuple(each.share),
            each.late_days,
            each.answer_count,
            each.said_late_count,
        ]
        for each in on_time_groups(at=at, choice=choice)
    ]


ON_TIME = Report("on_time", _count)


def _group(row: Sequence[Any]) -> OnTimeGroup:
    by, key, person_count, share, *rest = row
    return OnTimeGroup(GroupedBy(by), key, person_count, OnTimeShare(*share), *rest)


def _together(groups: Sequence[OnTimeGroup]) -> OnTimeGroup:
    """Groups that are only told together; a person of two of them is counted in each."""
    shares = [astuple(group.share) for group in groups]
    return OnTimeGroup(
        groups[0].by,
        FOLDED,
        sum(group.person_count for group in groups),
        OnTimeShare(*(sum(column) for column in zip(*shares, strict=True))),
        sum(group.late_days for group in groups),
        sum(group.answer_count for group in groups),
        sum(group.said_late_count for group in groups),
    )


def _beside(everything: OnTimeGroup | None) -> Table:
    """What is measured, what is said, and what was published."""
    columns = [(_("According to"), False), (_("On time"), True), (_("Not on time"), True), (_("Of how many"), True)]
    rows = []
    if everything is not None and everything.person_count >= MINIMUM_PEOPLE:
        counted, done = everything.share.counted_count, everything.share.on_time_count
        shares = exact_share(done, counted), exact_share(counted - done, counted)
        rows.append((words(_("Measured")), *shares, number(counted)))
    if everything is not None and everything.answer_count >= MINIMUM_PEOPLE:
        answers, late = everything.answer_count, everything.said_late_count
        shares = exact_share(answers - late, answers), exact_share(late, answers)
        rows.append((words(_("Said by the same people")), *shares, number(answers)))
    agreed, published_on = SAID_PUBLISHED.published, SAID_PUBLISHED.at
    if isinstance(agreed, Fraction) and published_on is not None:
        shares = exact_share(agreed, 100), exact_share(100 - agreed, 100)
        rows.append((words(_("Published on %(day)s") % {"day": day(published_on)}), *shares, Cell("–", None)))
    return table("beside", _("Measured and said"), columns, rows)


Name = Callable[[str], str]


def _of_groups(
    name: str, title: str, groups: Sequence[OnTimeGroup], name_of: Name, parameters: Mapping[str, str | None]
) -> Table:
    """The groups by name; places with the smallest share first. Fewer than ten people are told only together."""
    ordered = sorted(groups, key=lambda each: (each.share.share or 0, name_of(each.key))) if name == "place" else groups
    told, folded = told_and_folded(ordered, lambda each: each.person_count)
    is_told_together = any(each.person_count >= MINIMUM_PEOPLE for each in folded)
    rows = [*told, *([_together(folded)] if is_told_together else [])]
    with_answers, _few = told_and_folded(rows, lambda each: each.answer_count)
    columns = [
        (title, False),
        (_("People"), True),
        (_("Instalments"), True),
        (_("On time"), True),
        (_("Paid late"), True),
        (_("Not paid"), True),
        (_("Days late, on average"), True),
        (_("Say: not on time"), True),
        (_("Answers"), True),
    ]
    cells = []
    for row in rows:
        own = {**parameters, name: row.key or NOBODY_YET}
        first = (
            words(_("%(n)s small groups together") % {"n": count(len(folded))})
            if row.key == FOLDED
            else Cell(name_of(row.key), name_of(row.key), address=_query(own).removesuffix("&"))
        )
        cells.append((first, *_cells(row, is_said=row in with_answers)))
    return table(name, title, columns, cells)


def _cells(group: OnTimeGroup, *, is_said: bool) -> Iterable[Cell]:
    late_count = group.share.late_count + group.share.unpaid_count
    yield people(group.person_count)
    yield number(group.share.counted_count)
    yield exact_share(group.share.on_time_count, group.share.counted_count)
    yield number(group.share.late_count)
    yield number(group.share.unpaid_count)
    yield figure(group.late_days / late_count if late_count else None, 1)
    yield exact_share(group.said_late_count, group.answer_count) if is_said else Cell("–", None)
    yield number(group.answer_count) if is_said else Cell("–", None)


def _month_name(key: str) -> str:
    return month(date.fromisoformat(f"{key}-01"))


def _partner_name(key: str) -> str:
    return str(PaymentPartner(key).label) if key in PaymentPartner.values else _("on no list yet")


def _place_names(keys: Iterable[str]) -> Name:
    """District with its province; the province alone where no district is known."""
    numbers = [int(key) for key in keys if int(key) >= 0]
    rows = District.objects.filter(pk__in=numbers).order_by("pk") if numbers else ()
    districts = {str(row.pk): f"{row.name} · {province(row.province)}" for row in rows}

    def name_of(key: str) -> str:
        return districts.get(key) or _("%(province)s, district not known") % {"province": province(-int(key))}

    return name_of
