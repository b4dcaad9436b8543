"""Reconciliation: what is matched, missing and contested, by piece, institution and age, both sides' clocks, and the
people behind each figure: those who wait for a piece, and those between finished and paid."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.further import further
from bekal.console.people import mask_name
from bekal.console.reconciliation_trend import trend_lines
from bekal.console.reconciliation_words import OWED_BY, PIECES, REASONS, SIDES, Words
from bekal.console.tally import Report, figures
from bekal.core.rules import RULES
from bekal.incentives.finished_unpaid import (
    WaitingChoice,
    WaitingFigure,
    every_finished_unpaid,
    finished_unpaid,
    waiting_figures,
)
from bekal.ledger.clock import programme_day, programme_now
from bekal.lifecycle.tallies import Parameters
from bekal.purchases.models import ReconciliationMark, ReconciliationStanding
from bekal.purchases.reconciliation_queries import (
    AGE_BANDS,
    Choice,
    InstitutionFigure,
    StandingFigure,
    every_waiting_piece,
    institution_figures,
    standing_figures,
    trend,
    waiting_pieces,
)
from bekal.ui.tables_out import csv_response, xlsx_response

PAGE_SIZE = 50
INSTITUTIONS_LIMIT = 50
MATCHED_DAYS = 30
TREND_DAYS = 14
MAX_ID_DIGITS = 18


def band_label(band: int) -> str:
    """`4-7 days`; bands count from 1, the last has no end."""
    first = AGE_BANDS[band - 1]
    if band == len(AGE_BANDS):
        return _("more than %(days)s days") % {"days": first - 1}
    return _("%(first)s – %(last)s days") % {"first": first, "last": AGE_BANDS[band] - 1}


BANDS = range(1, len(AGE_BANDS) + 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table by age: what waits, its cells in the order of the bands, and the address of its people."""

    label: Words
    side: Words
    query: str
    counts: tuple[int, ...]
    overdue_count: int
    oldest_on: date

    @property
    def total_count(self) -> int:
        return sum(self.counts)

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(band, count), the band for the address."""
        return list(zip(BANDS, self.counts, strict=True))


def _lines(
    found: Iterable[tuple[tuple[str, str], int, int, int, date]],
    words: Callable[[str], Words],
    sides: Mapping[str, Words],
) -> list[Line]:
    """From (what, side), band, count, overdue and oldest: one row for each (what, side), the largest first."""
    rows: dict[tuple[str, str], list[tuple[int, int, int, date]]] = {}
    for key, *cell in found:
        rows.setdefault(key, []).append(tuple(cell))  # type: ignore[arg-type]
    lines = []
    for (what, side), cells in rows.items():
        counts = {band: sum(cell[1] for cell in cells if cell[0] == band) for band in BANDS}
        lines.append(
            Line(
                words(what),
                sides.get(side, side),
                urlencode({"reason": what, "side": side}),
                tuple(counts.values()),
                sum(cell[2] for cell in cells),
                min(cell[3] for cell in cells),
            )
        )
    return sorted(lines, key=lambda line: -line.total_count)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def overview(request: HttpRequest) -> HttpResponseBase:
    """All figures of one look; each opens into its people."""
    at = programme_now()
    found = figures(RECONCILIATION, request, at=at)
    people, pieces, institutions = _from(found.values) if found.values is not None else ([], [], [])
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx") and found.values is not None:
        return _overview_out(form, pieces)
    day_lines = trend(days_limit=TREND_DAYS)
    completed = [each for each in people if each.is_completed]
    context = {
        "at": found.at,
        "figures": found,
        "bands": [(band, band_label(band)) for band in BANDS],
        "people": _lines(_people_cells(completed), _reason, SIDES),
        "people_count": sum(each.people_count for each in completed),
        "one_sided_count": sum(each.people_count for each in people if not each.is_completed),
        "missing": _lines(_piece_cells(pieces, "missing"), _piece, OWED_BY),
        "conflicting": _lines(_piece_cells(pieces, "conflicting"), _piece, OWED_BY),
        "clocks": _clocks(pieces),
        "institutions": institutions,
        "institutions_limit": INSTITUTIONS_LIMIT,
        "days": day_lines,
        "trend": trend_lines(day_lines),
        "mark": ReconciliationMark.objects.order_by("pk").first(),
    }
    return render(request, "console/reconciliation.html", context)


def _reason(name: str) -> Words:
    return REASONS.get(name, name)


def _piece(name: str) -> Words:
    return PIECES.get(name, name)


def _people_cells(people: Iterable[WaitingFigure]) -> Iterator[tuple[tuple[str, str], int, int, int, date]]:
    for each in people:
        yield (each.reason, each.side), each.band, each.people_count, each.overdue_count, each.oldest_on


def _piece_cells(
    pieces: Iterable[StandingFigure], standing: str
) -> Iterator[tuple[tuple[str, str], int, int, int, date]]:
    for each in pieces:
        if each.standing == standing:
            yield (each.piece, each.owed_by), each.band, each.purchase_count, each.overdue_count, each.oldest_on


def _clocks(pieces: Sequence[StandingFigure]) -> list[tuple[Words, str, int, int, date]]:
    """Each side's clock: pieces it owes, of them overdue, the oldest."""
    clocks = []
    for side, label in OWED_BY.items():
        own = [each for each in pieces if each.owed_by == side]
        if own:
            owed_count, overdue_count = sum(e.purchase_count for e in own), sum(e.overdue_count for e in own)
            clocks.append((label, side, owed_count, overdue_count, min(each.oldest_on for each in own)))
    return clocks


