"""`accredit`: who may teach and who may sell, from when until when; each decision stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Accreditation, Accredited, Institution, Platform
from bekal.catalogue.on_sale import keep_sales, lock_shelf
from bekal.catalogue.reasons import refusal_of_reason
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import programme_day

NUMBER_LIMIT_COUNT = 60
MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccreditation:
    """One decision about an institution or a platform (exactly one of both numbers); days are the first and the last,
    None: always, no end. `by_id` is the officer; None only where an office brings its past along."""

    institution_id: int | None = None
    platform_id: int | None = None
    state: str
    number: str = ""
    from_on: date | None = None
    until_on: date | None = None
    reason: str
    by_id: int | None


@dataclass(frozen=True, slots=True)
class AccreditOutcome:
    """`closed_count` and `opened_count` trainings stopped or began to be on sale; `repeated`: it stood so before."""

    refusal: Refusal | None = None
    opened_count: int = 0
    closed_count: int = 0
    repeated: bool = False


@transaction.atomic
def accredit(*, accreditations: Sequence[NewAccreditation], at: datetime) -> tuple[AccreditOutcome, ...]:
    """Decide, and open or close the sales that hang on it at once; outcomes in the order given.

    Refused: an unknown institution or platform, an accreditation without a number, a last day before the first, no
    reason, somebody who is no officer. The same decision again is `repeated`. Lock order: shelf, institution or
    platform, trainings.
    """
    on = programme_day(at)
    lock_shelf()
    return tuple(_accredit(new, at, on) for new in accreditations)


def _accredit(new: NewAccreditation, at: datetime, on: date) -> AccreditOutcome:
    number, reason = tidy(new.number), tidy(new.reason)
    refusal = _refusal(new, number, reason)
    if refusal is not None:
        return AccreditOutcome(refusal)
    holder = _locked(new)
    if holder is None:
        named = new.institution_id if new.platform_id is None else new.platform_id
        return AccreditOutcome(Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": str(named)}))
    known = (holder.accreditation, holder.accreditation_number, holder.accredited_from_on, holder.accredited_until_on)
    if known == (new.state, number, new.from_on, new.until_on) and holder.accreditations.exists():
        return AccreditOutcome(repeated=True)
    Accreditation.objects.create(
        institution_id=new.institution_id,
        platform_id=new.platform_id,
        state=new.state,
        number=number,
        from_on=new.from_on,
        until_on=new.until_on,
        reason=reason,
        decided_by_id=new.by_id,
        decided_at=at,
    )
    holder.accreditation, holder.accreditation_number = new.state, number
    holder.accredited_from_on, holder.accredited_until_on = new.from_on, new.until_on
    holder.save(update_fields=["accreditation", "accreditation_number", "accredited_from_on", "accredited_until_on"])
    kept = (
        keep_sales(on=on, institution_ids=[holder.pk])
        if isinstance(holder, Institution)
        else keep_sales(on=on, platform_ids=[holder.pk])
    )
    return AccreditOutcome(None, kept.opened_count, kept.closed_count)


def _refusal(new: NewAccreditation, number: str, reason: str) -> Refusal | None:
    if new.by_id is not None and not User.objects.filter(pk=new.by_id, role=Role.OFFICER).exists():
        return Refusal(ShelfRefusal.NOT_AN_OFFICER)
    if new.state not in Accredited.State.values:
        return Refusal(ShelfRefusal.CHOICE_UNKNOWN, {"field": "state", "value": new.state[:40]})
    if new.state == Accredited.State.ACCREDITED and not number and new.by_id is not None:
        return Refusal(ShelfRefusal.NUMBER_MISSING)
    if len(number) > NUMBER_LIMIT_COUNT or not is_readable(number):
        return Refusal(ShelfRefusal.NUMBER_UNREADABLE, {"limit_count": NUMBER_LIMIT_COUNT})
    if new.from_on is not None and new.until_on is not None and new.until_on < new.from_on:
        return Refusal(ShelfRefusal.DAYS_REVERSED, {"from_on": new.from_on, "until_on": new.until_on})
    return refusal_of_reason(reason)


def _locked(new: NewAccreditation) -> Institution | Platform | None:
    if (new.institution_id is None) == (new.platform_id is None):
        raise ValueError("name either an institution or a platform")
    if new.institution_id is not None:
        institutions = Institution.objects.select_for_update(no_key=True).order_by("pk")
        return institutions.filter(pk=min(new.institution_id, MAX_BIGINT)).first()
    platforms = Platform.objects.select_for_update(no_key=True).order_by("pk")
    return platforms.filter(pk=min(new.platform_id or 0, MAX_BIGINT)).first()
