"""The peer of every mass verb: PostgreSQL's COPY of the same rows."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._costs import Timer
from benchmarks._programme import execute

BLOCK_BYTES = 1 << 20
# A table with the same constraints and indexes, one more whose rows draw their numbers from the sequence as the verb's
# do, and a bare heap.
PEERS = {"same": "INCLUDING ALL", "drawing": "INCLUDING ALL", "bare": ""}


def make_peers(table: str) -> None:
    """Empty tables that COPY fills with the rows that a verb has written."""
    for kind, like in PEERS.items():
        execute(f"CREATE TABLE {kind}_{table} (LIKE {table} {like})")
        execute(f"ALTER TABLE {kind}_{table} SET (autovacuum_enabled = off)")
        if kind != "bare":
            keep_foreign_keys(table, f"{kind}_{table}")


def drop_peers(table: str) -> None:
    execute(f"DROP TABLE {', '.join(f'{kind}_{table}' for kind in PEERS)}")


def copy_beside(table: str, condition: str, timer: Timer, runners: int) -> None:
    """Those rows of the table into each of its peers, from a finished binary file; costs by `KIND RUNNERS`."""
    chosen = f"FROM {table} WHERE {condition}"
    with dumped(f"SELECT * {chosen}") as dump:
        for kind in ("same", "bare"):
            with timer(f"{kind} {runners}", "owner"):
                pour(dump, f"{kind}_{table}")
    unnumbered = ", ".join(name for name in columns_of(table) if name != "id")
    with dumped(f"SELECT {unnumbered} {chosen}") as dump, timer(f"drawing {runners}", "owner"):
        pour(dump, f"drawing_{table} ({unnumbered})")


def columns_of(table: str) -> list[str]:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        return [column.name for column in cursor.description]


def keep_foreign_keys(table: str, other: str) -> None:
    """LIKE … INCLUDING ALL has every constraint but these."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass",
            [table],
        )
        for (definition,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {other} ADD {definition}")


@contextmanager
def dumped(query: str) -> Iterator[Path]:
    """Rows in COPY's binary form in a file, so that reading them back costs the client next to nothing."""
    from django.db import connections

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        with (
            path.open("wb") as file,
            connections["owner"].cursor() as cursor,
            cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy,
        ):
            for block in copy:
                file.write(block)
        yield path


def pour(path: Path, table: str) -> None:
    from django.db import connections, transaction

    with (
        path.open("rb") as file,
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
        cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy,
    ):
        while block := file.read(BLOCK_BYTES):
            copy.write(block)
