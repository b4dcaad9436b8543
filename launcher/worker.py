"""The background worker (`manage work`) beside the server: started with it, again where it dies, ended with it."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
    """Keeps one worker running and says where it dies. One that ends with status 0 was asked to, and stays ended."""

    def __init__(self, made: Project) -> None:
        self._made = made
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.process = self._start()
        self._thread = threading.Thread(target=self._keep, name="worker", daemon=True)
        self._thread.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [str(self._made.python), str(self._made.root / "manage.py"), "work"]
        return subprocess.Popen(command, cwd=self._made.root, env=dict(self._made.variables), stdin=subprocess.DEVNULL)

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
            line(f"The worker ended with status {status}; its reason stands above. Another starts in {pause:.0f} s.")
            if self._ending.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            with self._lock:
                if self._ending.is_set():
                    return
                self.process = self._start()

    def end(self) -> None:
        """End the worker after its current chunk, and start no other."""
        self._ending.set()
        with self._lock:
            end(self.process)
        self._thread.join()
