"""Rounds of cases over many places, in processes forked from this one, each with a copy of the databases of its own.

What a case of a place is comes from the seed, the place and how many of it were tried before: neither the number of
processes nor a start in between changes it.
"""

import multiprocessing
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

from bekal.partners.world import close_sandbox_connections
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.scratch import Scratch, connected_to, sandbox_beside, scratch_database
from bekal.proofs.workers import Bar, fork

AT_ONCE = 50
"""Cases of a place in one round."""
MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """An operation, a page or a reader: `try_some` tries the cases of these numbers. Of so many cases asked for it
    gets its `share`. `forks`: false where its library has threads, for which a forked process waits in vain."""

    name: str
    try_some: Callable[[range, random.Random], None]
    share: float = 1.0
    forks: bool = True


@dataclass(slots=True)
class Rounds:
    """How far it has come: how many cases of each place were tried."""

    seed: int
    watch: Watch = field(default_factory=Watch)
    done: dict[str, int] = field(default_factory=dict)

    def go(
        self, places: list[Place], *, cases: int, databases: list[str], after_each: Callable[[], None] = lambda: None
    ) -> None:
        """Try until every place has had its share of so many cases; `after_each` round all of it is kept."""
        wanted = {place.name: ceil(cases * place.share) for place in places}
        with Bar(sum(wanted.values()), "cases") as bar:
            bar.update(sum(min(self.done.get(name, 0), count) for name, count in wanted.items()))
            while tasks := [task for place in places for task in self._next(place, wanted[place.name])]:
                workers = [fork(work) for work in self._workers([t for t in tasks if t[0].forks], databases)]
                for task in tasks:
                    if not task[0].forks:
                        self._try(task)
                for worker in workers:
                    self.watch.add(worker.value())
                for place, numbers in tasks:
                    self.done[place.name] = numbers.stop
                    bar.update(len(numbers))
                after_each()

    def _next(self, place: Place, wanted: int) -> Iterator[tuple[Place, range]]:
        begin = self.done.get(place.name, 0)
        if begin < wanted:
            yield place, range(begin, min(wanted, begin + AT_ONCE))

    def _try(self, task: tuple[Place, range]) -> None:
        place, numbers = task
        place.try_some(numbers, random.Random(f"{self.seed} {place.name} {numbers.start}"))

    def _workers(self, tasks: list[tuple[Place, range]], databases: list[str]) -> list[Callable[[], Mapping[str, Any]]]:
        """Each takes the next task that nobody has taken."""
        taken = multiprocessing.get_context("fork").Value("i", 0)

        def work(database: str) -> Mapping[str, Any]:
            self.watch.clear()
            with connected_to(database), self.watch.listening():
                while True:
                    with taken.get_lock():
                        number = taken.value
                        taken.value += 1
                    if number >= len(tasks):
                        close_sandbox_connections()
                        return self.watch.kept()
                    self._try(tasks[number])

        return [partial(work, name) for name in databases]


@contextmanager
def copies(built: Scratch, sandbox: str) -> Iterator[list[str]]:
    """For each processor a copy of a scratch database and of the sandbox beside it, by their names."""
    close_sandbox_connections()
    with ExitStack() as stack:
        names = []
        for _ in range(min(MOST_WORKERS, len(os.sched_getaffinity(0)))):
            copy = stack.enter_context(scratch_database("fuzz_copy", template=built.name))
            stack.enter_context(sandbox_beside(copy, template=sandbox))
            names.append(copy.name)
        yield names
