"""From the columns of somebody else's table to fields of ours: which column is which, and what a value may be."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bekal.core.money import MoneyError, parse_price_text, parse_rupiah
from bekal.core.text import is_readable, tidy
from bekal.exchange.table_file import Problem, Table, TableError
from bekal.ledger.clock import JAKARTA

MAX_PROBLEMS = 10_000
MAX_MAP_BYTES = 256 * 1024
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ][0-9]{2}:[0-9]{2})", re.ASCII)
_SPACE = re.compile(r"\s+")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs"}


class FieldError(ValueError):
    """A value a field does not take; the text says how to mend it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A parser and the words by which the data dictionary says what it takes."""

    parse: Callable[[str], Any]
    words: str

    def __call__(self, text: str) -> Any:
        return self.parse(text)


@dataclass(frozen=True, slots=True)
class Field:
    """One documented column. `parse` (best a `Value`) takes the trimmed text, never blank, and raises FieldError.

    `about` says in one sentence what the column means; both stand in the data dictionary. `exact`: words of a person,
    kept as they were written (blanks, line breaks, joined characters) apart from blanks around them."""

    name: str
    parse: Callable[[str], Any]
    required: bool = False
    max_characters: int = 200
    about: str = ""
    exact: bool = False

    @property
    def words(self) -> str:
        """What the column may hold, in words."""
        if isinstance(self.parse, Value):
            return self.parse.words
        return f"text of at most {self.max_characters:,} characters"


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`columns`: our field -> their column; `values`: field -> {their value: ours}; `defaults`: field -> value."""

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """What reading a file found: every problem (the first 10,000 kept, all counted) and notes that stop nothing."""

    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    notes: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def add_in_order(self, problems: Iterable[Problem]) -> None:
        """Add them, and put all that are kept into the order of their lines."""
        for problem in problems:
            self.add(problem)
        self.problems.sort(key=lambda problem: problem.line)


