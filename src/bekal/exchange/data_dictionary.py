"""The data dictionary: every kind of file and its columns, written from the code that reads them."""

from collections.abc import Iterator

from bekal.exchange.kind import Kind
from bekal.exchange.kinds import KINDS
from bekal.exchange.table_fields import Field

HEAD = """\
# Data dictionary

Every kind of file that `manage import-data KIND FILE` takes and `manage export-data` writes, in the order in which a
programme is imported. How to import, step by step: [import.md](import.md). This page is written by `python3 dev manage
data-dictionary` from the code that reads the files; a test compares the two.

A file is CSV (UTF-8, commas, a first line with the names of the columns) or Parquet. Optional columns may be missing; a
blank cell is a missing value. Columns with other names are mapped with `--map`.

## How the files relate

A person is named by `nik` in every file, a training by its `code`, a wave by its `number`, a district by its number or
its name in the province, a run of payments by the instant at which it was planned. What a row names must be there
already, or the row is refused; therefore the order.
"""
# What a column names, where it is more than a value of its own.
_NAMES = {
    "nik": "participants",
    "training": "trainings",
    "institution": "trainings",
    "wave": "waves",
    "district": "districts",
    "run": "payout_runs",
}
_MARKDOWN = str.maketrans({"|": "\\|"})


def data_dictionary() -> str:
    """The page, as docs/data-dictionary.md holds it."""
    parts = [HEAD, "".join(f"{line}\n" for line in _relations())]
    parts += ["".join(f"{line}\n" for line in _described(kind)) for kind in KINDS.values()]
    return "\n".join(parts)


def _relations() -> Iterator[str]:
    yield "| | kind | what a row is | needs before it | rows at most |"
    yield "|---|---|---|---|---|"
    for number, kind in enumerate(KINDS.values(), start=1):
        needed = dict.fromkeys(f"`{name}`" for field in kind.fields if (name := _needs(kind, field)))
        link = f"[`{kind.name}`](#{kind.name})"
        yield f"| {number} | {link} | {_cell(kind.about)} | {', '.join(needed)} | {kind.max_rows:,} |"


def _needs(kind: Kind, field: Field) -> str | None:
    name = _NAMES.get(field.name)
    return name if name and name != kind.name and name in KINDS and list(KINDS).index(name) < _place(kind) else None


def _place(kind: Kind) -> int:
    return list(KINDS).index(kind.name)


def _described(kind: Kind) -> Iterator[str]:
    yield f"## {kind.name}"
    yield ""
    yield kind.about
    yield ""
    yield "| column | needed | value | what it means |"
    yield "|---|---|---|---|"
    for field in kind.fields:
        needed = "yes" if field.required else ""
        yield f"| `{field.name}` | {needed} | {_cell(field.words)} | {_cell(field.about)} |"


def _cell(text: str) -> str:
    return text.translate(_MARKDOWN)
