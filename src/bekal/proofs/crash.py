"""Kill the runners, backends and servers of mass runs and of payouts, and see that each ends as if nobody had.

A runner dies by SIGKILL at every boundary of a chunk's work, then several die at any instant and are replaced; then, on
a server of our own, the database's processes of runners, and the whole server. After each the end is compared, person
by person, with an undisturbed run of the same list.

So do payers, over the whole path of a payout: from the plan to the follow-up run, over bank files and over SNAP,
against a bank over sockets that remembers nothing and pays whatever it hears. Each time the books are held against the
bank's own: nothing missing, nothing doubled, every rupiah settled or with a name.

Careless runners (the checkpoint in a commit of its own, before or after the work) and careless payers (mark and then
pay, pay and then mark) go through the same harness: where that is not noticed it is blind, and the command fails.
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

from bekal.core.money import format_rupiah
from bekal.proofs.arguments import add_common_arguments, seed_of, whole_number
from bekal.proofs.crash_careless import CARELESS as PAYERS_CARELESS
from bekal.proofs.crash_careless import careless_is_noticed as careless_payer_is_noticed
from bekal.proofs.crash_ends import wrong_end as wrong_payouts
from bekal.proofs.crash_kills import (
    boundaries_of,
    careless_is_noticed,
    kill_backends,
    kill_runners,
    kill_server,
    killed_at,
    resume,
)
from bekal.proofs.crash_payers import PayBase, Site, pay_base, site_of
from bekal.proofs.crash_payouts import (
    Alone,
    finish,
    kill_payers,
    kill_payers_backends,
    kill_payers_server,
    undisturbed,
)
from bekal.proofs.crash_payouts import kill_at_every_boundary as kill_payer_at_every_boundary
from bekal.proofs.crash_runs import Base, Run, base_database, looking, torn, wrong_end
from bekal.proofs.own_server import OwnServerError, own_server
from bekal.proofs.report import bound, heading
from bekal.proofs.result_file import keep_progress, read_progress, write_result
from bekal.proofs.scratch import connected_to, copy_this_one, migrate, scratch_database
from bekal.proofs.subjects import Output
from bekal.proofs.workers import Bar

KILLS, BACKEND_KILLS, SERVER_KILLS = 50, 5, 1
KILLS_A_SITE = 100
"""So many payers die at most on the way of one list of payouts; then another list begins."""
PAYOUT = "payout: "
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
    payer_kills: int = 0
    payer_kills_at_work: int = 0
    payer_backend_kills: int = 0
    payer_server_kills: int = 0
    paid_count: int = 0  # payments that stand in the bank's books, over all ends that were compared
    paid_rupiah: int = 0
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
        mass, payers = self.kills + self.backend_kills + self.server_kills, self.payer_kills
        payers += self.payer_backend_kills + self.payer_server_kills
        return sum(self.boundaries.values()) + mass + payers

    @property
    def holds(self) -> bool:
        every = self.boundaries == self.passed
        return self.killed > 0 and every and self.violation_count == 0 and not self.blind

    def note(self, faults: list[str]) -> None:
        self.violation_count += len(faults)
        self.violations = (self.violations + faults)[:EXAMPLE_COUNT]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--kills",
        type=whole_number(0),
        default=KILLS,
        help=f"runners of mass runs, and payers, killed at any instant: so many of each (default {KILLS})",
    )
    parser.add_argument("--backend-kills", type=whole_number(0), default=BACKEND_KILLS, help=f"default {BACKEND_KILLS}")
    parser.add_argument("--server-kills", type=whole_number(0), default=SERVER_KILLS, help=f"default {SERVER_KILLS}")
    parser.add_argument("--only", choices=("mass", "payouts"), help="mass runs alone, or payouts alone")
    add_common_arguments(parser)


def run(options: Mapping[str, Any], stdout: Output) -> int:
    """The command; 0 where every run ended as its undisturbed twin and the careless runners were noticed."""
    kept = read_progress("crash", options)
    crash = Crash(**kept) if kept else Crash(seed_of(options))
    wanted = {name: options[name] for name in ("kills", "backend_kills", "server_kills")}
    for what, prove in (("mass", prove_crash), ("payouts", prove_payouts)):
        if options["only"] in (None, what):
            prove(crash, **wanted, path=options.get("resume"))
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
    """Whose turn it is, and its own randomness."""
    return base.runs[crash.runs.get(way, 0) % len(base.runs)], _randomness(crash, way)


def _randomness(crash: Crash, way: str) -> random.Random:
    """That of the next run killed in this way: the same whether this is the first start or a later one."""
    return random.Random(f"{crash.seed}:{way}:{crash.runs.get(way, 0)}")


def _compare(crash: Crash, run: Run, look: BaseDatabaseWrapper, way: str) -> None:
    crash.note(wrong_end(run, look))
    crash.runs[way] = crash.runs.get(way, 0) + 1


def prove_payouts(crash: Crash, *, kills: int, backend_kills: int, server_kills: int, path: Path | None = None) -> None:
    """Go on until so many payers, backends and servers of theirs were killed, as `prove_crash` does."""
    started, before = time.monotonic(), crash.seconds
    bar = Bar(kills + backend_kills + server_kills, "kills of payers")

    def done() -> None:
        crash.seconds = round(before + time.monotonic() - started, 1)
        keep_progress(path, "crash", asdict(crash))
        bar.update(crash.payer_kills + crash.payer_backend_kills + crash.payer_server_kills - bar.n)

    with bar:
        with pay_base() as base:
            alone = _walk_alone(base)
            _payers_at_every_boundary(crash, base, alone, done)
            for name in PAYERS_CARELESS:
                if name not in crash.careless:
                    crash.careless[name] = careless_payer_is_noticed(base, name)
                    done()
            while crash.payer_kills < kills:
                with _payers_turn(crash, base, alone, "payers", done) as (site, rng):
                    limit = min(KILLS_A_SITE, kills - crash.payer_kills)
                    killed, faults = kill_payers(site, rng, limit, LONGEST_SECONDS)
                    crash.payer_kills += killed.count
                    crash.payer_kills_at_work += killed.in_chunk_count
                    crash.note(faults)
        if crash.payer_backend_kills < backend_kills or crash.payer_server_kills < server_kills:
            try:
                _payers_on_a_server_of_our_own(crash, backend_kills, server_kills, done)
            except OwnServerError as error:
                crash.note([f"no backend and no server of payers could be killed: {error}"])
        done()


def _walk_alone(base: PayBase) -> Alone:
    """The path with nobody killed, which is held against the bank's books, too."""
    with site_of(base) as site, looking() as look:
        alone = undisturbed(site, look)
        if faults := wrong_payouts(site, look, alone.states).faults:
            raise RuntimeError(f"the undisturbed path of a payout ends wrongly: {faults[0]}")
    return alone


