"""How `prove crash` kills payers: one after the other at every boundary of the path, and several at any instant.

Time passes only where everybody has found nothing to do and the bank has done all that it was asked: a payment that was
called for a moment ago is then at the bank, as it is after ten minutes.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any

import psycopg
from django.db import Error as DatabaseTrouble
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.proofs.crash_bank import BANK, WALLET
from bekal.proofs.crash_ends import States, held_against_the_bank, states_of
from bekal.proofs.crash_kills import BACKENDS_SQL, RUNNER_COUNT, Kills, Tripwire, run_to
from bekal.proofs.crash_payers import (
    HOUR,
    Site,
    Step,
    approve,
    call,
    everything,
    exchange,
    fetch,
    is_over,
    plan,
    write_out,
)
from bekal.proofs.own_server import OwnServer
from bekal.proofs.scratch import owner_arguments
from bekal.proofs.small_world import midnight_of
from bekal.proofs.workers import Killed, Worker, WorkerFailed, fork

# Longer than a call that was begun is left alone.
WHILE = timedelta(minutes=16)
DAYS_LIMIT = timedelta(days=7)
END_LIMIT_SECONDS = 300
LOOK_SECONDS = 0.002
# While payers are at work the bank books what waits at one look in so many.
BANK_WORKS_SHARE = 0.05
# A shorter round than the first one is tried again with what is left: more often than there are files.
TRIES = 40


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the path: what comes before it (time, the bank's work), and the step in which payers die."""

    name: str
    step: Step
    before: Callable[[Site], None] = lambda site: None


def _later(site: Site) -> None:
    site.clock.pass_by(WHILE)


def _bank_works(site: Site) -> None:
    site.bank.work()


def _all_is_there(site: Site) -> None:
    _settle_down(site)
    _bank_works(site)


def _next_morning(site: Site) -> None:
    _settle_down(site)
    site.clock.pass_to(midnight_of(site.base.days[1]) + 9 * HOUR)


def _of(partner: str, step: Callable[..., bool]) -> Step:
    return lambda site: step(site, partner)


# The first run, and what is left of it: each step alone, so that each of its boundaries comes.
STAGES: tuple[Stage, ...] = (
    Stage("plan", plan),
    Stage("approve", approve),
    Stage("export", write_out),
    Stage("calls", call),
    Stage("calls asked for", call, _later),
    Stage("files", _of(BANK, exchange)),
    Stage("files asked for", _of(BANK, exchange), _later),
    Stage("answers", _of(BANK, exchange), _all_is_there),
    Stage("answers of the wallet", _of(WALLET, exchange), _bank_works),
    Stage("statement", _of(BANK, fetch), _next_morning),
    Stage("statement as MT940", _of(WALLET, fetch)),
    Stage("plan what is left", plan),
)


def work_off(site: Site, step: Step) -> None:
    """That step until nothing of it is left."""

    def work() -> None:
        while step(site):
            pass

    fork(work).value()


def _settle_down(site: Site) -> None:
    """What is under way comes to its end, but for what the bank has not booked yet."""
    for _ in range(4):
        for step in (call, exchange):
            work_off(site, step)
        _later(site)


def finish(site: Site) -> None:
    """One payer after the other, undisturbed, until both runs are over. Raises RuntimeError where they never are."""
    while not fork(lambda: _until_nothing_is_left(site)).value():
        if not site.bank.work():
            _pass_time(site)


def _until_nothing_is_left(site: Site) -> bool:
    while everything(site):
        pass
    return is_over(site)


# What only waits for time to pass: a file that is not known to be there, a call that is not known to have paid.
WAITING_SQL = """
SELECT EXISTS (SELECT 1 FROM incentives_payoutfile file
               LEFT JOIN LATERAL (SELECT outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                                  ORDER BY id DESC LIMIT 1) newest ON true
               WHERE file.direction = 'out' AND file.form <> 'calls' AND coalesce(newest.outcome, '') <> 'taken')
    OR EXISTS (SELECT 1 FROM incentives_payoutfile file
               JOIN incentives_payoutstatus sent ON sent.file_id = file.id AND sent.state = 'sent'
               JOIN incentives_payout payout ON payout.id = sent.payout_id AND payout.ended_at IS NULL
               WHERE file.direction = 'out' AND file.form = 'calls'
                 AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid
                                 WHERE paid.payout_id = payout.id AND paid.state = 'settled'))
"""


