"""`suspend`, `lift_suspensions`: nothing of an institution, a platform or a training is sold or settled meanwhile."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Institution, Platform, Suspension, Training
from bekal.catalogue.on_sale import keep_sales, lock_shelf
from bekal.catalogue.reasons import refusal_of_reason
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.clock import programme_day

MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuspension:
    """What is suspended (exactly one of the three numbers), why, and by which officer."""

    institution_id: int | None = None
    platform_id: int | None = None
    training_id: int | None = None
    reason: str
    by_id: int


@dataclass(frozen=True, slots=True)
class NewLift:
    """Which suspension is lifted, why, and by which officer: another than the one who suspended."""

    suspension_id: int
    reason: str
    by_id: int


@dataclass(frozen=True, slots=True)
class SuspendOutcome:
    """`closed_count` or `opened_count` trainings stopped or began to be on sale; `repeated`: it stood so before."""

    suspension_id: int | None = None
    refusal: Refusal | None = None
    opened_count: int = 0
    closed_count: int = 0
    repeated: bool = False


@transaction.atomic
def suspend(*, suspensions: Sequence[NewSuspension], at: datetime) -> tuple[SuspendOutcome, ...]:
    """Stop sales and settlement at once; outcomes in the order given. Who is buying at this moment is waited for and
    keeps the purchase; whoever comes later is refused. What is owed to the institution stays owed.

    The same reason again is `repeated`. Refused: what is unknown, no reason, what is suspended for another reason,
    somebody who is no officer. Lock order: shelf, institutions (a settlement under way is waited for), trainings.
    """
    lock_shelf()
    _lock_institutions([_subject(new) for new in suspensions])
    return tuple(_suspend(new, at) for new in suspensions)


@transaction.atomic
def lift_suspensions(*, lifts: Sequence[NewLift], at: datetime) -> tuple[SuspendOutcome, ...]:
    """Let sales and settlement go on; outcomes in the order given. `repeated` where this officer lifted it before.

    Refused: an unknown suspension, one that was lifted, no reason, whoever suspended it or is no officer. What is
    suspended by its institution or platform as well stays off sale. Lock order as `suspend`.
    """
    lock_shelf()
    rows = Suspension.objects.filter(pk__in=[min(lift.suspension_id, MAX_BIGINT) for lift in lifts]).order_by("pk")
    _lock_institutions([(row.institution_id, row.platform_id, row.training_id) for row in rows])
    return tuple(_lift(lift, at) for lift in lifts)


Subject = tuple[int | None, int | None, int | None]  # institution, platform, training


def _subject(new: NewSuspension) -> Subject:
    subject = (new.institution_id, new.platform_id, new.training_id)
    if sum(number is not None for number in subject) != 1:
        raise ValueError("name one institution, platform or training")
    institution, platform, training = (None if number is None else min(number, MAX_BIGINT) for number in subject)
    return institution, platform, training


def _lock_institutions(subjects: Collection[Subject]) -> None:
    """Every institution that could be paid for what is suspended, in the order in which a settlement locks them."""
    institutions = {institution for institution, _, _ in subjects if institution is not None}
    platforms = [platform for _, platform, _ in subjects if platform is not None]
    trainings = [training for _, _, training in subjects if training is not None]
    homes = Training.objects.filter(platform_id__in=platforms) | Training.objects.filter(pk__in=trainings)
    institutions.update(homes.order_by("institution_id").values_list("institution_id", flat=True))
    rows = Institution.objects.select_for_update(no_key=True).filter(pk__in=institutions).order_by("pk")
    list(rows.values_list("pk"))


def _suspend(new: NewSuspension, at: datetime) -> SuspendOutcome:
    reason = tidy(new.reason)
    refusal = _refusal_of_officer(new.by_id) or refusal_of_reason(reason)
    if refusal is not None:
        return SuspendOutcome(refusal=refusal)
    institution_id, platform_id, training_id = _subject(new)
    if not _exists(institution_id, platform_id, training_id):
        named = next(number for number in _subject(new) if number is not None)
        return SuspendOutcome(refusal=Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": str(named)}))
    subject = {"institution_id": institution_id, "platform_id": platform_id, "training_id": training_id}
    known = Suspension.objects.filter(lifted_at=None, **subject).first()
    if known is not None:
        if known.reason == reason:
            return SuspendOutcome(known.pk, repeated=True)
        suspended_on, why = programme_day(known.suspended_at), known.reason
        refusal = Refusal(ShelfRefusal.ALREADY_SUSPENDED, {"suspended_on": suspended_on, "reason": why})
        return SuspendOutcome(known.pk, refusal)
    made = Suspension.objects.create(reason=reason, suspended_by_id=new.by_id, suspended_at=at, **subject)
    return _kept(made, at)


def _lift(lift: NewLift, at: datetime) -> SuspendOutcome:
    reason = tidy(lift.reason)
    refusal = _refusal_of_officer(lift.by_id) or refusal_of_reason(reason)
    if refusal is not None:
        return SuspendOutcome(refusal=refusal)
    known = Suspension.objects.select_for_update(no_key=True).filter(pk=min(lift.suspension_id, MAX_BIGINT)).first()
    if known is None:
        return SuspendOutcome(refusal=Refusal(ShelfRefusal.NOT_SUSPENDED))
    if known.lifted_at is not None:
        if known.lifted_by_id == lift.by_id:
            return SuspendOutcome(known.pk, repeated=True)
        return SuspendOutcome(known.pk, Refusal(ShelfRefusal.NOT_SUSPENDED))
    if known.suspended_by_id == lift.by_id:
        return SuspendOutcome(known.pk, Refusal(ShelfRefusal.LIFTED_BY_ANOTHER))
    known.lifted_by_id, known.lifted_at, known.lift_reason = lift.by_id, at, reason
    known.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    return _kept(known, at)


def _kept(suspension: Suspension, at: datetime) -> SuspendOutcome:
    kept = keep_sales(
        on=programme_day(at),
        training_ids=[suspension.training_id] if suspension.training_id else [],
        institution_ids=[suspension.institution_id] if suspension.institution_id else [],
        platform_ids=[suspension.platform_id] if suspension.platform_id else [],
    )
    return SuspendOutcome(suspension.pk, None, kept.opened_count, kept.closed_count)


def _exists(institution_id: int | None, platform_id: int | None, training_id: int | None) -> bool:
    if institution_id is not None:
        return Institution.objects.filter(pk=institution_id).exists()
    if platform_id is not None:
        return Platform.objects.filter(pk=platform_id).exists()
    return Training.objects.filter(pk=training_id or 0).exists()


def _refusal_of_officer(user_id: int) -> Refusal | None:
    is_officer = User.objects.filter(pk=user_id, role=Role.OFFICER).exists()
    return None if is_officer else Refusal(ShelfRefusal.NOT_AN_OFFICER)
