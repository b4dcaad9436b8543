"""`record_ownerships`, `end_ownerships`: who holds which share of an institution, a platform or another owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, Sum

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Institution, Owner, Ownership, Platform
from bekal.catalogue.on_sale import lock_shelf
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.ledger.clock import programme_day

NAME_LIMIT_COUNT = 200
MAX_BIGINT = 2**63 - 1
WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOwnership:
    """A share (above 0, up to 100 percent, two decimals) from a day on. `owner_kind` is one of Owner.Kind; for an
    institution or a platform of the catalogue `owner_name` is its name there. Exactly one of the three numbers says
    what is held. `by_id` is the officer; None only where an office brings its past along."""

    owner_name: str
    owner_kind: str
    institution_id: int | None = None
    platform_id: int | None = None
    held_owner_id: int | None = None
    share_percent: Decimal
    since_on: date
    until_on: date | None = None
    by_id: int | None


@dataclass(frozen=True, slots=True)
class NewEnd:
    """The last day of a share."""

    ownership_id: int
    until_on: date
    by_id: int


@dataclass(frozen=True, slots=True)
class OwnOutcome:
    """The share, or why there is none; `repeated`: it stood so before."""

    ownership_id: int | None = None
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def record_ownerships(*, ownerships: Sequence[NewOwnership], at: datetime) -> tuple[OwnOutcome, ...]:
    """Record shares, making owners that are new; outcomes in the order given. The same again is `repeated`.

    Refused: an unknown subject or owner of the catalogue, a name that cannot be shown, a share out of range, shares
    that would be more than the whole on some day of this one, an owner of itself, somebody who is no officer.
    """
    programme_day(at)  # refuses a naive instant
    lock_shelf()
    return tuple(_record(new, at) for new in ownerships)


@transaction.atomic
def end_ownerships(*, ends: Sequence[NewEnd], at: datetime) -> tuple[OwnOutcome, ...]:
    """Say on which day a share was held last; outcomes in the order given. The same again is `repeated`."""
    programme_day(at)
    lock_shelf()
    return tuple(_end(end) for end in ends)


def _record(new: NewOwnership, at: datetime) -> OwnOutcome:
    name = tidy(new.owner_name)
    refusal = _refusal(new, name)
    if refusal is not None:
        return OwnOutcome(refusal=refusal)
    subject = {
        name: None if number is None else min(number, MAX_BIGINT)
        for name, number in (
            ("institution_id", new.institution_id),
            ("platform_id", new.platform_id),
            ("held_owner_id", new.held_owner_id),
        )
    }
    owner = _owner(name, new.owner_kind)
    if owner is None or not _exists(**subject):
        unknown = name if owner is None else str(next(number for number in subject.values() if number is not None))
        return OwnOutcome(refusal=Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": shown(unknown)}))
    if _is_itself(owner, subject):
        return OwnOutcome(refusal=Refusal(ShelfRefusal.OWNS_ITSELF))
    share = new.share_percent.quantize(Decimal("0.01"))
    held = Ownership.objects.filter(**subject)
    if owner.pk is not None:
        known = held.filter(
            shareholder=owner, share_percent=share, since_on=new.since_on, until_on=new.until_on
        ).first()
        if known is not None:
            return OwnOutcome(known.pk, repeated=True)
    overlapping = held.filter(Q(until_on=None) | Q(until_on__gte=new.since_on))
    if new.until_on is not None:
        overlapping = overlapping.filter(since_on__lte=new.until_on)
    taken = overlapping.aggregate(total=Sum("share_percent"))["total"] or Decimal(0)
    if taken + share > WHOLE:
        return OwnOutcome(refusal=Refusal(ShelfRefusal.SHARES_ABOVE_WHOLE, {"value": f"{taken.normalize():f}"}))
    if owner.pk is None:
        owner.save(force_insert=True)
    made = Ownership.objects.create(
        shareholder=owner,
        share_percent=share,
        since_on=new.since_on,
        until_on=new.until_on,
        recorded_by_id=new.by_id,
        recorded_at=at,
        **subject,
    )
    return OwnOutcome(made.pk)


def _refusal(new: NewOwnership, name: str) -> Refusal | None:
    if sum(number is not None for number in (new.institution_id, new.platform_id, new.held_owner_id)) != 1:
        raise ValueError("name one institution, platform or owner that is held")
    if new.by_id is not None and not User.objects.filter(pk=new.by_id, role=Role.OFFICER).exists():
        return Refusal(ShelfRefusal.NOT_AN_OFFICER)
    if not name or len(name) > NAME_LIMIT_COUNT or not is_readable(name):
        return Refusal(ShelfRefusal.OWNER_NAME_UNREADABLE, {"limit_count": NAME_LIMIT_COUNT})
    if new.owner_kind not in Owner.Kind.values:
        return Refusal(ShelfRefusal.CHOICE_UNKNOWN, {"field": "kind", "value": shown(new.owner_kind)})
    if not (new.share_percent.is_finite() and Decimal("0.01") <= new.share_percent <= WHOLE):
        return Refusal(ShelfRefusal.SHARE_OUT_OF_RANGE, {"value": shown(str(new.share_percent))})
    if new.until_on is not None and new.until_on < new.since_on:
        values = {"since_on": new.since_on, "until_on": new.until_on}
        return Refusal(ShelfRefusal.OWNERSHIP_DAYS_REVERSED, values)
    return None


def _owner(name: str, kind: str) -> Owner | None:
    """The owner there is, one to be made, or None where the catalogue knows nobody of that name."""
    known = Owner.objects.filter(name__iexact=name, kind=kind).order_by("pk").first()
    if known is not None:
        return known
    if kind == Owner.Kind.INSTITUTION:
        institution = Institution.objects.filter(name__iexact=name).order_by("pk").first()
        return Owner(name=institution.name, kind=kind, institution=institution) if institution else None
    if kind == Owner.Kind.PLATFORM:
        platform = Platform.objects.filter(name__iexact=name).order_by("pk").first()
        return Owner(name=platform.name, kind=kind, platform=platform) if platform else None
    return Owner(name=name, kind=kind)


def _exists(*, institution_id: int | None, platform_id: int | None, held_owner_id: int | None) -> bool:
    if institution_id is not None:
        return Institution.objects.filter(pk=institution_id).exists()
    if platform_id is not None:
        return Platform.objects.filter(pk=platform_id).exists()
    return Owner.objects.filter(pk=held_owner_id or 0).exists()


def _is_itself(owner: Owner, subject: dict[str, int | None]) -> bool:
    own = {"institution_id": owner.institution_id, "platform_id": owner.platform_id, "held_owner_id": owner.pk}
    return any(number is not None and own[name] == number for name, number in subject.items())


def _end(end: NewEnd) -> OwnOutcome:
    if not User.objects.filter(pk=end.by_id, role=Role.OFFICER).exists():
        return OwnOutcome(refusal=Refusal(ShelfRefusal.NOT_AN_OFFICER))
    row = Ownership.objects.filter(pk=min(end.ownership_id, MAX_BIGINT)).first()
    if row is None:
        return OwnOutcome(refusal=Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": str(end.ownership_id)}))
    if row.until_on is not None:
        if row.until_on == end.until_on:
            return OwnOutcome(row.pk, repeated=True)
        return OwnOutcome(row.pk, Refusal(ShelfRefusal.OWNERSHIP_ENDED, {"until_on": row.until_on}))
    if end.until_on < row.since_on:
        values = {"since_on": row.since_on, "until_on": end.until_on}
        return OwnOutcome(row.pk, Refusal(ShelfRefusal.OWNERSHIP_DAYS_REVERSED, values))
    row.until_on = end.until_on
    row.save(update_fields=["until_on"])
    return OwnOutcome(row.pk)
