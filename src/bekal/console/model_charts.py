"""The figures of an examination as charts: points on a line, their intervals, and the limit they are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from bekal.console.model_report import attribute_name, history_name, measure_name, verdict
from bekal.ui.display import percent

# SVG units of one row: its words stand beside it as text, so that a phone can put them above.
WIDTH, HEIGHT = 300, 28
LEFT, RIGHT, MIDDLE = 8, 292, 14
SHAPES = {"passes": "circle", "blocked": "square", "cannot_tell": "ring"}


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of a row: shape circle, square, ring or tick."""

    x: float
    shape: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its words, its marks, its interval (None: it has none), and what is said of it."""

    label: str
    points: tuple[Point, ...]
    interval: tuple[float, float] | None
    told: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows on one scale; `limit` is where the rule stands that they are held against, with its words."""

    lines: tuple[Line, ...]
    limit: tuple[float, str] | None
    legend: tuple[tuple[str, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    middle: int = MIDDLE


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def at(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(LEFT + (RIGHT - LEFT) * min(max(part, 0.0), 1.0), 1)


def _scale(values: Sequence[float]) -> _Scale:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return _Scale(low - room, high + room)


def quality_chart(report: Mapping[str, Any]) -> Chart | None:
    """Each history: the model with its standard error, beside what the most chosen would reach."""
    cells = report.get("quality", {}).get("cells", {})
    if not cells:
        return None
    bounds = [value for cell in cells.values() for value in _reached(cell)]
    scale = _scale(bounds)
    lines = tuple(
        Line(
            label=history_name(name),
            points=(
                *(Point(scale.at(cell[peer]), shape) for peer, shape in PEERS if cell.get(peer) is not None),
                Point(scale.at(cell["ndcg"]), "circle"),
            ),
            interval=_around(scale, cell["ndcg"], cell.get("error")),
            told=_figure(cell["ndcg"]),
        )
        for name, cell in cells.items()
    )
    legend = (
        ("circle", _("This model, with its standard error")),
        ("tick", _("Most chosen")),
        ("ring", _("Most chosen by people alike")),
    )
    return Chart(lines, None, legend)


PEERS = (("popularity", "tick"), ("segment_popularity", "ring"))


def _reached(cell: Mapping[str, Any]) -> list[float]:
    error = cell.get("error") or 0.0
    peers = [cell[name] for name, _shape in PEERS if cell.get(name) is not None]
    return [cell["ndcg"] - error, cell["ndcg"] + error, *peers]


def _around(scale: _Scale, value: float, error: float | None) -> tuple[float, float] | None:
    return None if error is None else (scale.at(value - error), scale.at(value + error))


def calibration_chart(report: Mapping[str, Any]) -> Chart | None:
    """Expected of 100 observed, each history; 100 is right."""
    found = report.get("quality", {}).get("calibration", {})
    if not found:
        return None
    scale = _scale([0.8, 1.2, *(cell["expected_over_observed"] for cell in found.values())])
    lines = tuple(
        Line(
            label=history_name(name),
            points=(Point(scale.at(cell["expected_over_observed"]), "circle"),),
            interval=None,
            told=_figure(100 * cell["expected_over_observed"], 1),
        )
        for name, cell in found.items()
    )
    return Chart(lines, (scale.at(1.0), _("100 is right")), (("circle", _("This model")),))


def fairness_chart(comparisons: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Each gap with its interval against the limit; its verdict by shape and in words."""
    known = [each for each in comparisons if each.get("gap") is not None]
    if not known:
        return None
    bounds = [each[name] for each in known for name in ("gap", "gap_low", "gap_high", "limit")]
    scale = _scale([0.0, *(value for value in bounds if value is not None)])
    limit = known[0]["limit"]
    lines = tuple(
        Line(
            label=f"{attribute_name(each['attribute'])}: {measure_name(each['measure'])}",
            points=(Point(scale.at(each["gap"]), SHAPES.get(each["verdict"], "circle")),),
            interval=(scale.at(each["gap_low"]), scale.at(each["gap_high"])) if each["gap_low"] is not None else None,
            told=f"{percent(each['gap'])}, {verdict(each['verdict']).shown}",
        )
        for each in known
    )
    rule = (scale.at(limit), _("limit %(limit)s") % {"limit": percent(limit)})
    legend = tuple((shape, verdict(name).shown) for name, shape in SHAPES.items())
    return Chart(lines, rule, legend)


def _figure(value: float, places: int = 3) -> str:
    return formats.number_format(round(value, places), decimal_pos=places)
