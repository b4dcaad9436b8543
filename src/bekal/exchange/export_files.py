"""Writes the rows of one kind as CSV or Parquet, a block at a time, for their owner's eyes only."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from bekal.exchange.export_columns import Cell, Column

BLOCK_COUNT = 20_000
_TYPES = {Cell.NUMBER: pl.Int64(), Cell.DAY: pl.Date()}
Block = Sequence[Sequence[object]]


@dataclass(slots=True)
class Totals:
    """Counted while the rows pass: rows, and the sum of every column of rupiah."""

    rows: int
    rupiah: dict[str, int]


def new_totals(columns: Sequence[Column]) -> Totals:
    return Totals(0, {column.name: 0 for column in columns if column.is_rupiah})


def counted(blocks: Iterable[Block], columns: Sequence[Column], totals: Totals) -> Iterator[Block]:
    """The same blocks, counted in `totals`."""
    places = [(place, column.name) for place, column in enumerate(columns) if column.is_rupiah]
    for block in blocks:
        totals.rows += len(block)
        for place, name in places:
            totals.rupiah[name] += sum(int(str(row[place])) for row in block if row[place] is not None)
        yield block


def write_csv(path: Path, columns: Sequence[Column], blocks: Iterable[Block]) -> None:
    """UTF-8, commas, quotes where RFC 4180 asks for them, one line feed after each row; nothing is an empty cell."""
    with open(path, "x", encoding="utf-8", newline="", opener=private) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in columns)
        for block in blocks:
            writer.writerows(block)


def write_parquet(path: Path, columns: Sequence[Column], blocks: Iterable[Block]) -> None:
    """Whole numbers and days as such, everything else as text; nothing is null. One row group for each block."""
    schema = pl.Schema({column.name: _TYPES.get(column.cell, pl.String()) for column in columns})

    def source(*_: object) -> Iterator[pl.DataFrame]:
        for block in blocks:
            yield pl.DataFrame(block, schema=schema, orient="row")

    with open(path, "xb", opener=private) as file:
        frames = register_io_source(source, schema=schema)
        frames.sink_parquet(file, row_group_size=BLOCK_COUNT, maintain_order=True)


WRITERS: dict[str, Callable[[Path, Sequence[Column], Iterable[Block]], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
}


def private(path: str, flags: int) -> int:
    """Opens a file that only its owner may read, from its first byte on."""
    return os.open(path, flags, 0o600)


def sha256_of(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
