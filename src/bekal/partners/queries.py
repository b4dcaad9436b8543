"""Reads of partners' counters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from bekal.partners.models import CallCounter, WebhookDelivery


@dataclass(frozen=True, slots=True)
class Counted:
    """So many calls of one operation ended so on one day; `outcome` is `answered`, `repeated` or a refusal's code."""

    key_id: int | None
    counted_on: date
    operation: str
    outcome: str
    call_count: int


def counts_of(*, key_ids: Collection[int], since_on: date) -> tuple[Counted, ...]:
    """What was counted for these keys from that day on, the newest day first."""
    rows = CallCounter.objects.filter(key__in=key_ids, counted_on__gte=since_on)
    ordered = rows.order_by("-counted_on", "key_id", "operation", "outcome")
    columns = ("key_id", "counted_on", "operation", "outcome", "call_count")
    return tuple(Counted(*row) for row in ordered.values_list(*columns))


_STATES = {
    "": Q(),
    "waiting": Q(delivered_at=None, failed_at=None),
    "delivered": Q(delivered_at__isnull=False),
    "failed": Q(failed_at__isnull=False),
}


def deliveries_of(
    *,
    partner_id: int,
    is_sandbox: bool,
    state: str = "",
    before_id: int | None = None,
    delivery_id: int | None = None,
    limit: int = 50,
) -> tuple[WebhookDelivery, ...]:
    """Deliveries to a partner's endpoints in one world with their events, the newest first; `state` is one of
    waiting, delivered, failed, or empty for all."""
    own = WebhookDelivery.objects.filter(endpoint__partner=partner_id, endpoint__is_sandbox=is_sandbox)
    own = own.filter(_STATES[state])
    if before_id is not None:
        own = own.filter(pk__lt=before_id)
    if delivery_id is not None:
        own = own.filter(pk=delivery_id)
    return tuple(own.select_related("event", "endpoint").order_by("-pk")[:limit])