def _payers_at_every_boundary(crash: Crash, base: PayBase, alone: Alone, done: Callable[[], None]) -> None:
    if all(f"{PAYOUT}{name}" in crash.boundaries for name in alone.passed):
        return
    with site_of(base) as site, looking() as look:
        died, faults = kill_payer_at_every_boundary(site, look, alone.passed)
        crash.note(faults)
        finish(site)
        _compare_payouts(crash, site, look, alone, "payers' boundaries")
    crash.passed |= {f"{PAYOUT}{name}": len(points) for name, points in alone.passed.items()}
    crash.boundaries |= {f"{PAYOUT}{name}": number for name, number in died.items()}
    done()


def _payers_on_a_server_of_our_own(
    crash: Crash, backend_kills: int, server_kills: int, done: Callable[[], None]
) -> None:
    with own_server() as server, connected_to("bekal", url=server.url):
        migrate()
        copy_this_one()
        with pay_base() as base:
            alone = _walk_alone(base)
            while crash.payer_backend_kills < backend_kills:
                with _payers_turn(crash, base, alone, "payers' backends", done) as (site, rng):
                    limit = min(KILLS_A_SITE, backend_kills - crash.payer_backend_kills)
                    killed, faults = kill_payers_backends(site, server, rng, limit, LONGEST_SERVER_SECONDS)
                    crash.payer_backend_kills += killed.count
                    crash.note(faults)
            while crash.payer_server_kills < server_kills:
                with _payers_turn(crash, base, alone, "payers' servers", done) as (site, rng):
                    limit = min(KILLS_A_SITE, server_kills - crash.payer_server_kills)
                    killed, faults = kill_payers_server(site, server, rng, limit, LONGEST_SERVER_SECONDS)
                    crash.payer_server_kills += killed.count
                    crash.note(faults)


@contextmanager
def _payers_turn(
    crash: Crash, base: PayBase, alone: Alone, way: str, done: Callable[[], None]
) -> Iterator[tuple[Site, random.Random]]:
    """One walk over the path; compared at its end."""
    with site_of(base, durable=way != "payers") as site:
        yield site, _randomness(crash, way)
        with looking() as look:
            _compare_payouts(crash, site, look, alone, way)
    done()


def _compare_payouts(crash: Crash, site: Site, look: BaseDatabaseWrapper, alone: Alone, way: str) -> None:
    held = wrong_payouts(site, look, alone.states)
    crash.note([f"payouts: {fault}" for fault in held.faults])
    crash.paid_count += held.paid_count
    crash.paid_rupiah += held.paid_rupiah
    crash.runs[way] = crash.runs.get(way, 0) + 1


def lines_of(crash: Crash) -> Iterator[str]:
    """The report, line by line."""
    yield f"  {crash.seconds:.1f} s; {sum(crash.runs.values()):,} runs ended and were compared, person by person"
    places = [f"{name} {count} of {crash.passed[name]}" for name, count in crash.boundaries.items()]
    mass, payers = ([each for each in places if each.startswith(PAYOUT) is wanted] for wanted in (False, True))
    yield f"  runners killed at every boundary of a chunk: {', '.join(mass)}"
    runners = f"{crash.kills:,} runners ({crash.kills_in_chunk:,} within a chunk)"
    backends = f"{crash.backend_kills:,} backends ({crash.backend_kills_in_chunk:,} within a chunk)"
    yield f"  killed at any instant: {runners}, {backends}, {crash.server_kills:,} servers"
    yield f"  payers killed at every boundary: {', '.join(payers).replace(PAYOUT, '')}"
    at_work = f"{crash.payer_kills:,} payers ({crash.payer_kills_at_work:,} at work)"
    theirs = f"{crash.payer_backend_kills:,} backends, {crash.payer_server_kills:,} servers"
    yield f"  killed at any instant: {at_work}, {theirs}"
    ends = sum(number for way, number in crash.runs.items() if way.startswith("payers"))
    paid = f"{crash.paid_count:,} payments of {format_rupiah(crash.paid_rupiah)} in the bank's own books"
    yield f"  payouts: {ends:,} ends held against {paid}"
    for violation in crash.violations:
        yield f"  VIOLATED {violation}"
    for name, noticed in crash.careless.items():
        yield f"  {'UNSEEN  ' if noticed is None else 'noticed '} careless ({name}): {noticed or 'nothing was found'}"
    if crash.violation_count:
        yield f"  {crash.violation_count:,} violations"
    else:
        yield f"  {bound(crash.killed)}"
