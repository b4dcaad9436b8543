"""What a kind of file is: its columns, in words for the data dictionary and as code, and how it is taken in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bekal.exchange.progress import Progress
from bekal.exchange.table_fields import ColumnMap, Field, Findings


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file: `counts` by the word a report uses, in its order (empty where nothing was taken in);
    `findings` with problems means that nothing was kept."""

    counts: Mapping[str, int]
    findings: Findings


class Load(Protocol):
    """Takes a file in whole or not at all; with `dry_run` everything is tried and nothing kept. `at`: the instant of
    the import, for what the file leaves open."""

    def __call__(
        self, path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress
    ) -> Loaded: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `about` is one sentence; `fields` the documented columns in order."""

    name: str
    about: str
    fields: tuple[Field, ...]
    max_rows: int
    load: Load
