"""Kill the runners, backends and servers of mass runs, and see that each run ends as if nobody had.

A runner dies by SIGKILL at every boundary of a chunk's work, then several die at any instant and are replaced; then, on
a server of our own, the database's processes of runners, and the whole server. After each the end is compared, person
by person, with an undisturbed run of the same list. Two careless runners (the checkpoint in a commit of its own, before
or after the work) go through the same harness: where that is not noticed it is blind, and the command fails.
"""

import random
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.crash_kills import (
    boundaries_of,
    careless_is_noticed,
    kill_backends,
    kill_runners,
    kill_server,
    killed_at,
    resume,
)
from bekal.proofs.crash_runs import Base, Run, base_database, looking, torn, wrong_end
from bekal.proofs.own_server import OwnServerError, own_server
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.scratch import connected_to, copy_this_one, migrate, scratch_database
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

KILLS, BACKEND_KILLS, SERVER_KILLS = 50, 5, 1
PEOPLE, CHUNK_COUNT = 60, 3
LONGEST_SECONDS, LONGEST_SERVER_SECONDS = 0.03, 0.25
EXAMPLE_COUNT = 10
CARELESS = {"work, then checkpoint": ("revoke", False), "checkpoint, then work": ("end_balances", True)}


@dataclass(slots=True)
class Crash:
    """How far the proof has come and what it has found; kept in a file between starts."""

    seed: int
    passed: dict[str, int] = field(default_factory=dict)  # by operation: boundaries that a runner passes in a chunk
    boundaries: dict[str, int] = field(default_factory=dict)  # by operation: boundaries at which a runner died
    kills: int = 0
    kills_in_chunk: int = 0
    backend_kills: int = 0
    backend_kills_in_chunk: int = 0
    server_kills: int = 0
    runs: dict[str, int] = field(default_factory=dict)  # by way of killing: runs that were compared with their twin
    careless: dict[str, str | None] = field(default_factory=dict)  # what gave it away
    violations: list[str] = field(default_factory=list)
    violation_count: int = 0
    seconds: float = 0.0

    @property
    def blind(self) -> list[str]:
        return [name for name, noticed in self.careless.items() if noticed is None]

    @property
    def killed(self) -> int:
        return sum(self.boundaries.values()) + self.kills + self.backend_kills + self.server_kills

    @property
    def holds(self) -> bool:
        every = self.boundaries == self.passed
        return self.killed > 0 and every and self.violation_count == 0 and not self.blind

    def note(self, faults: list[str]) -> None:
        self.violation_count += len(faults)
        self.violations = (self.violations + faults)[:EXAMPLE_COUNT]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--kills", type=whole_number(0), default=KILLS, help=f"runners killed at any instant (default {KILLS})"
    )
    parser.add_argument("--backend-kills", type=whole_number(0), default=BACKEND_KILLS, help=f"default {BACKEND_KILLS}")
    parser.add_argument("--server-kills", type=whole_number(0), default=SERVER_KILLS, help=f"default {SERVER_KILLS}")
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every run ended as its undisturbed twin and the careless runners were noticed."""
    kept = read_progress("crash", options)
    crash = Crash(**kept) if kept else Crash(seed_of(options))
    wanted = (options["kills"], options["backend_kills"], options["server_kills"])
    prove_crash(crash, kills=wanted[0], backend_kills=wanted[1], server_kills=wanted[2], path=options.get("resume"))
    stdout.write(heading("crash", seed=crash.seed, kills=crash.killed))
    for line in lines_of(crash):
        stdout.write(line)
    write_result(options.get("result"), asdict(crash) | {"killed": crash.killed}, resumed=options.get("resume"))
    return 0 if crash.holds else 1


def prove_crash(
    crash: Crash, *, kills: int, backend_kills: int, server_kills: int, people: int = PEOPLE, path: Path | None = None
) -> None:
    """Go on until so many of each were killed; figures and findings are added to `crash`, and kept after each run."""
    started, before = time.monotonic(), crash.seconds
    bar = Bar(kills + backend_kills + server_kills, "kills")

    def done() -> None:
        crash.seconds = round(before + time.monotonic() - started, 1)
        keep_progress(path, "crash", asdict(crash))
        bar.update(crash.kills + crash.backend_kills + crash.server_kills - bar.n)

    with bar:
        with base_database(people=people, chunk_count=CHUNK_COUNT) as base:
            _at_every_boundary(crash, base, done)
            _careless(crash, base)
            _runners(crash, base, kills, done)
        if crash.backend_kills < backend_kills or crash.server_kills < server_kills:
            try:
                _on_a_server_of_our_own(crash, backend_kills, server_kills, people, done)
            except OwnServerError as error:
                crash.note([f"no backend and no server could be killed: {error}"])
        done()


def _at_every_boundary(crash: Crash, base: Base, done: Callable[[], None]) -> None:
    for run in base.runs:
        if run.operation not in crash.boundaries:
            kill_at_every_boundary(crash, base, run)
            done()


def kill_at_every_boundary(crash: Crash, base: Base, run: Run) -> None:
    """One runner after the other dies a step later in a chunk's work; after each nothing is torn, and others resume."""

    def one_chunk() -> object:
        return run.work(chunk_limit=1)

    killed = 0
    with scratch_database("crash", template=base.name), looking() as look:
        passed = boundaries_of(one_chunk)
        for point, name in enumerate(passed, start=1):
            if killed_at(one_chunk, point):
                killed += 1
            else:
                crash.note([f"{run.operation}: no runner came to boundary {point} ({name})"])
            crash.note(torn(run, look))
        resume(run, run.work, look)
        _compare(crash, run, look, "boundary")
    crash.passed[run.operation], crash.boundaries[run.operation] = len(passed), killed


