"""Steps of work in the background: each tried by itself, by one worker at a time, again later where it failed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from traceback import extract_tb

from django.db import connection

from bekal.lifecycle.mass_work import is_lost, kind_of

# A chunk, a day's step or a proof that failed is tried again after so long, not at once and not never.
RETRY_AFTER = timedelta(minutes=10)
Step = Callable[[datetime], bool]


class Steps:
    """What every loop of the worker has: it says what it did, and stops where it is asked to."""

    def __init__(self, *, say: Callable[[str], None], stop: Callable[[], bool] = lambda: False) -> None:
        self._say = say
        self._stop = stop
        self._failed_at: dict[str, datetime] = {}

    def _guarded(self, what: str, step: Step, at: datetime) -> bool:
        """The step; an error in it is said and stops neither the others nor the next round."""
        if self._stop():
            return False
        try:
            done = step(at)
        except Exception as error:
            if is_lost(error) or (not connection.in_atomic_block and not connection.is_usable()):
                raise
            # Never the text of an error, which may hold a name: its kind and where it was raised.
            frame = extract_tb(error.__traceback__)[-1]
            self._say(f"{what} failed: {kind_of(error)} in {Path(frame.filename).name}, line {frame.lineno}")
            self._failed_at[what] = at
            return False
        self._failed_at.pop(what, None)
        return done

    def _tried(self, what: str, lock: str, step: Step, at: datetime) -> bool:
        """The step, where no other worker is at it and its last failure is not too fresh."""
        failed_at = self._failed_at.get(what)
        # Either way: the clock of a simulated programme can be set back.
        if failed_at is not None and abs(at - failed_at) < RETRY_AFTER:
            return False

        def alone_at_it(at: datetime) -> bool:
            with alone_with(lock) as alone:
                # Another worker is at it; if it dies, the next round is ours.
                return alone and step(at)

        return self._guarded(what, alone_at_it, at)


@contextmanager
def alone_with(name: str) -> Iterator[bool]:
    """Whether this connection alone holds that name in the database while the block runs; a dead one lets go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])
