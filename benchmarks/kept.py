"""Databases that benchmarks keep, and copies of them: a population is built once and restored in seconds.

A copy is `CREATE DATABASE … TEMPLATE … STRATEGY FILE_COPY`: the server copies the files, indexes included, which takes
seconds where loading a dump would take as long as building the indexes again. `python benchmarks/kept.py` lists what is
kept.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

URLS = ("DATABASE_URL", "BEKAL_APP_DATABASE_URL", "BEKAL_PROOF_DATABASE_URL")
TABLES_SQL = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
  AND relname NOT LIKE 'django\\_%' AND relname NOT LIKE 'auth\\_%'
ORDER BY relname
"""
# Tables in an order in which every row finds what it points at, without what set-up itself writes.
ORDERED_SQL = """
WITH RECURSIVE pointing AS (
    SELECT conrelid AS child, confrelid AS parent FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid
), depth AS (
    SELECT oid AS child, 0 AS steps FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT pointing.child, depth.steps + 1 FROM depth JOIN pointing ON pointing.parent = depth.child
    WHERE depth.steps < 20
)
SELECT relname FROM depth JOIN pg_class ON pg_class.oid = child
WHERE relname NOT LIKE 'django\\_%' AND relname NOT LIKE 'auth\\_%' GROUP BY relname ORDER BY max(steps), relname
"""
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Copy:
    """A restored copy: its name, the environment that leads a process to it, and how long restoring took."""

    name: str
    environ: dict[str, str]
    seconds: float


def environ(name: str) -> dict[str, str]:
    """This process's environment with the connection addresses leading to that database."""
    addresses = {key: urlsplit(os.environ[key])._replace(path=f"/{name}").geturl() for key in URLS if key in os.environ}
    return {**os.environ, **addresses}


def connect(name: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    """As the owner."""
    return psycopg.connect(environ(name)["DATABASE_URL"], autocommit=autocommit)


def _home() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


def exists(name: str) -> bool:
    with _home() as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def one(connection: psycopg.Connection[Any], statement: str, values: Sequence[object] = ()) -> Any:
    """The only value of the only row."""
    row = connection.execute(statement, values or None).fetchone()
    assert row is not None
    return row[0]


def create(name: str) -> None:
    """Make an empty database where it is not there yet."""
    if not exists(name):
        with _home() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop(name: str) -> None:
    with _home() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def rename(name: str, other: str) -> None:
    """Nobody may be connected to it."""
    with _home() as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(other))
        )


def size_mib(name: str) -> int:
    with _home() as connection:
        return int(one(connection, "SELECT pg_database_size(%s) / 1048576", [name]))


def is_begun(name: str) -> bool:
    with connect(name) as connection:
        return connection.execute("SELECT 1 FROM simulation_cohort LIMIT 1").fetchone() is not None


def is_finished(name: str) -> bool:
    """Whether everybody has lived until the end that was asked for."""
    with connect(name) as connection:
        return bool(one(connection, "SELECT bool_and(lived_until_at >= until_at) FROM simulation_cohort"))


def digest(name: str) -> dict[str, tuple[int, int]]:
    """As `bekal.simulation.digest.digest`, of that database."""
    from bekal.simulation.digest import DIGEST_SQL

    with connect(name) as connection:
        return {what: (count, int(summed)) for what, count, summed in connection.execute(DIGEST_SQL)}


@contextmanager
def restored(name: str) -> Iterator[Copy]:
    """A copy of a kept database for the length of the block."""
    copy = f"{name}_copy_{os.getpid()}"
    with _home() as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        started = time.perf_counter()
        connection.execute(statement.format(sql.Identifier(copy), sql.Identifier(name)))
        seconds = time.perf_counter() - started
    try:
        yield Copy(copy, environ(copy), seconds)
    finally:
        drop(copy)


def copy_of_rows(name: str, *, bare: bool) -> float:
    """Load every row of a kept database into an empty one by COPY: the seconds of loading alone.

    `bare`: into tables without constraints and indexes, which is the ceiling of what the server can take."""
    target = f"{name}_{'bare' if bare else 'same'}_{os.getpid()}"
    create(target)
    try:
        _lay_out(name, target, bare=bare)
        seconds = 0.0
        with connect(name) as source, connect(target) as sink:
            tables = [row[0] for row in source.execute(ORDERED_SQL)]
            for table in tables:
                seconds += _pour(source, sink, table)
        return seconds
    finally:
        drop(target)


def _lay_out(name: str, target: str, *, bare: bool) -> None:
    if not bare:
        import subprocess
        from pathlib import Path

        manage = Path(__file__).resolve().parents[1] / "manage.py"
        subprocess.run([sys.executable, manage, "setup"], env=environ(target), check=True, capture_output=True)
        return
    with connect(name) as source, connect(target) as sink:
        for (table,) in source.execute(TABLES_SQL).fetchall():
            columns = one(
                source,
                "SELECT string_agg(format('%%I %%s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) "
                "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [f'"{table}"'],
            )
            sink.execute(f'CREATE TABLE "{table}" ({columns})')


def _pour(source: psycopg.Connection[Any], sink: psycopg.Connection[Any], table: str) -> float:
    """One table; the columns by name, because a migrated table may have them in another order."""
    columns = one(
        source,
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        [f'"{table}"'],
    )
    waited = 0.0
    started = time.perf_counter()
    with (
        source.cursor() as reading,
        sink.cursor() as writing,
        reading.copy(f'COPY "{table}" ({columns}) TO STDOUT (FORMAT BINARY)') as out,
        writing.copy(f'COPY "{table}" ({columns}) FROM STDIN (FORMAT BINARY)') as into,
    ):
        while True:
            before = time.perf_counter()
            block = out.read()
            waited += time.perf_counter() - before
            if not block:
                break
            into.write(block)
    return time.perf_counter() - started - waited


def main() -> int:
    with _home() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bekal\\_year\\_%' ORDER BY 1")
        for (name,) in rows.fetchall():
            print(f"{name}: {size_mib(name):,} MiB, {'finished' if is_finished(name) else 'not finished'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