def _careless(crash: Crash, base: Base) -> None:
    """The runners that must not pass, each over a run of its own."""
    runs = {run.operation: run for run in base.runs}
    with scratch_database("crash_naive", template=base.name), looking() as look:
        for name, (operation, checkpoint_first) in CARELESS.items():
            noticed = careless_is_noticed(runs[operation], look, checkpoint_first=checkpoint_first)
            crash.careless[name] = noticed


def _runners(crash: Crash, base: Base, kills: int, done: Callable[[], None]) -> None:
    while crash.kills < kills:
        run, rng = _turn(crash, base, "runner")
        with scratch_database("crash", template=base.name), looking() as look:
            killed = kill_runners(run, look, rng, kills - crash.kills, LONGEST_SECONDS)
            crash.kills += killed.count
            crash.kills_in_chunk += killed.in_chunk_count
            _compare(crash, run, look, "runner")
        done()


def _on_a_server_of_our_own(
    crash: Crash, backend_kills: int, server_kills: int, people: int, done: Callable[[], None]
) -> None:
    """Every commit is on the disk as in the programme, and nobody else's connection dies with ours."""
    with own_server() as server, connected_to("bekal", url=server.url):
        migrate()
        copy_this_one()
        with base_database(people=people, chunk_count=CHUNK_COUNT) as base:
            while crash.backend_kills < backend_kills:
                with _server_turn(crash, base, "backend", done) as (run, rng):
                    left = backend_kills - crash.backend_kills
                    killed = kill_backends(run, server, rng, left, LONGEST_SECONDS)
                    crash.backend_kills += killed.count
                    crash.backend_kills_in_chunk += killed.in_chunk_count
            while crash.server_kills < server_kills:
                with _server_turn(crash, base, "server", done) as (run, rng):
                    left = server_kills - crash.server_kills
                    crash.server_kills += kill_server(run, server, rng, left, LONGEST_SERVER_SECONDS)


@contextmanager
def _server_turn(crash: Crash, base: Base, way: str, done: Callable[[], None]) -> Iterator[tuple[Run, random.Random]]:
    """One run in a copy of the base; compared at its end."""
    run, rng = _turn(crash, base, way)
    with scratch_database("crash", template=base.name, durable=True):
        yield run, rng
        with looking() as look:
            _compare(crash, run, look, way)
    done()


def _turn(crash: Crash, base: Base, way: str) -> tuple[Run, random.Random]:
    """Whose turn it is, and its own randomness: the same whether this is the first start or a later one."""
    number = crash.runs.get(way, 0)
    return base.runs[number % len(base.runs)], random.Random(f"{crash.seed}:{way}:{number}")


def _compare(crash: Crash, run: Run, look: BaseDatabaseWrapper, way: str) -> None:
    crash.note(wrong_end(run, look))
    crash.runs[way] = crash.runs.get(way, 0) + 1


def lines_of(crash: Crash) -> Iterator[str]:
    """The report, line by line."""
    yield f"  {crash.seconds:.1f} s; {sum(crash.runs.values()):,} runs ended and were compared, person by person"
    places = ", ".join(f"{name} {count} of {crash.passed[name]}" for name, count in crash.boundaries.items())
    yield f"  runners killed at every boundary of a chunk: {places}"
    runners = f"{crash.kills:,} runners ({crash.kills_in_chunk:,} within a chunk)"
    backends = f"{crash.backend_kills:,} backends ({crash.backend_kills_in_chunk:,} within a chunk)"
    yield f"  killed at any instant: {runners}, {backends}, {crash.server_kills:,} servers"
    for violation in crash.violations:
        yield f"  VIOLATED {violation}"
    for name, noticed in crash.careless.items():
        yield f"  {'UNSEEN  ' if noticed is None else 'noticed '} careless ({name}): {noticed or 'nothing was found'}"
    if crash.violation_count:
        yield f"  {crash.violation_count:,} violations"
    else:
        yield f"  {bound(crash.killed)}"
