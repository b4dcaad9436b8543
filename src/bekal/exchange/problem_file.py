"""Problems as a CSV file for a spreadsheet, in which nothing runs as a formula."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from bekal.core.text import no_formula
from bekal.exchange.table_file import Problem

MAX_VALUE_CHARACTERS = 1000


def write_problems(problems: Iterable[Problem], path: Path) -> None:
    """Columns line, column, value (its first 1,000 characters), mend; readable by its owner alone, because values are
    personal data. Raises OSError where it cannot be written."""
    with open(path, "w", encoding="utf-8", newline="", opener=_private) as file:
        writer = csv.writer(file)
        writer.writerow(["line", "column", "value", "mend"])
        for problem in problems:
            texts = (problem.column, problem.value[:MAX_VALUE_CHARACTERS], problem.mend)
            writer.writerow([problem.line, *map(no_formula, texts)])


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
