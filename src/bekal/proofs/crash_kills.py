"""The ways in which `prove crash` kills: a runner at a counted boundary or at any instant, its backend, its server."""

import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from threading import Lock
from typing import Any

import httpx
import psycopg
from django.db import Error as DatabaseTrouble
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.lifecycle.operations import OPERATIONS
from bekal.proofs.crash_runs import Run, torn, undone_count, wrong_end
from bekal.proofs.own_server import OwnServer
from bekal.proofs.scratch import owner_arguments
from bekal.proofs.workers import Killed, Worker, fork

RUNNER_COUNT = 4
RETRY_SECONDS = 0.01
RETRY_LIMIT_SECONDS = 300
Work = Callable[[], Any]


class Tripwire:
    """Counts what a runner says to the database and to partners, and ends the process with SIGKILL at one of these
    points.

    Only for a forked process that has no other purpose: it changes the driver's classes."""

    def __init__(self, point: int | None) -> None:
        self.point = point
        self.passed: list[str] = []
        self._lock = Lock()  # calls are made by several threads

    def step(self, what: str) -> None:
        with self._lock:
            self.passed.append(what)
            if len(self.passed) == self.point:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Before and after every statement, within every COPY, before and after every commit; before every call of a
        partner, and once that partner has done what it was called for."""
        execute, copy, commit = psycopg.Cursor.execute, psycopg.Cursor.copy, psycopg.Connection.commit
        send = httpx.Client.send

        def counted_execute(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
            name = " ".join(str(query).split())[:50]
            self.step(f"before {name}")
            result = execute(cursor, query, *args, **options)
            self.step(f"after {name}")
            return result

        @contextmanager
        def counted_copy(cursor: Any, statement: Any, *args: Any, **options: Any) -> Iterator[Any]:
            self.step("before COPY")
            with copy(cursor, statement, *args, **options) as rows:
                self.step("within COPY")
                yield rows
                self.step("with all rows sent by COPY")
            self.step("after COPY")

        def counted_commit(connection: Any) -> None:
            self.step("before commit")
            commit(connection)
            self.step("after commit")

        def counted_send(client: Any, request: Any, **options: Any) -> Any:
            name = f"{request.method} {request.url.path}"[:50]
            self.step(f"before {name}")
            response = send(client, request, **options)
            self.step(f"once it was done, {name}")
            return response

        for owner, name, counted in (
            (httpx.Client, "send", counted_send),
            (psycopg.Cursor, "execute", counted_execute),
            (psycopg.Cursor, "copy", counted_copy),
            (psycopg.Connection, "commit", counted_commit),
        ):
            setattr(owner, name, counted)


def boundaries_of(task: Work) -> list[str]:
    """What a runner passes while it does the task, in order; the task is done."""

    def count() -> list[str]:
        connection.ensure_connection()
        tripwire = Tripwire(None)
        tripwire.install()
        task()
        return tripwire.passed

    passed: list[str] = fork(count).value()
    return passed


def killed_at(task: Work, point: int) -> bool:
    """Run the task in a runner that dies at that point; whether it came so far."""
    return isinstance(run_to(task, point), Killed)


def run_to(task: Work, point: int) -> Any:
    """Run the task in a runner that dies at that point: Killed, or what the task returned before it came so far."""

    def die() -> Any:
        connection.ensure_connection()
        Tripwire(point).install()
        return task()

    return fork(die).result()


def resume(run: Run, task: Work, look: BaseDatabaseWrapper) -> None:
    """Runners one after the other until every chunk is done: the backend of a killed one holds its chunk until it has
    noticed."""
    deadline = time.monotonic() + RETRY_LIMIT_SECONDS
    while True:
        fork(task).value()
        if undone_count(run, look) == 0:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{run.operation}: chunks stayed undone for {RETRY_LIMIT_SECONDS} s")
        time.sleep(RETRY_SECONDS)


@dataclass(frozen=True, slots=True)
class Kills:
    """How many runners or backends died, and how many of them in the middle of a chunk."""

    count: int
    in_chunk_count: int


def kill_runners(run: Run, look: BaseDatabaseWrapper, rng: random.Random, limit: int, longest_seconds: float) -> Kills:
    """Several runners on one run, killed at any instant and replaced at once, until the run is done or so many were
    killed; then others resume. Only those that died at work count."""
    in_chunk = RawArray("b", RUNNER_COUNT)  # shared with the runners: each says whether it has a transaction open
    runners: list[Worker] = [fork(_watched(run, in_chunk, place)) for place in range(RUNNER_COUNT)]
    killed = killed_in_chunk = 0
    while killed < limit:
        time.sleep(rng.uniform(0, longest_seconds))
        place = rng.randrange(RUNNER_COUNT)
        was_in_chunk = in_chunk[place]
        runners[place].kill()
        if not isinstance(runners[place].result(), Killed):
            del runners[place]
            break
        killed += 1
        killed_in_chunk += was_in_chunk
        in_chunk[place] = 0
        runners[place] = fork(_watched(run, in_chunk, place))
    for runner in runners:
        runner.value()
    resume(run, run.work, look)
    return Kills(killed, killed_in_chunk)


def _watched(run: Run, in_chunk: Any, place: int) -> Work:
    """A runner that says at each statement whether it is within a transaction."""

    def tell(execute: Any, *statement: Any) -> Any:
        in_chunk[place] = connection.in_atomic_block
        return execute(*statement)

    def watched() -> None:
        with connection.execute_wrapper(tell):
            run.work()

    return watched


def persistent(run: Run) -> Work:
    """A runner that comes back after its connection, or the whole server, was lost."""

    def keep_working() -> None:
        logging.getLogger("bekal.lifecycle.mass_work").setLevel(logging.CRITICAL)  # it would tell of every kill
        deadline = time.monotonic() + RETRY_LIMIT_SECONDS
        while time.monotonic() < deadline:
            try:
                run.work()
                if undone_count(run, connection) == 0:
                    return
            except DatabaseTrouble:
                connections.close_all()
            time.sleep(RETRY_SECONDS)
        raise RuntimeError(f"{run.operation}: chunks stayed undone for {RETRY_LIMIT_SECONDS} s")

    return keep_working


# The runners' backends in this database, and whether each has a transaction open.
BACKENDS_SQL = """
SELECT pid, xact_start IS NOT NULL FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid
"""
UNDONE_CHUNK_SQL = "SELECT 1 FROM lifecycle_masschunk WHERE run_id = %s AND done_at IS NULL LIMIT 1"


def kill_backends(run: Run, server: OwnServer, rng: random.Random, limit: int, longest_seconds: float) -> Kills:
    """Runners on one run, and SIGKILL to the server's process of one of them at any instant, with which all of them
    lose their connection; they come back once the server has recovered, and go on."""
    runners = [fork(persistent(run)) for _ in range(RUNNER_COUNT)]
    killed = killed_in_chunk = 0
    while killed < limit:
        time.sleep(rng.uniform(0, longest_seconds))
        with psycopg.connect(**owner_arguments(), autocommit=True) as control:
            if control.execute(UNDONE_CHUNK_SQL, [run.run_id]).fetchone() is None:
                break
            backends = control.execute(BACKENDS_SQL).fetchall()
        if backends:
            backend, is_in_chunk = rng.choice(backends)
            if server.kill_backend(backend):
                killed, killed_in_chunk = killed + 1, killed_in_chunk + is_in_chunk
    for runner in runners:
        runner.value()
    return Kills(killed, killed_in_chunk)


def kill_server(run: Run, server: OwnServer, rng: random.Random, limit: int, longest_seconds: float) -> int:
    """Runners on one run whose whole server dies, is started again, and dies again. How often while work was left."""
    runners = [fork(persistent(run)) for _ in range(RUNNER_COUNT)]
    killed = 0
    while killed < limit:
        time.sleep(rng.uniform(0, longest_seconds))
        server.kill()
        server.start()
        with psycopg.connect(**owner_arguments(), autocommit=True) as control:
            if control.execute(UNDONE_CHUNK_SQL, [run.run_id]).fetchone() is None:
                break  # it died after the last commit: nothing was left to lose
        killed += 1
    for runner in runners:
        runner.value()
    return killed


# The same work as somebody writes it who commits the checkpoint apart.

FREE_SQL = """
SELECT chunk.id, chunk.subject_ids, chunk.subject_count, chunk.total_rupiah FROM lifecycle_masschunk chunk
WHERE chunk.run_id = %s AND chunk.done_at IS NULL ORDER BY chunk.number LIMIT 1 FOR UPDATE SKIP LOCKED
"""
CHECK_OFF_SQL = "UPDATE lifecycle_masschunk SET done_at = %s, done_count = %s, done_rupiah = %s WHERE id = %s"


def careless(run: Run, *, checkpoint_first: bool, chunk_limit: int | None = None) -> None:
    """Work off a run with the checkpoint in a commit of its own, before or after the work."""
    while chunk_limit is None or chunk_limit > 0:
        with transaction.atomic():
            row = _first(FREE_SQL, [run.run_id])
        if row is None:
            _do("UPDATE lifecycle_massrun SET finished_at = %s WHERE id = %s", [run.at, run.run_id])
            return
        chunk_id, subject_ids, planned_count, planned_rupiah = row
        if checkpoint_first:
            _do(CHECK_OFF_SQL, [run.at, planned_count, planned_rupiah, chunk_id])
        done = OPERATIONS[run.operation].work(subject_ids, run.at, {})
        if not checkpoint_first:
            _do(CHECK_OFF_SQL, [run.at, done.subject_count, done.rupiah, chunk_id])
        chunk_limit = None if chunk_limit is None else chunk_limit - 1


def _first(statement: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


def _do(statement: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def careless_is_noticed(run: Run, look: BaseDatabaseWrapper, *, checkpoint_first: bool) -> str | None:
    """Kill the careless runner at every boundary of a chunk; the first difference that is noticed, if any is."""

    def one_chunk() -> None:
        careless(run, checkpoint_first=checkpoint_first, chunk_limit=1)

    for point in range(1, len(boundaries_of(one_chunk)) + 1):
        killed_at(one_chunk, point)
        if faults := torn(run, look):
            return faults[0]
    resume(run, lambda: careless(run, checkpoint_first=checkpoint_first), look)
    return next(iter(wrong_end(run, look)), None)
