"""Workers answer, fail and die apart; none outlives whoever has forked it, and what a signal ends is tidied up."""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest
from django.db import connections

from bekal.proofs import scratch
from bekal.proofs.workers import Killed, WorkerFailed, ended_by_signals, first_done, fork, kill_all, results_of

LIMIT_SECONDS = 30


def test_workers_answer_fail_and_die_apart() -> None:
    assert results_of([lambda n=n: n * n for n in range(3)]) == [0, 1, 4]
    with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
        results_of([lambda: 1 // 0, lambda: 2])
    with pytest.raises(WorkerFailed, match="signal 9"):
        results_of([lambda: os.kill(os.getpid(), signal.SIGKILL)])
    waiting = fork(signal.pause)
    waiting.kill()
    assert waiting.result() == Killed(signal.SIGKILL)


def test_who_does_not_kill_takes_no_death_for_an_answer() -> None:
    with pytest.raises(WorkerFailed, match="signal 9"):
        fork(lambda: os.kill(os.getpid(), signal.SIGKILL)).value()
    assert fork(lambda: 7).value() == 7


def test_whoever_is_done_first_is_told() -> None:
    waiting, done = fork(signal.pause), fork(lambda: "x" * 200_000)
    assert first_done([waiting, done]) is done
    assert len(done.value()) == 200_000
    kill_all()


def test_all_are_killed() -> None:
    workers = [fork(signal.pause) for _ in range(3)]
    ends = [os.pidfd_open(worker.pid) for worker in workers]
    kill_all()
    assert all(_has_ended(end) for end in ends)


def _has_ended(process: int) -> bool:
    """Whether the process behind that file has ended, waiting for it."""
    return bool(select.select([process], [], [], LIMIT_SECONDS)[0])


def _start(task: Callable[[Any], None]) -> tuple[Any, Any]:
    """A process that does the task, and what it says first."""
    connections.close_all()
    ours, theirs = get_context("fork").Pipe()
    process = get_context("fork").Process(target=task, args=(theirs,))
    process.start()
    theirs.close()
    assert ours.poll(LIMIT_SECONDS)
    return process, ours.recv()


def _wait_with_workers(pipe: Any) -> None:
    with ended_by_signals("prove race"), scratch.scratch_database("ended") as database:
        workers = [fork(signal.pause) for _ in range(2)]
        pipe.send((database.name, [worker.pid for worker in workers]))
        workers[0].value()


@pytest.mark.usefixtures("own_databases")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_workers_and_drops_databases(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    process, (name, pids) = _start(_wait_with_workers)
    ends = [os.pidfd_open(pid) for pid in pids]
    os.kill(process.pid, number)
    process.join(LIMIT_SECONDS)
    assert process.exitcode == 128 + number
    assert all(_has_ended(end) for end in ends)
    with psycopg.connect(**scratch.owner_arguments()) as connection:
        assert connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None
    assert f"ended by {signal.Signals(number).name}" in capfd.readouterr().err


def test_workers_die_with_whoever_forked_them() -> None:
    def wait(pipe: Any) -> None:
        def work() -> None:
            pipe.send(os.getpid())
            signal.pause()

        fork(work).value()

    process, pid = _start(wait)
    end = os.pidfd_open(pid)
    process.kill()
    process.join(LIMIT_SECONDS)
    try:
        assert _has_ended(end)
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(end, signal.SIGKILL)
