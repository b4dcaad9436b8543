"""Which database the commands use: the user's own (DATABASE_URL) or the embedded one, held for as long as they run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from launcher import environment, paths, postgres
from launcher.locks import Presence, exclusive
from launcher.say import Refusal, line

# `dev db` leaves the server running for other programs; this file says so to the commands that would stop it.
KEPT = "postgres-kept"
ROLE_OF_VARIABLE = {
    "DATABASE_URL": "bekal_owner",
    "BEKAL_APP_DATABASE_URL": "bekal_app",
    "BEKAL_PROOF_DATABASE_URL": "bekal_proof",
}
ASK_FSYNC = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('SHOW fsync').fetchone()[0])"


def own_url(root: Path) -> str | None:
    """DATABASE_URL where it names a server of the user's own, and not this checkout's as `dev db` prints it."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
        raise Refusal("DATABASE_URL must look like postgresql://user:password@host:5432/bekal; mend or unset it.")
    embedded = f"host={paths.socket_folder(root, _data_owner(root))}"
    return None if embedded in parts.query.split("&") else url


def _data_owner(root: Path) -> int:
    for folder in (root / ".local" / "postgres", paths.system_folder(root) / "postgres"):
        if folder.exists():
            return folder.stat().st_uid
    return os.geteuid()


def variables(server: postgres.Server) -> dict[str, str]:
    """What a child needs to reach the embedded server in each of its three roles."""
    return {variable: server.url(role) for variable, role in ROLE_OF_VARIABLE.items()}


@contextmanager
def ready(root: Path) -> Iterator[dict[str, str]]:
    """A database that answers, as variables for the children; the last command that leaves stops the embedded one."""
    if own_url(root):
        check_own(environment.python_of(root))
        line("   using the database of DATABASE_URL")
        yield {}
        return
    local = paths.local_folder(root)
    server = postgres.locate(root)
    with exclusive(local / "postgres-users.lock", "another command is starting or stopping the database"):
        presence = Presence(local / "postgres-users")
        try:
            postgres.start(server)
        except BaseException:
            presence.leave()
            raise
    try:
        yield variables(server)
    finally:
        _leave(server, presence)


def _leave(server: postgres.Server, presence: Presence) -> None:
    """Stops the server if no other command uses it, no client is connected and nobody asked to keep it."""
    local = server.root / ".local"
    with exclusive(local / "postgres-users.lock"):
        last = presence.leave()
        if (
            last
            and not (local / KEPT).exists()
            and postgres.postmaster_pid(server)
            and not postgres.other_sessions(server)
        ):
            postgres.stop(server)


def keep(root: Path) -> dict[str, str]:
    """Starts the embedded server and leaves it running until `dev stop`."""
    if own_url(root):
        raise Refusal("DATABASE_URL names a server of your own, so there is none to start: unset it first.")
    local = paths.local_folder(root)
    server = postgres.locate(root)
    with exclusive(local / "postgres-users.lock"):
        postgres.start(server)
        (local / KEPT).touch()
    return variables(server)


def stop(root: Path) -> bool:
    """Stops the embedded server whoever uses it; false where it did not run."""
    (root / ".local" / KEPT).unlink(missing_ok=True)
    return postgres.stop(postgres.locate(root))


def identity(server: postgres.Server) -> str:
    """Tells one database from another made later in the same place."""
    asked = "SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database WHERE datname = "
    return server.sql(f"{asked}'{postgres.DATABASE}'")


def check_own(python: Path) -> None:
    """A server of the user's own has to answer and to wait for its disk."""
    done = subprocess.run([python, "-c", ASK_FSYNC], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.rpartition("Error: ")[2].split())
        raise Refusal(
            f"The server of DATABASE_URL does not answer ({reason}): start it, or mend or unset DATABASE_URL."
        )
    if done.stdout.strip() != "on":
        raise Refusal(postgres.FSYNC_OFF)
