"""Mass runs: one verb over many, planned as a sealed list, approved where that is needed, worked off chunk by chunk.

The chunk is the queue and the checkpoint: its verb and its `done_at` commit together, so that a runner killed anywhere
leaves nothing half done and nothing to clean up. Any number of runners may work.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.proof_results import PROOF_LIMIT, ReleaseBlock, release_block
from bekal.lifecycle.mass_list import SEAL_SQL, is_sealed
from bekal.lifecycle.mass_queries import MassRunState, MassState, mass_run, mass_runs, open_runs
from bekal.lifecycle.mass_work import Progress, Worked, finish_runs, hold_workers, wake_workers, work
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.operations import OPERATIONS, Parameters
from bekal.lifecycle.refusals import MassRefusal
from bekal.lifecycle.stop_mass_run import ask_to_stop_mass_run, keep_mass_run, stop_mass_run

__all__ = [
    "CHUNK_COUNT",
    "MassRunState",
    "MassState",
    "PlannedMass",
    "Progress",
    "Worked",
    "approve_mass_run",
    "ask_to_stop_mass_run",
    "cancel_mass_run",
    "keep_mass_run",
    "mass_run",
    "mass_runs",
    "plan_mass_run",
    "stop_mass_run",
    "work",
]

CHUNK_COUNT = 10_000
NO_PARAMETERS: Parameters = MappingProxyType({})
SECOND_PERSON = "lifecycle_massrun_second_person"


@dataclass(frozen=True, slots=True)
class PlannedMass:
    """The new run with what an approval will be bound to, or why there is none."""

    run_id: int | None
    subject_count: int
    total_rupiah: int
    list_sha256: bytes | None
    refusal: Refusal | None = None


# Planning

PLAN_SQL = """
WITH subject AS MATERIALIZED ({listing}), placed AS (
    SELECT subject_id, amount_rupiah, 1 + (row_number() OVER (ORDER BY subject_id) - 1) / %(chunk_count)s AS number
    FROM subject
), chunk AS MATERIALIZED (
    SELECT number, array_agg(subject_id ORDER BY subject_id) AS subject_ids,
           array_agg(amount_rupiah ORDER BY subject_id) AS amounts_rupiah,
           count(*) AS subject_count, sum(amount_rupiah)::bigint AS total_rupiah
    FROM placed GROUP BY number
), run AS (
    INSERT INTO lifecycle_massrun (operation, at, parameters, subject_count, total_rupiah, list_sha256,
                                   planned_by_id, planned_at)
    SELECT %(operation)s, %(planned_at)s, %(parameters)s, subject_count, total_rupiah, list_sha256,
           %(planned_by_id)s, %(planned_at)s
    FROM (SELECT {seal} FROM chunk) seal WHERE subject_count > 0
    RETURNING id, subject_count, total_rupiah, list_sha256
), written AS (
    INSERT INTO lifecycle_masschunk (run_id, number, subject_ids, amounts_rupiah, subject_count, total_rupiah,
                                     done_count, done_rupiah, failure)
    SELECT run.id, number, subject_ids, amounts_rupiah, chunk.subject_count, chunk.total_rupiah, 0, 0, ''
    FROM chunk CROSS JOIN run ORDER BY number
)
SELECT id, subject_count, total_rupiah, list_sha256 FROM run
"""


@transaction.atomic
def plan_mass_run(
    *, operation: str, planned_by_id: int | None, at: datetime, parameters: Parameters = NO_PARAMETERS
) -> PlannedMass:
    """Put everybody the operation would touch at `at` on one sealed list, with the amount for each.

    `planned_by_id` None is the programme itself (`manage daily`). Planners wait for each other: of two at once one is
    refused. Refusals: RUN_OPEN (a run of this operation is planned or at work), NOTHING_DUE, and those of the
    operation. Raises ValueError for an operation there is none of and a naive instant.
    """
    programme_day(at)
    kind = MassRun.Operation(operation)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('lifecycle.plan_mass_run'))")
    finish_runs(at=at)
    open_id = open_runs().filter(operation=kind).values_list("id", flat=True).first()
    if open_id is not None:
        return _not_planned(Refusal(MassRefusal.RUN_OPEN, {"run_id": open_id}))
    listing = OPERATIONS[kind].listing(at, parameters)
    if isinstance(listing, Refusal):
        return _not_planned(listing)
    values: dict[str, Any] = {
        "operation": kind.value,
        "planned_at": at,
        "parameters": json.dumps({name: parameters[name] for name in OPERATIONS[kind].keeps}),
        "planned_by_id": planned_by_id,
        "chunk_count": CHUNK_COUNT,
    }
    with connection.cursor() as cursor:
        cursor.execute(PLAN_SQL.format(listing=listing.sql, seal=SEAL_SQL), {**listing.values, **values})
        row = cursor.fetchone()
    if row is None:
        return _not_planned(Refusal(MassRefusal.NOTHING_DUE))
    run_id, subject_count, total_rupiah, list_sha256 = row
    if not OPERATIONS[kind].needs_approval:
        wake_workers()
    return PlannedMass(run_id, subject_count, total_rupiah, bytes(list_sha256))


def _not_planned(refusal: Refusal) -> PlannedMass:
    return PlannedMass(None, 0, 0, None, refusal)


# Approving and cancelling


@transaction.atomic
def approve_mass_run(
    *, run_id: int, officer_id: int, list_sha256: bytes, at: datetime, proof_limit: timedelta | None = PROOF_LIMIT
) -> Refusal | None:
    """Approve a run whose list has the SHA-256 the officer saw, and still has it now; None where it is approved.

    That planner and approver are two people is decided by the database's constraint and by nothing else. Refusals:
    RUN_NOT_FOUND, RUN_CANCELLED, NO_APPROVAL_NEEDED, ALREADY_APPROVED, LIST_CHANGED, SAME_PERSON; where institutions
    are paid, LEDGER_DIFFERENCE and LEDGER_NOT_PROVED (no proof within `proof_limit`; None where no worker proves).
    """
    run = MassRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = _refusal_to_approve(run, bytes(list_sha256))
    if code is None and run is not None and run.operation == MassRun.Operation.SETTLE_INSTITUTIONS:
        refusal = _refusal_to_pay(run_id, at, proof_limit)
        if refusal is not None:
            return refusal
    if code is None and not _wrote_approval(run_id, officer_id, at, bytes(list_sha256)):
        code = MassRefusal.SAME_PERSON
    if code is not None:
        return Refusal(code, {"run_id": run_id})
    wake_workers()
    return None


def _refusal_to_approve(run: MassRun | None, seen_sha256: bytes) -> MassRefusal | None:
    if run is None:
        return MassRefusal.RUN_NOT_FOUND
    if run.cancelled_at is not None:
        return MassRefusal.RUN_CANCELLED
    operation = OPERATIONS[run.operation]
    if not operation.needs_approval:
        return MassRefusal.NO_APPROVAL_NEEDED
    if run.approved_at is not None:
        return MassRefusal.ALREADY_APPROVED
    if seen_sha256 != bytes(run.list_sha256) or not is_sealed(run_id=run.pk):
        return MassRefusal.LIST_CHANGED
    return None


def _refusal_to_pay(run_id: int, at: datetime, proof_limit: timedelta | None) -> Refusal | None:
    block = release_block(at=at, proof_limit=proof_limit)
    if block is ReleaseBlock.DIFFERENCE:
        return Refusal(MassRefusal.LEDGER_DIFFERENCE, {"run_id": run_id})
    if block is not None and proof_limit is not None:
        hours_count = proof_limit // timedelta(hours=1)
        return Refusal(MassRefusal.LEDGER_NOT_PROVED, {"run_id": run_id, "hours_count": hours_count})
    return None


def _wrote_approval(run_id: int, officer_id: int, at: datetime, list_sha256: bytes) -> bool:
    try:
        with transaction.atomic():
            # Money moves at the instant of the approval, not of the plan: a statement of a day between stays true.
            MassRun.objects.filter(id=run_id).update(
                approved_by_id=officer_id, approved_at=at, approved_sha256=list_sha256, at=Greatest(F("at"), at)
            )
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        return False
    return True


@transaction.atomic
def cancel_mass_run(*, run_id: int, officer_id: int, at: datetime) -> Refusal | None:
    """Drop a run before its approval; any officer may, and stands in the books with it. None where it is cancelled.

    A run that needs none is cancelled while it works, too: the chunk under way is waited for, what is done stays done.
    An approved one is stopped (`stop_mass_run`). Refusals: RUN_NOT_FOUND, RUN_CANCELLED, RUN_STOPPED, ALREADY_APPROVED,
    RUN_FINISHED.
    """
    hold_workers(run_id)
    run = MassRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = None
    if run is None:
        code = MassRefusal.RUN_NOT_FOUND
    elif run.cancelled_at is not None:
        code = MassRefusal.RUN_CANCELLED
    elif run.stopped_at is not None:
        code = MassRefusal.RUN_STOPPED
    elif run.approved_at is not None:
        code = MassRefusal.ALREADY_APPROVED
    elif run.finished_at is not None:
        code = MassRefusal.RUN_FINISHED
    if code is not None:
        return Refusal(code, {"run_id": run_id})
    MassRun.objects.filter(id=run_id).update(cancelled_by_id=officer_id, cancelled_at=at)
    return None
