"""Who had the processors while something ran: seconds of processes, read from /proc every second."""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

Named = dict[str, Iterable[int]]
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Watch(threading.Thread):
    """From `start` to `end`: processor seconds by name. `processes` says which process numbers each name has now, as
    some begin and end on the way; of one that ends, what it used since it was last seen is lost."""

    def __init__(self, processes: Callable[[], Named]) -> None:
        super().__init__(daemon=True)
        self._processes = processes
        self._first: dict[int, float] = {}
        self._last: dict[str, dict[int, float]] = {}
        self._ended = threading.Event()
        self._look(is_first=True)

    def run(self) -> None:
        while not self._ended.wait(1):
            self._look()

    def end(self) -> dict[str, float]:
        """The seconds that each name used, and watch no more."""
        self._ended.set()
        self.join()
        self._look()
        return {
            name: round(sum(used - self._first.get(process, 0.0) for process, used in those.items()), 2)
            for name, those in self._last.items()
        }

    def _look(self, *, is_first: bool = False) -> None:
        for name, numbers in self._processes().items():
            for number in numbers:
                used = processor_seconds(number)
                if used is None:
                    continue
                self._last.setdefault(name, {})[number] = used
                if is_first:
                    self._first[number] = used


def processor_seconds(process: int) -> float | None:
    """What a process has used up to now; None where it is not to be seen (ended, or of another machine)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def with_children(process: int) -> list[int]:
    """A process and its children."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return [process]
    return [process, *map(int, text.split())]
