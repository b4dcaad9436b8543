"""`issue_keys`, `revoke_keys`, `suspend_keys`, `lift_keys`: what a partner signs with.

At most two keys of one generation and world are live at a time, so that a partner can go over to the second before the
first is revoked. The secret is shown once, when it is issued, and lies encrypted ever after.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.refusals import PartnerRefusal

LIVE_LIMIT_COUNT = 2
DOUBLE_CLICK = timedelta(minutes=1)
# Letters and digits that nobody mistakes for one another; small, because existing clients' codes are.
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A key that is wanted: of generation 1 or 2, for the live world or the sandbox. `after_id`: the newest key of the
    partner that whoever orders has seen (0: none); None where nobody looked, as a system that calls."""

    partner_id: int
    generation: int
    is_sandbox: bool
    scopes: tuple[str, ...] = ()
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """`secret` is there only when a key was issued, and never again but for the second click of a double one.
    `repeated`: it stood so before. A refusal changed nothing."""

    key_id: int | None
    client_code: str = ""
    secret: str = field(default="", repr=False)
    refusal: Refusal | None = None
    repeated: bool = False


def issue_keys(*, orders: Sequence[KeyOrder], at: datetime) -> tuple[KeyOutcome, ...]:
    """Give partners new keys; outcomes in the order of `orders`.

    A second click on the same form is the first one's key (`repeated`). Refused: an unknown partner, a live key of one
    that is tied to no institution or platform yet, v1 for a platform, a third live key of one generation and world, an
    order from a form that is older than the newest key. Locks partners in the order of their numbers.
    """
    with transaction.atomic():
        partners = _locked_partners({order.partner_id for order in orders})
        live = PartnerKey.objects.filter(partner__in=partners, revoked_at=None).order_by("pk")
        counts: dict[tuple[int, int, bool], int] = {}
        for kind in live.values_list("partner_id", "generation", "is_sandbox"):
            counts[kind] = counts.get(kind, 0) + 1
        outcomes = []
        for order in orders:
            partner = partners.get(order.partner_id)
            clicked = _clicked_before(order, at)
            if clicked is not None:
                outcomes.append(clicked)
                continue
            kind = order.partner_id, order.generation, order.is_sandbox
            refusal = _refusal_of_order(partner, order, counts.get(kind, 0))
            if partner is None or refusal is not None:
                outcomes.append(KeyOutcome(None, refusal=refusal))
                continue
            counts[kind] = counts.get(kind, 0) + 1
            outcomes.append(_issue(partner, order, at))
    return tuple(outcomes)


def revoke_keys(*, key_ids: Sequence[int], at: datetime) -> tuple[KeyOutcome, ...]:
    """Nothing signed with these keys is answered any more, for good; `repeated` where it was revoked before."""
    with transaction.atomic():
        keys = _locked_keys(key_ids)
        changed: set[int] = set()
        outcomes = []
        for key_id in key_ids:
            key = keys.get(key_id)
            if key is None:
                outcomes.append(KeyOutcome(None, refusal=Refusal(PartnerRefusal.KEY_UNKNOWN)))
                continue
            outcomes.append(KeyOutcome(key_id, key.client_code, repeated=key.revoked_at is not None))
            if key.revoked_at is None:
                # A clock that was set back must not put the end before the beginning.
                key.revoked_at = max(at, key.issued_at)
                changed.add(key_id)
        PartnerKey.objects.bulk_update([keys[key_id] for key_id in sorted(changed)], ["revoked_at"])
    return tuple(outcomes)


def suspend_keys(*, key_ids: Sequence[int], at: datetime) -> tuple[KeyOutcome, ...]:
    """Nothing signed with these keys is answered until `lift_keys`. Refused: an unknown key, a revoked one."""
    return _set_suspension(key_ids, at)


def lift_keys(*, key_ids: Sequence[int], at: datetime) -> tuple[KeyOutcome, ...]:
    """Suspended keys are answered again, with their whole budget of misses. Refused: an unknown key, a revoked one."""
    programme_day(at)  # refuses a naive instant
    return _set_suspension(key_ids, None)


