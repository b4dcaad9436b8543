"""`declare_interests`, `end_interests`: to whom somebody who may curate is bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.accounts.models import Role, User
from bekal.catalogue.models import CuratorInterest, Institution, Owner, Platform
from bekal.catalogue.on_sale import lock_shelf
from bekal.catalogue.reasons import refusal_of_reason
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.clock import programme_day

MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInterest:
    """Who is bound to what (exactly one of the three numbers), in which way, and which officer says so."""

    user_id: int
    institution_id: int | None = None
    platform_id: int | None = None
    shareholder_id: int | None = None
    explanation: str
    by_id: int


@dataclass(frozen=True, slots=True)
class InterestOutcome:
    interest_id: int | None = None
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def declare_interests(*, interests: Sequence[NewInterest], at: datetime) -> tuple[InterestOutcome, ...]:
    """Note that a curator is bound to somebody; outcomes in the order given. From now on the curator decides nothing of
    theirs. One's own or another's: whoever knows it says it. The same again is `repeated`."""
    programme_day(at)  # refuses a naive instant
    lock_shelf()  # two that declare the same wait for each other
    return tuple(_declare(new, at) for new in interests)


@transaction.atomic
def end_interests(*, interest_ids: Sequence[int], by_id: int, at: datetime) -> tuple[InterestOutcome, ...]:
    """Note that an interest is over, which another officer than the one who is bound does."""
    programme_day(at)
    lock_shelf()
    return tuple(_end(number, by_id, at) for number in interest_ids)


def _declare(new: NewInterest, at: datetime) -> InterestOutcome:
    explanation = tidy(new.explanation)
    if not _is_officer(new.by_id) or not _is_officer(new.user_id):
        return InterestOutcome(refusal=Refusal(ShelfRefusal.NOT_AN_OFFICER))
    refusal = refusal_of_reason(explanation)
    if refusal is not None:
        return InterestOutcome(refusal=refusal)
    numbers = {
        "institution_id": new.institution_id,
        "platform_id": new.platform_id,
        "shareholder_id": new.shareholder_id,
    }
    named = {name: min(number, MAX_BIGINT) for name, number in numbers.items() if number is not None}
    if len(named) != 1:
        raise ValueError("name one institution, platform or owner")
    [(name, number)] = named.items()
    models = {"institution_id": Institution, "platform_id": Platform, "shareholder_id": Owner}
    if not models[name].objects.filter(pk=number).exists():  # type: ignore[attr-defined]
        return InterestOutcome(refusal=Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": str(number)}))
    known = CuratorInterest.objects.filter(user_id=new.user_id, ended_at=None, **named).first()
    if known is not None:
        return InterestOutcome(known.pk, repeated=True)
    made = CuratorInterest.objects.create(
        user_id=new.user_id, explanation=explanation, declared_by_id=new.by_id, declared_at=at, **named
    )
    return InterestOutcome(made.pk)


def _end(interest_id: int, by_id: int, at: datetime) -> InterestOutcome:
    if not _is_officer(by_id):
        return InterestOutcome(refusal=Refusal(ShelfRefusal.NOT_AN_OFFICER))
    row = CuratorInterest.objects.filter(pk=min(interest_id, MAX_BIGINT)).first()
    if row is None or row.ended_at is not None:
        return InterestOutcome(refusal=Refusal(ShelfRefusal.INTEREST_KNOWN))
    if row.user_id == by_id:
        return InterestOutcome(row.pk, Refusal(ShelfRefusal.INTEREST_OWN))
    row.ended_by_id, row.ended_at = by_id, at
    row.save(update_fields=["ended_by", "ended_at"])
    return InterestOutcome(row.pk)


def _is_officer(user_id: int) -> bool:
    return User.objects.filter(pk=user_id, role=Role.OFFICER).exists()
