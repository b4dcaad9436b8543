"""Partners and their keys, written straight into their tables."""

from datetime import datetime

from bekal.accounts.privacy import encrypt
from bekal.catalogue.models import Institution
from bekal.partners.models import Partner, PartnerKey
from tests.factories import ACCEPTED_AT

SECRET = "kunci-uji"


def sandbox_partner(code: str = "BELAJAR", *, at: datetime = ACCEPTED_AT, kind: str = "institution") -> Partner:
    """A partner that the programme has not tied to an institution or platform: it has the sandbox only."""
    return Partner.objects.create(code=code, name=f"Lembaga {code}", kind=kind, registered_at=at)


def live_partner(institution: Institution, *, at: datetime = ACCEPTED_AT) -> Partner:
    return Partner.objects.create(
        code=institution.code, name=institution.name, kind="institution", institution=institution, registered_at=at
    )


def key_of(partner: Partner, *, is_sandbox: bool = True, generation: int = 1, at: datetime = ACCEPTED_AT) -> PartnerKey:
    world = "sandbox" if is_sandbox else "live"
    return PartnerKey.objects.create(
        partner=partner,
        generation=generation,
        is_sandbox=is_sandbox,
        client_code=f"{partner.code}-{world}-{generation}",
        secret_encrypted=encrypt(SECRET),
        issued_at=at,
    )
