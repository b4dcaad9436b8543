"""`sandbox_keys`: what a partner's sandbox is called with: keys, a redirect and unused codes of an institution, start
codes of a platform."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.partners.keys import KeyOrder, issue_keys, lift_keys
from bekal.partners.models import Partner, PartnerKey, SandboxCode
from bekal.partners.open_sandbox import FRESH, OpenedSandbox, TestCode, more_codes, open_sandboxes
from bekal.partners.register import register_redirect
from bekal.partners.sandbox_starts import StartPurpose, TestStart, start_purchases
from bekal.partners.scopes import ALL_SCOPES

REDIRECT_URI = "https://lembaga.example/bekal/kembali"


@dataclass(frozen=True, slots=True)
class SandboxKey:
    """A live sandbox key with what it signs with; `is_new`: it was issued now."""

    generation: int
    client_code: str
    secret: str = field(repr=False)
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class SandboxAccess:
    """Everything a partner's system needs to speak to its sandbox; an institution's `codes` begin with unused ones
    nobody was shown before, a platform's `starts` are new. A refusal changed nothing that matters: keys that were
    issued stay."""

    partner_code: str
    at: datetime | None = None
    keys: tuple[SandboxKey, ...] = ()
    redirect_uri: str = ""
    codes: tuple[TestCode, ...] = ()
    starts: tuple[TestStart, ...] = ()
    refusal: Refusal | None = None


def sandbox_access(*, partner_id: int, redirect_uri: str = REDIRECT_URI, at: datetime) -> SandboxAccess:
    """Open the partner's sandbox where it is not yet and find or issue its keys. For an institution register where
    participants come back to, and buy an unused code of each kind; for a platform start a purchase of each kind. Any
    number of times; each time with other codes.

    `at` is the programme's instant; what happens in the sandbox has the partner's own."""
    partner = Partner.objects.get(pk=partner_id)
    keys, refusal = _keys(partner, at)
    if refusal is not None:
        return SandboxAccess(partner.code, refusal=refusal)
    is_institution = partner.kind == Partner.Kind.INSTITUTION
    if is_institution:
        registered = register_redirect(partner_id=partner_id, uri=redirect_uri, is_sandbox=True, at=at)
        if registered.refusal is not None:
            return SandboxAccess(partner.code, keys=keys, refusal=registered.refusal)
    (opened,) = open_sandboxes(partner_ids=[partner_id])
    if opened.refusal is not None:
        return SandboxAccess(partner.code, keys=keys, refusal=opened.refusal)
    if is_institution:
        codes = _unused(partner, opened)
        if isinstance(codes, Refusal):
            return SandboxAccess(partner.code, keys=keys, refusal=codes)
        return SandboxAccess(partner.code, opened.at, keys, redirect_uri, codes)
    starts = start_purchases(partner_id=partner_id, purposes=list(StartPurpose))
    if isinstance(starts, Refusal):
        return SandboxAccess(partner.code, keys=keys, refusal=starts)
    return SandboxAccess(partner.code, opened.at, keys, starts=starts)


def _keys(partner: Partner, at: datetime) -> tuple[tuple[SandboxKey, ...], Refusal | None]:
    """One live key of each generation that the partner's kind can have; the newest where there are two."""
    generations = [PartnerKey.Generation.V2]
    if partner.kind == Partner.Kind.INSTITUTION:
        generations.insert(0, PartnerKey.Generation.V1)
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)  # two at once would issue twice
        found: list[SandboxKey] = []
        for generation in generations:
            key = partner.keys.filter(generation=generation, is_sandbox=True, revoked_at=None).order_by("-pk").first()
            if key is not None:
                if key.suspended_at is not None:
                    lift_keys(key_ids=[key.pk], at=at)  # misses are there to be tried; here they cost nobody
                found.append(SandboxKey(generation, key.client_code, decrypt(bytes(key.secret_encrypted))))
                continue
            scopes = ALL_SCOPES if generation == PartnerKey.Generation.V2 else ()
            (issued,) = issue_keys(orders=[KeyOrder(partner.pk, generation, True, scopes)], at=at)
            if issued.refusal is not None:
                return (), issued.refusal
            found.append(SandboxKey(generation, issued.client_code, issued.secret, is_new=True))
    return tuple(found), None


def _unused(partner: Partner, opened: OpenedSandbox) -> tuple[TestCode, ...] | Refusal:
    """Unused codes of each kind, made now; then one for each refusal, which stay what they are."""
    made: Sequence[TestCode] | Refusal = (
        opened.codes
        if opened.is_new
        else more_codes(partner_id=partner.pk, purposes=[*FRESH, SandboxCode.Purpose.LATER])
    )
    if isinstance(made, Refusal):
        return made
    shown = {code.purpose for code in made}
    return (*made, *(code for code in opened.codes if code.purpose not in shown))
