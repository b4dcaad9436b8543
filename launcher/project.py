"""The project's own programs, as the launcher runs them: with the environment, the database and a secret made ready."""

import hashlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import database, environment, paths, postgres
from launcher.locks import exclusive
from launcher.say import Refusal

# What `manage setup` brings into the database and onto the disk; a change in any of these calls for it again.
SETUP_SOURCES = (
    "src/bekal/**/migrations/*.py",
    "src/bekal/config/**/*.py",
    "src/bekal/**/*.po",
    "src/bekal/**/static/**/*",
    "requirements/base.txt",
)


@dataclass(frozen=True)
class Project:
    """A checkout with its interpreter and the variables its programs get."""

    root: Path
    python: Path
    variables: Mapping[str, str]

    def call(self, arguments: Sequence[str | Path], **extra: str) -> int:
        """Runs the checkout's Python on arguments, with this terminal; returns the exit status."""
        command = [str(part) for part in (self.python, *arguments)]
        process = subprocess.Popen(command, cwd=self.root, env={**self.variables, **extra})
        return wait(process)

    def manage(self, *arguments: str, **extra: str) -> int:
        """Runs a management command."""
        return self.call([self.root / "manage.py", *arguments], **extra)

    def must_manage(self, *arguments: str, **extra: str) -> None:
        """Runs a management command that the rest depends on."""
        if status := self.manage(*arguments, **extra):
            raise Refusal(f"`manage {arguments[0]}` failed with status {status}; its reason stands above.")


class Terminated(KeyboardInterrupt):
    """The launcher alone was asked to end (SIGTERM), where Ctrl-C reaches its children, too."""


def wait(process: "subprocess.Popen[bytes]") -> int:
    """Waits for a child to the end, so that nothing it uses is stopped before it; a signal's status is 128 + number."""
    interruption: KeyboardInterrupt | None = None
    while True:
        try:
            status = process.wait()
            break
        except Terminated as terminated:
            interruption = terminated
            process.terminate()
        except KeyboardInterrupt as interrupt:
            interruption = interrupt
    if interruption is not None:
        raise interruption
    return status if status >= 0 else 128 - status


def project(root: Path, python: Path, database_variables: Mapping[str, str], **extra: str) -> Project:
    """The checkout's programs on a database; PG… variables are meant for another server than the embedded one."""
    inherited = environment.child_environment()
    if database_variables:
        inherited = {key: value for key, value in inherited.items() if not key.startswith("PG")}
    secret = {"BEKAL_SECRET_KEY": os.environ.get("BEKAL_SECRET_KEY") or secret_key(root)}
    address = address_file(root)
    running = {"BEKAL_ADDRESS": address.read_text()} if address.exists() else {}
    return Project(root, python, inherited | dict(database_variables) | secret | running | extra)


def address_file(root: Path) -> Path:
    """Where this checkout's demo answers, while it does: other commands tell it."""
    return root / ".local" / "address"


def secret_key(root: Path) -> str:
    """The checkout's own secret, made once: it signs sessions and encrypts the demo's people."""
    file = paths.local_folder(root) / "secret"
    half = file.with_suffix(f".{os.getpid()}")
    if not file.exists():
        half.touch(mode=0o600)
        half.write_text(secrets.token_urlsafe(50))
        try:
            os.link(half, file)  # fails where another process was first, and never shows a half-written secret
        except FileExistsError:
            pass
        finally:
            half.unlink()
    return file.read_text()


def setup(made: Project) -> None:
    """Roles, schema, translations and static files, unless the last set-up of this database saw the same sources."""
    local = made.root / ".local"
    with exclusive(local / "setup.lock", "another command is preparing the database"):
        stamp = None if database.own_url(made.root) else _setup_stamp(made.root)
        file = local / "setup-done"
        if stamp and file.exists() and file.read_text() == stamp and _translations_compiled(made.root):
            return
        made.must_manage("setup")
        if stamp:
            file.write_text(stamp)


def _setup_stamp(root: Path) -> str:
    """What was set up: this very database, from these sources."""
    found = sorted({path for pattern in SETUP_SOURCES for path in root.glob(pattern) if path.is_file()})
    return f"{database.identity(postgres.locate(root))} {digest_of(root, found)}"


def digest_of(root: Path, files: Iterable[Path]) -> str:
    """One hash of files' names and contents."""
    digest = hashlib.sha256()
    for path in files:
        name, content = os.fsencode(path.relative_to(root)), path.read_bytes()
        digest.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return digest.hexdigest()


def _translations_compiled(root: Path) -> bool:
    return all(path.with_suffix(".mo").exists() for path in root.glob("src/bekal/**/*.po"))


def end(process: "subprocess.Popen[bytes]", seconds: float = 20) -> None:
    """Ends a child politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
