"""The operating-system account PostgreSQL runs as: the caller's own, except that PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.say import Refusal, line

SYSTEM_USER = "bekal"
# Accounts that most systems have already, tried where `bekal` can not be created.
EXISTING_USERS = ("postgres", "nobody")
NO_ACCOUNT = (
    "PostgreSQL does not run as root and no other account can be used here: run `python3 dev` as an ordinary user, "
    "create one with `useradd --system bekal`, or set DATABASE_URL to a server of your own."
)


@dataclass(frozen=True)
class Account:
    """An account to run the database as; `switch` is false where it is the caller's own."""

    uid: int
    gid: int
    name: str
    switch: bool

    def popen_options(self) -> dict[str, object]:
        """Arguments for subprocess: another user where needed, and a folder that every user can stand in."""
        options: dict[str, object] = {"cwd": "/"}
        if self.switch:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, command: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
        """Runs a command as this account and captures what it says; never raises for an exit status."""
        settings = self.popen_options() | {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True} | options
        return subprocess.run([str(part) for part in command], check=False, **settings)  # type: ignore[call-overload,no-any-return]

    def can_enter(self, folder: Path) -> bool:
        """Whether this account reaches the folder; asked of the system, since modes do not tell of ACLs."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0

    def can_start(self, program: Path) -> bool:
        """Whether this account reaches and runs a program that knows --version."""
        return self.run(["/bin/sh", "-c", 'exec "$1" --version', "sh", program]).returncode == 0


def account_for(data_owner_uid: int | None) -> Account:
    """The account for a data folder of that owner, or for a new one (None).

    Root takes the owner of data that are there, so that root and an ordinary user can share a checkout.
    """
    me = os.geteuid()
    if me != 0:
        if data_owner_uid not in (None, me):
            raise Refusal(
                f"The database of this checkout belongs to {user_name(data_owner_uid)}: run `python3 dev` as that user "
                "or as root, or work in a clone of your own."
            )
        return Account(me, os.getegid(), user_name(me), switch=False)
    if data_owner_uid:
        return _switchable(data_owner_uid)
    return _system_account()


def user_name(uid: int | None) -> str:
    """The account's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid if uid is not None else -1).pw_name
    except (KeyError, OverflowError):
        return f"user {uid}"


def _switchable(uid: int) -> Account:
    try:
        gid = pwd.getpwuid(uid).pw_gid
    except KeyError:
        gid = uid
    account = Account(uid, gid, user_name(uid), switch=True)
    try:
        account.run(["/bin/sh", "-c", "exit 0"])
    except OSError as error:
        raise Refusal(NO_ACCOUNT) from error
    return account


def _system_account() -> Account:
    for name in (SYSTEM_USER, *EXISTING_USERS):
        if name == SYSTEM_USER:
            _create_system_user()
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return _switchable(entry.pw_uid)
    raise Refusal(NO_ACCOUNT)


def _create_system_user() -> None:
    """Creates the system account if it is missing and the system has a tool for it; says so, because it stays."""
    try:
        pwd.getpwnam(SYSTEM_USER)
        return
    except KeyError:
        pass
    commands = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        ["adduser", "-S", "-D", "-H", "-s", "/sbin/nologin", SYSTEM_USER],
    )
    for command in commands:
        if shutil.which(command[0]) and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            line(f"   PostgreSQL does not run as root: the system account `{SYSTEM_USER}` was created for it")
            return
