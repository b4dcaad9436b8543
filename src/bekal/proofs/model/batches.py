"""The machines at work in batches of examples, as many at a time as there are cores; a later start goes on where one
ended.

Each batch has a seed of its own, made of the seed, the machine and its first example: in whatever order batches run,
and however often the run is stopped between them, the same are tried.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from bekal.proofs.model.hunt import MACHINES, Failure, Ground, Run, copy_of, run_machine
from bekal.proofs.scratch import connected_to
from bekal.proofs.workers import Worker, first_done, fork

BATCH_EXAMPLES = 50
AT_ONCE = max(2, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 16))


@dataclass(frozen=True, slots=True)
class Batch:
    """So many examples of one machine, from that one on."""

    machine: str
    first: int
    count: int

    def seed_of(self, seed_number: int) -> int:
        return Random(f"{seed_number}:{self.machine}:{self.first}").getrandbits(32)


@dataclass(slots=True)
class Progress:
    """What the machines have done so far, and which bugs were caught."""

    seed: int
    step_limit: int
    done: list[Batch] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)  # by machine, all its batches together
    bugs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by name, as in the result

    @property
    def example_count(self) -> int:
        return sum(batch.count for batch in self.done)

    @property
    def machines(self) -> list[Run]:
        """What each machine that was let loose has done, in the order of the machines."""
        return [self.runs[name] for name in MACHINES if name in self.runs]

    def to_come(self, examples: int) -> Iterator[Batch]:
        """What is left of so many examples for each machine, the machines in turn; nothing of one that has found
        something. Of a batch that was smaller in an earlier start the rest is one of its own."""
        for first in range(0, examples, BATCH_EXAMPLES):
            for machine in MACHINES:
                here = range(first, first + BATCH_EXAMPLES)
                begun = sum(each.count for each in self.done if each.machine == machine and each.first in here)
                wanted = min(BATCH_EXAMPLES, examples - first)
                if begun < wanted and (machine not in self.runs or self.runs[machine].holds):
                    yield Batch(machine, first + begun, wanted - begun)

    def add(self, batch: Batch, run: Run) -> None:
        self.done.append(batch)
        self.runs[batch.machine] = self.runs[batch.machine].plus(run) if batch.machine in self.runs else run

    def kept(self) -> dict[str, Any]:
        """As it goes into a file."""
        return {
            "seed": self.seed,
            "step_limit": self.step_limit,
            "done": [[each.machine, each.first, each.count] for each in self.done],
            "runs": {name: asdict(run) | {"steps": named(run.steps)} for name, run in self.runs.items()},
            "bugs": self.bugs,
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Progress":
        """As it came out of a file."""
        return cls(
            kept["seed"],
            kept["step_limit"],
            [Batch(*each) for each in kept["done"]],
            {name: _run_of(run) for name, run in kept["runs"].items()},
            dict(kept["bugs"]),
        )


def named(steps: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """`{"buy: done": 7}`: how often each kind of step was answered in which way."""
    return {f"{name}: {answer}": count for (name, answer), count in sorted(steps.items())}


def _run_of(kept: Mapping[str, Any]) -> Run:
    steps = Counter({tuple(name.split(": ", 1)): count for name, count in kept["steps"].items()})
    failure = None
    if kept["failure"] is not None:
        failure = Failure(**kept["failure"] | {"story": tuple(kept["failure"]["story"])})
    return Run(**{**kept, "steps": steps, "failure": failure})


def let_loose(
    progress: Progress, ground: Ground, *, examples: int, shrink: bool, done: Callable[[], None] = lambda: None
) -> None:
    """Every machine until it has done so many examples, earlier starts among them; each batch in a process and a copy
    of the ground. `done` is called after each. Raises WorkerFailed where a machine's process dies."""
    waiting = list(progress.to_come(examples))
    at_work: dict[str, tuple[Batch, Worker]] = {}
    with ExitStack() as copies:
        free = [copies.enter_context(copy_of(ground)) for _ in range(min(AT_ONCE, len(waiting)))]
        while waiting or at_work:
            while waiting and free:
                name, batch = free.pop(), waiting.pop(0)
                with connected_to(name):
                    at_work[name] = batch, fork(_task(batch, progress, ground, shrink))
            first = first_done([worker for _, worker in at_work.values()])
            name = next(name for name, (_, worker) in at_work.items() if worker is first)
            batch, _ = at_work.pop(name)
            free.append(name)
            progress.add(batch, first.value())
            if not progress.runs[batch.machine].holds:
                waiting = [each for each in waiting if each.machine != batch.machine]
            done()


def _task(batch: Batch, progress: Progress, ground: Ground, shrink: bool) -> Callable[[], Run]:
    return lambda: run_machine(
        batch.machine,
        world=ground.world,
        examples=batch.count,
        steps=progress.step_limit,
        seed_number=batch.seed_of(progress.seed),
        shrink=shrink,
    )