def _count(*, at: datetime, as_of: datetime | None, parameters: Parameters) -> dict[str, Any]:
    on = programme_day(at)
    institutions = institution_figures(on=on, matched_from=on - timedelta(days=MATCHED_DAYS), limit=INSTITUTIONS_LIMIT)
    return {
        "people": [_plain(astuple(each)) for each in waiting_figures(at=at)],
        "pieces": [_plain(astuple(each)) for each in standing_figures(on=on)],
        "institutions": [_plain(astuple(each)) for each in institutions],
    }


def _plain(row: Iterable[Any]) -> list[Any]:
    return [each.isoformat() if isinstance(each, date) else each for each in row]


def _from(values: Any) -> tuple[list[WaitingFigure], list[StandingFigure], list[InstitutionFigure]]:
    people: list[Any] = [[*row[:-1], date.fromisoformat(row[-1])] for row in values["people"]]
    pieces: list[Any] = [[*row[:-1], date.fromisoformat(row[-1])] for row in values["pieces"]]
    institutions: list[Any] = [[*row[:-2], date.fromisoformat(row[-2]), row[-1]] for row in values["institutions"]]
    return (
        [WaitingFigure(*row) for row in people],
        [StandingFigure(*row) for row in pieces],
        [InstitutionFigure(*row) for row in institutions],
    )


RECONCILIATION = Report("reconciliation", _count)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def waiting(request: HttpRequest) -> HttpResponseBase:
    """The purchases that wait for a piece or a decision, what is due first in front; a file has all of them."""
    today = programme_day(programme_now())
    choice = waiting_choice(request.GET)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return _waiting_out(form, choice, today)
    lines = waiting_pieces(choice, on=today, after=_after(request.GET.get("after", "")), limit=PAGE_SIZE + 1)
    last = lines[PAGE_SIZE - 1] if len(lines) > PAGE_SIZE else None
    context = {
        "lines": [(line, mask_name(line.full_name), PIECES.get(line.piece, line.piece)) for line in lines[:PAGE_SIZE]],
        "next": _with(request, after=f"{last.due_on}_{last.standing_id}") if last else "",
        "today": today,
        "choice": choice,
        "query": _with(request),
        **_filters(PIECES, OWED_BY),
        "is_officer": request.user.role == Role.OFFICER,  # type: ignore[union-attr]
        "reminder_days": RULES.value("evidence_reminder_days", today),
        "asked": [(name, text) for name, text in request.GET.items() if name not in ("after", "form")],
    }
    return render(request, "console/reconciliation_waiting.html", context)


