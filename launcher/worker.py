"""What runs beside the server, the background worker (`manage work`) first of all: started with it, again where it
dies, ended with it."""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from launcher.project import Project, end
from launcher.say import line

# One that dies sooner than this after its start is waited for twice as long each time, up to the limit.
SOON_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


@contextmanager
def beside(made: Project) -> Iterator["Keeper"]:
    """A worker while the block runs."""
    keeper = Keeper(made)
    try:
        yield keeper
    finally:
        keeper.end()


class Keeper:
    """Keeps one program running and says where it dies. One that ends with status 0 was asked to, and stays ended.

    `arguments`: the management command; `options`: more of `subprocess.Popen`."""

    def __init__(
        self, made: Project, name: str = "worker", arguments: Sequence[str] = ("work",), **options: Any
    ) -> None:
        self._made, self._name, self._arguments, self._options = made, name, arguments, options
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.process = self._start()
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)
        self._thread.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        made = self._made
        command = [str(made.python), str(made.root / "manage.py"), *self._arguments]
        variables = dict(made.variables)
        return subprocess.Popen(command, cwd=made.root, env=variables, stdin=subprocess.DEVNULL, **self._options)

    def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = time.monotonic()
            status = self.process.wait()
            if self._ending.is_set() or status == 0:
                return
            if time.monotonic() - started >= SOON_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            # Ctrl-C reaches the worker, too, perhaps before it listens: by now the server is ending as well.
            if self._ending.wait(FIRST_PAUSE_SECONDS):
                return
            reason = f"The {self._name} ended with status {status}; its reason stands above."
            line(f"{reason} Another starts in {pause:.0f} s.")
            if self._ending.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            with self._lock:
                if self._ending.is_set():
                    return
                self.process = self._start()

    def end(self) -> None:
        """End the program (a worker: after its current chunk), and start no other."""
        self._ending.set()
        with self._lock:
            end(self.process)
        self._thread.join()
