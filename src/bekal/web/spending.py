"""Rencana belanja saldo: three plans, and every way worth considering to spend the balance, as a chart and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.search import TrainingCard, training_cards
from bekal.recommender.serve import ShownPlan
from bekal.recommender.spending import SpendingOptions, Step, spending_for
from bekal.ui.display import percent, rupiah
from bekal.ui.tables_out import csv_response, xlsx_response
from bekal.web.forms import SpendingForm
from bekal.web.reader import Reader, reader_of
from bekal.web.trainings import page_number

ON_A_PAGE = 15
PLAN_NAMES: dict[str, Promise] = {
    "best_value": _("Most useful"),
    "nothing_lapses": _("Least left over"),
    "one_best": _("The one best"),
}
PLAN_TEXTS: dict[str, Promise] = {
    "best_value": _("These trainings together suit you best."),
    "nothing_lapses": _("As little as possible lapses, and the trainings still suit you."),
    "one_best": _("One training only, the one that suits you best."),
}
# The chart in SVG units: drawn for a phone, it grows on a desk.
CHART_WIDTH, CHART_HEIGHT = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 332, 12, 176


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to spend the balance; two plans that come to the same set share it, under both names."""

    name: str
    text: str
    cards: tuple[TrainingCard, ...]
    spent_rupiah: int
    left_rupiah: int
    share: float | None = None  # of the best plan's value, where it is known


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a step of the front with its set, and the names of the plans that are this set."""

    cards: tuple[TrainingCard, ...]
    spent_rupiah: int
    left_rupiah: int
    share: float
    names: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled point of the chart."""

    x: float
    y: float
    number: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The front as a staircase: so much money, so well does the best set for it suit."""

    path: str
    area: str
    marks: tuple[Mark, ...]
    money: tuple[tuple[float, str, str], ...]  # where, how it is anchored, what is written
    shares: tuple[tuple[float, str], ...]
    label: str
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT
    left: int = LEFT
    right: int = RIGHT
    bottom: int = BOTTOM


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def spending(request: HttpRequest) -> HttpResponseBase:
    """The plans and the front within the limits that the address sets."""
    reader = reader_of(request)
    form = SpendingForm(request.GET)
    context: dict[str, Any] = {"reader": reader, "form": form, "limited": bool(form.limits), "state": ""}
    if reader.participation is None or not reader.may_spend:
        return render(request, "web/spending.html", context)
    asked = page_number(request.GET)
    options = _options(reader, form, asked)
    if request.GET.get("form") in ("csv", "xlsx"):
        return _as_file(request.GET["form"], options.steps)
    page = Paginator(options.steps, ON_A_PAGE).get_page(asked)
    if page.number != asked:  # there are not so many: the last page, with its sets
        options = _options(reader, form, page.number)
        page = Paginator(options.steps, ON_A_PAGE).get_page(page.number)
    cards = training_cards(training_ids=_training_ids(options))
    plans = plans_of(options.plans, cards, options.plan_shares)
    context |= {
        "state": options.state,
        "plans": plans,
        "chart": chart_of(options.steps, plans, options.balance_rupiah) if options.steps else None,
        "rows": [_row(step, options, cards) for step in page],
        "page": page,
        "query": form.query,
    }
    return render(request, "web/spending.html", context, status=422 if form.errors else 200)


def _options(reader: Reader, form: SpendingForm, page: int) -> SpendingOptions:
    assert reader.participation is not None
    number, first = reader.participation.pk, (page - 1) * ON_A_PAGE
    return spending_for(participation_id=number, at=reader.at, open_from=first, open_count=ON_A_PAGE, **form.limits)


def plans_of(
    plans: Sequence[ShownPlan], cards: Mapping[int, TrainingCard], shares: Sequence[float] = ()
) -> tuple[Plan, ...]:
    """One plan for each set that is not empty: two that come to the same set share it, under both names."""
    same: dict[tuple[int, ...], list[int]] = {}
    for place, plan in enumerate(plans):
        if plan.training_ids:
            same.setdefault(plan.training_ids, []).append(place)
    return tuple(
        Plan(
            name=" · ".join(str(PLAN_NAMES[plans[place].kind]) for place in places),
            text=str(PLAN_TEXTS[plans[places[0]].kind]),
            cards=tuple(cards[number] for number in numbers),
            spent_rupiah=plans[places[0]].spent_rupiah,
            left_rupiah=plans[places[0]].left_rupiah,
            share=shares[places[0]] if shares else None,
        )
        for numbers, places in same.items()
    )


def _training_ids(options: SpendingOptions) -> set[int]:
    opened = {number for step in options.steps for number in step.training_ids or ()}
    return opened.union(*(plan.training_ids for plan in options.plans))


def _row(step: Step, options: SpendingOptions, cards: Mapping[int, TrainingCard]) -> Row:
    same = [
        plan
        for plan, share in zip(options.plans, options.plan_shares, strict=True)
        if plan.spent_rupiah == step.spent_rupiah and share == step.share
    ]
    numbers = same[0].training_ids if same else step.training_ids or ()
    names = " · ".join(str(PLAN_NAMES[plan.kind]) for plan in same)
    return Row(tuple(cards[number] for number in numbers), step.spent_rupiah, step.left_rupiah, step.share, names)


def chart_of(steps: Sequence[Step], plans: Sequence[Plan], balance_rupiah: int) -> Chart:
    """The staircase of the front up to the balance; each plan is a numbered point."""
    stairs = [f"M{LEFT} {_y(0)}"]
    stairs += [f"H{_x(step.spent_rupiah, balance_rupiah)}V{_y(step.share)}" for step in reversed(steps)]
    path = "".join(stairs) + f"H{RIGHT}"
    values = {"n": len(steps), "balance": rupiah(balance_rupiah), "most": rupiah(steps[0].spent_rupiah)}
    label = ngettext(
        "%(n)s step up to %(most)s of %(balance)s: the more money, the better the trainings suit",
        "%(n)s steps up to %(most)s of %(balance)s: the more money, the better the trainings suit",
        len(steps),
    )
    return Chart(
        path=path,
        area=f"{path}V{_y(0)}H{LEFT}Z",
        marks=tuple(
            Mark(_x(plan.spent_rupiah, balance_rupiah), _y(plan.share or 0.0), number)
            for number, plan in enumerate(plans, start=1)
        ),
        money=((LEFT, "start", rupiah(0)), (RIGHT, "end", rupiah(balance_rupiah))),
        shares=tuple((_y(each), percent(each)) for each in (0, 0.5, 1)),
        label=label % values,
    )


def _x(spent_rupiah: int, balance_rupiah: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * spent_rupiah / max(balance_rupiah, 1), 1)


def _y(share: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * share, 1)


def _as_file(form: str, steps: Sequence[Step]) -> HttpResponseBase:
    header = [gettext("Used (Rp)"), gettext("Left over (Rp)"), gettext("How well it suits (percent)")]
    lines = ((step.spent_rupiah, step.left_rupiah, round(step.share * 100)) for step in steps)
    if form == "csv":
        return csv_response(name="rencana-saldo", header=header, rows=lines)
    title = gettext("Plans for your balance")
    return xlsx_response(name="rencana-saldo", title=title, header=header, rows=lines, rupiah_columns=(0, 1))
