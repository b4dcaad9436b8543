"""`collect_events`: what happened to the purchases of partners that want to be told, found by query.

Nothing is announced by the verbs that do it: a partner's purchases are looked at again from a day before the newest
event that was found, and what is known is left out by its key. So what commits late is found late, and told once.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min

from bekal.core.refusal import Refusal
from bekal.partners.models import Partner, WebhookDelivery, WebhookEndpoint, WebhookEvent
from bekal.partners.refusals import PartnerRefusal
from bekal.partners.sandbox_people import people_of
from bekal.partners.world import SandboxUnavailableError, world_of_partner

# What can be told, and in words for the contract page and the forms.
KINDS: Mapping[str, str] = {
    "purchase.redeemed": "A redeem code was taken at this institution.",
    "purchase.completed": "Every piece of the institution's evidence is there.",
    "purchase.proven": "The evidence of both sides agrees; the price is owed to the institution.",
    "purchase.ended": "It ended early: cancelled and refunded, or paid for the sessions attended.",
    "settlement.paid": "What was owed has been paid to the institution.",
    "settlement.failed": "The bank rejected or sent back a payment to the institution; its money is owed as before.",
    "bank_account.changed": "Another bank account of the institution was agreed on, and when it is paid to.",
    "purchase.bought": "A participant has confirmed a purchase that this platform started.",
    "purchase.refunded": "A purchase made over this platform was refunded.",
    "ping": "Asked for by the partner itself, to try its endpoint.",
}
OVERLAP = timedelta(days=1)
MAX_EVENTS = 2_000

INSTITUTION_SQL = """
WITH own AS MATERIALIZED (
    SELECT purchase.*, training.code FROM catalogue_training training
    JOIN purchases_purchase purchase ON purchase.training_id = training.id
    WHERE training.institution_id = %(owner)s AND purchase.redeemed_at IS NOT NULL
), happened (kind, about, happened_at, told) AS (
    SELECT 'purchase.redeemed', id, redeemed_at, jsonb_build_object('purchase', id, 'training', code) FROM own
    UNION ALL
    SELECT 'purchase.completed', id, completed_at, jsonb_build_object('purchase', id, 'training', code) FROM own
    UNION ALL
    SELECT 'purchase.proven', id, reconciled_at,
           jsonb_build_object('purchase', id, 'training', code, 'price_rupiah', price_rupiah) FROM own
    UNION ALL
    SELECT 'purchase.ended', id, ended_at,
           jsonb_build_object('purchase', id, 'training', code, 'ending', ending, 'refunded_rupiah', refunded_rupiah)
    FROM own
    UNION ALL
    SELECT 'settlement.paid', id, settled_at,
           jsonb_build_object('settlement', id, 'purchase_count', purchase_count, 'total_rupiah', total_rupiah)
    FROM purchases_institutionsettlement WHERE institution_id = %(owner)s
    UNION ALL
    SELECT 'settlement.failed', failure.id, failed_at,
           jsonb_build_object('settlement', settlement_id, 'total_rupiah', total_rupiah, 'reason_code', reason_code,
                              'came_back', paid_at IS NOT NULL)
    FROM purchases_settlementfailure failure
    JOIN purchases_institutionsettlement settlement ON settlement.id = settlement_id
    WHERE institution_id = %(owner)s
    UNION ALL
    SELECT 'bank_account.changed', id, agreed_at, jsonb_build_object('account', masked, 'pays_from_at', pays_from_at)
    FROM incentives_institutionaccount WHERE institution_id = %(owner)s
)
SELECT kind, about, happened_at, told FROM happened
WHERE happened_at >= %(since)s AND kind || ':' || about <> ALL(%(known)s)
ORDER BY happened_at, kind, about LIMIT %(limit)s
"""

PLATFORM_SQL = """
WITH own AS MATERIALIZED (
    SELECT purchase.*, training.code FROM partners_platformsale sale
    JOIN purchases_purchase purchase ON purchase.id = sale.purchase_id
    JOIN catalogue_training training ON training.id = purchase.training_id
    WHERE sale.platform_id = %(owner)s
), happened (kind, about, happened_at, told) AS (
    SELECT 'purchase.bought', id, bought_at,
           jsonb_build_object('purchase', id, 'training', code, 'price_rupiah', price_rupiah) FROM own
    UNION ALL
    SELECT 'purchase.refunded', id, ended_at,
           jsonb_build_object('purchase', id, 'training', code, 'ending', ending, 'refunded_rupiah', refunded_rupiah)
    FROM own WHERE refunded_rupiah > 0
)
SELECT kind, about, happened_at, told FROM happened
WHERE happened_at >= %(since)s AND kind || ':' || about <> ALL(%(known)s)
ORDER BY happened_at, kind, about LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as a query found it; `about` is the number of what it happened to."""

    kind: str
    about: int
    happened_at: datetime
    values: Mapping[str, Any]

    @property
    def event_key(self) -> str:
        return f"{self.kind}:{self.about}"


def collect_events(*, now: datetime) -> int:
    """Write what has happened since, and a delivery for every open endpoint that wants it; returns how many deliveries.

    `now` is the machine's instant, at which they are due. One partner and world at a time, each in a transaction of its
    own; a partner whose sandbox is away is left out.
    """
    open_endpoints = WebhookEndpoint.objects.filter(closed_at=None).order_by("partner_id", "is_sandbox")
    asked = open_endpoints.values_list("partner_id", "is_sandbox").annotate(since=Min("told_from_at"))
    partners = Partner.objects.in_bulk({partner_id for partner_id, _, _ in asked})
    written = 0
    for partner_id, is_sandbox, since in asked:
        partner = partners[partner_id]
        try:
            found = _found(partner, is_sandbox, since)
        except SandboxUnavailableError:
            continue
        written += write_events(partner_id=partner_id, is_sandbox=is_sandbox, happened=found, now=now)
    return written


def write_events(*, partner_id: int, is_sandbox: bool, happened: Sequence[Happened], now: datetime) -> int:
    """Write events that are new, and a delivery for every open endpoint of the partner that wants each; returns how
    many deliveries."""
    if not happened:
        return 0
    with transaction.atomic():
        # Against another collector: the second waits here and finds everything known.
        Partner.objects.select_for_update(no_key=True).filter(pk=partner_id).values_list("pk").get()
        own = WebhookEvent.objects.filter(partner_id=partner_id, is_sandbox=is_sandbox)
        keys = [each.event_key for each in happened]
        known = set(own.filter(event_key__in=keys).order_by("pk").values_list("event_key", flat=True))
        fresh = {each.event_key: each for each in happened if each.event_key not in known}
        events = WebhookEvent.objects.bulk_create(
            WebhookEvent(
                partner_id=partner_id,
                is_sandbox=is_sandbox,
                event_key=key,
                kind=each.kind,
                values=dict(each.values),
                happened_at=each.happened_at,
            )
            for key, each in fresh.items()
        )
        endpoints = WebhookEndpoint.objects.filter(partner_id=partner_id, is_sandbox=is_sandbox, closed_at=None)
        deliveries = [
            WebhookDelivery(endpoint=endpoint, event=event, written_at=now, due_at=now)
            for endpoint in endpoints.order_by("pk")
            for event in events
            if (not endpoint.events or event.kind in endpoint.events) and event.happened_at >= endpoint.told_from_at
        ]
        WebhookDelivery.objects.bulk_create(deliveries)
    return len(deliveries)


@dataclass(frozen=True, slots=True)
class Pinged:
    """A refusal changed nothing."""

    delivery_count: int
    refusal: Refusal | None = None


def ping(*, endpoint: WebhookEndpoint, at: datetime, now: datetime) -> Pinged:
    """Send one event of no meaning to this endpoint, whatever it wants to hear, so that its receiver can be tried."""
    if endpoint.closed_at is not None:
        return Pinged(0, Refusal(PartnerRefusal.ENDPOINT_CLOSED))
    with transaction.atomic():
        event = WebhookEvent.objects.create(
            partner_id=endpoint.partner_id,
            is_sandbox=endpoint.is_sandbox,
            event_key=f"ping:{secrets.randbits(62)}",
            kind="ping",
            values={"webhook": endpoint.pk},
            happened_at=at,
        )
        WebhookDelivery.objects.create(endpoint=endpoint, event=event, written_at=now, due_at=now)
    return Pinged(1)


def _found(partner: Partner, is_sandbox: bool, since: datetime) -> list[Happened]:
    with world_of_partner(partner, is_sandbox=is_sandbox) as world:
        now = world.at
        people = people_of(partner.pk) if is_sandbox else None
    if people is not None and _tell_from(partner, people.opened_at):
        since = min(since, people.opened_at)
    own = WebhookEvent.objects.filter(partner=partner, is_sandbox=is_sandbox).exclude(kind="ping")
    # What was told before a clock was set back is no reason to wait until it is there again.
    newest = own.filter(happened_at__lte=now).aggregate(newest=Max("happened_at"))["newest"]
    since = since if newest is None else max(since, newest - OVERLAP)
    known = list(own.filter(happened_at__gte=since).order_by("pk").values_list("event_key", flat=True))
    with world_of_partner(partner, is_sandbox=is_sandbox) as world:
        values = {"since": since, "known": known, "limit": MAX_EVENTS}
        if world.institution_id is not None:
            return _rows(INSTITUTION_SQL, {**values, "owner": world.institution_id})
        if world.platform_id is not None:
            return _rows(PLATFORM_SQL, {**values, "owner": world.platform_id})
    return []


def _tell_from(partner: Partner, opened_at: datetime) -> int:
    """A sandbox that was begun anew has its clock back: endpoints that were registered before are told from then on,
    and do not wait until the clock is where it was. Returns how many waited."""
    before = WebhookEndpoint.objects.filter(partner=partner, is_sandbox=True, registered_at__lte=opened_at)
    return before.exclude(told_from_at=opened_at).update(told_from_at=opened_at)


def _rows(sql: str, values: Mapping[str, Any]) -> list[Happened]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [
            Happened(kind, about, happened_at, json.loads(told)) for kind, about, happened_at, told in cursor.fetchall()
        ]
