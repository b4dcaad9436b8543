"""`open_endpoints`, `rotate_secrets`, `close_endpoints`: where a partner is told what happened to its own purchases."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.core.webhook_signature import SECRET_BYTES, secret_of
from bekal.partners.models import Partner, WebhookDelivery, WebhookEndpoint
from bekal.partners.refusals import PartnerRefusal
from bekal.partners.webhook_address import refusal_of_url
from bekal.partners.webhook_events import KINDS

OPEN_LIMIT_COUNT = 5
OLD_SECRET_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """`events`: kinds of `KINDS`, none for all. `told_from_at`: the instant of the partner's world."""

    partner_id: int
    is_sandbox: bool
    url: str
    told_from_at: datetime
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointOutcome:
    """`secret` is there only when the endpoint was opened, and never again. A refusal changed nothing."""

    endpoint_id: int | None
    refusal: Refusal | None = None
    secret: str = field(default="", repr=False)
    repeated: bool = False


def open_endpoints(*, endpoints: Sequence[NewEndpoint], at: datetime) -> tuple[EndpointOutcome, ...]:
    """Register endpoints, each with a secret of its own; outcomes in the order of `endpoints`.

    Refused: an address that cannot be one or must not be told (`webhook_address`), an unknown kind of event, an address
    that is open already, a sixth endpoint of one partner and world. Locks partners in the order of their numbers.
    """
    with transaction.atomic():
        partner_ids = {endpoint.partner_id for endpoint in endpoints}
        list(Partner.objects.select_for_update(no_key=True).filter(pk__in=partner_ids).order_by("pk"))
        rows = WebhookEndpoint.objects.filter(partner__in=partner_ids, closed_at=None).order_by("pk")
        urls: dict[tuple[int, bool], set[str]] = {}
        for partner_id, is_sandbox, url in rows.values_list("partner_id", "is_sandbox", "url"):
            urls.setdefault((partner_id, is_sandbox), set()).add(url)
        outcomes = []
        for endpoint in endpoints:
            there = urls.setdefault((endpoint.partner_id, endpoint.is_sandbox), set())
            refusal = _refusal(endpoint, there)
            if refusal is not None:
                outcomes.append(EndpointOutcome(None, refusal))
                continue
            there.add(endpoint.url)
            secret = secret_of(secrets.token_bytes(SECRET_BYTES))
            made = WebhookEndpoint.objects.create(
                partner_id=endpoint.partner_id,
                is_sandbox=endpoint.is_sandbox,
                url=endpoint.url,
                secret_encrypted=encrypt(secret),
                events=sorted(set(endpoint.events)),
                registered_at=at,
                told_from_at=endpoint.told_from_at,
            )
            outcomes.append(EndpointOutcome(made.pk, secret=secret))
    return tuple(outcomes)


def _refusal(endpoint: NewEndpoint, there: set[str]) -> Refusal | None:
    unknown = sorted(set(endpoint.events) - set(KINDS))
    if unknown:
        return Refusal(PartnerRefusal.EVENT_UNKNOWN, {"value": unknown[0], "known": ", ".join(KINDS)})
    refusal = refusal_of_url(endpoint.url, is_sandbox=endpoint.is_sandbox)
    if refusal is not None:
        return refusal
    if endpoint.url in there:
        return Refusal(PartnerRefusal.ENDPOINT_TAKEN)
    if len(there) >= OPEN_LIMIT_COUNT:
        return Refusal(PartnerRefusal.ENDPOINTS_OPEN, {"limit_count": OPEN_LIMIT_COUNT})
    return None


@dataclass(frozen=True, slots=True)
class OwnEndpoint:
    """The endpoint of this number, if it is this partner's in this world."""

    partner_id: int
    is_sandbox: bool
    endpoint_id: int


def rotate_secrets(*, rotations: Sequence[OwnEndpoint], now: datetime) -> tuple[EndpointOutcome, ...]:
    """Give endpoints a new secret each; for a day what is sent is signed with the one before as well, and no longer.

    `now` is the machine's instant. Another partner's endpoint is refused like one that does not exist; a closed one is
    refused."""
    with transaction.atomic():
        found = _locked(rotations)
        outcomes, changed = [], []
        for rotation in rotations:
            row = found.get(rotation)
            if row is None or row.closed_at is not None:
                code = PartnerRefusal.ENDPOINT_UNKNOWN if row is None else PartnerRefusal.ENDPOINT_CLOSED
                outcomes.append(EndpointOutcome(None, Refusal(code)))
                continue
            secret = secret_of(secrets.token_bytes(SECRET_BYTES))
            row.old_secret_encrypted, row.secret_encrypted = row.secret_encrypted, encrypt(secret)
            row.old_secret_until_at = now + OLD_SECRET_LASTS
            changed.append(row)
            outcomes.append(EndpointOutcome(row.pk, secret=secret))
        columns = ["old_secret_encrypted", "secret_encrypted", "old_secret_until_at"]
        WebhookEndpoint.objects.bulk_update(changed, columns)
    return tuple(outcomes)


def close_endpoints(*, closings: Sequence[OwnEndpoint], at: datetime) -> tuple[EndpointOutcome, ...]:
    """Nothing is sent there any more; what waited for it has failed. `repeated` where it was closed before; another
    partner's endpoint is refused like one that does not exist."""
    with transaction.atomic():
        found = _locked(closings)
        outcomes, closed = [], []
        for closing in closings:
            row = found.get(closing)
            if row is None:
                outcomes.append(EndpointOutcome(None, Refusal(PartnerRefusal.ENDPOINT_UNKNOWN)))
                continue
            outcomes.append(EndpointOutcome(row.pk, repeated=row.closed_at is not None))
            if row.closed_at is None:
                row.closed_at = at
                closed.append(row)
        WebhookEndpoint.objects.bulk_update(closed, ["closed_at"])
        WebhookDelivery.objects.filter(endpoint__in=closed, delivered_at=None, failed_at=None).update(
            failed_at=at, fault="closed", claimed_at=None
        )
    return tuple(outcomes)


def _locked(asked: Sequence[OwnEndpoint]) -> dict[OwnEndpoint, WebhookEndpoint]:
    """Those there are, locked in the order of their numbers."""
    numbers = [each.endpoint_id for each in asked]
    rows = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=numbers).order_by("pk")
    return {OwnEndpoint(row.partner_id, row.is_sandbox, row.pk): row for row in rows}
