"""`dev doctor`: looks at everything the launcher depends on, changes nothing, and says how to mend what is wrong."""

import importlib.util
import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import chromium, database, environment, paths, postgres, serve
from launcher.accounts import SYSTEM_USER, account_for, user_name
from launcher.say import Refusal

# The packages for tests, a database with the demo, a browser and some room to work.
FREE_GIB = 3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and, if not well, how to mend it."""

    what: str
    well: bool
    seen: str
    mend: str = ""


def run(root: Path, arguments: Sequence[str]) -> int:
    """Prints every finding; the exit status is 1 where something has to be mended."""
    sick = 0
    for check in CHECKS:
        for finding in _safely(check, root):
            sick += not finding.well
            print(f"{'ok  ' if finding.well else 'MEND'}  {finding.what}: {finding.seen}")
            if not finding.well:
                print(f"      -> {finding.mend}")
    print("Everything is well." if not sick else f"{sick} to mend, marked MEND above.")
    return 1 if sick else 0


def _safely(check: Callable[[Path], Iterator[Finding]], root: Path) -> Iterator[Finding]:
    """A check that is itself refused or not allowed to look is a finding, too."""
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check(root)
    except Refusal as refusal:
        yield Finding(name, False, "refused", str(refusal))
    except OSError as error:
        yield Finding(name, False, f"{error.strerror}: {error.filename}", "give the file to your user, or clone anew.")


def _python(root: Path) -> Iterator[Finding]:
    yield Finding("Python", True, f"{sys.version.split()[0]} at {sys.executable}")  # `dev` ends itself on an older one
    uv = shutil.which("uv")
    has_venv = bool(importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"))
    seen = f"uv at {uv}" if uv else ("venv and pip" if has_venv else "neither uv nor venv with ensurepip")
    yield Finding("installer", bool(uv) or has_venv, seen, environment.NO_VENV)


def _packages(root: Path) -> Iterator[Finding]:
    mend = "any command, such as `python3 dev up`, installs them."
    if not (root / ".venv").exists():
        yield Finding("packages", False, "not installed yet", mend)
        return
    version = environment.interpreter_version(root)
    if version is None:
        yield Finding("packages", False, ".venv has no working Python 3.11 or newer (removed, moved, replaced)", mend)
        return
    if (root / ".local" / environment.UNFINISHED).exists():
        yield Finding("packages", False, "an installation runs, or the last one was killed", mend)
        return
    stale = [name for name in ("base", "test") if not environment.is_installed(root, name)]
    if "base" in stale:
        yield Finding("packages", False, ".venv does not match requirements/base.txt", mend)
        return
    seen = "match requirements/base.txt" if stale else "match requirements/base.txt and test.txt"
    yield Finding("packages", True, f"{seen}, Python {version[0]}.{version[1]}")


def _disk(root: Path) -> Iterator[Finding]:
    for folder in (root, Path("/tmp")):
        gib = shutil.disk_usage(folder).free / 2**30
        enough = gib >= (FREE_GIB if folder == root else 0.1)
        mend = f"free some space: {FREE_GIB} GiB for the checkout, 0.1 GiB in /tmp."
        yield Finding("disk", enough, f"{gib:.1f} GiB free at {folder}", mend)


def _local_folder(root: Path) -> Iterator[Finding]:
    local = root / ".local"
    if not local.exists():
        may_make = os.access(root, os.W_OK)
        yield Finding(
            ".local", may_make, "not there yet", f"{root} is not writable for you: clone into a folder of your own."
        )
        return
    mine = os.access(local, os.W_OK | os.X_OK)
    owner = user_name(local.stat().st_uid)
    yield Finding(
        ".local", mine, f"belongs to {owner}", f"run as {owner}, or give .local and .venv to yourself with chown -R."
    )
    secret = local / "secret"
    if secret.exists():
        mode = secret.stat().st_mode & 0o777
        yield Finding("secret", mode == 0o600, f"mode {mode:o}", f"chmod 600 '{secret}'")


def _database_account(root: Path) -> Iterator[Finding]:
    if os.geteuid() != 0:
        yield Finding("database account", True, f"your own, {user_name(os.geteuid())}")
        return
    there = _new_data_uid() is not None
    maker = shutil.which("useradd") or shutil.which("adduser")
    seen = f"{SYSTEM_USER} {'is there' if there else 'will be made'}" if there or maker else "no tool to make one"
    yield Finding("database account", True, f"{seen} (PostgreSQL does not run as root)")


def _socket(root: Path) -> Iterator[Finding]:
    data = _data(root)
    uid = data.stat().st_uid if data else _new_data_uid()
    if uid is None:
        yield Finding("socket", True, "not there yet")
        return
    folder = paths.socket_folder(root, uid)
    length = len(os.fsencode(folder / paths.SOCKET_FILE))
    seen = f"{folder}, {length} of {paths.SOCKET_PATH_BYTES} bytes"
    if folder.is_symlink() or folder.exists():
        account = account_for(uid)
        yield Finding(
            "socket", paths.is_private(folder, account), seen, f"remove {folder}: it is not {account.name}'s own."
        )
    else:
        yield Finding("socket", True, f"{seen}, made at the next start")


def _new_data_uid() -> int | None:
    """Whose new data would be; None where that account is not there yet."""
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        return pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        return None


def _database(root: Path) -> Iterator[Finding]:
    if database.own_url(root):
        yield Finding("database", True, "DATABASE_URL names a server of your own; the embedded one is not used")
        if environment.interpreter_version(root):
            database.check_own(environment.python_of(root))
            yield Finding("database", True, "it answers, and waits for its disk (fsync on)")
        return
    data = _data(root)
    if data is None or postgres.find_binaries(root) is None:
        yield Finding("database", True, "not made yet")
        return
    server = postgres.locate(root)
    yield Finding(
        "data", True, f"{data}, PostgreSQL {(data / 'PG_VERSION').read_text().strip()}, {server.account.name}'s"
    )
    if postgres.postmaster_pid(server) is None:
        left = " (it was killed; the next start recovers)" if (data / "postmaster.pid").exists() else ""
        yield Finding("database", True, f"not running{left}; its log is {server.log}")
        return
    postgres.check_durable(server)
    yield Finding("database", True, f"running, fsync on, {postgres.other_sessions(server)} clients, log {server.log}")
    roles = server.sql("SELECT count(*) FROM pg_roles WHERE rolname IN ('bekal_owner', 'bekal_app', 'bekal_proof')")
    yield Finding("roles", roles == "3", f"{roles} of 3 there", "python3 dev reset --yes, then python3 dev up")
    sandboxes = server.sql("SELECT count(*) FROM pg_database WHERE datname = 'bekal_sandbox'")
    yield Finding("sandbox", True, "there" if sandboxes == "1" else "not made yet; `python3 dev manage setup` makes it")


def _data(root: Path) -> Path | None:
    folders = (root / ".local" / "postgres", paths.system_folder(root) / "postgres")
    return next((folder for folder in folders if (folder / "PG_VERSION").exists()), None)


def _port(root: Path) -> Iterator[Finding]:
    try:
        serve.bound(serve.DEFAULT_PORT).close()
        seen = "free"
    except OSError as error:
        seen = f"{error.strerror}; `dev up` takes the next free one"
    yield Finding(f"port {serve.DEFAULT_PORT}", True, seen)


def _browser(root: Path) -> Iterator[Finding]:
    path = chromium.find()
    seen = path or "none found; `python3 dev test` installs one where it may, or: apt install chromium"
    yield Finding("browser for the tests", True, seen)


CHECKS = (_python, _packages, _disk, _local_folder, _database_account, _socket, _database, _port, _browser)
