"""Runs a machine, alone or with a bug in it, each in a process and a database of its own."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from bekal.proofs.model.books import Books
from bekal.proofs.model.machine import Journeys, SmallSteps
from bekal.proofs.model.plant import Bug, DoesNotFit, planted
from bekal.proofs.model.world import World, make_world
from bekal.proofs.scratch import scratch_database
from bekal.proofs.workers import fork

MACHINES: dict[str, type[Books]] = {"small steps": SmallSteps, "journeys": Journeys}
HUNT_EXAMPLES, HUNT_STEPS = 120, 30


@dataclass(frozen=True, slots=True)
class Failure:
    """The smallest example that was found: which comparison told, what it said, and the steps in sentences."""

    check: str
    told: str
    story: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What one machine did."""

    machine: str
    example_count: int
    step_count: int
    steps: Counter[tuple[str, str]]
    seconds: float
    cpu_seconds: float
    failure: Failure | None = None
    problem: str = ""


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
    Books.world, Books.failure, Books.examples = world, None, 0
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
        sum(Books.steps.values()),
        Books.steps.copy(),
        time.perf_counter() - started,
        time.process_time() - cpu_started,
        failure,
        problem,
    )


def let_loose(
    machines: Sequence[str], ground: Ground, *, examples: int, steps: int, seed_number: int, shrink: bool
) -> list[Run]:
    """Every machine in a process and a copy of its own, at the same time."""
    with ExitStack() as copies:
        workers = []
        for machine in machines:
            copies.enter_context(copy_of(ground))
            workers.append(fork(_task(machine, ground.world, examples, steps, seed_number, shrink)))
        return [worker.result() for worker in workers]


def _task(machine: str, world: World, examples: int, steps: int, seed_number: int, shrink: bool) -> Callable[[], Run]:
    return lambda: run_machine(
        machine, world=world, examples=examples, steps=steps, seed_number=seed_number, shrink=shrink
    )


def hunt(bug: Bug, ground: Ground, *, seed_number: int) -> Run:
    """Let loose on the bug the machine it names, then the others, until one has found it; the last run."""
    with copy_of(ground):
        return fork(_hunt(bug, ground.world, seed_number)).result()


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
            runs = [worker.result() for worker in workers]
        yield from zip(some, runs, strict=True)


def _hunt(bug: Bug, world: World, seed_number: int) -> Callable[[], Run]:
    order = [bug.machine, *(name for name in MACHINES if name != bug.machine)]

    def task() -> Run:
        try:
            with planted(bug):
                return _first_to_find(order, world, seed_number)
        except DoesNotFit as error:
            return Run(order[0], 0, 0, Counter(), 0, 0, problem=str(error))

    return task


def _first_to_find(order: Sequence[str], world: World, seed_number: int) -> Run:
    for machine in order:
        run = run_machine(
            machine, world=world, examples=HUNT_EXAMPLES, steps=HUNT_STEPS, seed_number=seed_number, shrink=False
        )
        if run.failure or run.problem:
            break
    return run
