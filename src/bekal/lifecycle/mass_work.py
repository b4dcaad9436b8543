"""`work`: take free chunks of mass runs and do them, each in one transaction with its checkpoint.

Whatever is killed (this process, the database's, the whole machine) leaves its chunk as it was before, free.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.utils import DatabaseError, InterfaceError, OperationalError

from bekal.ledger.copy_rows import int_array
from bekal.ledger.proof_results import is_release_blocked
from bekal.lifecycle.mass_list import PART_SQL, SealedLists
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import AUTOMATIC, OPERATIONS, Done

logger = logging.getLogger(__name__)
# Workers that have nothing to do listen here; whoever makes work calls `wake_workers` in the same transaction.
CHANNEL = "bekal_work"


class ListChanged(Exception):
    """The chunks of a run are not the list that was planned and approved."""


class LedgerDifference(Exception):
    """The newest proof found a difference: until one finds none, no money leaves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One chunk was done; how far its run has come."""

    run_id: int
    chunk_number: int
    chunk_count: int
    done_chunk_count: int
    done_count: int
    done_rupiah: int


@dataclass(frozen=True, slots=True)
class Worked:
    """What this call did, in whole rupiah, and how many chunks failed and stay free."""

    chunk_count: int
    subject_count: int
    total_rupiah: int
    failed_chunk_count: int = 0


WORKABLE_SQL = """
run.finished_at IS NULL AND run.cancelled_at IS NULL AND run.stopped_at IS NULL
AND (run.approved_at IS NOT NULL OR run.operation = ANY(%(automatic)s))
AND (%(run_id)s::bigint IS NULL OR run.id = %(run_id)s)
"""
# Whoever cancels or stops a run waits for the shared lock, and no chunk of it is taken afterwards.
TAKE_SQL = f"""
SELECT chunk.id, chunk.run_id, chunk.number, chunk.subject_ids, run.operation, run.at, run.parameters::text,
       run.list_sha256
FROM lifecycle_masschunk chunk JOIN lifecycle_massrun run ON run.id = chunk.run_id
WHERE chunk.done_at IS NULL AND {WORKABLE_SQL} AND chunk.id <> ALL(%(failed_ids)s::bigint[])
  AND chunk.run_id <> ALL(%(passed_run_ids)s::bigint[])
  AND (%(failed_before)s::timestamptz IS NULL OR chunk.failed_at IS NULL OR chunk.failed_at < %(failed_before)s)
ORDER BY chunk.run_id, chunk.number LIMIT 1
FOR UPDATE OF chunk SKIP LOCKED FOR SHARE OF run SKIP LOCKED
"""
# Row locks know no queue: with enough workers somebody would always hold a share of the run. This lock has one. Whoever
# wants to end the run waits in it, and no worker passes by.
_RUN_LOCK = "hashtext('lifecycle.mass_run:' || {run_id})"
CHECK_SQL = f"""
SELECT NOT pg_try_advisory_xact_lock_shared({_RUN_LOCK.format(run_id="run_id")}), {PART_SQL}
FROM lifecycle_masschunk WHERE id = %s
"""
HOLD_SQL = f"SELECT pg_advisory_xact_lock({_RUN_LOCK.format(run_id='%s::bigint')})"
DONE_SQL = """
UPDATE lifecycle_masschunk
SET done_at = %(at)s, done_count = %(done_count)s, done_rupiah = %(done_rupiah)s, failed_at = NULL, failure = ''
WHERE id = %(chunk_id)s
"""
FAILED_SQL = """
UPDATE lifecycle_masschunk SET failed_at = %(at)s, failure = %(failure)s WHERE id = %(chunk_id)s AND done_at IS NULL
"""
FINISH_SQL = f"""
UPDATE lifecycle_massrun run SET finished_at = %(at)s
WHERE {WORKABLE_SQL}
  AND NOT EXISTS (SELECT 1 FROM lifecycle_masschunk chunk WHERE chunk.run_id = run.id AND chunk.done_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One chunk as it was taken, with what its run says about it."""

    chunk_id: int
    run_id: int
    number: int
    subject_ids: list[int]
    operation: str
    at: datetime
    parameters: str
    list_sha256: bytes
    is_ending: bool
    part_sha256: bytes


def work(
    *,
    run_id: int | None = None,
    at: datetime,
    progress: Callable[[Progress], None] | None = None,
    chunk_limit: int | None = None,
    failed_before: datetime | None = None,
    stop: Callable[[], bool] = lambda: False,
    sealed: SealedLists | None = None,
) -> Worked:
    """Do the free chunks of one run, or of all that may work, until none is left, `chunk_limit` were taken, or `stop`
    says so before the next one.

    Any number of callers may do so at once. `at` is when it is done; the verb is given the run's own instant (people
    are accepted at `at`). A chunk that fails is noted with its reason and tried no more in this call; with
    `failed_before` only if its last failure is older. `sealed` is what the caller keeps of lists it has compared
    before. Raises only where the database is gone: then the chunk under way is free again.
    """
    sealed = SealedLists() if sealed is None else sealed
    done_chunk_count = subject_count = total_rupiah = 0
    failed_ids: list[int] = []
    passed_run_ids: list[int] = []
    while (chunk_limit is None or done_chunk_count + len(failed_ids) < chunk_limit) and not stop():
        values: dict[str, Any] = {
            "run_id": run_id,
            "failed_ids": int_array(failed_ids),
            "failed_before": failed_before,
            "passed_run_ids": int_array(passed_run_ids),
        }
        chunk = None
        try:
            with transaction.atomic():
                chunk = _take(values)
                if chunk is None:
                    break
                if chunk.is_ending:
                    passed_run_ids.append(chunk.run_id)
                    continue
                if not _fits(chunk, sealed):
                    passed_run_ids.append(chunk.run_id)
                    raise ListChanged
                done = _do(chunk, at)
        except Exception as error:
            if chunk is None or not _note_failure(chunk, error, at):
                raise
            failed_ids.append(chunk.chunk_id)
            continue
        done_chunk_count += 1
        subject_count += done.subject_count
        total_rupiah += done.rupiah
        finish_runs(at=at, run_id=chunk.run_id)
        if progress is not None:
            progress(_progress_of(chunk))
    finish_runs(at=at, run_id=run_id)
    return Worked(done_chunk_count, subject_count, total_rupiah, len(failed_ids))


def _take(values: dict[str, Any]) -> _Chunk | None:
    """Lock the first free chunk for the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_SQL, {**values, "automatic": list(AUTOMATIC)})
        row = cursor.fetchone()
        if row is None:
            return None
        cursor.execute(CHECK_SQL, [row[0]])
        return _Chunk(*row, *cursor.fetchone())


