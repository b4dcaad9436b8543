"""The published figures beside the running system's own: read, measured with SQL, judged by their stated tolerance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import yaml
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.ledger.clock import JAKARTA, programme_day
from bekal.proofs.published_sql import ALLOWED_MOVEMENT, QUERIES
from bekal.proofs.snapshot import snapshot

PUBLISHED_YAML = Path(__file__).with_name("published.yaml")
UNITS = ("rupiah", "percent", "people", "instalments", "surveys", "movements", "day", "times")
EXACT, AT_MOST, NONE = "exact", "at most", "none"
# Two-sided 95 % of the normal distribution.
Z_95 = 1.96


class FigureError(ValueError):
    """The file of figures says something that cannot be meant; the message names the figure."""


class Verdict(StrEnum):
    """What became of a figure: within or outside its tolerance, not measurable yet, or only told."""

    WITHIN = "within"
    OUTSIDE = "outside"
    NOT_YET = "not yet"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure and where the running system finds its own (see the head of `published.yaml`).

    Percent figures are in percent (88.2), days are dates, everything else whole numbers. `tolerance` is percent points,
    "exact", "at most" or "none". `from_on` and `at` bound what is counted; without `at` it is now, but not before
    `not_before` is over.
    """

    id: str
    system: str
    title: str
    label: str
    published: Fraction | date | tuple[Fraction, Fraction] | None
    unit: str
    tolerance: Fraction | str
    base: str
    source: str
    note: str
    query: str
    value: str = ""
    part: str = ""
    whole: str = ""
    counted: str = ""
    from_on: date | None = None
    at: date | None = None
    not_before: date | None = None
    sampled: bool = False
    details: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        share = self.unit == "percent"
        faults = {
            f"unit {self.unit!r} is none of {', '.join(UNITS)}": self.unit not in UNITS,
            f"no query is called {self.query!r}": self.query not in QUERIES,
            "a share needs part and whole, anything else value and counted": share != bool(self.part and self.whole)
            or share == bool(self.value and self.counted),
            "a tolerance in points belongs to a share": isinstance(self.tolerance, Fraction) and not share,
            f"tolerance {self.tolerance!r} is neither exact, at most, none nor points": isinstance(self.tolerance, str)
            and self.tolerance not in (EXACT, AT_MOST, NONE),
            "nothing was published, so that there can be no tolerance": self.published is None
            and self.tolerance != NONE,
        }
        for fault, found in faults.items():
            if found:
                raise FigureError(f"{self.id}: {fault}")


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure as the running system gives it: in its unit, over how many (`counted_count`), as of which instant.

    `difference` is running less published (points, rupiah, days or a number; from the nearer end of a band, 0 inside),
    `half_width` that of the 95 % interval in points. What could not be measured yet says `why`.
    """

    figure: Figure
    as_of: datetime
    verdict: Verdict
    running: Fraction | date | None = None
    counted_count: int = 0
    difference: Fraction | None = None
    half_width: float | None = None
    details: tuple[tuple[str, Fraction], ...] = ()
    why: str = ""


def load_figures(path: Path = PUBLISHED_YAML) -> tuple[Figure, ...]:
    """Every figure of the file in its order. Raises FigureError where one is not whole or stands twice."""
    known = {field.name for field in fields(Figure)} | {"from"}
    figures: dict[str, Figure] = {}
    for group in yaml.safe_load(path.read_text()):
        shared = {key: value for key, value in group.items() if key != "figures"}
        for own in group["figures"]:
            entry = shared | own
            name = entry.get("id", "a figure without id")
            if unknown := sorted(set(entry) - known):
                raise FigureError(f"{name}: unknown {', '.join(unknown)}")
            if name in figures:
                raise FigureError(f"{name} stands twice")
            figures[name] = _figure(name, entry)
    return tuple(figures.values())


def _figure(name: str, entry: dict[str, Any]) -> Figure:
    entry = dict(entry)
    entry["from_on"] = entry.pop("from", None)
    entry["details"] = tuple(entry.get("details", {}).items())
    if entry.get("unit") == "percent":
        # What the figures of a group share names the column of its counts, too; a share has its own.
        entry.pop("counted", None)
    published, tolerance = entry.get("published"), entry.get("tolerance")
    entry["published"] = tuple(map(_exactly, published)) if isinstance(published, list) else _exactly(published)
    entry["tolerance"] = _exactly(tolerance)
    try:
        return Figure(**entry)
    except TypeError as error:
        raise FigureError(f"{name}: {error}") from None


def _exactly(value: Any) -> Any:
    """A number of the file as it is written there (83.6 is 836/10); everything else as it is."""
    return Fraction(str(value)) if isinstance(value, int | float) else value


FIGURES = load_figures()


def measure(
    connection: BaseDatabaseWrapper, *, now: datetime, figures: Sequence[Figure] = FIGURES
) -> tuple[Reading, ...]:
    """Each figure as the database of this connection gives it, in one snapshot, read-only.

    `now` is the programme's instant (aware; ValueError otherwise): nothing later is counted, and a figure whose day is
    not over by then is not measured. A query that several figures look at runs once.
    """
    programme_day(now)
    rows: dict[tuple[str, datetime, date | None], Mapping[str, Any]] = {}
    readings = []
    with snapshot(connection) as cursor:
        # Sums over everybody belong into memory: with the server's few megabytes they would be sorted on disk.
        cursor.execute("SET LOCAL work_mem = '128MB'")
        for figure in figures:
            as_of = now if figure.at is None else _end_of(figure.at)
            last_on = figure.at or figure.not_before
            if last_on is not None and now <= _end_of(last_on):
                readings.append(Reading(figure, as_of, Verdict.NOT_YET, why=_not_reached(last_on, now)))
                continue
            key = (figure.query, as_of, figure.from_on)
            if key not in rows:
                rows[key] = _row(cursor, *key)
            readings.append(read(figure, rows[key], as_of))
    return tuple(readings)


def read(figure: Figure, row: Mapping[str, Any], as_of: datetime) -> Reading:
    """The figure out of the row its query gave, judged."""
    counted = int(row[figure.whole or figure.counted] or 0)
    running = _running(figure, row) if counted else None
    if running is None:
        return Reading(figure, as_of, Verdict.NOT_YET, why=_nobody(figure))
    half_width = None
    if figure.sampled and isinstance(running, Fraction):
        share = float(running) / 100
        half_width = 100 * Z_95 * sqrt(share * (1 - share) / counted)
    return Reading(
        figure,
        as_of,
        judge(figure, running),
        running,
        counted,
        _difference(figure, running),
        half_width,
        tuple((label, Fraction(row[column] or 0)) for label, column in figure.details),
    )


def judge(figure: Figure, running: Fraction | date) -> Verdict:
    """Whether the running figure lies within the tolerance of the published one; the bound itself does."""
    difference = _difference(figure, running)
    if figure.tolerance == NONE or difference is None:
        return Verdict.INFORMATION
    if isinstance(figure.tolerance, Fraction):
        return Verdict.WITHIN if abs(difference) <= figure.tolerance else Verdict.OUTSIDE
    within = difference <= 0 if figure.tolerance == AT_MOST else difference == 0
    return Verdict.WITHIN if within else Verdict.OUTSIDE


def _difference(figure: Figure, running: Fraction | date) -> Fraction | None:
    published = figure.published
    if published is None:
        return None
    if isinstance(published, date) or isinstance(running, date):
        if not (isinstance(published, date) and isinstance(running, date)):
            raise FigureError(f"{figure.id}: a day is compared with a day only")
        return Fraction((running - published).days)
    if isinstance(published, tuple):
        lowest, highest = published
        return running - min(max(running, lowest), highest)
    return running - published


def _running(figure: Figure, row: Mapping[str, Any]) -> Fraction | date | None:
    if figure.part:
        return Fraction(row[figure.part]) * 100 / Fraction(row[figure.whole])
    value = row[figure.value]
    return value if value is None or isinstance(value, date) else Fraction(value)


def _not_reached(last_on: date, now: datetime) -> str:
    shown = now.astimezone(JAKARTA)
    return (
        f"measured once {last_on.day} {last_on:%B %Y} is over, and the programme's clock shows {shown.day} "
        f"{shown:%B %Y, %H:%M}. `manage simulate --resume --until {last_on + timedelta(days=1)}` walks a simulated "
        "programme there, a real one waits."
    )


def _nobody(figure: Figure) -> str:
    return (
        f"there is nothing to count ({figure.base}). `manage simulate --participants 20000 --year 2020` fills an empty "
        "database, a real programme waits."
    )


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, JAKARTA)


def _row(cursor: Any, query: str, as_of: datetime, from_on: date | None) -> Mapping[str, Any]:
    sql = QUERIES[query]
    if "{allowed_movement}" in sql:
        cursor.execute(ALLOWED_MOVEMENT)
        found = cursor.fetchone()
        # Percent signs of the constraint are no parameters; without a constraint everything is allowed.
        sql = sql.format(allowed_movement=found[0].replace("%", "%%") if found else "true")
    from_at = None if from_on is None else datetime.combine(from_on, time.min, JAKARTA)
    cursor.execute(sql, {"as_of": as_of, "day": programme_day(as_of), "from_at": from_at})
    names = [column.name for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))
