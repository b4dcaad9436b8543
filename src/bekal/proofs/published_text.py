"""The published figures in words: lines for the terminal, objects for a file, and the page that explains them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from itertools import groupby
from textwrap import wrap
from typing import Any

from bekal.core.money import format_rupiah
from bekal.ledger.clock import JAKARTA
from bekal.proofs.published import AT_MOST, EXACT, NONE, Figure, Reading, Verdict

INDENT, WIDTH = " " * 15, 120
Amount = Fraction | date | tuple[Fraction, Fraction] | None


def lines(readings: Sequence[Reading]) -> Iterator[str]:
    """What the terminal shows: each figure with its verdict, both values, difference, date, base and definition.

    What several figures of a group share (source, note, why they cannot be measured yet) is said once."""
    for (system, title), members in groupby(readings, key=lambda each: (each.figure.system, each.figure.title)):
        said: set[str] = set()
        yield ""
        yield f"{system}  {title}"
        for reading in members:
            yield from _lines_of(reading, said)


def _lines_of(reading: Reading, said: set[str]) -> Iterator[str]:
    figure = reading.figure
    verdict = reading.verdict.upper() if reading.verdict is Verdict.OUTSIDE else reading.verdict
    yield f"  {verdict:<11}  {figure.label} ({figure.id})"
    published = "not published" if figure.published is None else f"published {amount(figure.published, figure.unit)}"
    if reading.verdict is Verdict.NOT_YET:
        yield from _wrapped(f"{published}; {'not yet as above' if reading.why in said else reading.why}")
    else:
        difference = f", difference {_difference(reading)}" if reading.difference is not None else ""
        here = f"here {amount(reading.running, figure.unit)}{difference}; {tolerance(figure)}"
        yield from _wrapped(f"{published}, {here}")
        yield from _wrapped(f"{dated(reading)}; {reading.counted_count:,} counted: {figure.base}{_interval(reading)}")
    for text in (figure.note, f"Source: {figure.source}."):
        if text not in said:
            yield from _wrapped(text)
    said |= {figure.note, f"Source: {figure.source}.", reading.why}
    for label, value in reading.details:
        yield f"{INDENT}  {_detail(reading, value)}  {label}"


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


def amount(value: Amount, unit: str) -> str:
    """A value in words with its unit; a share with one decimal, or two where one would hide a deviation."""
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return f"{float(value[0]):.1f} to {amount(value[1], unit)}"
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    if unit == "percent":
        return f"{float(value):.2f} %" if (value * 10).denominator > 1 else f"{float(value):.1f} %"
    if unit == "rupiah":
        return format_rupiah(int(value)) if value.denominator == 1 else f"about {format_rupiah(round(value))}"
    number = f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.4f}"
    return f"{number} {unit}"


def _difference(reading: Reading) -> str:
    difference = reading.difference or Fraction(0)
    sign = "+" if difference > 0 else ""
    if reading.figure.unit == "percent":
        return f"{sign}{float(difference):.2f} points"
    if reading.figure.unit == "day":
        return f"{sign}{int(difference)} days"
    return sign + amount(difference, reading.figure.unit)


def tolerance(figure: Figure) -> str:
    """The tolerance as a phrase."""
    if figure.tolerance == NONE:
        return "for information"
    if figure.tolerance == EXACT:
        return "must be exact"
    if figure.tolerance == AT_MOST:
        return "not later" if figure.unit == "day" else "not above"
    band = " around the band" if isinstance(figure.published, tuple) else ""
    points = float(figure.tolerance)
    return f"tolerance {points:g} point{'' if points == 1 else 's'}{band}"


def dated(reading: Reading) -> str:
    """As of when the running figure holds."""
    if reading.figure.at is not None:
        return "at " + _end_of(reading.figure.at)
    instant = reading.as_of.astimezone(JAKARTA)
    return f"as of {instant.day} {instant:%B %Y, %H:%M}"


def _end_of(day: date) -> str:
    return f"the end of {day.day} {day:%B %Y}"


def _interval(reading: Reading) -> str:
    return "" if reading.half_width is None else f", 95 % interval +/- {reading.half_width:.2f} points"


def _detail(reading: Reading, value: Fraction) -> str:
    if reading.figure.unit != "percent":
        return f"{amount(value, reading.figure.unit):>22}"
    return f"{int(value):>9,}  ({100 * int(value) / reading.counted_count:.2f} %)"


def as_objects(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """The readings as JSON takes them: rupiah and counts whole, shares in percent, days as YYYY-MM-DD."""
    return [
        {
            "id": reading.figure.id,
            "system": reading.figure.system,
            "label": reading.figure.label,
            "unit": reading.figure.unit,
            "published": _plain(reading.figure.published),
            "running": _plain(reading.running),
            "difference": _plain(reading.difference),
            "tolerance": _plain(reading.figure.tolerance),
            "verdict": reading.verdict.value,
            "why": reading.why,
            "from": _plain(reading.figure.from_on),
            "as_of": reading.as_of.isoformat(),
            "base": reading.figure.base,
            "counted": reading.counted_count,
            "half_width_95": reading.half_width,
            "details": {label: _plain(value) for label, value in reading.details},
            "source": reading.figure.source,
            "note": reading.figure.note,
        }
        for reading in readings
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


PAGE_HEAD = """# The published figures

What the programme has published about itself, and where Bekal finds its own figure. `python3 dev manage published`
prints both with their difference, and exits with 1 where one lies outside its tolerance or cannot be measured yet
(`--reached-only` leaves the latter out). `--figures S8,S11` chooses systems or single figures, `--as-of 2020-07-27`
shows what would have been printed at the end of that day, `--json FILE` writes everything to a file.

The database is asked with SQL alone, in one snapshot, by a role that can only read and sees no names, contact points or
sign-ins. A tolerance in points is in percent points, both ways; the bound itself is within. "Now" is the programme's
clock. Answers to surveys are printed with the half-width of their 95 % interval, 1.96 x sqrt(p (1 - p) / n).

This page is made from `src/bekal/proofs/published.yaml`: `python3 dev manage published --explain > docs/figures.md`.
"""


def page(figures: Sequence[Figure]) -> str:
    """docs/figures.md: every figure with its value, date, base, tolerance, source and note."""
    blocks = [PAGE_HEAD]
    for (system, title), group in groupby(figures, key=lambda each: (each.system, each.title)):
        rows = [f"## {system}: {title}", "", "| figure | published | measured | counted | tolerance |"]
        rows.append("|---|---|---|---|---|")
        members = list(group)
        for figure in members:
            published = amount(figure.published, figure.unit)
            rows.append(
                f"| `{figure.id}` {figure.label} | {published} | {_measured(figure)} | {figure.base} |"
                f" {tolerance(figure)} |"
            )
        rows += ["", *_said_of((figure.id, figure.note) for figure in members)]
        rows += _said_of((figure.id, f"Source: {figure.source}.") for figure in members)
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


def _said_of(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Each text once, after the figures it is said of; what is said of all stands alone."""
    ids: dict[str, list[str]] = {}
    for name, text in texts:
        ids.setdefault(text, []).append(f"`{name}`")
    return [f"- {text}" if len(ids) == 1 else f"- {', '.join(names)}: {text}" for text, names in ids.items()]


def _measured(figure: Figure) -> str:
    if figure.at is None:
        after = figure.not_before
        return "now" if after is None else f"now, once {after.day} {after:%B %Y} is over"
    if figure.from_on is None:
        return "at " + _end_of(figure.at)
    return f"from {figure.from_on.day} {figure.from_on:%B %Y} to {_end_of(figure.at)}"
