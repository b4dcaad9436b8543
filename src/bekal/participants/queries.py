"""Reads of people and their participations."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection
from django.db.models import F, QuerySet

from bekal.ledger.copy_rows import id_array
from bekal.participants.models import ContactPoint, Participation, PaymentPartner, PayoutAccount, SecondPayoutAccount


@dataclass(frozen=True, slots=True)
class ParticipationLine:
    """One participation with the person's name; the two deadlines are last allowed days."""

    participation_id: int
    participant_id: int
    full_name: str = field(repr=False)
    wave_number: int
    accepted_at: datetime
    accepted_on: date
    first_purchase_due_on: date
    balance_ends_on: date
    revoked_at: datetime | None
    balance_ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountLine:
    """Where a person is paid; the number stays hidden but for its end. `pays_from_at`: where it took the place of
    another account, from when on it is paid to."""

    partner: PaymentPartner
    masked: str
    holder_name: str = field(repr=False)
    verified_at: datetime | None
    pays_from_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One way to reach a person, masked."""

    kind: ContactPoint.Kind
    masked: str
    verified_at: datetime | None
    unreachable_since_at: datetime | None


def participation_of(*, user_id: int) -> ParticipationLine | None:
    """The participation of a signed-in participant; None for a user who has none."""
    return _line(Participation.objects.filter(participant__user_id=user_id))


def participation(*, participation_id: int) -> ParticipationLine | None:
    """One participation by its number."""
    return _line(Participation.objects.filter(pk=participation_id))


def payout_account_of(*, participant_id: int) -> AccountLine | None:
    """The person's payout account, if any."""
    account = PayoutAccount.objects.filter(participant_id=participant_id).first()
    if account is None:
        return None
    return AccountLine(
        PaymentPartner(account.partner),
        account.masked,
        account.holder_name,
        account.verified_at,
        account.pays_from_at,
    )


def second_account_of(*, participant_id: int) -> AccountLine | None:
    """The person's second account, if any."""
    second = SecondPayoutAccount.objects.filter(participant_id=participant_id).first()
    if second is None:
        return None
    return AccountLine(
        PaymentPartner(second.partner), second.masked, second.holder_name, second.verified_at, second.pays_from_at
    )


def contact_points_of(*, participant_id: int) -> tuple[ContactLine, ...]:
    """The person's phone, then e-mail."""
    points = ContactPoint.objects.filter(participant_id=participant_id).order_by("-kind")
    return tuple(
        ContactLine(ContactPoint.Kind(point.kind), point.masked, point.verified_at, point.unreachable_since_at)
        for point in points
    )


REACHABLE_SQL = """
SELECT participant_id, kind FROM participants_contactpoint
WHERE participant_id = ANY(%s::bigint[]) AND unreachable_since_at IS NULL ORDER BY participant_id, kind
"""
_KINDS = {kind.value: kind for kind in ContactPoint.Kind}


def contact_kinds(*, participant_ids: Collection[int]) -> dict[int, frozenset[ContactPoint.Kind]]:
    """Every way each person can be reached by now; who cannot be reached is left out."""
    with connection.cursor() as cursor:
        cursor.execute(REACHABLE_SQL, [id_array(participant_ids)])
        found: dict[int, set[ContactPoint.Kind]] = {}
        for person, kind in cursor.fetchall():
            found.setdefault(person, set()).add(_KINDS[kind])
    return {person: frozenset(kinds) for person, kinds in found.items()}


def _line(participations: QuerySet[Participation]) -> ParticipationLine | None:
    names = [name for name in ParticipationLine.__dataclass_fields__ if name != "participation_id"]
    renamed = {"full_name": F("participant__full_name"), "wave_number": F("wave__number")}
    row = participations.annotate(**renamed).values("pk", *names).first()
    return None if row is None else ParticipationLine(participation_id=row.pop("pk"), **row)