def _pass_time(site: Site) -> None:
    """A while, where that brings anything on, else the rest of the day. Raises RuntimeError where a week has not been
    enough."""
    now, first = site.clock.instant(), midnight_of(site.base.days[0]) + 9 * HOUR
    if now - first > DAYS_LIMIT:
        raise RuntimeError("a run of payouts came to no end in a week")
    with connection.cursor() as cursor:
        cursor.execute(WAITING_SQL)
        waits = cursor.fetchone()[0]
    connection.close()
    if waits:
        site.clock.pass_by(WHILE)
    else:
        site.clock.pass_to(first + ((now - first) // timedelta(days=1) + 1) * timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Alone:
    """The path with nobody killed: the boundaries of each stage's first round by its name, and how everybody ends."""

    passed: Mapping[str, list[str]]
    states: States


def undisturbed(site: Site, look: BaseDatabaseWrapper) -> Alone:
    """Walk the path with nobody killed."""
    passed = {}
    for stage in STAGES:
        stage.before(site)
        passed[stage.name] = fork(lambda stage=stage: _counted(site, stage)).value()  # type: ignore[misc]
        work_off(site, stage.step)
    finish(site)
    return Alone(passed, states_of(look))


def _counted(site: Site, stage: Stage) -> list[str]:
    """What a payer passes in one round of a stage, until nothing more is written. Raises RuntimeError without work."""
    connection.ensure_connection()
    tripwire = Tripwire(None)
    tripwire.install()
    if not stage.step(site):
        raise RuntimeError(f"there was nothing to do: {stage.name}")
    passed = tripwire.passed
    while passed and "pg_advisory_unlock" in passed[-1]:
        passed.pop()
    return passed


def kill_at_every_boundary(
    site: Site, look: BaseDatabaseWrapper, passed: Mapping[str, list[str]], stages: tuple[Stage, ...] = STAGES
) -> tuple[dict[str, int], list[str]]:
    """Walk the path with a payer dying a step later each time, and others going on; after each the books are held
    against the bank's. By stage at how many boundaries one died, and what was found."""
    died: dict[str, int] = {}
    faults: list[str] = []
    for stage in stages:
        stage.before(site)
        points, tries = len(passed[stage.name]), 0
        point, died[stage.name] = 1, 0
        while point <= points:
            let_the_dead_go(site, look)
            ended = run_to(lambda stage=stage: stage.step(site), point)  # type: ignore[misc]
            faults += held_against_the_bank(site, look, is_over=False).faults
            if isinstance(ended, Killed):
                died[stage.name] += 1
            elif ended and tries < TRIES:
                tries += 1
                continue
            else:
                faults.append(f"{stage.name}: no payer came to boundary {point} ({passed[stage.name][point - 1]})")
            point, tries = point + 1, 0
        let_the_dead_go(site, look)
        work_off(site, stage.step)
    return died, faults


def let_the_dead_go(site: Site, look: BaseDatabaseWrapper) -> None:
    """Until the server has noticed who has died, and the bank has done what they had asked of it."""
    deadline = time.monotonic() + END_LIMIT_SECONDS
    while True:
        with look.cursor() as cursor:
            cursor.execute(BACKENDS_SQL)
            is_alone = not cursor.fetchall()
        if is_alone and site.bank.is_idle():
            return
        if time.monotonic() > deadline:
            raise RuntimeError("killed payers stayed connected")
        time.sleep(LOOK_SECONDS)


# Several at once


@dataclass(slots=True)
class Crew:
    """Payers on one site, and whoever watches them: replaces who died, and lets time pass where all have found nothing
    to do. `idle`: of each the look (`looks`) in which it found nothing, -1 while it is at work; `gone`: whose end was
    waited for already."""

    site: Site
    rng: random.Random
    comes_back: bool = False
    payers: list[Worker] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    idle: Any = field(default_factory=lambda: RawArray("q", [-1] * RUNNER_COUNT))
    looks: Any = field(default_factory=lambda: RawValue("q", 0))

    def start(self) -> None:
        self.payers = [fork(self._payer(place)) for place in range(RUNNER_COUNT)]

    def is_at_work(self, place: int) -> bool:
        return bool(self.idle[place] != self.looks.value)

    def replace(self, place: int) -> bool:
        """Kill one and put another in its place; whether it was alive."""
        self.payers[place].kill()
        if not isinstance(self._ended(place), Killed):
            return False
        self.gone.remove(place)
        self.idle[place] = -1
        self.payers[place] = fork(self._payer(place))
        return True

    def _ended(self, place: int) -> Any:
        self.gone.add(place)
        try:
            return self.payers[place].result()
        except WorkerFailed as failed:
            self.faults.append(f"a payer failed: {str(failed).strip().splitlines()[-1]}")
            return None

    def work_to_the_end(self, strike: Callable[[], bool], pause: Callable[[], float]) -> None:
        """Let them work until everything is over; `strike` after each `pause`, as long as it says that it goes on."""
        deadline, strike_at = time.monotonic() + END_LIMIT_SECONDS, time.monotonic() + pause()
        strikes = True
        while not self.gone and not any(payer.has_ended() for payer in self.payers):
            if strikes and time.monotonic() >= strike_at:
                strikes, strike_at = strike(), time.monotonic() + pause()
            self._watch()
            if time.monotonic() > deadline:
                raise RuntimeError(f"payers came to no end in {END_LIMIT_SECONDS} s")
            time.sleep(LOOK_SECONDS)
        for place in set(range(RUNNER_COUNT)) - self.gone:
            if self.payers[place].has_ended():
                self._ended(place)
        self.looks.value += 1  # who waits for time to pass looks once more, and sees that all is over
        for place in set(range(RUNNER_COUNT)) - self.gone:
            if self.faults:  # nobody watches any more: time would stand still for ever
                self.payers[place].kill()
            self._ended(place)

    def _watch(self) -> None:
        if any(self.is_at_work(place) for place in range(RUNNER_COUNT)):
            if self.rng.random() < BANK_WORKS_SHARE:
                self.site.bank.work()
            return
        if self.site.bank.is_idle():
            with suppress(DatabaseTrouble):  # the server is not back yet
                if not self.site.bank.work():
                    _pass_time(self.site)
                self.looks.value += 1

    def _payer(self, place: int) -> Callable[[], None]:
        def pay() -> None:
            logging.disable(logging.ERROR)  # it would tell of every kill
            while True:
                look = self.looks.value
                try:
                    did = everything(self.site)
                    if not did and is_over(self.site):
                        return
                except DatabaseTrouble:
                    if not self.comes_back:
                        raise
                    connections.close_all()
                    time.sleep(LOOK_SECONDS)
                    continue
                if not did:
                    self.idle[place] = look
                    while self.looks.value == look:
                        time.sleep(LOOK_SECONDS)

        return pay


def kill_payers(site: Site, rng: random.Random, limit: int, longest_seconds: float) -> tuple[Kills, list[str]]:
    """Several payers, killed at any instant and replaced at once, until all is over."""
    crew, killed, at_work = Crew(site, rng), 0, 0
    crew.start()

    def strike() -> bool:
        nonlocal killed, at_work
        place = rng.randrange(RUNNER_COUNT)
        was_at_work = crew.is_at_work(place)
        if crew.replace(place):
            killed, at_work = killed + 1, at_work + was_at_work
        return killed < limit

    crew.work_to_the_end(strike, lambda: rng.uniform(0, longest_seconds))
    return Kills(killed, at_work), crew.faults


def kill_payers_backends(
    site: Site, server: OwnServer, rng: random.Random, limit: int, longest_seconds: float
) -> tuple[Kills, list[str]]:
    """SIGKILL to the server's process of one payer, with which all of them lose their connection; they come back."""
    crew, killed, at_work = Crew(site, rng, comes_back=True), 0, 0
    crew.start()

    def strike() -> bool:
        nonlocal killed, at_work
        with psycopg.connect(**owner_arguments(), autocommit=True) as control:
            backends = control.execute(BACKENDS_SQL).fetchall()
        if backends:
            backend, is_in_transaction = rng.choice(backends)
            if server.kill_backend(backend):
                killed, at_work = killed + 1, at_work + is_in_transaction
        return killed < limit

    crew.work_to_the_end(strike, lambda: rng.uniform(0, longest_seconds))
    return Kills(killed, at_work), crew.faults


def kill_payers_server(
    site: Site, server: OwnServer, rng: random.Random, limit: int, longest_seconds: float
) -> tuple[Kills, list[str]]:
    """The whole server dies under several payers, and is started again."""
    crew, killed = Crew(site, rng, comes_back=True), 0
    crew.start()

    def strike() -> bool:
        nonlocal killed
        server.kill()
        server.start()
        killed += 1
        return killed < limit

    crew.work_to_the_end(strike, lambda: rng.uniform(0, longest_seconds))
    return Kills(killed, killed), crew.faults
