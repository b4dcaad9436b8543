"""How far a long piece of work is: a line on stderr, from the third second on."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from tqdm import tqdm

DELAY_SECONDS = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """Shown where `shown`; else every method only does its work."""

    shown: bool = True

    def bar(self, phase: str, count: int | None = None) -> Any:
        """A bar under the name of the phase ("reading", "writing"...) to `update` by rows and to `close`."""
        return tqdm(None, phase, count, file=sys.stderr, delay=DELAY_SECONDS, disable=not self.shown, unit=" rows")

    def over(self, things: Iterable[T], phase: str, count: int | None = None) -> Iterator[T]:
        """The same things one by one, counted."""
        bar = self.bar(phase, count)
        bar.iterable = things
        yield from bar


SILENT = Progress(shown=False)