def waiting_choice(data: QueryDict) -> Choice:
    """What an officer asks for; what is no choice is left out."""
    return Choice(
        piece=_among(data.get("reason", ""), PIECES),
        owed_by=_among(data.get("side", ""), OWED_BY),
        institution_id=_number(data.get("institution", "")),
        band=_band(data.get("age", "")),
        overdue=data.get("overdue") == "1",
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def people(request: HttpRequest) -> HttpResponseBase:
    """Who is between finished and paid, each with the reason; a file has all of them, without names."""
    at = programme_now()
    one_sided = request.GET.get("one_sided") == "1"
    choice = WaitingChoice(
        reason=_among(request.GET.get("reason", ""), REASONS),
        side=_among(request.GET.get("side", ""), SIDES),
        institution_id=_number(request.GET.get("institution", "")),
        band=_band(request.GET.get("age", "")),
        overdue=request.GET.get("overdue") == "1",
        is_completed=not one_sided,
    )
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        return _people_out(form, choice, at)
    after_id = _number(request.GET.get("after", "")) or 0
    found = finished_unpaid(choice, at=at, after_id=after_id, limit=PAGE_SIZE)
    context = {
        "lines": [
            (line, mask_name(line.full_name), REASONS[line.reason], SIDES[line.side], _told(line.pieces))
            for line in found.people
        ],
        "further": further(request, after_id, found.looked_until, is_full=len(found.people) == PAGE_SIZE),
        "today": programme_day(at),
        "choice": choice,
        "one_sided": one_sided,
        "query": _with(request),
        **_filters(REASONS, SIDES),
    }
    return render(request, "console/reconciliation_people.html", context)


def _told(pieces: Iterable[str]) -> list[tuple[Words, Words]]:
    """`review:participant` in words."""
    pairs = [each.partition(":") for each in pieces]
    return [(PIECES.get(piece, piece), OWED_BY.get(side, side)) for piece, _colon, side in pairs]


def _filters(reasons: Mapping[str, Words], sides: Mapping[str, Words]) -> dict[str, Any]:
    return {
        "reasons": list(reasons.items()),
        "sides": list(sides.items()),
        "bands": [(band, band_label(band)) for band in BANDS],
    }


def _with(request: HttpRequest, **changes: str) -> str:
    """The address again without its page and form, and with changes; ends so that more can follow."""
    query = request.GET.copy()
    for name in ("after", "form"):
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}&" if query else "?"


def _among(text: str, known: Mapping[str, Words]) -> str | None:
    return text if text in known else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS else None


def _band(text: str) -> int | None:
    number = _number(text)
    return number if number in BANDS else None


def _after(text: str) -> tuple[date, int] | None:
    day, _sign, number = text.partition("_")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return None
    found = _number(number)
    return None if found is None else (on, found)


def _out(form: str, name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponseBase:
    if form == "csv":
        return csv_response(name=name, header=header, rows=rows)
    return xlsx_response(name=name, title=title, header=header, rows=rows)


def _overview_out(form: str, pieces: Iterable[StandingFigure]) -> HttpResponseBase:
    header = [_("State"), _("Piece"), _("Owed by"), _("Waits for"), _("Purchases"), _("Overdue"), _("Oldest since")]
    standings = dict(ReconciliationStanding.Standing.choices)
    rows = [
        [
            str(standings[each.standing]),
            str(_piece(each.piece)),
            str(OWED_BY[each.owed_by]),
            band_label(each.band),
            each.purchase_count,
            each.overdue_count,
            each.oldest_on,
        ]
        for each in pieces
    ]
    return _out(form, "reconciliation", _("Reconciliation"), header, rows)


def _waiting_out(form: str, choice: Choice, today: date) -> HttpResponseBase:
    header = [_("Purchase"), _("Participation"), _("Institution"), _("Training"), _("Piece"), _("Owed by")]
    header += [_("Since"), _("Due"), _("Overdue")]

    def rows() -> Iterator[list[object]]:
        for line in every_waiting_piece(choice, on=today):
            named = [line.purchase_id, line.participation_id, line.institution_name, line.title]
            what = [str(_piece(line.piece)), str(OWED_BY[line.owed_by])]
            yield [*named, *what, line.since_on, line.due_on, _yes(line.due_on < today)]

    return _out(form, "reconciliation-waiting", _("What purchases wait for"), header, rows())


def _people_out(form: str, choice: WaitingChoice, at: datetime) -> HttpResponseBase:
    header = [_("Participation"), _("Purchase"), _("Institution"), _("Reason"), _("Owed by"), _("Since"), _("Due")]
    header += [_("Overdue")]
    today = programme_day(at)

    def rows() -> Iterator[list[object]]:
        for line in every_finished_unpaid(choice, at=at):
            what = [str(REASONS[line.reason]), str(SIDES[line.side]), line.since_on, line.due_on or ""]
            late = _yes(line.due_on is not None and line.due_on < today)
            yield [line.participation_id, line.purchase_id, line.institution_name, *what, late]

    return _out(form, "between-finished-and-paid", _("Between finished and paid"), header, rows())


def _yes(is_so: bool) -> str:
    return _("yes") if is_so else _("no")
