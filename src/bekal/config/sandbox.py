"""The partners' sandbox, made beside the programme's database: same tables, same rights, nobody's money (ADR 0024)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import load_backend
from psycopg import sql

from bekal.config.roles import ensure_roles, grant_rights
from bekal.partners.world import SandboxUnavailableError, sandbox_settings

OWNER = "owner"
NO_SANDBOX = "There is no sandbox for partners, everything else works: {}"


def is_empty() -> bool:
    """Whether the programme's database has never been migrated."""
    return not MigrationRecorder(connections[OWNER]).has_table()


def ensure_sandbox(*, as_copy: bool) -> str | None:
    """Make the sandbox where it is missing and bring it to the schema and the rights of the programme's; idempotent.

    `as_copy`: the programme's database has just been migrated from nothing and nobody works in it, so that a copy of
    it saves migrating twice. Returns the sentence that says why there is none, or None."""
    try:
        place = sandbox_settings(OWNER)
        if not _is_there(place):
            _create(str(place["NAME"]), as_copy=as_copy)
        with _owner_in(place):
            ensure_roles()
            if not _has_all_migrations():
                call_command("migrate", database=OWNER, interactive=False, verbosity=0)
            grant_rights()
    except SandboxUnavailableError as error:
        return NO_SANDBOX.format(error)
    except psycopg.errors.InsufficientPrivilege:
        return NO_SANDBOX.format(
            f"this server does not let {connections.settings[OWNER]['USER'] or 'the owner'} create databases. "
            "Create an empty one and name it in BEKAL_SANDBOX_DATABASE_URL."
        )
    except psycopg.OperationalError as error:
        return NO_SANDBOX.format(f"its database does not answer ({str(error).strip().splitlines()[-1]}).")
    return None


def _is_there(place: dict[str, Any]) -> bool:
    try:
        psycopg.connect(**_arguments(place)).close()
    except psycopg.OperationalError:
        if _server(place) != _server(connections.settings[OWNER]):
            raise  # on another server its owner makes it
        return False
    return True


def _create(name: str, *, as_copy: bool) -> None:
    real = connections.settings[OWNER]
    connections.close_all()  # who copies a database must be alone with it
    plain = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    copy = plain + sql.SQL(" TEMPLATE {}").format(sql.Identifier(str(real["NAME"])))
    # From within the database to be copied nobody is disturbed: the one who asks may be connected to it.
    with psycopg.connect(**_arguments(real), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '60s'")
        try:
            connection.execute(copy if as_copy else plain)
        except psycopg.errors.ObjectInUse:
            connection.execute(plain)
        except psycopg.errors.DuplicateDatabase:
            pass  # another set-up was first


def _has_all_migrations() -> bool:
    """Whether the sandbox has seen what the programme's database has: one look instead of a whole plan."""
    with psycopg.connect(**_arguments(connections.settings[OWNER])) as connection:
        real = set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
    recorder = MigrationRecorder(connections[OWNER])
    return recorder.has_table() and set(recorder.applied_migrations()) == real


@contextmanager
def _owner_in(place: dict[str, Any]) -> Iterator[None]:
    """The owner's connection of this thread leads to the sandbox."""
    before = connections[OWNER]
    backend: Any = load_backend(place["ENGINE"])
    connections[OWNER] = backend.DatabaseWrapper(place, OWNER)
    try:
        yield
    finally:
        connections[OWNER].close()
        connections[OWNER] = before


def _server(place: dict[str, Any]) -> tuple[str, str]:
    return str(place["HOST"]), str(place["PORT"])


def _arguments(place: dict[str, Any]) -> dict[str, Any]:
    """How psycopg connects there."""
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {argument: place[name] for argument, name in names.items() if place[name]}
    return given | {key: value for key, value in place["OPTIONS"].items() if isinstance(value, str)}
