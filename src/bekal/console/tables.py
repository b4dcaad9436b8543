"""Tables of figures: on the page, as CSV and as a workbook the same cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.http.response import HttpResponseBase
from django.utils import formats
from django.utils.translation import gettext as _

from bekal.core.small_groups import MINIMUM_PEOPLE
from bekal.ui.display import count, decimal_1, percent
from bekal.ui.tables_out import csv_response, xlsx_response


@dataclass(frozen=True, slots=True)
class Cell:
    """`shown` on the page, `value` in a file; with a `tone` it is a chip, which has an icon, too. `address`: where it
    leads."""

    shown: str
    value: object
    tone: str = ""
    icon: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table under a name that addresses can carry. `numbers`: which columns are figures, right-aligned."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int]

    @property
    def columns(self) -> list[tuple[str, bool]]:
        return [(label, place in self.numbers) for place, label in enumerate(self.header)]

    @property
    def lines(self) -> list[list[tuple[Cell, bool]]]:
        return [[(cell, place in self.numbers) for place, cell in enumerate(row)] for row in self.rows]

    @property
    def values(self) -> Iterable[list[object]]:
        return ([cell.value for cell in row] for row in self.rows)


def figure(value: float | None, places: int = 3) -> Cell:
    """A bare figure, `0,532` in Indonesian."""
    if value is None:
        return Cell("–", None)
    return Cell(formats.number_format(round(value, places), decimal_pos=places), round(value, places))


def share(value: float | None) -> Cell:
    """A share of 1 as `12%`."""
    return Cell("–", None) if value is None else Cell(percent(value), round(value, 4))


def exact_share(part: int | Fraction, whole: int) -> Cell:
    """A share of so many with one decimal, `83,6%`; nothing of nobody."""
    if not whole:
        return Cell("–", None)
    return Cell(f"{decimal_1(float(100 * part / whole))}%", round(float(part / whole), 4))


def people(value: int) -> Cell:
    """How many people; a small group is not told exactly."""
    if value < MINIMUM_PEOPLE:
        text = _("fewer than %(n)s") % {"n": MINIMUM_PEOPLE}
        return Cell(text, text)
    return Cell(count(value), value)


def words(text: object) -> Cell:
    return Cell(str(text), str(text))


def number(value: int) -> Cell:
    return Cell("–", None) if value is None else Cell(count(value), value)


def table(name: str, title: str, columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Cell]]) -> Table:
    numbers = frozenset(place for place, (_label, is_number) in enumerate(columns) if is_number)
    return Table(name, title, tuple(label for label, _is in columns), tuple(tuple(row) for row in rows), numbers)


def table_out(form: str, table: Table, *, name: str) -> HttpResponseBase:
    """One table as CSV or as a workbook."""
    if form == "csv":
        return csv_response(name=name, header=table.header, rows=table.values)
    return xlsx_response(name=name, title=table.title, header=table.header, rows=table.values)
