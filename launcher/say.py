"""What the launcher prints, and the one exception that ends it with a sentence instead of a traceback."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):
    """Something that a person has to mend; its text is one sentence that says what is wrong and what to do."""


def line(text: str) -> None:
    """Progress goes to standard error, so that `eval "$(python3 dev db)"` reads only the export lines."""
    print(text, file=sys.stderr, flush=True)


class Steps:
    """The steps of a command: a line when each begins, one with its seconds if it took a while, a table at the end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times one step, whether it succeeds or not."""
        line(f"-> {name}")
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started
            if self.seconds[name] >= 1:
                line(f"   {name}: {self.seconds[name]:.1f} s")

    def table(self) -> None:
        """Prints the seconds of each step and their sum."""
        width = max(len(name) for name in (*self.seconds, "together"))
        for name, took in self.seconds.items():
            line(f"  {name:<{width}} {took:7.1f} s{'   FAILED' if name in self.failed else ''}")
        line(f"  {'together':<{width}} {sum(self.seconds.values()):7.1f} s")
