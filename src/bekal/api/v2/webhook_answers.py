"""Webhooks as v2 answers them."""

from datetime import datetime
from typing import Any

from pydantic import Field

from bekal.api.v2.answers import Output, Page
from bekal.api.v2.endpoint import Call
from bekal.api.v2.inputs import MAX_BIGINT
from bekal.api.v2.problems import Problem
from bekal.partners.models import WebhookDelivery, WebhookEndpoint
from bekal.partners.webhook_events import KINDS

EVENTS: list[Any] = list(KINDS)


class WebhookAnswer(Output):
    """One endpoint of this partner in this world."""

    webhook: int = Field(examples=[12])
    url: str = Field(examples=["https://lembaga.example/bekal/webhook"])
    events: list[str] = Field(description="The kinds that are sent there; none: all of them.")
    registered_at: datetime
    closed_at: datetime | None
    close_reason: str | None = Field(
        description="`gone` where the receiver answered 410.", json_schema_extra={"enum": ["gone", None]}
    )


class NewWebhookAnswer(WebhookAnswer):
    """`secret` is told once: a repeated answer has null there. It begins with `whsec_`."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class SecretAnswer(Output):
    """`secret` is told once: a repeated answer has null there. Until `old_secret_until_at` (the server's real time) the
    one before signs as well."""

    webhook: int = Field(examples=[12])
    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    old_secret_until_at: datetime


class WebhookList(Output):
    items: list[WebhookAnswer]


class DeliveryAnswer(Output):
    """One event on its way to one endpoint."""

    delivery: int = Field(examples=[981])
    webhook: int
    message_id: str = Field(description="The header `webhook-id`, the same at every attempt.", examples=["evt_4711"])
    event: str = Field(json_schema_extra={"enum": EVENTS})
    happened_at: datetime
    data: dict[str, Any]
    state: str = Field(json_schema_extra={"enum": ["waiting", "delivered", "failed"]})
    attempt_count: int
    due_at: datetime | None = Field(description="The next attempt; null once it was delivered or has failed.")
    delivered_at: datetime | None
    failed_at: datetime | None
    answer_status: int | None = Field(description="The status of the last answer; null where there was none.")
    fault: str | None = Field(
        description="What went wrong at the last attempt.",
        json_schema_extra={"enum": ["status", "timeout", "connection", "address", "closed", None]},
    )


class DeliveryPage(Page):
    items: list[DeliveryAnswer]


class PingAnswer(Output):
    """So many deliveries are on their way: one for every open endpoint that takes pings."""

    delivery_count: int


def webhook_answer(endpoint: WebhookEndpoint) -> WebhookAnswer:
    return WebhookAnswer(
        webhook=endpoint.pk,
        url=endpoint.url,
        events=list(endpoint.events),
        registered_at=endpoint.registered_at,
        closed_at=endpoint.closed_at,
        close_reason=endpoint.close_reason or None,
    )


def delivery_answer(delivery: WebhookDelivery) -> DeliveryAnswer:
    """`endpoint` and `event` must have been read with it."""
    ended = delivery.delivered_at or delivery.failed_at
    return DeliveryAnswer(
        delivery=delivery.pk,
        webhook=delivery.endpoint_id,
        message_id=f"evt_{delivery.event_id}",
        event=delivery.event.kind,
        happened_at=delivery.event.happened_at,
        data=delivery.event.values,
        state="delivered" if delivery.delivered_at else "failed" if delivery.failed_at else "waiting",
        attempt_count=delivery.attempt_count,
        due_at=None if ended else delivery.due_at,
        delivered_at=delivery.delivered_at,
        failed_at=delivery.failed_at,
        answer_status=delivery.answer_status,
        fault=delivery.fault or None,
    )


def own_webhook(call: Call, webhook: int) -> WebhookEndpoint:
    """The endpoint of this number; the same Problem for another partner's and for none."""
    own = WebhookEndpoint.objects.filter(partner_id=call.partner_id, is_sandbox=call.is_sandbox)
    found = own.filter(pk=min(webhook, MAX_BIGINT)).first()
    if found is None:
        raise Problem("endpoint_not_found")
    return found
