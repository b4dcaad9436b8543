"""Worker processes forked from this one, which has everything loaded: each connects for itself and hands back a value.

A worker that is killed, or fails, is told from one that ended: the harnesses kill on purpose. None outlives this
process, however that ends.
"""

import ctypes
import gc
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from django.db import connections
from tqdm import tqdm

ENDING = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# The workers of this process that have not been waited for.
_living: set[int] = set()


class Bar(tqdm):
    """A progress bar where somebody looks at it; without tqdm's thread, since this process forks."""

    monitor_interval = 0

    def __init__(self, total: int, unit: str) -> None:
        super().__init__(total=total, unit=f" {unit}", file=sys.stderr, disable=not sys.stderr.isatty())


class EndedBySignal(KeyboardInterrupt):
    """As Ctrl-C raises it, so that the driver calls off the statement that is under way."""


class WorkerFailed(Exception):
    """A worker raised; the text is its traceback."""


@dataclass(slots=True)
class Worker:
    """A forked process and the pipe it answers by."""

    pid: int
    _answer: int

    def result(self) -> Any:
        """What the worker returned, waiting for it; `Killed` where a signal ended it. Raises WorkerFailed where it
        raised."""
        with os.fdopen(self._answer, "rb") as pipe:
            answer = pipe.read()
        status = os.waitpid(self.pid, 0)[1]
        _living.discard(self.pid)
        if os.WIFSIGNALED(status):
            return Killed(os.WTERMSIG(status))
        good, value = pickle.loads(answer)
        if not good:
            raise WorkerFailed(value)
        return value

    def value(self) -> Any:
        """What the worker returned, waiting for it. Raises WorkerFailed where it raised, and where a signal ended it:
        for whoever does not kill, that is no answer."""
        result = self.result()
        if isinstance(result, Killed):
            raise WorkerFailed(f"signal {result.signal_number} ended a worker")
        return result

    def has_ended(self) -> bool:
        """Whether it has an answer, or is dead, without waiting."""
        return bool(wait([self._answer], 0))

    def kill(self) -> None:
        """SIGKILL: nothing of it can be caught, tidied or rolled back by the worker."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Killed:
    """In place of a result: this signal ended the worker."""

    signal_number: int


def fork(task: Callable[[], Any]) -> Worker:
    """Run `task` in a new process. No connection may be open here: a socket cannot serve two processes."""
    connections.close_all()
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    gc.freeze()  # what is loaded stays shared: the collector would touch, and so copy, every page of it in the child
    with warnings.catch_warnings():
        # Newer Pythons warn where other threads run (a test runner's): the child takes no lock of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        # A signal that comes between is answered once it is clear who is who.
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        pid = os.fork()
    if pid:
        _living.add(pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        gc.unfreeze()
        os.close(writing)
        return Worker(pid, reading)
    # The child leaves by _exit alone: nothing that the parent has registered for its own end runs twice.
    try:
        _live_and_die_with(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        os.close(reading)
        try:
            answer = pickle.dumps((True, task()))
        except BaseException:
            answer = pickle.dumps((False, traceback.format_exc()))
        connections.close_all()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _live_and_die_with(parent: int) -> None:
    """In a worker: signals are its parent's to answer (Ctrl-C reaches both), and with the parent it dies."""
    _living.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could say so
        os._exit(1)


def kill_all() -> None:
    """SIGKILL to every worker there is."""
    for pid in list(_living):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        _living.discard(pid)


@contextmanager
def ended_by_signals(name: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end every worker at once, and then this process in order: its databases are dropped, its
    servers ended; the exit status is 128 and the number of the signal. A second signal does not wait for that."""
    before: dict[int, Any] = {}

    def end(number: int, frame: object) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        kill_all()
        sys.stderr.write(f"{name}: ended by {signal.Signals(number).name}; its databases are being removed.\n")
        raise EndedBySignal(number)

    for signalled in ENDING:
        before[signalled] = signal.signal(signalled, end)
    try:
        yield
    except EndedBySignal as ended:
        raise SystemExit(128 + ended.args[0]) from None
    finally:
        kill_all()
        for number, handler in before.items():
            signal.signal(number, handler)


def results_of(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run every task in a process of its own, at the same time; what each returned, in order. Raises WorkerFailed where
    one did not return, once all have ended."""
    workers = [fork(task) for task in tasks]
    results: list[Any] = []
    failure: WorkerFailed | None = None
    for worker in workers:
        try:
            results.append(worker.value())
        except WorkerFailed as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return results


def first_done(workers: Collection[Worker]) -> Worker:
    """Wait until one of them has an answer, or is dead; that one."""
    ready = wait([worker._answer for worker in workers])
    return next(worker for worker in workers if worker._answer in ready)
