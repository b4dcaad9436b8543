"""The background worker: mass runs that may work, the proof where it is asked for, and once a programme day the daily
work, the digest and the proof.

It holds nothing in memory that matters: several may run, each may be killed anywhere, and the next goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from traceback import extract_tb

from django.db import connection, connections

from bekal.core.money import format_rupiah
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.digests import close_digest
from bekal.ledger.proof_results import latest_proof_result, take_proof_request
from bekal.lifecycle.daily_work import do_daily_work
from bekal.lifecycle.mass_runs import Progress, work
from bekal.lifecycle.mass_work import kind_of
from bekal.proofs.check import prove_ledger, record

CHUNKS_AT_A_TIME = 10
# A chunk, a day's work or a proof that failed is tried again after so long, not at once and not never.
RETRY_AFTER = timedelta(minutes=10)
DAILY_LOCK = "config.worker.daily"


class Worker:
    """One worker: `round()` looks once at everything there may be to do."""

    def __init__(self, *, say: Callable[[str], None], stop: Callable[[], bool] = lambda: False) -> None:
        self._say = say
        self._stop = stop
        self._daily_done_on: date | None = None
        self._daily_failed_at: datetime | None = None

    def round(self) -> bool:
        """Do a little of everything that waits; whether there was anything. Raises only where the database is gone."""
        at = programme_now()
        busy = [self._guarded("mass runs", self._work, at), self._guarded("proof", self._prove_if_asked, at)]
        if self._daily_is_due(at):
            busy.append(self._guarded("daily work", self._daily, at))
        return any(busy)

    def _guarded(self, what: str, step: Callable[[datetime], bool], at: datetime) -> bool:
        """The step; an error in it is said and stops neither the others nor the next round."""
        if self._stop():
            return False
        try:
            return step(at)
        except Exception as error:
            if not connection.in_atomic_block and not connection.is_usable():
                raise
            # Never the text of an error, which may hold a name: its kind and where it was raised.
            frame = extract_tb(error.__traceback__)[-1]
            self._say(f"{what} failed: {kind_of(error)} in {Path(frame.filename).name}, line {frame.lineno}")
            if step == self._daily:
                self._daily_failed_at = at
            return False

    def _work(self, at: datetime) -> bool:
        worked = work(
            at=at,
            chunk_limit=CHUNKS_AT_A_TIME,
            failed_before=at - RETRY_AFTER,
            progress=self._tell,
            stop=self._stop,
        )
        return worked.chunk_count > 0

    def _tell(self, progress: Progress) -> None:
        self._say(
            f"run {progress.run_id}: {progress.done_chunk_count} of {progress.chunk_count} chunks, "
            f"{progress.done_count:,} done, {format_rupiah(progress.done_rupiah)}"
        )

    def _prove_if_asked(self, at: datetime) -> bool:
        if not take_proof_request(at=at):
            return False
        self._prove()
        return True

    def _prove(self) -> None:
        proof = prove_ledger(connections["proof"])
        record(proof)
        self._say(f"proof: {proof.transfer_count:,} transfers, {len(proof.violations)} checks broken")

    def _daily_is_due(self, at: datetime) -> bool:
        if self._daily_done_on == programme_day(at):
            return False
        # Either way: the clock of a simulated programme can be set back.
        return self._daily_failed_at is None or abs(at - self._daily_failed_at) >= RETRY_AFTER

    def _daily(self, at: datetime) -> bool:
        """What is done once a programme day; after a restart again, which changes nothing but for what is new."""
        with _alone(DAILY_LOCK) as alone:
            if not alone:
                return False  # another worker is at it; if it dies, the next round is ours
            done = do_daily_work(at=at)
            self._say(
                f"daily work: {len(done.reconciled.purchase_ids):,} purchases reconciled, "
                f"{done.entitled.entitlement_count:,} instalments earned, {len(done.planned_run_ids)} runs planned, "
                f"{len(done.waiting)} wait for approval"
            )
            link = close_digest(at=at)
            if link is not None:
                self._say(f"digest: link {link.number} closed over {link.transfer_count:,} transfers")
            latest = latest_proof_result()
            if latest is None or programme_day(latest.proved_at) != programme_day(at):
                self._prove()
        self._daily_done_on = programme_day(at)
        return True


@contextmanager
def _alone(name: str) -> Iterator[bool]:
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
