"""`open_endpoints` and `close_endpoints`: where a partner is told what happened to its own purchases."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.core.webhook_signature import SECRET_BYTES, secret_of
from bekal.partners.models import Partner, WebhookDelivery, WebhookEndpoint
from bekal.partners.refusals import PartnerRefusal
from bekal.partners.webhook_address import refusal_of_url
from bekal.partners.webhook_events import KINDS

OPEN_LIMIT_COUNT = 5


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
class Closing:
    """The endpoint of this number, if it is this partner's in this world."""

    partner_id: int
    is_sandbox: bool
    endpoint_id: int


def close_endpoints(*, closings: Sequence[Closing], at: datetime) -> tuple[EndpointOutcome, ...]:
    """Nothing is sent there any more; what waited for it has failed. `repeated` where it was closed before; another
    partner's endpoint is refused like one that does not exist."""
    with transaction.atomic():
        numbers = [closing.endpoint_id for closing in closings]
        rows = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=numbers).order_by("pk")
        found = {row.pk: row for row in rows}
        outcomes, closed = [], []
        for closing in closings:
            row = found.get(closing.endpoint_id)
            if row is None or (row.partner_id, row.is_sandbox) != (closing.partner_id, closing.is_sandbox):
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
