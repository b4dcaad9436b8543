"""Whether a Parquet file can be decoded at all, tried in a process of its own.

A bent length inside a page makes the library ask for more memory than there is, and that ends the process it runs in:
no exception tells of it. So a process that may die decodes the file first, and the one that imports goes on.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import polars as pl

SLICE_ROWS = 50_000


def is_decodable(path: Path) -> bool:
    """Whether a process lives through decoding the whole file. A file that is refused with an error is decodable: who
    reads it says so in words."""
    try:
        _prober(os.getpid()).submit(_decode, str(path)).result()
    except BrokenProcessPool:
        _prober.cache_clear()
        return False
    return True


@cache
def _prober(process_id: int) -> ProcessPoolExecutor:
    """One process that stays for the next file; of a fork nobody uses its parent's. Spawned: a fork would copy the
    library's threads half."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_say_nothing)


def _say_nothing() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _decode(path: str) -> None:
    """Every column of every row, a slice at a time."""
    try:
        frame = pl.scan_parquet(path, glob=False)
        start = 0
        while frame.slice(start, SLICE_ROWS).collect().height == SLICE_ROWS:
            start += SLICE_ROWS
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return
