"""Builders for what becomes of the catalogue: owners and their shares."""

from datetime import UTC, date, datetime
from decimal import Decimal

from bekal.catalogue.models import Institution, Owner, Ownership, Platform
from bekal.catalogue.own import NewOwnership, record_ownerships


def owned(
    owner: str,
    *,
    kind: Owner.Kind = Owner.Kind.COMPANY,
    share: int = 51,
    institution: Institution | None = None,
    platform: Platform | None = None,
    held_owner: Owner | None = None,
    since_on: date = date(2019, 1, 1),
    until_on: date | None = None,
    at: datetime = datetime(2020, 1, 2, tzinfo=UTC),
) -> Ownership:
    """A share, of a company unless said otherwise, through the verb."""
    new = NewOwnership(
        owner_name=owner,
        owner_kind=kind,
        institution_id=institution and institution.pk,
        platform_id=platform and platform.pk,
        held_owner_id=held_owner and held_owner.pk,
        share_percent=Decimal(share),
        since_on=since_on,
        until_on=until_on,
        by_id=None,
    )
    (outcome,) = record_ownerships(ownerships=[new], at=at)
    assert outcome.refusal is None, outcome
    return Ownership.objects.get(pk=outcome.ownership_id)
