"""`approve_payout_run`: a second person agrees to exactly the list that was shown."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.incentives.list_seal import planned_seal, seal_of
from bekal.incentives.models import PayoutRun
from bekal.incentives.refusals import PayoutRefusal

SECOND_PERSON = "incentives_payoutrun_second_person"


@dataclass(frozen=True, slots=True)
class ApprovedRun:
    """Approved, or why not."""

    run_id: int
    refusal: Refusal | None = None


@transaction.atomic
def approve_payout_run(*, run_id: int, officer_id: int, list_sha256: bytes, at: datetime) -> ApprovedRun:
    """Approve a run whose list has the SHA-256 the officer saw, and still has it now.

    That planner and approver are two people is decided by the database's constraint and by nothing else. Refusals:
    RUN_NOT_FOUND, RUN_CANCELLED, ALREADY_APPROVED, LIST_CHANGED, SAME_PERSON.
    """
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = _refusal_code(run, bytes(list_sha256))
    if code is None and not _wrote_approval(run_id, officer_id, at, bytes(list_sha256)):
        code = PayoutRefusal.SAME_PERSON
    return ApprovedRun(run_id, None if code is None else Refusal(code, {"run_id": run_id}))


def _refusal_code(run: PayoutRun | None, seen_sha256: bytes) -> PayoutRefusal | None:
    if run is None:
        return PayoutRefusal.RUN_NOT_FOUND
    if run.cancelled_at is not None:
        return PayoutRefusal.RUN_CANCELLED
    if run.approved_at is not None:
        return PayoutRefusal.ALREADY_APPROVED
    planned = planned_seal(run)
    if seen_sha256 != planned.list_sha256 or seal_of(run_id=run.id) != planned:
        return PayoutRefusal.LIST_CHANGED
    return None


def _wrote_approval(run_id: int, officer_id: int, at: datetime, list_sha256: bytes) -> bool:
    try:
        with transaction.atomic():
            PayoutRun.objects.filter(id=run_id).update(
                approved_by_id=officer_id, approved_at=at, approved_sha256=list_sha256
            )
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        return False
    return True
