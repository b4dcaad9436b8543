"""File locks of the launcher: the system lets go of them however a process ends, so none is ever left behind."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from launcher.say import line


@contextmanager
def exclusive(lock: Path, waiting_for: str = "") -> Iterator[None]:
    """Holds a lock file while the block runs; says what it waits for if another process has it."""
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting_for:
                line(f"   waiting: {waiting_for}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Presence:
    """Says that a process uses something, and tells the last one that leaves that it was the last."""

    def __init__(self, file: Path) -> None:
        self._handle: IO[str] = file.open("a")
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Gives up the presence; true where nobody else is present."""
        with self._handle as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True
