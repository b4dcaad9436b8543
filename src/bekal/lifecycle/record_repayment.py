"""`record_repayment`: what came back of a clawback, once for each reference of the treasury's receipt."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.lifecycle.claw_back import outstanding_of, repaid_of
from bekal.lifecycle.models import Clawback, Repayment
from bekal.lifecycle.refusals import LifecycleRefusal

# As a receipt of the treasury prints its number; blanks and small letters are mended before.
REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,39}")
REFERENCE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class RecordedRepayment:
    """What the repayment paid off, the cash first, and what is still owed. `repeated`: it had been recorded before."""

    repayment_id: int | None
    incentive_rupiah: int = 0
    training_rupiah: int = 0
    outstanding_rupiah: int = 0
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def record_repayment(
    *, clawback_id: int, reference: str, amount_rupiah: int, received_on: date, officer_id: int, at: datetime
) -> RecordedRepayment:
    """Book one receipt: a part or all of what is outstanding, never more. It pays off the cash first, then the cost of
    trainings. The same receipt again changes nothing.

    Locks the clawback. Refusals: REFERENCE_MALFORMED, REPAYMENT_NOT_POSITIVE, CLAWBACK_NOT_FOUND,
    CLAWBACK_NOT_APPROVED, REFERENCE_USED, REFERENCE_OF_ANOTHER, CLAWBACK_WITHDRAWN, RECEIVED_IN_FUTURE,
    RECEIVED_TOO_EARLY, ABOVE_OUTSTANDING.
    """
    today = programme_day(at)
    reference = reference.strip().upper()
    if not REFERENCE.fullmatch(reference):
        return _refused(LifecycleRefusal.REFERENCE_MALFORMED, value=shown(reference), limit_count=REFERENCE_LENGTH)
    if type(amount_rupiah) is not int or amount_rupiah <= 0:
        return _refused(LifecycleRefusal.REPAYMENT_NOT_POSITIVE, amount_rupiah=amount_rupiah)
    # One receipt is one repayment over the whole programme; whoever records the same waits here.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"lifecycle.repayment:{reference}"])
    clawback = Clawback.objects.select_for_update(no_key=True).filter(pk=clawback_id).first()
    if clawback is None or clawback.approved_at is None or clawback.due_on is None:
        code = LifecycleRefusal.CLAWBACK_NOT_APPROVED if clawback else LifecycleRefusal.CLAWBACK_NOT_FOUND
        return _refused(code, clawback_id=clawback_id)
    left = outstanding_of(clawback, repaid_of(clawback_id))
    earlier = Repayment.objects.filter(reference=reference).order_by("id").first()
    if earlier is not None:
        return _outcome_of_second(earlier, clawback_id, amount_rupiah, received_on, sum(left))
    refusal = _refusal_to_take(clawback, amount_rupiah, received_on, sum(left), today)
    if refusal is not None:
        return RecordedRepayment(None, outstanding_rupiah=sum(left), refusal=refusal)
    incentive_rupiah = min(amount_rupiah, left[0])
    repayment = Repayment.objects.create(
        clawback=clawback,
        reference=reference,
        incentive_rupiah=incentive_rupiah,
        training_rupiah=amount_rupiah - incentive_rupiah,
        received_on=received_on,
        recorded_by_id=officer_id,
        recorded_at=at,
    )
    _post(repayment, clawback.participation_id, at)
    return RecordedRepayment(repayment.pk, incentive_rupiah, repayment.training_rupiah, sum(left) - amount_rupiah)


def _refusal_to_take(
    clawback: Clawback, amount_rupiah: int, received_on: date, outstanding_rupiah: int, today: date
) -> Refusal | None:
    assert clawback.approved_at is not None
    approved_on = programme_day(clawback.approved_at)
    if clawback.withdrawn_at is not None:
        return Refusal(LifecycleRefusal.CLAWBACK_WITHDRAWN, {"clawback_id": clawback.pk})
    if received_on > today:
        return Refusal(LifecycleRefusal.RECEIVED_IN_FUTURE, {"received_on": received_on})
    if received_on < approved_on:
        values: dict[str, int | str | date | None] = {"received_on": received_on, "approved_on": approved_on}
        return Refusal(LifecycleRefusal.RECEIVED_TOO_EARLY, values)
    if amount_rupiah > outstanding_rupiah:
        amounts = {"amount_rupiah": amount_rupiah, "outstanding_rupiah": outstanding_rupiah}
        return Refusal(LifecycleRefusal.ABOVE_OUTSTANDING, amounts)
    return None


def _outcome_of_second(
    earlier: Repayment, clawback_id: int, amount_rupiah: int, received_on: date, outstanding_rupiah: int
) -> RecordedRepayment:
    """The same receipt once more, or another one under its number."""
    if earlier.clawback_id != clawback_id:
        values: dict[str, int | str | date | None] = {
            "reference": earlier.reference,
            "clawback_id": earlier.clawback_id,
        }
        return RecordedRepayment(None, refusal=Refusal(LifecycleRefusal.REFERENCE_OF_ANOTHER, values))
    received_rupiah = earlier.incentive_rupiah + earlier.training_rupiah
    if (received_rupiah, earlier.received_on) != (amount_rupiah, received_on):
        values = {
            "reference": earlier.reference,
            "received_rupiah": received_rupiah,
            "received_on": earlier.received_on,
        }
        return RecordedRepayment(None, refusal=Refusal(LifecycleRefusal.REFERENCE_USED, values))
    return RecordedRepayment(
        earlier.pk, earlier.incentive_rupiah, earlier.training_rupiah, outstanding_rupiah, repeated=True
    )


def _refused(code: LifecycleRefusal, **values: int | str) -> RecordedRepayment:
    return RecordedRepayment(None, refusal=Refusal(code, values))


def _post(repayment: Repayment, owner_id: int, at: datetime) -> None:
    key = f"repayment:{repayment.pk}"
    parts = (
        (Movement.REPAY_INCENTIVE, repayment.incentive_rupiah, f"{key}:incentive"),
        (Movement.REPAY_TRAINING, repayment.training_rupiah, f"{key}:training"),
    )
    postings = [Posting(owner_id, movement, rupiah, name) for movement, rupiah, name in parts if rupiah > 0]
    posted = post(postings=postings, at=at)
    if len(posted.posted) != len(postings):
        raise RuntimeError(f"repayment {repayment.pk} did not reach the ledger")
