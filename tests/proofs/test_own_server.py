"""A server of our own starts, survives SIGKILL with what was committed, and leaves nothing behind."""

import os
from pathlib import Path

import psycopg
import pytest

from bekal.proofs import own_server as module
from bekal.proofs.own_server import OwnServerError, own_server, server_binaries

pytestmark = pytest.mark.usefixtures("own_databases")


def test_what_was_committed_survives_a_kill() -> None:
    with own_server() as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        with psycopg.connect(server.url) as open_one:
            open_one.execute("INSERT INTO kept VALUES (8)")
            assert server.kill() > 3
            with pytest.raises(psycopg.OperationalError):
                open_one.execute("SELECT 1")
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        folder = server.folder
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)


def test_a_killed_backend_takes_all_others_with_it_and_the_server_recovers() -> None:
    with own_server() as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")
        connection.commit()
        with psycopg.connect(server.url) as victim:
            victim.execute("INSERT INTO kept VALUES (8)")
            assert server.kill_backend(victim.info.backend_pid)
            for lost in (victim, connection):
                with pytest.raises(psycopg.OperationalError):
                    lost.execute("SELECT 1")
            assert not server.kill_backend(victim.info.backend_pid), "it has gone"
        assert not server.kill_backend(os.getpid()), "none of the server's"
        with psycopg.connect(server.url) as again:
            assert again.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_the_binaries_are_those_of_a_server() -> None:
    assert all((server_binaries() / name).exists() for name in ("postgres", "initdb"))


def test_a_folder_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    with pytest.raises(OwnServerError, match="shorter path"), own_server(deep):
        pass


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    dead, alien = tmp_path / f"{module.PREFIX}{2**22 + 1}-x", tmp_path / f"{module.PREFIX}mine-x"
    for folder in (dead, alien):
        (folder / "data").mkdir(parents=True)
    (dead / "data" / "postmaster.pid").write_text("1\n")  # a number that somebody else has now
    module._remove_leftovers(tmp_path)
    assert not dead.exists()
    assert alien.exists()
