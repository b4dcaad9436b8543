"""`cancel_payout_run`: a list that was not sent is dropped; everything on it is due again."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.incentives.models import Payout, PayoutRun
from bekal.incentives.refusals import PayoutRefusal


@dataclass(frozen=True, slots=True)
class CancelledRun:
    """How many payouts ended with the run, or why it was not cancelled."""

    run_id: int
    payout_count: int
    refusal: Refusal | None = None


@transaction.atomic
def cancel_payout_run(*, run_id: int, officer_id: int, at: datetime) -> CancelledRun:
    """Cancel a run before its export; any officer may, and stands in the books with it.

    Refusals: RUN_NOT_FOUND, RUN_EXPORTED, RUN_CANCELLED."""
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = None
    if run is None:
        code = PayoutRefusal.RUN_NOT_FOUND
    elif run.exported_at is not None:
        code = PayoutRefusal.RUN_EXPORTED
    elif run.cancelled_at is not None:
        code = PayoutRefusal.RUN_CANCELLED
    if code is not None:
        return CancelledRun(run_id, 0, Refusal(code, {"run_id": run_id}))
    PayoutRun.objects.filter(id=run_id).update(cancelled_by_id=officer_id, cancelled_at=at)
    return CancelledRun(run_id, Payout.objects.filter(run_id=run_id, ended_at__isnull=True).update(ended_at=at))
