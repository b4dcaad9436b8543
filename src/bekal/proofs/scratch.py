"""Databases of the harnesses' own: made by the owner beside the programme's, dropped at the end, its data untouched.

One template is migrated per process; every scratch database is a copy of it. The names carry the process, so that what
a killed run left behind is known at the next start.
"""

import atexit
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from bekal.partners.world import SUFFIX, close_sandbox_connections

URLS = ("DATABASE_URL", "BEKAL_APP_DATABASE_URL", "BEKAL_PROOF_DATABASE_URL")
PREFIX = "bekal_prove_"
# Django's connection with every right. Outside config nobody names it but this module, and whoever asks it for a cursor
# in a scratch database.
OWNER = "owner"
# The templates of this process by server; a test run puts the one it has migrated already here, so that none is made.
templates: dict[tuple[str, str], str] = {}
_in_use: set[str] = set()
# Dropping makes the server write everything to the disk: inside another scratch database several wait for each other.
_open: list[str] = []
_to_drop: list[str] = []
TO_DROP_COUNT = 12


@dataclass(frozen=True, slots=True)
class Scratch:
    """A database of one's own, and the variables that lead a process to it."""

    name: str
    environ: dict[str, str]


@contextmanager
def scratch_database(
    label: str, *, template: str | None = None, empty: bool = False, durable: bool = False
) -> Iterator[Scratch]:
    """A new migrated database on the server that Django's connections lead to; inside, all three lead to the new one.

    `template` names another database to copy (nobody may be connected to it), `empty` leaves it without tables.
    Commits do not wait for the disk unless `durable`. Raises RuntimeError inside an open transaction."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", label):
        raise ValueError(f"the label of a scratch database is {label!r}: lower-case letters, digits, up to 31")
    if any(connections[alias].in_atomic_block for alias in connections):
        raise RuntimeError("a scratch database takes Django's connections away: leave the transaction first")
    connections.close_all()
    source = None if empty else template or _template()
    name = _create(label, source)
    _open.append(name)
    try:
        if not durable:
            _as_owner(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        with connected_to(name):
            yield Scratch(name, {key: os.environ[key] for key in URLS if key in os.environ})
    finally:
        connections.close_all()
        _drop_soon(name)


@contextmanager
def sandbox_beside(scratch: Scratch, *, template: str | None = None) -> Iterator[str]:
    """The partners' sandbox of a scratch database, empty or a copy of `template`; its name. Raises RuntimeError as
    `scratch_database`."""
    name = f"{scratch.name}{SUFFIX}"
    connections.close_all()
    _copy(name, template or _template())
    _open.append(name)
    try:
        yield name
    finally:
        close_sandbox_connections()
        _drop_soon(name)


@contextmanager
def connected_to(name: str, *, url: str | None = None) -> Iterator[None]:
    """All three connections of this process, and of what it starts, lead to that database; afterwards back.

    With `url` (of a server's superuser) to another server, where they step down to their roles."""
    before = {key: os.environ.get(key) for key in URLS}
    settings = {alias: dict(connections.settings[alias]) for alias in connections}
    connections.close_all()
    if url is not None:
        others = {"DATABASE_URL": urlsplit(url)._replace(path=f"/{name}").geturl()}
        parts = urlsplit(others["DATABASE_URL"])
        place: dict[str, Any] = {"HOST": _host_of(url), "PORT": str(parts.port or ""), "USER": parts.username or ""}
        for alias, role in ((OWNER, None), ("default", "bekal_app"), ("proof", "bekal_proof")):
            options = {"options": f"-c role={role}"} if role else {}
            connections.settings[alias].update(place | {"NAME": name, "PASSWORD": "", "OPTIONS": options})
    else:
        others = {key: urlsplit(value)._replace(path=f"/{name}").geturl() for key, value in before.items() if value}
        for alias in connections:
            connections.settings[alias]["NAME"] = name
    for key in URLS:
        os.environ.pop(key, None)
    os.environ.update(others)
    try:
        yield
    finally:
        connections.close_all()
        for alias, kept in settings.items():
            connections.settings[alias].update(kept)
        for key in URLS:
            os.environ.pop(key, None)
        os.environ.update({key: value for key, value in before.items() if value is not None})


@contextmanager
def owner_cursor() -> Iterator[Any]:
    """A cursor with every right, in a scratch database and nowhere else; raises RuntimeError outside one."""
    name = str(connections.settings[OWNER]["NAME"])
    if not name.startswith(PREFIX):
        raise RuntimeError(f"{name} is no scratch database: its owner only migrates")
    with connections[OWNER].cursor() as cursor:
        yield cursor


def migrate() -> None:
    """Roles, schema and rights of the database that the connections lead to, as `manage setup` makes them."""
    call_command("setup", database_only=True, verbosity=0)
    connections.close_all()


def copy_this_one() -> None:
    """From now on scratch databases of this server are copies of the database that the connections lead to, which is
    migrated and in which nobody works."""
    connections.close_all()
    templates[_server()] = str(connections.settings[OWNER]["NAME"])


def _server() -> tuple[str, str]:
    owner = connections.settings[OWNER]
    return str(owner["HOST"]), str(owner["PORT"])


def _template() -> str:
    """The migrated database that this process copies; made by the first who asks."""
    server = _server()
    if server not in templates:
        _drop_leftovers()
        name = _create("template", None)
        with connected_to(name):
            migrate()
        templates[server] = name
        atexit.register(_drop_at_exit, os.getpid(), owner_arguments(), name)
    return templates[server]


def _create(label: str, source: str | None) -> str:
    """A database of that label and this process; a second one of the same label gets a number."""
    number = 1
    name = f"{PREFIX}{label}_{os.getpid()}"
    while name in _in_use:
        number += 1
        name = f"{PREFIX}{label}{number}_{os.getpid()}"
    _copy(name, source)
    return name


def _copy(name: str, source: str | None) -> None:
    _drop(name)
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if source is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(source))
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(platform.node()))
    try:
        _as_owner(statement)
        _as_owner(comment)
    except BaseException:  # a signal, too, must not leave it behind
        _drop(name)
        raise
    _in_use.add(name)


