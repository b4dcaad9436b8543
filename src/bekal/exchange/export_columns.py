"""What a column of an export is: an SQL expression, and how what comes back becomes a cell.

Whole numbers and days travel as what they are; instants are written by the database as texts with the offset of
Jakarta, so that no reader can mistake the zone and a microsecond stays a microsecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bekal.ledger.clock import JAKARTA

# West Indonesian Time is UTC+7 the whole year, since 1964.
_OFFSET = "+07:00"


class Cell(Enum):
    """What stands in the cells of a column, and what the row from the database holds for it."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    SEALED = "sealed"  # encrypted bytes, written as the text they were made of
    NIK = "nik"  # the number of a participant, written as their NIK


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one kind, by the name under which the import takes it."""

    name: str
    sql: str
    cell: Cell = Cell.TEXT

    @property
    def is_rupiah(self) -> bool:
        """Whether the manifest states the sum of this column."""
        return self.name == "price" or self.name.endswith("_rupiah")


@dataclass(frozen=True, slots=True)
class Extract:
    """Where the rows of a kind come from: `source` follows FROM, `only` WHERE; `order` makes the same state the same
    file; `of_person` chooses the rows that belong to participant %(person)s; `head` stands before SELECT."""

    columns: Sequence[Column]
    source: str
    order: str
    of_person: str
    only: str = ""
    head: str = ""

    def sql(self, *, person: bool) -> str:
        """The statement, of everybody or of one person."""
        cells = ", ".join(column.sql for column in self.columns)
        conditions = [condition for condition in (self.only, self.of_person if person else "") if condition]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{self.head} SELECT {cells} FROM {self.source}{where} ORDER BY {self.order}"


def text(name: str, sql: str) -> Column:
    return Column(name, sql)


def number(name: str, sql: str) -> Column:
    return Column(name, sql, Cell.NUMBER)


def day(name: str, sql: str) -> Column:
    return Column(name, sql, Cell.DAY)


def sealed(name: str, sql: str) -> Column:
    return Column(name, sql, Cell.SEALED)


def nik(sql: str) -> Column:
    return Column("nik", sql, Cell.NIK)


def instant(name: str, sql: str) -> Column:
    return Column(name, instant_sql(sql))


def instant_sql(sql: str) -> str:
    """An instant as `2020-07-27T09:00:00+07:00`, with its microseconds where it has any."""
    local = f"to_char({sql} AT TIME ZONE '{JAKARTA.key}', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    return f"rtrim(rtrim({local}, '0'), '.') || '{_OFFSET}'"


def flag(name: str, sql: str) -> Column:
    return Column(name, f"CASE WHEN {sql} THEN 'true' ELSE 'false' END")