def _set_suspension(key_ids: Sequence[int], suspended_at: datetime | None) -> tuple[KeyOutcome, ...]:
    with transaction.atomic():
        keys = _locked_keys(key_ids)
        changed: set[int] = set()
        outcomes = []
        for key_id in key_ids:
            key = keys.get(key_id)
            if key is None:
                outcomes.append(KeyOutcome(None, refusal=Refusal(PartnerRefusal.KEY_UNKNOWN)))
            elif key.revoked_at is not None:
                values = {"revoked_on": programme_day(key.revoked_at)}
                outcomes.append(
                    KeyOutcome(key_id, key.client_code, refusal=Refusal(PartnerRefusal.KEY_REVOKED, values))
                )
            else:
                repeated = (key.suspended_at is None) == (suspended_at is None)
                outcomes.append(KeyOutcome(key_id, key.client_code, repeated=repeated))
                if not repeated:
                    changed.add(key_id)
                    key.suspended_at = suspended_at
                    # Lifted, it begins anew; suspended by an officer, its misses stay to be read.
                    key.miss_count = key.miss_count if suspended_at else 0
        PartnerKey.objects.bulk_update([keys[key_id] for key_id in sorted(changed)], ["suspended_at", "miss_count"])
    return tuple(outcomes)


def _locked_partners(partner_ids: Collection[int]) -> dict[int, Partner]:
    rows = Partner.objects.select_for_update(no_key=True).filter(pk__in=partner_ids).order_by("pk")
    return {partner.pk: partner for partner in rows}


def _locked_keys(key_ids: Collection[int]) -> dict[int, PartnerKey]:
    rows = PartnerKey.objects.select_for_update(no_key=True).filter(pk__in=key_ids).order_by("pk")
    return {key.pk: key for key in rows}


def _clicked_before(order: KeyOrder, at: datetime) -> KeyOutcome | None:
    """What became of this form's first click, where there was one: its key, within the minute; afterwards a refusal."""
    if order.after_id is None:
        return None
    world = PartnerKey.objects.filter(partner=order.partner_id, is_sandbox=order.is_sandbox)
    rows = world.filter(pk__gt=order.after_id)
    newest = rows.order_by("-pk").first()
    if newest is None:
        return None
    given = newest.generation, tuple(newest.scopes), newest.revoked_at
    is_same = given == (order.generation, order.scopes, None)
    if is_same and timedelta(0) <= at - newest.issued_at <= DOUBLE_CLICK:
        return KeyOutcome(newest.pk, newest.client_code, decrypt(bytes(newest.secret_encrypted)), repeated=True)
    return KeyOutcome(None, refusal=Refusal(PartnerRefusal.KEY_ISSUED_SINCE, {"key": newest.client_code}))


def _refusal_of_order(partner: Partner | None, order: KeyOrder, live_count: int) -> Refusal | None:
    if partner is None:
        return Refusal(PartnerRefusal.PARTNER_UNKNOWN)
    if order.generation == PartnerKey.Generation.V1 and partner.kind != Partner.Kind.INSTITUTION:
        return Refusal(PartnerRefusal.GENERATION_OF_INSTITUTIONS)
    if not order.is_sandbox and partner.institution_id is None and partner.platform_id is None:
        return Refusal(PartnerRefusal.PARTNER_NOT_TIED)
    if live_count >= LIVE_LIMIT_COUNT:
        return Refusal(PartnerRefusal.KEYS_LIVE, {"limit_count": LIVE_LIMIT_COUNT})
    return None


def _issue(partner: Partner, order: KeyOrder, at: datetime) -> KeyOutcome:
    ending = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    secret = secrets.token_hex(32)
    key = PartnerKey.objects.create(
        partner=partner,
        generation=PartnerKey.Generation(order.generation),
        is_sandbox=order.is_sandbox,
        client_code=f"{partner.code}-{'uji-' if order.is_sandbox else ''}{ending}",
        secret_encrypted=encrypt(secret),
        scopes=list(order.scopes),
        issued_at=at,
    )
    return KeyOutcome(key.pk, key.client_code, secret)
