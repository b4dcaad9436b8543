"""A file somebody else made is read as rows of text, or refused with a sentence; never a traceback."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.exchange.table_file import MAX_COLUMNS, Problem, Row, Table, TableError, quoted


def written(tmp_path: Path, content: bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def rows_of(path: Path, max_rows: int = 1000) -> list[Row]:
    return list(Table(path, max_rows=max_rows).rows())


def refusal_of(path: Path, max_rows: int = 1000) -> Problem:
    with pytest.raises(TableError) as caught:
        rows_of(path, max_rows)
    return caught.value.problem


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_with_the_line_an_editor_shows(tmp_path: Path, ending: bytes, mark: bytes) -> None:
    content = mark + ending.join([b"title,price", b'"Roti, kue', b'dan ""donat""",100', b"", b"Kopi,\xe2\x98\x95", b""])
    table = Table(written(tmp_path, content), max_rows=10)
    assert table.columns == ("title", "price")
    break_inside = ending.decode()
    assert list(table.rows()) == [Row(2, (f'Roti, kue{break_inside}dan "donat"', "100")), Row(5, ("Kopi", "☕"))]


def test_a_row_of_another_width_is_a_problem_of_its_own(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, b"a,b\n1,2\n1,2,3\n4\n5,6\n"))
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert rows[1].problem is not None and "3 fields where the heading has 2" in rows[1].problem.mend
    assert rows[2].problem is not None and rows[3].values == ("5", "6")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 0, "empty"),
        (b"\n1,2\n", 1, "first line is empty"),
        (b"title;price\nRoti;100\n", 1, '";"'),
        (b"title\tprice\nRoti\t100\n", 1, "tabs"),
        (b'title,price\nRoti,100\n"Kopi,200\nTeh,300\n', 3, "never closed"),
        (b'title,price\n"Roti"x,100\n', 2, "twice"),
        (b"title,price\nRoti,100\nKopi \xff\xfe,200\n", 3, "not UTF-8"),
        ("title,price\n".encode("utf-16"), 1, "UTF-16"),
        (b"PK\x03\x04 a workbook", 0, "Excel"),
        (b"title,title\n1,2\n", 1, "two columns"),
        (b"ti\0tle,price\n1,2\n", 1, "no text"),
        (b"a" + b",a" * MAX_COLUMNS + b"\n", 1, "101 columns"),
        (b'title,price\n"' + b"x" * 200_000, 2, "does not end"),
        (b"PAR1 but not really", 0, "Parquet"),
    ],
)
def test_what_is_no_table_is_refused_whole_and_says_where(
    tmp_path: Path, content: bytes, line: int, words: str
) -> None:
    problem = refusal_of(written(tmp_path, content))
    assert problem.line == line
    assert words in str(problem)


def test_a_missing_file_a_folder_and_too_many_rows_are_refused(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal_of(tmp_path / "nowhere.csv").mend
    assert "not a file" in refusal_of(tmp_path).mend
    assert "cannot be opened" in refusal_of(Path("a\0b")).mend
    many = refusal_of(written(tmp_path, b"a,b\n" + b"1,2\n" * 11), max_rows=10)
    assert many.line == 12 and "more than 10 rows" in many.mend


def test_parquet_values_read_as_csv_would_have_them(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    frame = pl.DataFrame(
        {"title": ["Roti", None], "price": [89700.0, None], "hours": [3, 4], "ok": [True, False]},
    ).with_columns(day=pl.lit("2020-11-19").str.to_date())
    frame.write_parquet(path)
    table = Table(path, max_rows=10)
    assert table.columns == ("title", "price", "hours", "ok", "day")
    assert [row.values for row in table.rows()] == [
        ("Roti", "89700", "3", "true", "2020-11-19"),
        ("", "", "4", "false", "2020-11-19"),
    ]
    nested = tmp_path / "nested.parquet"
    pl.DataFrame({"a": [[1, 2]]}).write_parquet(nested)
    assert "store this column" in refusal_of(nested).mend
    cut = written(tmp_path, path.read_bytes()[:-20], "cut.parquet")
    assert "cannot be read" in refusal_of(cut).mend


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
def test_a_parquet_file_is_read_slice_by_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("bekal.exchange.table_file.SLICE_ROWS", 2)
    path = tmp_path / "table.parquet"
    pl.DataFrame({"n": list(range(count))}, schema={"n": pl.Int64}).write_parquet(path)
    assert rows_of(path) == [Row(n + 1, (str(n),)) for n in range(count)]
    if count > 1:
        assert f"more than {count - 1} rows" in refusal_of(path, max_rows=count - 1).mend


def test_an_instant_of_parquet_keeps_its_offset_and_only_a_bare_midnight_is_a_day(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    midnight = datetime(2020, 4, 16, tzinfo=UTC)
    frame = pl.DataFrame({"bare": [midnight.replace(tzinfo=None)], "aware": [midnight]})
    frame.write_parquet(path)
    assert rows_of(path)[0].values == ("2020-04-16", "2020-04-16T00:00:00+00:00")


@given(content=st.binary(max_size=400))
def test_no_bytes_at_all_give_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("fuzz"), b"a,b\n" + content)
    try:
        for row in Table(path, max_rows=50).rows():
            assert row.problem is not None or len(row.values) == 2
    except TableError as error:
        assert error.problem.mend


def test_a_quoted_value_cannot_break_the_line_or_the_terminal() -> None:
    assert quoted("a\x1b[31m\nb") == '"a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"'
    assert len(quoted("x" * 1000)) == 62
