"""`pause_payout_run`, `resume_payout_run`: nothing more of a run is handed over, until an officer lets it go on."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.incentives.models import PayoutRun
from bekal.incentives.refusals import PayoutRefusal


@dataclass(frozen=True, slots=True)
class PausedRun:
    """Paused or resumed, or why not; `repeated` where it stood so before."""

    run_id: int
    repeated: bool = False
    refusal: Refusal | None = None


@transaction.atomic
def pause_payout_run(*, run_id: int, officer_id: int, at: datetime) -> PausedRun:
    """Hand nothing more of the run over. One officer is enough to stop; what a partner has taken goes its way.

    Refusals: RUN_NOT_FOUND, RUN_CANCELLED.
    """
    return _set(run_id, officer_id, at)


@transaction.atomic
def resume_payout_run(*, run_id: int) -> PausedRun:
    """Let the run go on: exactly the list that two officers approved. Refusals: RUN_NOT_FOUND, RUN_CANCELLED."""
    return _set(run_id, None, None)


def _set(run_id: int, officer_id: int | None, at: datetime | None) -> PausedRun:
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    if run is None or run.cancelled_at is not None:
        code = PayoutRefusal.RUN_NOT_FOUND if run is None else PayoutRefusal.RUN_CANCELLED
        return PausedRun(run_id, refusal=Refusal(code, {"run_id": run_id}))
    if (run.paused_at is None) == (at is None):
        return PausedRun(run_id, repeated=True)
    PayoutRun.objects.filter(id=run_id).update(paused_at=at, paused_by_id=officer_id)
    return PausedRun(run_id)
