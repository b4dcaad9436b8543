"""A scratch database is one's own, leaves nothing behind, and gives the connections back."""

import os

import psycopg
import pytest
from django.db import connection, connections, transaction

from bekal.accounts.models import Role, User
from bekal.proofs import scratch
from bekal.proofs.scratch import connected_to, scratch_database

pytestmark = pytest.mark.usefixtures("own_databases")


def databases() -> set[str]:
    with psycopg.connect(**scratch.owner_arguments(), autocommit=True) as plain:
        return {name for (name,) in plain.execute("SELECT datname FROM pg_database").fetchall()}


def current() -> tuple[str, str]:
    """Database and role of the program's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_user")
        found: tuple[str, str] = cursor.fetchone()
    return found


def make_officer(login_name: str) -> None:
    User.objects.create_user(login_name, None, role=Role.OFFICER, display_name=login_name)


def test_all_connections_lead_to_it_and_afterwards_back() -> None:
    home, urls = current(), {key: os.environ.get(key) for key in scratch.URLS}
    with scratch_database("one") as database:
        assert current() == (database.name, "bekal_app")
        assert not User.objects.exists()
        assert all(connections.settings[alias]["NAME"] == database.name for alias in connections)
        assert database.environ and all(f"/{database.name}" in url for url in database.environ.values())
        assert os.environ["DATABASE_URL"] == database.environ["DATABASE_URL"]
    assert current() == home
    assert {key: os.environ.get(key) for key in scratch.URLS} == urls


def test_it_is_dropped_after_an_exception_too() -> None:
    with pytest.raises(KeyError), scratch_database("gone") as database:
        assert database.name in databases()
        connection.ensure_connection()
        raise KeyError
    assert database.name not in databases()


def test_inner_ones_are_dropped_with_the_outermost() -> None:
    with scratch_database("outer") as outer:
        make_officer("petugas")
        connections.close_all()
        with scratch_database("inner", template=outer.name) as first:
            assert User.objects.count() == 1
            make_officer("kedua")
        with scratch_database("inner", template=outer.name) as second:
            assert User.objects.count() == 1
        assert first.name != second.name
        assert current()[0] == outer.name
    assert not databases() & {outer.name, first.name, second.name}


def test_an_empty_one_has_no_tables() -> None:
    with scratch_database("empty", empty=True), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


def test_what_a_killed_run_left_is_dropped() -> None:
    dead = 2**22 + 1  # no process has a number above the system's limit
    left = f"{scratch.PREFIX}race_{dead}"
    with scratch_database("living") as living:
        scratch._as_owner(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(left)))
        try:
            scratch._drop_leftovers()
            assert left in databases(), "another machine's is left alone"
            comment = psycopg.sql.SQL("COMMENT ON DATABASE {} IS {}")
            named = psycopg.sql.Identifier(left), psycopg.sql.Literal(scratch.platform.node())
            scratch._as_owner(comment.format(*named))
            scratch._drop_leftovers()
            assert left not in databases()
            assert living.name in databases()
        finally:
            scratch._drop(left)


def test_every_right_is_given_in_a_scratch_database_alone() -> None:
    with pytest.raises(RuntimeError, match="only migrates"), scratch.owner_cursor():
        pass
    with scratch_database("owned"), scratch.owner_cursor() as cursor:
        cursor.execute("ANALYZE")


def test_no_other_database_can_be_dropped() -> None:
    with pytest.raises(ValueError, match="no scratch database"):
        scratch._drop("bekal")


@pytest.mark.parametrize("label", ["", "Race", "a-b", "x" * 32, 'x"; DROP'])
def test_labels_are_plain(label: str) -> None:
    with pytest.raises(ValueError, match="label"), scratch_database(label):
        pass


def test_an_open_transaction_is_not_taken_away() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="leave the transaction"), scratch_database("late"):
        pass


def test_connected_to_steps_down_on_another_server() -> None:
    url = os.environ["DATABASE_URL"]
    home = connections.settings["owner"]["NAME"]
    with connected_to(home, url=url):
        assert current() == (home, "bekal_app")
        with connections["proof"].cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("bekal_proof",)
        assert os.environ.get("BEKAL_APP_DATABASE_URL") is None
    assert current()[0] == home
