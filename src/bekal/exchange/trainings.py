"""The file of trainings: a catalogue somebody else made, as rows for `catalogue.import_trainings`."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from bekal.catalogue.faults import FaultyRows
from bekal.catalogue.import_trainings import NewTraining, PastPrice, described, import_trainings
from bekal.catalogue.models import MAX_PRICE_RUPIAH, Training, TrainingPrice
from bekal.core.money import MoneyError, format_rupiah, parse_price_text, parse_rupiah
from bekal.exchange.districts import province
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import SILENT, Progress
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Findings,
    Value,
    instant,
    one_of,
    parsed_rows,
    text_field,
    whole_number,
)
from bekal.exchange.table_file import Problem, Table, TableError

MAX_ROWS = 100_000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def _price_of(text: str) -> int:
    try:
        rupiah = parse_rupiah(text) if text.isascii() and text.isdigit() else parse_price_text(text)
    except MoneyError:
        rupiah = None
    if rupiah is None or rupiah > MAX_PRICE_RUPIAH:
        limit = format_rupiah(MAX_PRICE_RUPIAH)
        raise FieldError(f"write whole rupiah up to {limit}, as 89700, Rp89.700 or Gratis; leave unknown prices blank")
    return rupiah


def _code_of(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise FieldError("a code has letters, digits, dots, dashes, slashes and underscores, no spaces: rewrite it")
    return text


price = Value(
    _price_of,
    f"whole rupiah up to {format_rupiah(MAX_PRICE_RUPIAH)}, as `89700`, `Rp89.700`, `Rp 89.700` or `Gratis`",
)
code = Value(_code_of, "letters, digits and `. - / _`, at most 60 characters")


def _history_of(text: str) -> tuple[PastPrice, ...]:
    try:
        rows = [part.split(" ") for part in text.split(";")]
        prices = tuple(PastPrice(instant.parse(since), parse_rupiah(amount), source) for since, amount, source in rows)
    except (ValueError, MoneyError, FieldError):
        prices = ()
    known = prices and all(each.source in TrainingPrice.Source.values for each in prices)
    if not known or any(later.since_at <= earlier.since_at for earlier, later in pairwise(prices)):
        sources = ", ".join(TrainingPrice.Source.values)
        raise FieldError(f"write `INSTANT RUPIAH SOURCE`, the oldest first, with `;` between; sources are {sources}")
    return prices


price_history = Value(_history_of, "`INSTANT RUPIAH SOURCE` of each, the oldest first, with `;` between them")
MODES = {
    "self_paced": Training.Mode.SELF_PACED,
    "webinar": Training.Mode.WEBINAR,
    "on_site": Training.Mode.ON_SITE,
}
YES_NO = {"true": True, "yes": True, "ya": True, "1": True, "false": False, "no": False, "tidak": False, "0": False}

FIELDS: tuple[Field, ...] = (
    Field(
        "code",
        code,
        max_characters=60,
        about="Names the training for ever; without it institution and title together name it.",
    ),
    Field("title", text_field, required=True, max_characters=300, about="What it is called."),
    Field(
        "institution",
        text_field,
        required=True,
        about="Who teaches it; a new name is added, one that differs only in capitals is the same.",
    ),
    Field("category", text_field, required=True, max_characters=80, about="Its Indonesian name; a new one is added."),
    Field("category_en", text_field, max_characters=80, about="Its English name, used when the category is new."),
    Field("price", price, about="Blank: not known; the training is listed but not on sale, and a note says so."),
    Field("platform", text_field, about="Where it is sold; a new name is added."),
    Field("mode", one_of(MODES), about="How it is held; without it `self_paced`."),
    Field("province", province, about="Where it is held, if on site."),
    Field("hours", whole_number(1, 1000), about="How long it takes."),
    Field("session_count", whole_number(1, 30), about="How many sessions must be attended; without it 1."),
    Field(
        "seat_count",
        whole_number(1, 2**31 - 1),
        about="How many can ever be sold, never fewer than are sold; blank: no limit.",
    ),
    Field("description", text_field, max_characters=5000, about="A text for the people who choose.", exact=True),
    Field("on_sale", one_of(YES_NO), about="Whether it is offered; without it, whether the price is known."),
    Field("listed_at", instant, about="Since when it is listed, of a training that is new here; blank: the import."),
    Field(
        "price_history",
        price_history,
        max_characters=20_000,
        about="Every price a training that is new here has had, up to the one of now; without it that one alone.",
    ),
)
_KEPT_WHERE_ABSENT = (
    "platform",
    "mode",
    "province",
    "hours",
    "session_count",
    "seat_count",
    "description",
    "on_sale",
)


def read_trainings(
    path: Path, column_map: ColumnMap, progress: Progress = SILENT
) -> tuple[list[NewTraining], Findings]:
    """Every training of a CSV or Parquet file, or the problems that keep it out. Writes nothing."""
    lines, findings = _read(path, column_map, progress)
    return list(lines.values()), findings


def _read(path: Path, column_map: ColumnMap, progress: Progress) -> tuple[dict[int, NewTraining], Findings]:
    """The same by the line each stands on."""
    findings = Findings()
    trainings: dict[int, NewTraining] = {}
    first_line: dict[str, int] = {}
    try:
        table = Table(path, max_rows=MAX_ROWS)
    except TableError as error:
        findings.add(error.problem)
        return {}, findings
    for line, values in progress.over(parsed_rows(table, FIELDS, column_map, findings), "reading"):
        training_code = values.get("code") or derived_code(values["institution"], values["title"])
        if training_code in first_line:
            mend = f"line {first_line[training_code]} has this training already: keep one of them"
            column, value = ("code", training_code) if values.get("code") else ("title", values["title"])
            findings.add(Problem(line, column, value, mend))
            continue
        first_line[training_code] = line
        if values.get("price") is None:
            findings.notes.append(Problem(line, "price", "", f"no price: {values['title']} is listed but not on sale"))
        given = frozenset(name for name in _KEPT_WHERE_ABSENT if name in values)
        fields = {name: values[name] for name in (*given, "title", "institution", "category")}
        trainings[line] = NewTraining(
            code=training_code,
            price_rupiah=values.get("price"),
            category_en=values.get("category_en"),
            listed_at=values.get("listed_at"),
            price_history=values.get("price_history") or (),
            given=given,
            **fields,
        )
    if not (trainings or findings.problem_count):
        findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))
    return trainings, findings


def derived_code(institution: str, title: str) -> str:
    """The code of a training whose source has none: the same institution and title are the same training."""
    text = f"{institution.casefold()}\0{title.casefold()}"
    return f"x-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the trainings that are new, change those that differ (`catalogue.import_trainings`)."""
    trainings, findings = _read(path, column_map, progress)
    if findings.problem_count:
        return Loaded({}, findings)
    try:
        imported = import_trainings(trainings=list(trainings.values()), at=at, dry_run=dry_run)
    except FaultyRows as error:
        return Loaded({}, with_faults(findings, error, lines=list(trainings), column_map=column_map))
    return Loaded(described(imported), findings)


def with_faults(findings: Findings, error: FaultyRows, *, lines: Sequence[int], column_map: ColumnMap) -> Findings:
    """The findings with what the verb found wrong; `lines` of the rows that were given to it, in their order."""
    for fault in error.faults:
        column = column_map.columns.get(fault.column, fault.column)
        findings.add(Problem(lines[fault.place], column, fault.value, fault.mend))
    return findings


KIND = Kind("trainings", "What can be bought: one row for each training.", FIELDS, MAX_ROWS, load)