def _fits(chunk: _Chunk, sealed: SealedLists) -> bool:
    return sealed.fits(
        run_id=chunk.run_id,
        list_sha256=bytes(chunk.list_sha256),
        number=chunk.number,
        part_sha256=bytes(chunk.part_sha256),
    )


def _do(chunk: _Chunk, at: datetime) -> Done:
    """The verb and the checkpoint, in the caller's transaction."""
    if chunk.operation == MassRun.Operation.SETTLE_INSTITUTIONS and is_release_blocked():
        raise LedgerDifference
    operation = OPERATIONS[chunk.operation]
    done = operation.work(chunk.subject_ids, operation.instant(chunk.at, at), json.loads(chunk.parameters))
    values: dict[str, Any] = {
        "at": at,
        "done_count": done.subject_count,
        "done_rupiah": done.rupiah,
        "chunk_id": chunk.chunk_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(DONE_SQL, values)
    return done


def _note_failure(chunk: _Chunk, error: Exception, at: datetime) -> bool:
    """Write what went wrong beside the chunk; False where the database cannot be asked any more."""
    failure = kind_of(error)
    if not connection.in_atomic_block and not connection.is_usable():
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute(FAILED_SQL, {"at": at, "failure": failure, "chunk_id": chunk.chunk_id})
    except DatabaseError:
        return False
    # The text of an error can name people; its kind and the place in our code cannot.
    logger.error("mass run %d, chunk %d: %s", chunk.run_id, chunk.number, failure)
    return True


def kind_of(error: Exception) -> str:
    """The kind of an error, of the database's with code and constraint: never its text, which may hold a name."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return " ".join(part for part in (type(error).__name__, state, constraint) if part)[:200]


def is_lost(error: Exception) -> bool:
    """Whether it is the connection that was lost, and not a statement that failed. It may be there again by now: Django
    opens another one when it leaves the block of a transaction whose connection has died."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith(("08", "57P")))


def hold_workers(run_id: int) -> None:
    """Wait for the chunks of a run that are under way; until the caller's transaction ends no further one begins."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD_SQL, [run_id])


def wake_workers() -> None:
    """Tell every waiting worker, when the caller's transaction commits, that there may be something to do."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def finish_runs(*, at: datetime, run_id: int | None = None) -> None:
    """Mark the runs finished that have no chunk left to do; a runner killed after its last chunk had no time to."""
    with connection.cursor() as cursor:
        cursor.execute(FINISH_SQL, {"at": at, "run_id": run_id, "automatic": list(AUTOMATIC)})


PROGRESS_SQL = """
SELECT count(*), count(done_at), coalesce(sum(done_count), 0)::bigint, coalesce(sum(done_rupiah), 0)::bigint
FROM lifecycle_masschunk WHERE run_id = %s
"""


def _progress_of(chunk: _Chunk) -> Progress:
    with connection.cursor() as cursor:
        cursor.execute(PROGRESS_SQL, [chunk.run_id])
        return Progress(chunk.run_id, chunk.number, *cursor.fetchone())