def _drop_soon(name: str) -> None:
    """At the latest when the outermost one ends; nobody is connected until then. Several at once: what the first
    one makes the server write, the others find written."""
    _open.remove(name)
    _to_drop.append(name)
    if not _open or len(_to_drop) >= TO_DROP_COUNT:
        while _to_drop:
            _drop(_to_drop.pop())


def _drop(name: str) -> None:
    _drop_with(owner_arguments(), name)
    _in_use.discard(name)


def _drop_with(arguments: dict[str, Any], name: str) -> None:
    """Remove a database of ours, whoever is connected to it.

    FORCE may not end an autovacuum worker, which is the server's own; the plain statement asks it to go and waits."""
    if not name.startswith(PREFIX):
        raise ValueError(f"{name} is no scratch database")
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with psycopg.connect(**arguments, autocommit=True) as connection:
        try:
            connection.execute(statement + sql.SQL(" WITH (FORCE)"))
        except psycopg.errors.InsufficientPrivilege:
            connection.execute(statement)


def _drop_at_exit(process: int, arguments: dict[str, Any], name: str) -> None:
    """Forked workers that end in the usual way must not take the template with them."""
    if os.getpid() == process:
        connections.close_all()
        with suppress(psycopg.OperationalError):  # a server of our own has gone with its databases
            _drop_with(arguments, name)


def _drop_leftovers() -> None:
    """Remove what killed runs on this machine left behind: their process is gone and nobody is connected."""
    with psycopg.connect(**owner_arguments(), autocommit=True) as connection:
        rows = connection.execute(
            """
            SELECT datname FROM pg_database d
            WHERE starts_with(datname, %s) AND shobj_description(d.oid, 'pg_database') = %s
              AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid)
            """,
            [PREFIX, platform.node()],
        ).fetchall()
    for (name,) in rows:
        process = re.search(rf"_(\d+)({SUFFIX})?$", str(name))
        if process and not process_runs(int(process[1])):
            _drop(str(name))


def _as_owner(statement: sql.Composed) -> None:
    with psycopg.connect(**owner_arguments(), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '60s'")
        connection.execute(statement)


def owner_arguments() -> dict[str, Any]:
    """How the owner connects, as Django's settings have it now."""
    owner = connections.settings[OWNER]
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {argument: owner[name] for argument, name in names.items() if owner[name]}
    return given | {key: value for key, value in owner["OPTIONS"].items() if isinstance(value, str)}


def _host_of(url: str) -> str:
    """The host of an address; a folder of a Unix socket stands behind the question mark."""
    found = re.search(r"[?&]host=([^&]+)", url)
    return found[1] if found else urlsplit(url).hostname or ""


def process_runs(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
