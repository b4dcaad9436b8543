"""A Parquet file that ends whoever decodes it is refused in words, and the next file is read."""

from pathlib import Path

import polars as pl
import pytest

from bekal.exchange.parquet_probe import is_decodable
from bekal.exchange.table_file import Table, TableError

BENT = Path(__file__).parent / "bent_length.parquet"


def test_a_bent_length_ends_a_process_of_its_own_and_the_next_file_is_read(tmp_path: Path) -> None:
    good = tmp_path / "good.parquet"
    pl.DataFrame({"nik": ["1", None], "kind": ["a", "b"]}).write_parquet(good)
    assert not is_decodable(BENT)
    assert is_decodable(good)
    with pytest.raises(TableError, match="bent"):
        Table(BENT, max_rows=10)
    assert [row.values for row in Table(good, max_rows=10).rows()] == [("1", "a"), ("", "b")]


def test_what_is_refused_with_an_error_is_left_to_who_reads_it(tmp_path: Path) -> None:
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(BENT.read_bytes()[:200])
    assert is_decodable(cut)
    with pytest.raises(TableError, match="cannot be read"):
        Table(cut, max_rows=10)


def test_a_day_beyond_every_calendar_is_refused(tmp_path: Path) -> None:
    far = tmp_path / "far.parquet"
    pl.DataFrame({"on": [20_000_000]}, schema={"on": pl.Int32}).select(pl.col("on").cast(pl.Date)).write_parquet(far)
    with pytest.raises(TableError, match="out of range"):
        list(Table(far, max_rows=10).rows())
