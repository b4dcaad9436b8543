"""A programme in which everybody has something of their own: two participants, two institutions, the office."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Institution, InstitutionStaff, Platform
from bekal.ledger.clock import set_programme_clock
from bekal.participants.models import Participant, Participation
from bekal.proofs.small_world import RECONCILED_AT, Bought, World
from bekal.purchases.certificates import certificates_of_purchases

# What every call may leave behind, whoever makes it: its session, and that it was counted.
LEFT_BEHIND = ("django_session", "accounts_user", "accounts_device", "partners_callcounter", "partners_callbudget")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at the door; `user` None is nobody."""

    name: str
    role: str
    user: User | None


@dataclass(frozen=True, slots=True)
class AccessWorld:
    """`named`: what the arguments of addresses name, all of it the owners'. `redeemed` belongs to `institution`, whose
    code for `unused` was handed to nobody yet."""

    world: World
    callers: tuple[Caller, ...]
    owners: Mapping[str, Caller]
    strangers: Mapping[str, Caller]
    named: Mapping[str, Any]
    institution: Institution
    other: Institution
    platform: Platform
    redeemed: Bought
    unused: Bought


def access_world() -> AccessWorld:
    """Build it through the verbs; the clock shows some days after everything was reconciled."""
    set_programme_clock(at=RECONCILED_AT)
    world = World()
    institution, other = world.institution, Institution.objects.create(code="lembaga-lain", name="Lembaga Lain")
    platform = Platform.objects.create(code="platform", name="Platform Uji")
    first, second = world.trainings(2, price_rupiah=200_000)
    owner, stranger = world.accept(2, with_accounts=True)
    redeemed = world.earn([owner], first)[0]
    unused = world.buy([(owner, second)], at=RECONCILED_AT)[0]
    users = {
        "participant": _participant(owner, "pemilik"),
        "stranger": _participant(stranger, "orang-lain"),
        "newcomer": User.objects.create_user("baru", None, role=Role.PARTICIPANT, display_name="Baru"),
        "officer": User.objects.get(pk=world.officer_ids[0]),
        "auditor": User.objects.create_user("pemeriksa", None, role=Role.AUDITOR, display_name="Pemeriksa"),
        "institution": _staff(institution, "meja"),
        "other institution": _staff(other, "meja-lain"),
    }
    callers = {name: Caller(name, str(user.role), user) for name, user in users.items()}
    return AccessWorld(
        world=world,
        callers=(Caller("nobody", "", None), *callers.values()),
        owners={"participant": callers["participant"], "institution": callers["institution"]},
        strangers={"participant": callers["stranger"], "institution": callers["other institution"]},
        named=_named(world, owner, redeemed, institution),
        institution=institution,
        other=other,
        platform=platform,
        redeemed=redeemed,
        unused=unused,
    )


def _named(world: World, owner: int, redeemed: Bought, institution: Institution) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM ledger_transfer WHERE owner_id = %s", [owner])
        transfer_id = cursor.fetchone()[0]
    (certificate,) = certificates_of_purchases(purchase_ids=[redeemed.purchase_id]).values()
    return {
        "purchase_id": redeemed.purchase_id,
        "training_id": redeemed.training_id,
        "participation_id": owner,
        "transfer_id": transfer_id,
        "institution_id": institution.pk,
        "number": certificate.number,
        "form": "csv",
        "operation": "revoke",
        "kind": "institution",
        "earned_kind": "incentive",
        "instalment": 1,
        "code": "address_unknown",
    }


def _participant(participation_id: int, login_name: str) -> User:
    user = User.objects.create_user(login_name, None, role=Role.PARTICIPANT, display_name=login_name.title())
    participant_id = Participation.objects.values_list("participant_id", flat=True).get(pk=participation_id)
    Participant.objects.filter(pk=participant_id).update(user=user)
    return user


def _staff(institution: Institution, login_name: str) -> User:
    user = User.objects.create_user(login_name, None, role=Role.INSTITUTION, display_name=institution.name)
    InstitutionStaff.objects.create(user=user, institution=institution)
    return user


def everything() -> dict[str, tuple[int, int]]:
    """How many rows each table has, and a sum over what stands in them, but for what every call leaves behind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        tables = [name for (name,) in cursor.fetchall() if name not in LEFT_BEHIND]
        parts = [
            f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0) % 1000003), 0) FROM \"{name}\" t"
            for name in tables
        ]
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, int(total)) for name, count, total in cursor.fetchall()}
