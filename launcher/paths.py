"""Where the launcher keeps things: everything of a checkout lies under its `.local`, except where that can not be."""

import hashlib
import os
import stat
from pathlib import Path

from launcher.accounts import Account
from launcher.say import Refusal

ROOT = Path(__file__).resolve().parent.parent
# A Unix socket's address is 108 bytes with its closing zero; PostgreSQL adds "/.s.PGSQL.5432" to the folder.
SOCKET_PATH_BYTES = 107
SOCKET_FILE = ".s.PGSQL.5432"


def local_folder(root: Path) -> Path:
    """`.local` of a checkout, made where missing: others may look into it, its secrets have modes of their own."""
    folder = root / ".local"
    try:
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o755)
    except OSError as error:
        raise Refusal(
            f"The folder {folder} can not be made ({error.strerror}): clone into a folder of your own."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refusal(
            f"The folder {folder} is not writable for you: give it to yourself with `chown -R`, or clone anew."
        )
    return folder


def checkout_hash(root: Path) -> str:
    """Twelve hexadecimal digits that name this checkout on this machine."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]


def system_folder(root: Path) -> Path:
    """Where data and binaries go that the database's account can not reach inside the checkout."""
    return Path("/var/lib") / f"bekal-{checkout_hash(root)}"


def socket_folder(root: Path, uid: int) -> Path:
    """A short folder for the socket, however long the checkout's path is; TMPDIR is ignored: it differs by shell."""
    digest = hashlib.sha256(b"%d:%s" % (uid, os.fsencode(root.resolve()))).hexdigest()[:8]
    folder = Path(f"/tmp/bekal-{digest}")
    assert len(os.fsencode(folder / SOCKET_FILE)) <= SOCKET_PATH_BYTES
    return folder


def private_folder(folder: Path, account: Account) -> Path:
    """Makes the folder 0700 for the account, or refuses one that somebody else has put in its place."""
    try:
        folder.mkdir(mode=0o700)
        if account.switch:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    if not is_private(folder, account):
        raise Refusal(
            f"The folder {folder} for the database's socket exists but is not {account.name}'s private folder: "
            "remove it (its owner or root can)."
        )
    return folder


def is_private(folder: Path, account: Account) -> bool:
    """Whether this is a real folder (no link) of the account's, closed to everybody else."""
    status = folder.lstat()
    return status.st_uid == account.uid and stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
