"""Test databases: made by the owner, worked on by the program's role, dropped at the end.

One template is migrated per run; every worker and every test that needs a database of its own gets a copy of it. The
names carry the checkout and the process, so that two checkouts, or two runs of one checkout, can share a server.
"""

import fcntl
import hashlib
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT = hashlib.sha256(f"{platform.node()}:{ROOT}".encode()).hexdigest()[:8]
PREFIX = f"test_bekal_{CHECKOUT}_"
URLS = ("DATABASE_URL", "BEKAL_APP_DATABASE_URL", "BEKAL_PROOF_DATABASE_URL")
# Rows of these tables come from migrating, not from tests.
KEPT_TABLES = ("django_migrations", "django_content_type")


@dataclass(frozen=True)
class TestDatabase:
    """A database and the environment that leads a process to it."""

    __test__ = False
    name: str
    environ: dict[str, str]


def environ_for(name: str) -> dict[str, str]:
    """The connection URLs of this run with the database replaced."""
    return {key: urlsplit(os.environ[key])._replace(path=f"/{name}").geturl() for key in URLS if os.environ.get(key)}


def owner_connection(name: str) -> psycopg.Connection[tuple[object, ...]]:
    """A plain connection of the owner, out of Django's sight: each statement commits, none waits long for a lock."""
    connection = psycopg.connect(environ_for(name)["DATABASE_URL"], autocommit=True)
    connection.execute("SET lock_timeout = '20s'")
    return connection


def create(name: str, *, template: str | None = None) -> TestDatabase:
    """A new database: empty, or a copy of one that nobody is connected to."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with owner_connection(_home()) as connection:
        connection.execute(statement)
        # A test's rows need not survive a power cut.
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    return TestDatabase(name, environ_for(name))


def drop(name: str) -> None:
    """Remove a database, whoever is connected to it.

    FORCE may not end an autovacuum worker, which is the server's own; the plain statement asks it to go and waits."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with owner_connection(_home()) as connection:
        try:
            connection.execute(statement + sql.SQL(" WITH (FORCE)"))
        except psycopg.errors.InsufficientPrivilege:
            connection.execute(statement)


def drop_leftovers() -> None:
    """Remove what killed runs of this checkout left behind."""
    with owner_connection(_home()) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"]).fetchall()
    for (name,) in rows:
        process = re.match(rf"{PREFIX}(\d+)_", str(name))
        if process and not _runs(int(process[1])):
            drop(str(name))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time inside."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def point_connections_at(name: str) -> None:
    """All three connections of this process, and what it starts, now work on that database."""
    os.environ.update(environ_for(name))
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def migrate() -> None:
    """Roles, schema, rights and translations, as `manage setup` makes them."""
    from bekal.config.roles import ensure_roles, grant_rights
    from bekal.config.translations import compile_translations

    ensure_roles()
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    grant_rights()
    compile_translations()
    _leave_tables_alone()


def _leave_tables_alone() -> None:
    """No autovacuum, which comes when it likes: what it finds is a test's open transaction or the dead rows of one
    undone, from which it learns that full tables are empty, and later tests would be planned for that, a hundredfold
    slower."""
    alter = sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false)")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        for (name,) in cursor.fetchall():
            cursor.execute(alter.format(sql.Identifier(name)))


def empty_all_tables(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Remove every row; only the owner may."""
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s) ORDER BY tablename",
        [list(KEPT_TABLES)],
    ).fetchall()
    tables = sql.SQL(", ").join(sql.Identifier(str(name)) for (name,) in rows)
    # The guards of what is added and never removed stand aside while this one transaction lasts.
    guards = connection.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE '%\\_no\\_truncate' ORDER BY 1"
    ).fetchall()
    alter = sql.SQL("ALTER TABLE {} {} TRIGGER {}")
    lower, raise_again = (
        [alter.format(sql.Identifier(str(table)), what, sql.Identifier(str(guard))) for table, guard in guards]
        for what in (sql.SQL("DISABLE"), sql.SQL("ENABLE"))
    )
    truncate = sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables)
    connection.execute(sql.SQL("; ").join([sql.SQL("BEGIN"), *lower, truncate, *raise_again, sql.SQL("COMMIT")]))


def _home() -> str:
    """A database of the server that is there before any test database is: the one of the URL as first given."""
    return os.environ.setdefault("BEKAL_TEST_HOME", urlsplit(os.environ["DATABASE_URL"]).path[1:])


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
