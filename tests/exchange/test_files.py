"""Whatever a file holds, the door either takes it whole or says what is wrong; it never breaks and never takes half."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unicodedata import normalize

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.text import FORMULA_STARTS
from bekal.exchange.kinds import KINDS, Loaded
from bekal.exchange.problem_file import write_problems
from bekal.exchange.progress import SILENT, Progress
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Findings, instant, parsed_rows, text_field
from bekal.exchange.table_file import Problem, Table
from bekal.ledger.clock import programme_now
from tests import factories
from tests.exchange.door import PEOPLE, SITI, WAVES, imported, refused, table
from tests.factories.unchanged import nothing_changes

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() != ""
)
CELLS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["=1+1", "+62", "-1", "@x", "\t=1", "٣", "１", "1e5", "0x1", "9" * 400, "\x00", "\ufeff", "2020-02-30", "NaN", "'"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def dialect_of(rows: list[list[str]], ending: str, quoting: int) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=ending, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


@given(
    texts=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_quotes_marks_line_ends_and_parquet_make_no_difference(
    folder: Path, texts: list[tuple[str, str]], ending: str, quoting: int, mark: str
) -> None:
    fields = (Field("a", text_field), Field("b", text_field))
    path = table(folder, mark + dialect_of([["a", "b"], *map(list, texts)], ending, quoting))
    pl.DataFrame(texts, schema=["a", "b"], orient="row").write_parquet(folder / "same.parquet")
    expected = [tuple(" ".join(normalize("NFC", text).split()) for text in pair) for pair in texts]
    for source in (path, folder / "same.parquet"):
        findings = Findings()
        rows = list(parsed_rows(Table(source, max_rows=100), fields, ColumnMap(), findings))
        assert findings.problems == []
        assert [(row["a"], row["b"]) for _, row in rows] == expected


def loaded(kind: str, path: Path) -> Loaded:
    return KINDS[kind].load(path, ColumnMap(), at=programme_now(), dry_run=True, progress=SILENT)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_no_cell_breaks_any_kind(folder: Path, kind: str, data: st.DataObject) -> None:
    fields = [field.name for field in KINDS[kind].fields if "Y" not in field.name]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(fields), max_size=len(fields)), min_size=1, max_size=3))
    path = table(folder, dialect_of([fields, *rows], "\n", csv.QUOTE_ALL))
    result = loaded(kind, path)
    assert result.findings.problem_count > 0 or result.counts
    assert all(problem.mend for problem in result.findings.problems)


@pytest.mark.django_db
@settings(max_examples=80)
@given(column=st.integers(min_value=0, max_value=8), cell=CELLS)
def test_one_hostile_cell_in_a_sound_row_breaks_nothing(folder: Path, column: int, cell: str) -> None:
    head, *_, applicant = list(csv.reader(io.StringIO(PEOPLE)))
    applicant[column] = cell
    result = loaded("participants", table(folder, dialect_of([head, applicant], "\n", csv.QUOTE_ALL)))
    assert bool(result.findings.problem_count) != bool(result.counts)
    assert {problem.line for problem in result.findings.problems} <= {2}


@pytest.mark.django_db
@settings(max_examples=60)
@given(length=st.integers(min_value=0, max_value=len(PEOPLE.encode())))
def test_a_file_cut_anywhere_is_taken_as_far_as_whole_rows_go_or_refused(folder: Path, length: int) -> None:
    path = folder / "cut.csv"
    path.write_bytes(PEOPLE.encode()[:length])
    result = loaded("participants", path)
    assert bool(result.findings.problem_count) != bool(result.counts)
    if result.counts:
        whole = PEOPLE.encode()[:length].count(b"\n") - 1
        assert result.counts["people added"] in (whole, whole + 1)


def test_formulas_of_a_file_do_not_run_in_the_file_of_errors(tmp_path: Path) -> None:
    cells = ["=cmd()", "+1", "-1", "@a", "\t=1", "\r=1", "x"]
    write_problems([Problem(2, cell, cell, cell) for cell in cells], tmp_path / "errors.csv")
    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert len(rows) == len(cells)
    assert not any(cell.startswith(FORMULA_STARTS) for row in rows for cell in row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-04-16T10:00:00+07:00", factories.jakarta(2020, 4, 16, 10)),
        ("2020-04-16 03:00Z", factories.jakarta(2020, 4, 16, 10)),
        ("2020-04-16T12:00+09:00", factories.jakarta(2020, 4, 16, 10)),
        ("2020-04-16T10:00", factories.jakarta(2020, 4, 16, 10)),
        ("2020-04-16", factories.jakarta(2020, 4, 16, 0)),
    ],
)
def test_an_instant_has_an_offset_or_is_jakartas(text: str, expected: object) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    "text", ["16/04/2020", "20200416", "2020-W16-4", "2020-04-16T25:00", "1999-12-31", "٢٠٢٠-٠٤-١٦", "2020-04-16T10"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="write the instant as"):
        instant(text)


@dataclass(frozen=True, slots=True)
class Meddling(Progress):
    """Does something to the world when a phase begins."""

    phase: str = ""
    what: Callable[[], object] = list

    def bar(self, phase: str, count: int | None = None) -> Any:
        if phase == self.phase:
            self.what()
        return Progress.bar(self, phase, count)


@pytest.mark.django_db
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, WAVES)

    def append() -> None:
        with path.open("a") as file:
            file.write("3,2020-05-01,2020-05-02,10\n")

    meddling = Meddling(False, "reading", append)
    with nothing_changes():
        result = KINDS["waves"].load(path, ColumnMap(), at=programme_now(), dry_run=False, progress=meddling)
    assert [problem.mend for problem in result.findings.problems] == [
        "the file was changed while it was read: import it again"
    ]


@pytest.mark.django_db
def test_somebody_who_registers_meanwhile_makes_the_file_wait_for_another_try(tmp_path: Path) -> None:
    imported("waves", table(tmp_path, WAVES))
    path = table(tmp_path, PEOPLE)
    meddling = Meddling(False, "writing people", lambda: factories.participants(1, nik=SITI, born_on=date(1995, 6, 5)))
    with nothing_changes():
        result = KINDS["participants"].load(path, ColumnMap(), at=programme_now(), dry_run=False, progress=meddling)
    (problem,) = result.findings.problems
    assert "somebody else wrote the same meanwhile" in problem.mend and result.counts == {}
    assert "3 people added" in imported("participants", path)


@pytest.mark.django_db
def test_a_file_with_more_rows_than_its_kind_takes_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{n},2020-04-11,2020-04-12,1\n" for n in range(1, KINDS["waves"].max_rows + 2))
    (problem,) = refused("waves", table(tmp_path, "number,opens_on,closes_on,quota_count\n" + rows))
    assert problem[0] == "10002" and "more than 10,000 rows" in problem[3]