def parsed_rows(
    table: Table, fields: Sequence[Field], column_map: ColumnMap, findings: Findings
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, {field: value}) of every sound row; unsound ones go to `findings`. Blank optional fields are None.

    Fields that have neither a column nor a default are absent. A file that breaks off adds its problem and ends.
    """
    places = _places(table, fields, column_map, findings)
    if findings.problem_count:
        return
    readers = [(f, places.get(f.name), _reader(f, column_map)) for f in fields if _is_given(f, places, column_map)]
    try:
        for row in table.rows():
            if row.problem is not None:
                findings.add(row.problem)
                continue
            values: dict[str, Any] = {}
            sound = True
            for wanted, place, read in readers:
                text = "" if place is None else row.values[place]
                try:
                    values[wanted.name] = read(text)
                except FieldError as error:
                    column = wanted.name if place is None else table.columns[place]
                    findings.add(Problem(row.line, column, text, str(error)))
                    sound = False
            if sound:
                yield row.line, values
    except TableError as error:
        findings.add(error.problem)


def _is_given(wanted: Field, places: Mapping[str, int], column_map: ColumnMap) -> bool:
    return wanted.name in places or wanted.name in column_map.defaults


def _places(table: Table, fields: Sequence[Field], column_map: ColumnMap, findings: Findings) -> dict[str, int]:
    """Which column holds which field; what is missing or unknown becomes a problem, a column nobody uses a note."""
    known = {f.name for f in fields}
    for name in sorted({*column_map.columns, *column_map.values, *column_map.defaults} - known):
        findings.add(Problem(0, name, name, f"the mapping names no field of ours: use {', '.join(sorted(known))}"))
    places: dict[str, int] = {}
    for wanted in fields:
        place = column_of(wanted.name, table.columns, column_map)
        column = column_map.columns.get(wanted.name, wanted.name)
        if place is not None:
            places[wanted.name] = place
        elif wanted.name in column_map.columns:
            mend = f"the mapping says {wanted.name}={column}, but the file has only: {', '.join(table.columns)}"
            findings.add(Problem(1, column, "", mend))
        elif wanted.required and wanted.name not in column_map.defaults:
            mend = f"the file has no such column: add it, or say which one it is with --map {wanted.name}=COLUMN"
            findings.add(Problem(1, wanted.name, "", mend))
    for unused in sorted(set(table.columns) - {table.columns[place] for place in places.values()}):
        findings.notes.append(Problem(1, unused, "", "this column is not used"))
    return places


def column_of(name: str, columns: Sequence[str], column_map: ColumnMap) -> int | None:
    """The place of the column that holds a field; None where the file has none."""
    column = column_map.columns.get(name, name)
    return columns.index(column) if column in columns else None


def _reader(wanted: Field, column_map: ColumnMap) -> Callable[[str], Any]:
    """Text of a cell -> value; each distinct text is looked at once (files repeat themselves)."""
    renamed = column_map.values.get(wanted.name, {})
    default = column_map.defaults.get(wanted.name, "")

    @lru_cache(maxsize=50_000)
    def read_short(text: str) -> Any:
        bare = exactly(text, wanted.max_characters) if wanted.exact else clean(text, wanted.max_characters)
        bare = renamed.get(bare, bare) or default
        if bare:
            return wanted.parse(bare)
        if wanted.required:
            raise FieldError("a value is needed here")
        return None

    return lambda text: read_short(text) if len(text) <= 60 else read_short.__wrapped__(text)


def clean(text: str, max_characters: int) -> str:
    """One line of composed Unicode (NFC) without blanks around it. Raises FieldError: too long, or no text."""
    if len(text) > 4 * max_characters:
        raise FieldError(f"the text has {len(text):,} characters, at most {max_characters:,} are kept: shorten it")
    bare = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if len(bare) > max_characters:
        raise FieldError(f"the text has {len(bare):,} characters, at most {max_characters:,} are kept: shorten it")
    if not bare.isprintable():
        for character in bare:
            if unicodedata.category(character) in _INVISIBLE:
                raise FieldError(f"the character U+{ord(character):04X} is no text: remove it")
    return bare


def exactly(text: str, max_characters: int) -> str:
    """The text as it was written, without blanks around it. Raises FieldError: too long, or no text."""
    bare = tidy(text)
    if len(bare) > max_characters:
        raise FieldError(f"the text has {len(bare):,} characters, at most {max_characters:,} are kept: shorten it")
    if not is_readable(bare, multiline=True):
        raise FieldError("the text holds a character that is no text: remove it")
    return bare


def text_field(text: str) -> str:
    return text


def whole_number(minimum: int, maximum: int) -> Value:
    """ASCII digits between two bounds."""
    bounds = f"from {_grouped(minimum)} to {_grouped(maximum)}"

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 18 and minimum <= int(text) <= maximum):
            raise FieldError(f"write a whole number {bounds} in digits only")
        return int(text)

    return Value(parse, f"whole number {bounds}")


def _grouped(number: int) -> str:
    """Years keep their four digits."""
    return str(number) if number < 10_000 else f"{number:,}"


def _rupiah_of(text: str) -> int:
    try:
        amount = parse_price_text(text) if text[:2].casefold() == "rp" else parse_rupiah(text)
    except MoneyError:
        amount = None
    if amount is None:
        raise FieldError("write whole rupiah, as 300000 or Rp300.000")
    return amount


rupiah = Value(_rupiah_of, "whole rupiah, as `300000` or `Rp300.000`")


def one_of(names: Mapping[str, Any], words: str = "") -> Value:
    """One of the listed names, capitals aside. `words` where the list is too long to be read."""
    folded = {name.casefold(): value for name, value in names.items()}
    listed = ", ".join(names)

    def parse(text: str) -> Any:
        try:
            return folded[text.casefold()]
        except KeyError:
            raise FieldError(f"write one of: {listed}") from None

    return Value(parse, words or f"one of {listed}")


def _day_from(first_year: int) -> Value:
    def parse(text: str) -> date:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or len(text) != 10 or not first_year <= day.year <= 2100:
            raise FieldError(f"write the day as YYYY-MM-DD, from {first_year} to 2100")
        return day

    return Value(parse, f"a day as `YYYY-MM-DD`, from {first_year} to 2100")


iso_date = _day_from(2000)
birth_date = _day_from(1900)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    # fromisoformat takes week dates and compact forms besides; a file that has them was not meant so.
    if at is None or not _INSTANT.match(text) or not 2000 <= at.year <= 2100:
        raise FieldError("write the instant as 2020-04-16T10:00:00+07:00, or the day as 2020-04-16")
    # PostgreSQL takes no offset from 16 hours on; the same instant in Jakarta's time is written always.
    return at.astimezone(JAKARTA) if at.tzinfo else at.replace(tzinfo=JAKARTA)


instant = Value(
    _instant, "an instant as `2020-04-16T10:00:00+07:00`; without an offset in Jakarta, a day alone is its first moment"
)


def column_map_from(argument: str) -> ColumnMap:
    """`--map`: `field=column,field=column`, or the name of a YAML file with columns, values and defaults.

    Raises TableError with a sentence for anything else."""
    if "=" in argument and not Path(argument).is_file():
        return ColumnMap(columns=_inline_columns(argument))
    try:
        path = Path(argument)
        if path.stat().st_size > MAX_MAP_BYTES:
            raise _bad_map(argument, f"a mapping has at most {MAX_MAP_BYTES:,} bytes")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _bad_map(argument, f"it cannot be read ({type(error).__name__}): check the name of the file") from None
    except yaml.YAMLError as error:
        raise _bad_map(argument, f"it is no YAML: {str(error).partition(chr(10))[0]}") from None
    except (AttributeError, LookupError, TypeError, OverflowError):  # PyYAML on a scalar that is not what its tag says
        raise _bad_map(argument, "a value is not what its tag (!!) says: write text without tags") from None
    return _checked_map(argument, content)


def _inline_columns(argument: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in argument.split(","):
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not (name and equals and column) or name in columns:
            raise _bad_map(pair, "write field=column,field=column, each field once")
        columns[name] = column
    return columns


def _checked_map(argument: str, content: object) -> ColumnMap:
    if not isinstance(content, dict) or not set(content) <= {"columns", "values", "defaults"}:
        raise _bad_map(argument, "a mapping has the parts columns, values and defaults, and no others")
    parts = {name: content.get(name) or {} for name in ("columns", "values", "defaults")}
    for name, part in parts.items():
        inner = part.values() if name == "values" and isinstance(part, dict) else [part]
        for mapping in (part, *inner):
            if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in mapping):
                raise _bad_map(
                    argument, f"the part {name} must be a list of name: value, the names in quotes if digits"
                )
        for mapping in inner:
            if not all(isinstance(value, str) for value in mapping.values()):
                raise _bad_map(argument, f"the values of the part {name} must be text: put numbers into quotes")
    return ColumnMap(**parts)


def _bad_map(value: str, mend: str) -> TableError:
    return TableError(Problem(0, "--map", value, f"this mapping cannot be used: {mend}"))
