"""The embedded server itself, in a checkout of its own: started, killed, recovered, stopped."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher import database, paths, postgres
from launcher.say import Refusal


@pytest.fixture(scope="module")
def located(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A checkout's server; for root it lies outside of the checkout, since pytest's folders are private."""
    root = tmp_path_factory.mktemp("checkout")
    (root / ".venv").symlink_to(sys.prefix)
    located = postgres.locate(root)
    yield located
    shutil.rmtree(located.socket)
    shutil.rmtree(paths.system_folder(root), ignore_errors=True)


@pytest.fixture
def server(located: postgres.Server) -> Iterator[postgres.Server]:
    """The server, which does not run when a test begins and is stopped when it ends."""
    yield located
    database.stop(located.root)


@pytest.fixture
def other_data(located: postgres.Server) -> Iterator[postgres.Server]:
    """The same server with an empty folder for its data."""
    other = replace(located, data=located.data.with_name("other"))
    other.data.mkdir()
    yield other
    shutil.rmtree(other.data)


def kill(server: postgres.Server) -> None:
    """`kill -9` of the server; the processes it had started notice, and end soon after."""
    pid = postgres.postmaster_pid(server)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    postgres._launched.pop(pid).wait()


def test_server_starts_once_recovers_from_a_kill_and_stops(server: postgres.Server):
    assert postgres.start(server)
    assert not postgres.start(server)
    assert server.sql("SHOW listen_addresses") == ""
    assert server.sql("SHOW data_checksums") == "on"
    collation = "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding), pg_get_userbyid(datdba)"
    assert server.sql(f"{collation} FROM pg_database WHERE datname = 'bekal'") == "b|C.UTF-8|UTF8|bekal_owner"
    assert server.data.stat().st_uid == server.account.uid != 0
    identity = database.identity(server)
    server.sql("CREATE TABLE kept AS SELECT 1 AS one")
    kill(server)
    # Its number may belong to any other process by now.
    pid_file = server.data / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(pid_file.read_text().split("\n")[0], str(os.getpid()), 1))
    assert postgres.postmaster_pid(server) is None
    assert postgres.start(server)
    assert server.sql("SELECT one FROM kept") == "1"
    assert database.identity(server) == identity
    assert postgres.stop(server)
    assert not postgres.stop(server)


def test_each_role_reaches_the_database_and_may_what_it_should(server: postgres.Server):
    postgres.start(server)
    roles = server.sql(
        "SELECT rolname, rolcanlogin, rolcreatedb, rolsuper FROM pg_roles WHERE rolname LIKE 'bekal%' ORDER BY rolname"
    )
    assert roles.splitlines() == ["bekal_app|t|f|f", "bekal_owner|t|t|f", "bekal_proof|t|f|f"]
    asked = "import os, psycopg; print(psycopg.connect(os.environ['URL']).execute('SELECT current_user').fetchone()[0])"
    for role in database.ROLE_OF_VARIABLE.values():
        done = subprocess.run(
            [sys.executable, "-c", asked], env={"URL": server.url(role)}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == role


def test_server_that_does_not_wait_for_the_disk_is_refused_and_not_left_running(server: postgres.Server):
    postgres.start(server)
    server.sql("ALTER SYSTEM SET fsync = off")
    postgres.stop(server)
    with pytest.raises(Refusal, match="fsync off"):
        postgres.start(server)
    assert postgres.postmaster_pid(server) is None
    (server.data / "postgresql.auto.conf").write_text("")


def test_last_command_stops_the_server_unless_it_is_kept(server: postgres.Server):
    with database.ready(server.root), database.ready(server.root) as variables:
        assert variables["DATABASE_URL"] == f"postgresql://bekal_owner@/bekal?host={server.socket}"
        assert postgres.postmaster_pid(server) is not None
    assert postgres.postmaster_pid(server) is None
    database.keep(server.root)
    with database.ready(server.root):
        pass
    assert postgres.postmaster_pid(server) is not None
    assert database.stop(server.root)


def test_without_the_binaries_it_says_what_to_do(checkout: Path):
    with pytest.raises(Refusal, match="run `python3 dev up`, or set DATABASE_URL"):
        postgres.locate(checkout)


def test_data_of_another_version_are_not_touched(other_data: postgres.Server):
    (other_data.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(Refusal, match="are of PostgreSQL 12 and the server is 18"):
        postgres.start(other_data)


def test_foreign_files_in_the_data_folder_are_not_touched(other_data: postgres.Server):
    (other_data.data / "letter.txt").write_text("mine")
    with pytest.raises(Refusal, match="holds files but no database"):
        postgres.start(other_data)
    assert (other_data.data / "letter.txt").read_text() == "mine"
