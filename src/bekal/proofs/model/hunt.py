"""Runs a machine, alone or with a bug in it, each in a process and a database of its own."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.db import ProgrammingError
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bekal.proofs.model.books import Books
from bekal.proofs.model.machine import Journeys, SmallSteps
from bekal.proofs.model.plant import Bug, DoesNotFit, planted
from bekal.proofs.model.world import World, make_world
from bekal.proofs.scratch import scratch_database
from bekal.proofs.workers import fork

MACHINES: dict[str, type[Books]] = {"small steps": SmallSteps, "journeys": Journeys}
SLIPS = {f"{error.__name__} raised" for error in (NameError, AttributeError, TypeError, ImportError, ProgrammingError)}
HUNT_EXAMPLES, HUNT_STEPS = 120, 30


@dataclass(frozen=True, slots=True)
class Failure:
    """The smallest example that was found: which comparison told, what it said, and the steps in sentences."""

    check: str
    told: str
    story: tuple[str, ...]

    @property
    def is_slip(self) -> bool:
        """A name or a type that is wrong in the code: a planted bug that ends like this was never let loose."""
        return self.check in SLIPS


@dataclass(frozen=True, slots=True)
class Run:
    """What one machine did."""

    machine: str
    example_count: int
    proven_count: int  # examples at whose end all of I1 to I12 were asked (see Books.prove)
    step_count: int
    steps: Counter[tuple[str, str]]
    seconds: float
    cpu_seconds: float
    failure: Failure | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        """It did something, and found nothing."""
        return self.step_count > 0 and self.failure is None and not self.problem

    def plus(self, other: "Run") -> "Run":
        """Two runs of one machine as one."""
        return Run(
            self.machine,
            self.example_count + other.example_count,
            self.proven_count + other.proven_count,
            self.step_count + other.step_count,
            self.steps + other.steps,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.failure or other.failure,
            self.problem or other.problem,
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """A database with the world in it that nobody touches; machines work in copies."""

    name: str
    world: World


@contextmanager
def ground() -> Iterator[Ground]:
    """Makes the world once."""
    with scratch_database("model_world") as database:
        yield Ground(database.name, make_world())


@contextmanager
def copy_of(ground: Ground) -> Iterator[str]:
    """The name of a copy of the ground."""
    with scratch_database("model", template=ground.name) as database:
        yield database.name


def run_machine(machine: str, *, world: World, examples: int, steps: int, seed_number: int, shrink: bool) -> Run:
    """In this process, on the database that the connections lead to."""
    Books.world, Books.failure, Books.examples, Books.proven = world, None, 0, 0
    Books.steps.clear()
    started, cpu_started = time.perf_counter(), time.process_time()
    problem = ""
    try:
        run_state_machine_as_test(
            seed(seed_number)(MACHINES[machine]),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
                database=None,
                deadline=None,
                derandomize=False,
                print_blob=False,
                report_multiple_bugs=False,
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception as error:
        if Books.failure is None:
            problem = f"{type(error).__name__}: {error}"
    failure = None if Books.failure is None else Failure(*Books.failure)
    return Run(
        machine,
        Books.examples,
        Books.proven,
        sum(Books.steps.values()),
        Books.steps.copy(),
        time.perf_counter() - started,
        time.process_time() - cpu_started,
        failure,
        problem,
    )


def hunt(bug: Bug, ground: Ground, *, seed_number: int) -> Run:
    """Let loose on the bug the machine it names, then the others, until one has found it; the last run."""
    with copy_of(ground):
        return fork(_hunt(bug, ground.world, seed_number)).value()


def hunts(bugs: Sequence[Bug], ground: Ground, *, seed_number: int) -> Iterator[tuple[Bug, Run]]:
    """Every bug in turn, as many at a time as there are cores."""
    at_once = len(os.sched_getaffinity(0))
    for start in range(0, len(bugs), at_once):
        some = bugs[start : start + at_once]
        with ExitStack() as copies:
            workers = []
            for bug in some:
                copies.enter_context(copy_of(ground))
                workers.append(fork(_hunt(bug, ground.world, seed_number)))
            runs = [worker.value() for worker in workers]
        yield from zip(some, runs, strict=True)


def _hunt(bug: Bug, world: World, seed_number: int) -> Callable[[], Run]:
    order = [bug.machine, *(name for name in MACHINES if name != bug.machine)]

    def task() -> Run:
        try:
            Books.is_unguarded = bool(bug.statements)
            with planted(bug):
                return _first_to_find(order, world, seed_number)
        except DoesNotFit as error:
            return Run(order[0], 0, 0, 0, Counter(), 0, 0, problem=str(error))

    return task


def _first_to_find(order: Sequence[str], world: World, seed_number: int) -> Run:
    for machine in order:
        run = run_machine(
            machine, world=world, examples=HUNT_EXAMPLES, steps=HUNT_STEPS, seed_number=seed_number, shrink=False
        )
        if run.failure or run.problem:
            break
    return run
