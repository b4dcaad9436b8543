"""`stop_mass_run`: the way out of an approved run that cannot go on, or should not. It takes two people, too."""

from datetime import datetime

from django.db import transaction
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.clock import programme_day
from bekal.lifecycle.mass_work import hold_workers
from bekal.lifecycle.models import MassChunk, MassRun
from bekal.lifecycle.reasons import refusal_to_say
from bekal.lifecycle.refusals import MassRefusal

SECOND_PERSON = "lifecycle_massrun_stopped_by_second_person"


@transaction.atomic
def ask_to_stop_mass_run(*, run_id: int, officer_id: int, because: str, at: datetime) -> Refusal | None:
    """Ask that an approved run be stopped, and say why; None where it is asked. The work goes on until another officer
    agrees. Whoever asks again takes the place of the one before.

    Refusals: STOP_REASON_..., RUN_NOT_FOUND, RUN_CANCELLED, RUN_STOPPED, NOT_APPROVED, RUN_FINISHED.
    """
    programme_day(at)
    because = tidy(because)
    refusal = refusal_to_say(
        because,
        empty=MassRefusal.STOP_REASON_EMPTY,
        unreadable=MassRefusal.STOP_REASON_UNREADABLE,
        too_long=MassRefusal.STOP_REASON_TOO_LONG,
    )
    if refusal is not None:
        return refusal
    run = MassRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = _refusal_to_stop(run)
    if code is not None:
        return Refusal(code, {"run_id": run_id})
    MassRun.objects.filter(id=run_id).update(stop_asked_by_id=officer_id, stop_asked_at=at, stop_because=because)
    return None


@transaction.atomic
def stop_mass_run(*, run_id: int, officer_id: int, because: str, at: datetime) -> Refusal | None:
    """A second person agrees to the reason they saw: what is done stays done, the rest is not worked any more, and the
    operation can be planned anew. None where it is stopped. Waits for the chunks under way; none is taken afterwards.

    That it takes two people is decided by the database's constraint and by nothing else. Refusals: RUN_NOT_FOUND,
    RUN_CANCELLED, RUN_STOPPED, NOT_APPROVED, RUN_FINISHED, STOP_NOT_ASKED, STOP_CHANGED, STOP_SAME_PERSON.
    """
    programme_day(at)
    hold_workers(run_id)
    run = MassRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = _refusal_to_stop(run)
    if code is None and run is not None:
        if run.stop_asked_at is None:
            code = MassRefusal.STOP_NOT_ASKED
        elif tidy(because) != run.stop_because:
            code = MassRefusal.STOP_CHANGED
        elif not _wrote_stop(run_id, officer_id, at):
            code = MassRefusal.STOP_SAME_PERSON
    return None if code is None else Refusal(code, {"run_id": run_id})


@transaction.atomic
def keep_mass_run(*, run_id: int) -> Refusal | None:
    """Drop the request to stop a run: the work goes on as it was approved. None where there is none any more.

    Refusals: RUN_NOT_FOUND, RUN_CANCELLED, RUN_STOPPED, NOT_APPROVED, RUN_FINISHED, STOP_NOT_ASKED.
    """
    run = MassRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    code = _refusal_to_stop(run)
    if code is None and run is not None and run.stop_asked_at is None:
        code = MassRefusal.STOP_NOT_ASKED
    if code is not None:
        return Refusal(code, {"run_id": run_id})
    MassRun.objects.filter(id=run_id).update(stop_asked_by_id=None, stop_asked_at=None, stop_because="")
    return None


def _refusal_to_stop(run: MassRun | None) -> MassRefusal | None:
    if run is None:
        return MassRefusal.RUN_NOT_FOUND
    if run.cancelled_at is not None:
        return MassRefusal.RUN_CANCELLED
    if run.stopped_at is not None:
        return MassRefusal.RUN_STOPPED
    if run.approved_at is None:
        return MassRefusal.NOT_APPROVED
    # A runner killed after its last chunk had no time to say that the run is done.
    if run.finished_at is not None or not MassChunk.objects.filter(run=run, done_at=None).exists():
        return MassRefusal.RUN_FINISHED
    return None


def _wrote_stop(run_id: int, officer_id: int, at: datetime) -> bool:
    try:
        with transaction.atomic():
            MassRun.objects.filter(id=run_id).update(stopped_by_id=officer_id, stopped_at=at)
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        return False
    return True
