"""How many rows a second every verb writes: for one person (a web request) and for 5,000 (a night's work).

    dev bench verbs [--people N] [--requests N]

In a database of its own, made and dropped here, people walk from registration to a paid incentive, and others lose
their place. "rows" are those a verb adds or changes. Beside them stands what PostgreSQL's COPY needs to put the same
rows into the same tables, constraints and indexes included: the time below which no verb can get on this machine.
"""

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django
import psycopg
from psycopg import sql

from benchmarks import machine

URLS = ("DATABASE_URL", "BEKAL_APP_DATABASE_URL", "BEKAL_PROOF_DATABASE_URL")
TRAINING_COUNT = 300
SESSION_COUNT = 2
T = TypeVar("T")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when measured."""
    parser = argparse.ArgumentParser(prog="dev bench verbs", description="Rows per second of every verb.")
    parser.add_argument("--people", type=int, default=5_000, help="how many a night's set has (default 5,000)")
    parser.add_argument("--requests", type=int, default=100, help="how many sets of one (default 100)")
    options = parser.parse_args(arguments)
    with own_database("bekal_bench_verbs"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
        django.setup()
        migrate()
        found = measure(options.people, options.requests)
    print(f"{machine.one_line(machine.describe())}\n")
    print_table(found, options.people)
    print(f"Written to {machine.write_result('verbs', {'people': options.people, 'verbs': found})}")
    return 0


@contextmanager
def own_database(name: str) -> Iterator[None]:
    """A new database beside the one DATABASE_URL names; the variables of this process lead to it."""
    home = os.environ["DATABASE_URL"]
    with psycopg.connect(home, autocommit=True) as connection:
        _drop(connection, name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        for variable in URLS:
            if os.environ.get(variable):
                os.environ[variable] = urlsplit(os.environ[variable])._replace(path=f"/{name}").geturl()
        try:
            yield
        finally:
            from django.db import connections

            connections.close_all()
            _drop(connection, name)


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    """FORCE may not end an autovacuum worker, the server's own; the plain statement asks it to go and waits."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    try:
        connection.execute(statement + sql.SQL(" WITH (FORCE)"))
    except psycopg.errors.InsufficientPrivilege:
        connection.execute(statement)


def migrate() -> None:
    """Roles, schema and rights."""
    from django.core.management import call_command

    from bekal.config.roles import ensure_roles, grant_rights

    ensure_roles()
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    grant_rights()


def measure(people: int, requests: int) -> list[dict[str, Any]]:
    """Every verb's rows and seconds, for sets of one (the median of many) and for one large set."""
    from benchmarks._journey import Journey

    journey = Journey(TRAINING_COUNT, SESSION_COUNT)
    journey.walk(people)  # so that the tables are not empty
    analyse()
    before = row_counts()
    large = journey.walk(people)
    after = row_counts()
    single: dict[str, list[float]] = defaultdict(list)
    for _ in range(requests):
        for verb, timing in journey.walk(1).items():
            single[verb].append(timing.seconds)
    cost = copy_seconds_per_row()
    written = {table: count - before[table] for table, count in after.items() if count > before[table]}
    missing = set(written) - {table for timing in large.values() for table in timing.rows}
    if missing:
        raise RuntimeError(f"no verb names these tables, though they were written: {sorted(missing)}")
    found = []
    for verb, (seconds, cpu_seconds, tables) in large.items():
        rows = sum(tables.values())
        copied = sum(count * cost[table] for table, count in tables.items())
        one = statistics.median(single[verb])
        found.append(
            {
                "verb": verb,
                "rows": rows,
                "seconds": round(seconds, 4),
                "cpu_seconds": round(cpu_seconds, 4),
                "rows_per_second": round(rows / seconds),
                "copy_rows_per_second": round(rows / copied),
                "times_copy": round(seconds / copied, 2),
                "one_milliseconds": round(one * 1_000, 2),
                "one_rows_per_second": round(rows / people / one),
            }
        )
    return found


def analyse() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def row_counts() -> dict[str, int]:
    """The rows of every table."""
    from django.apps import apps
    from django.db import connection

    counts = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}"')
            counts[model._meta.db_table] = int(cursor.fetchone()[0])
    return counts


def copy_seconds_per_row() -> dict[str, float]:
    """Empty the tables and COPY their rows back, those that others point at first; seconds per row of each."""
    from django.db import connection, connections

    counts = {table: count for table, count in row_counts().items() if count and not table.startswith("django_")}
    saved: dict[str, list[bytes]] = {}
    with connection.cursor() as cursor:
        for table in counts:
            with cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT BINARY)') as copy:
                saved[table] = [bytes(block) for block in copy]
    with connections["owner"].cursor() as cursor:
        # Facts are guarded against this, even from the owner; whoever owns the database can switch the guards off.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in counts) + " CASCADE")
        cursor.execute("SET session_replication_role = origin")
    seconds: dict[str, float] = {}
    waiting = dict(saved)
    while waiting:
        for table in list(waiting):
            if not references(table) & (set(waiting) - {table}):
                blocks = waiting.pop(table)
                started = time.perf_counter()
                with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT BINARY)') as copy:
                    for block in blocks:
                        copy.write(block)
                seconds[table] = (time.perf_counter() - started) / counts[table]
    return seconds


def references(table: str) -> set[str]:
    """The tables this one's foreign keys name."""
    from django.apps import apps

    (model,) = (model for model in apps.get_models() if model._meta.db_table == table)
    targets = [field.related_model for field in model._meta.concrete_fields if field.is_relation]
    return {target._meta.db_table for target in targets if target is not None}


def print_table(found: list[dict[str, Any]], people: int) -> None:
    print(
        f"{'verb':22s}{'rows':>9s}{'rows/s':>10s}{'rows/CPU-s':>12s}{'COPY/s':>10s}{'x COPY':>8s}{'one, ms':>9s}"
        f"{'one, rows/s':>13s}"
    )
    for row in found:
        print(
            f"{row['verb']:22s}{row['rows']:9,d}{row['rows_per_second']:10,d}"
            f"{round(row['rows'] / row['cpu_seconds']):12,d}{row['copy_rows_per_second']:10,d}"
            f"{row['times_copy']:8.1f}{row['one_milliseconds']:9.2f}{row['one_rows_per_second']:13,d}"
        )
    rows, seconds, cpu = (sum(row[name] for row in found) for name in ("rows", "seconds", "cpu_seconds"))
    print(f"{'all':22s}{rows:9,d}{round(rows / seconds):10,d}{round(rows / cpu):12,d}")
    print(f"{people:,} people: {seconds:.1f} s, {cpu:.1f} s of processor time on both sides")


if __name__ == "__main__":
    sys.exit(main())
