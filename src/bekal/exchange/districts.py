"""The file of districts: people accepted in each regency and city by year, as published, for `set_districts`."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.provinces import PROVINCES, province_code
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.progress import SILENT, Progress
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Findings,
    Value,
    parsed_rows,
    text_field,
    whole_number,
)
from bekal.exchange.table_file import Problem, Table, TableError
from bekal.participants.models import District
from bekal.participants.set_districts import NewDistrict, described, set_districts

MAX_ROWS = 10_000
MAX_PEOPLE_COUNT = 100_000_000
_GROUPED = re.compile(r"[0-9]+|[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:\.[0-9]{3})+)", re.ASCII)
_YEAR_COLUMN = re.compile(r"accepted_(20[0-9]{2})", re.ASCII)


def _people_of(text: str) -> int:
    """Separators group three digits each and are of one kind, so nothing can be mistaken for a decimal number."""
    digits = text.replace(",", "").replace(".", "")
    if not _GROUPED.fullmatch(text) or len(digits) > 9 or int(digits) > MAX_PEOPLE_COUNT:
        raise FieldError(f"write a whole number up to {MAX_PEOPLE_COUNT:,}, as 2165, 2,165 or 2.165")
    return int(digits)


def _province_of(text: str) -> int:
    code = province_code(text)
    if code is None:
        raise FieldError("no province has this name or code: write it as 34, DI Yogyakarta or Papua Barat Daya")
    return code


people = Value(_people_of, f"whole number up to {MAX_PEOPLE_COUNT:,}, as `2165`, `2,165` or `2.165`")
province = Value(_province_of, "name or two-digit code (as in a NIK) of a province")
_HEAD: tuple[Field, ...] = (
    Field("district_id", whole_number(1, 2**31 - 1), required=True, about="Names the district for ever."),
    Field("district", text_field, required=True, max_characters=100, about="Regency (kabupaten) or city (kota)."),
    Field("province_code", province, about="Where it lies; this or `province` is needed, and both must agree."),
    Field("province", province, about="The same by name."),
    Field("total", people, about="The sum of the years; checked, not kept."),
)
_YEAR_ABOUT = "People accepted in that year, a column for each year (`accepted_2020`…); blank: not published."
FIELDS: tuple[Field, ...] = (*_HEAD, Field("accepted_YYYY", people, about=_YEAR_ABOUT))


def read_districts(
    path: Path, column_map: ColumnMap, progress: Progress = SILENT
) -> tuple[list[NewDistrict], Findings]:
    """Every district of a CSV or Parquet file, or the problems that keep it out. Writes nothing."""
    findings = Findings()
    districts: list[NewDistrict] = []
    try:
        table = Table(path, max_rows=MAX_ROWS)
    except TableError as error:
        findings.add(error.problem)
        return [], findings
    years = _years(table, column_map)
    if not years:
        mend = "no such column, as accepted_2020: only numbers, names and provinces are taken"
        findings.notes.append(Problem(1, "accepted_YYYY", "", mend))
    fields = (*_HEAD, *(Field(name, people) for name in years))
    names = _Names()
    for line, values in progress.over(parsed_rows(table, fields, column_map, findings), "reading"):
        problem = (
            _problem_of_province(line, values) or _problem_of_total(line, values, years) or names.problem(line, values)
        )
        if problem is None:
            districts.append(_district(values, years))
        else:
            findings.add(problem)
    names.look_at_the_known(findings)
    if not (districts or findings.problem_count):
        findings.add(Problem(0, "", "", "the file has no rows below its heading: nothing to import"))
    return districts, findings


def _years(table: Table, column_map: ColumnMap) -> dict[str, int]:
    """Field -> calendar year, for every year the file or the mapping has a column for."""
    named = {*table.columns, *column_map.columns}
    return {name: int(match[1]) for name in sorted(named) if (match := _YEAR_COLUMN.fullmatch(name))}


def _problem_of_province(line: int, values: dict[str, Any]) -> Problem | None:
    """Fills `province` from whichever of the two columns has it."""
    code, named = values.get("province_code"), values.get("province")
    if code is None and named is None:
        return Problem(line, "province", "", "a province is needed: write its name or its code")
    if code is not None and named is not None and code != named:
        mend = f"province_code {code} is {PROVINCES[code]}: correct one of the two"
        return Problem(line, "province", PROVINCES[named], mend)
    values["province"] = named if code is None else code
    return None


def _problem_of_total(line: int, values: Mapping[str, Any], years: Mapping[str, int]) -> Problem | None:
    """Where a year is blank the total may be larger than the sum, never smaller."""
    total, counts = values.get("total"), [values[name] for name in years]
    given = [count for count in counts if count is not None]
    if total is None or not given or total == sum(given) or (len(given) < len(counts) and total > sum(given)):
        return None
    return Problem(line, "total", f"{total:,}", f"the years sum to {sum(given):,}: correct a year or the total")


def _district(values: Mapping[str, Any], years: Mapping[str, int]) -> NewDistrict:
    counts = {year: values[name] for name, year in years.items() if values[name] is not None}
    return NewDistrict(
        id=values["district_id"], name=values["district"], province=values["province"], accepted_count_by_year=counts
    )


class _Names:
    """A number is one district's, and a name one district's of its province: in the file and beside what is known."""

    def __init__(self) -> None:
        self._line_of_id: dict[int, int] = {}
        self._place_of_name: dict[tuple[int, str], tuple[int, int, str]] = {}

    def problem(self, line: int, values: Mapping[str, Any]) -> Problem | None:
        number, name = values["district_id"], values["district"]
        first = self._line_of_id.setdefault(number, line)
        if first != line:
            return Problem(line, "district_id", str(number), f"line {first} has this number already: keep one of them")
        key = (values["province"], name.casefold())
        first, _, _ = self._place_of_name.setdefault(key, (line, number, name))
        if first != line:
            mend = f"line {first} has a district of this name in the same province: keep one, or correct a name"
            return Problem(line, "district", name, mend)
        return None

    def look_at_the_known(self, findings: Findings) -> None:
        """A district that is not in the file keeps its name, so nobody else may have it."""
        others = District.objects.exclude(id__in=self._line_of_id).order_by("id")
        for number, name, province_id in others.values_list("id", "name", "province"):
            place = self._place_of_name.get((province_id, name.casefold()))
            if place is not None:
                mend = f"district {number} has this name in the same province: correct the number or the name"
                findings.add(Problem(place[0], "district", place[2], mend))


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the districts that are new, change those that differ (`participants.set_districts`)."""
    districts, findings = read_districts(path, column_map, progress)
    if findings.problem_count:
        return Loaded({}, findings)
    return Loaded(described(set_districts(districts=districts, dry_run=dry_run)), findings)


KIND = Kind(
    "districts",
    "Regencies and cities with how many of their people were accepted in each year: the weights of places.",
    FIELDS,
    MAX_ROWS,
    load,
)
