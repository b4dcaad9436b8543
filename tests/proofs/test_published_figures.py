"""A figure is judged by its stated tolerance in exact arithmetic, and read only from a file that can be meant."""

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from bekal.proofs.published import FIGURES, Figure, FigureError, Verdict, judge, load_figures, measure, read
from bekal.proofs.published_text import amount
from tests.factories import jakarta

BY_ID = {figure.id: figure for figure in FIGURES}
NOW = jakarta(2021, 6, 1)


def figure(**changes: Any) -> Figure:
    return replace(BY_ID["S8.bought_share"], **changes)


@pytest.mark.parametrize(
    ("part", "verdict"),
    [(862, Verdict.WITHIN), (861, Verdict.OUTSIDE), (902, Verdict.WITHIN), (903, Verdict.OUTSIDE)],
)
def test_the_bound_of_a_tolerance_is_within_and_a_hair_more_is_not(part: int, verdict: Verdict) -> None:
    """88.2 % with 2 points, in exact arithmetic: 0.862 has no exact float."""
    assert read(figure(), {"bought_count": part, "accepted_count": 1000}, NOW).verdict is verdict


@pytest.mark.parametrize(
    ("percent", "verdict", "difference"),
    [
        ("0.7", Verdict.WITHIN, -1),
        ("0.69", Verdict.OUTSIDE, Fraction("-1.01")),
        ("1.7", Verdict.WITHIN, 0),
        ("2.5", Verdict.WITHIN, 0),
        ("4.3", Verdict.WITHIN, 1),
        ("4.31", Verdict.OUTSIDE, Fraction("1.01")),
    ],
)
def test_a_band_is_widened_by_its_tolerance(percent: str, verdict: Verdict, difference: Fraction) -> None:
    row = {"waiting_count": int(Fraction(percent) * 100), "bought_count": 10_000} | {
        column: 0 for _, column in BY_ID["S6.waiting"].details
    }
    reading = read(BY_ID["S6.waiting"], row, NOW)
    assert (reading.verdict, reading.difference) == (verdict, difference)


def test_at_most_lets_less_pass_and_exact_does_not() -> None:
    most, lowest = BY_ID["S5.incentives_most"], BY_ID["S5.incentive_lowest"]
    assert [judge(most, Fraction(n)) for n in (3, 4, 5)] == [Verdict.WITHIN, Verdict.WITHIN, Verdict.OUTSIDE]
    amounts = (599_999, 600_000, 600_001)
    assert [judge(lowest, Fraction(n)) for n in amounts] == [Verdict.OUTSIDE, Verdict.WITHIN, Verdict.OUTSIDE]
    days = [judge(BY_ID["S1.latest_purchase"], date(2020, 12, n)) for n in (14, 15, 16)]
    assert days == [Verdict.WITHIN, Verdict.WITHIN, Verdict.OUTSIDE]
    assert judge(BY_ID["S8.accepted"], Fraction(5)) is Verdict.INFORMATION


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(0, 1000), st.integers(0, 50))
def test_within_means_no_further_away_than_the_tolerance(part: int, whole: int, published: int, tolerance: int) -> None:
    part = min(part, whole)
    asked = figure(published=Fraction(published, 10), tolerance=Fraction(tolerance, 10))
    reading = read(asked, {"bought_count": part, "accepted_count": whole}, NOW)
    # Everything times ten times the whole, in whole numbers.
    near = abs(1000 * part - published * whole) <= tolerance * whole
    assert (reading.verdict is Verdict.WITHIN) == near


def test_a_share_of_nobody_is_not_yet_and_a_naive_instant_is_a_mistake() -> None:
    assert read(figure(), {"bought_count": 0, "accepted_count": 0}, NOW).verdict is Verdict.NOT_YET
    with pytest.raises(ValueError, match="aware"):
        measure(connections["proof"], now=datetime(2020, 7, 27))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"unit": "dollars"}, "unit 'dollars'"),
        ({"query": "nothing"}, "no query is called"),
        ({"whole": ""}, "needs part and whole"),
        ({"tolerance": "about"}, "tolerance 'about'"),
        ({"published": None}, "nothing was published"),
        ({"unit": "people", "part": "", "value": "x", "counted": "y"}, "points belongs to a share"),
    ],
)
def test_a_figure_that_cannot_be_meant_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(FigureError, match=f"S8.bought_share.*{fault}"):
        figure(**changes)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("figures: [{id: X.a, lable: x}]", "X.a: unknown lable"),
        ("figures: [{id: X.a}]", "X.a: .*missing"),
        (
            "{system: X, title: x, unit: people, tolerance: none, base: x, source: x, note: x, query: funnel, value: a,"
            " counted: b, published: 1, label: x, figures: [{id: X.a}, {id: X.a}]}",
            "X.a stands twice",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.yaml"
    path.write_text(f"- {text}" if text.startswith("{") else f"- {{{text}}}")
    with pytest.raises(FigureError, match=fault):
        load_figures(path)


def test_every_system_of_the_brief_has_figures_and_names_are_theirs() -> None:
    assert {each.system for each in FIGURES} == {"S1", "S5", "S6", "S8", "S9", "S11"}
    assert [each.id for each in FIGURES if not each.id.startswith(f"{each.system}.")] == []


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (Fraction("88.2"), "percent", "88.2 %"),
        (Fraction(9000, 102), "percent", "88.24 %"),
        ((Fraction("1.7"), Fraction("3.3")), "percent", "1.7 to 3.3 %"),
        (Fraction(639_000_000_000), "rupiah", "Rp639.000.000.000"),
        (Fraction(7, 2), "rupiah", "about Rp4"),
        (Fraction(680_000), "people", "680,000 people"),
        (Fraction(10), "times", "10 times"),
        (date(2020, 12, 15), "day", "15 December 2020"),
    ],
)
def test_amounts_are_written_with_their_unit(value: Any, unit: str, text: str) -> None:
    assert amount(value, unit) == text
