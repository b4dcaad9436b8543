"""Watches single cases: none may end in a fault of ours, or take more than a second of this process's own time.

A hang is measured by processor time, so that a busy machine decides nothing, and believed only the second time. Each
case is one transaction that is undone at its end, after every constraint that waits for the commit was asked.
"""

import logging
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import Error, connection, transaction
from django.test import override_settings

from bekal.core.text import shown

HANG_SECONDS = 1.0
AGAIN_SECONDS = 0.05
STATEMENT_LIMIT = "20s"
"""What the database works is not time of this process; a statement that takes so long has failed."""
EXAMPLES = 3
COUNTERS = ("tries", "answers", "violations")
PLAIN_STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"


class Hang(BaseException):
    """A case has used its processor time; no `except Exception` on the way takes it for something else."""


class _Noter(logging.Handler):
    """Keeps the exceptions that are logged: doors that turn a fault into an answer say there what it was."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # A suspicious operation is a refusal: Django answers it with 400.
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, SuspiciousOperation):
            self.told.append(told_of(error))


@dataclass(slots=True)
class Watch:
    """What was tried and how it ended. `tries` by place (an operation, a page, a kind of file); `answers`: statuses of
    HTTP, and taken or refused for files; `violations`: sentence and how often, `examples`: cases that ended so."""

    tries: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    slowest_seconds: float = 0.0
    slowest: str = ""
    _noter: _Noter = field(default_factory=_Noter)

    def case(
        self,
        place: str,
        said: str,
        do: Callable[[], str | None],
        *,
        undo: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Do one thing; what it returns is what was wrong with it. `said` describes the case to whoever repeats it;
        inside `undo` it leaves nothing behind."""
        self.tries[place] += 1
        seconds, wrong = self._once(do, undo or undone)
        if seconds > HANG_SECONDS:  # the first time everything may be loaded that comes from a disk
            seconds, wrong = self._once(do, undo or undone)
            if seconds > HANG_SECONDS:
                wrong = f"hangs: more than {HANG_SECONDS:g} s of processor time"
        if seconds > self.slowest_seconds:
            self.slowest_seconds, self.slowest = seconds, place
        if wrong is not None:
            sentence = f"{place}: {wrong}"
            self.violations[sentence] += 1
            kept = self.examples.setdefault(sentence, [])
            if len(kept) < EXAMPLES:
                kept.append(shown(said, limit=300))

    def kept(self) -> dict[str, Any]:
        """What was seen, for another process or a file."""
        counters = {name: dict(getattr(self, name)) for name in COUNTERS}
        return {**counters, "examples": self.examples, "slowest_seconds": self.slowest_seconds, "slowest": self.slowest}

    def add(self, kept: Mapping[str, Any]) -> None:
        """What another process, or an earlier start, has `kept` counts as seen here."""
        for name in COUNTERS:
            getattr(self, name).update(kept[name])
        for sentence, examples in kept["examples"].items():
            self.examples[sentence] = [*self.examples.get(sentence, []), *examples][:EXAMPLES]
        if kept["slowest_seconds"] > self.slowest_seconds:
            self.slowest_seconds, self.slowest = kept["slowest_seconds"], kept["slowest"]

    def clear(self) -> None:
        """Begin anew, with nothing seen."""
        for name in (*COUNTERS, "examples"):
            getattr(self, name).clear()
        self.slowest_seconds, self.slowest = 0.0, ""

    def _once(
        self, do: Callable[[], str | None], undo: Callable[[], AbstractContextManager[None]]
    ) -> tuple[float, str | None]:
        self._noter.told.clear()
        began = time.process_time()
        wrong: str | None = None
        try:
            with undo(), _alarm():
                wrong = do()
        except Hang:
            return max(time.process_time() - began, HANG_SECONDS * 1.001), None
        except Exception as error:
            wrong = f"raised {told_of(error)}"
        if self._noter.told:
            wrong = f"{wrong or 'answered, and logged'}: {self._noter.told[0]}"
        return time.process_time() - began, wrong

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While cases run: the log goes to the watch alone, the alarm is set up, and pages need no files collected."""
        root = logging.getLogger()
        handlers, root.handlers = root.handlers, [self._noter]
        before = signal.signal(signal.SIGPROF, _ring) if _may_ring() else None
        storages = {**settings.STORAGES, "staticfiles": {"BACKEND": PLAIN_STORAGE}}
        try:
            with _ringing_again(), override_settings(STORAGES=storages), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "No directory at", UserWarning)
                yield
        finally:
            root.handlers = handlers
            if before is not None:
                signal.signal(signal.SIGPROF, before)


def told_of(error: BaseException) -> str:
    """An exception in one line: its name, its words, and the last place of this program it passed."""
    return f"{type(error).__name__} at {_place_of(error.__traceback__)}: {shown(str(error), limit=120)}"


def _place_of(found: TracebackType | None) -> str:
    frames = [f for f in traceback.extract_tb(found) if "/bekal/" in f.filename and "/proofs/" not in f.filename]
    if not frames:
        return "?"
    return f"{frames[-1].filename.rpartition('/bekal/')[2]}:{frames[-1].lineno}"


@contextmanager
def undone() -> Iterator[None]:
    """Nothing of it stays. What would only fail at the commit fails at its end."""
    block: Any = transaction.atomic()
    # As Django's own tests mark theirs: what insists on being outermost (durable, another database) may be inside.
    block._from_testcase = True
    with block:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_LIMIT}'")
        try:
            yield
            if not connection.needs_rollback:
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        finally:
            with suppress(Error):
                transaction.set_rollback(True)


def _may_ring() -> bool:
    return threading.current_thread() is threading.main_thread()


def _ring(number: int, frame: FrameType | None) -> None:
    raise Hang


@contextmanager
def _ringing_again() -> Iterator[None]:
    """What rings inside a finalizer is dropped there by Python: the alarm is set anew, for the case itself to hear."""
    told = sys.unraisablehook

    def again(dropped: "sys.UnraisableHookArgs") -> None:  # a name for type checkers alone
        if isinstance(dropped.exc_value, Hang):
            signal.setitimer(signal.ITIMER_PROF, AGAIN_SECONDS)
        else:
            told(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = told


@contextmanager
def _alarm() -> Iterator[None]:
    """Rings inside what takes too long; elsewhere than in the main thread it is only measured afterwards."""
    if not _may_ring():
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
