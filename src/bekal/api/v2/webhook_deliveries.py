"""`GET /webhooks/deliveries` and `POST /webhooks/deliveries/{delivery}/replays`: what was sent, and once more."""

from typing import Annotated

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import MAX_BIGINT
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.api.v2.problems import refused
from bekal.api.v2.webhook_answers import DeliveryAnswer, DeliveryPage, delivery_answer
from bekal.ledger.clock import machine_now
from bekal.partners.queries import deliveries_of
from bekal.partners.replay_deliveries import Replay, replay_deliveries
from bekal.partners.scopes import Scope

StateFilter = Annotated[
    str,
    Field(
        pattern="^(waiting|delivered|failed|)$",
        max_length=9,
        description="Only those that wait, were delivered or have failed.",
    ),
]


@endpoint(
    "GET",
    "/webhooks/deliveries",
    Declared(
        tag="webhooks",
        summary=_("What was sent to your endpoints"),
        answer=DeliveryPage,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        about_keys=True,
        is_paged=True,
    ),
)
def webhook_deliveries(
    request: PartnerRequest,
    response: HttpResponse,
    state: StateFilter = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> DeliveryPage:
    """The newest first, of every endpoint of yours in this world."""
    call, before_id, filters = request.call, None, {"state": state}
    if cursor is not None:
        filters, (before_id,) = place_of(call, "webhook_deliveries", cursor)
    found = deliveries_of(
        partner_id=call.partner_id,
        is_sandbox=call.is_sandbox,
        state=filters["state"],
        before_id=before_id,
        limit=limit + 1,
    )
    shown = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "webhook_deliveries", filters, [shown[-1].pk])
    link_next(request, response, next_cursor, limit)
    return DeliveryPage(items=[delivery_answer(each) for each in shown], next=next_cursor)


@endpoint(
    "POST",
    "/webhooks/deliveries/{int:delivery}/replays",
    Declared(
        tag="webhooks",
        summary=_("Send one once more"),
        answer=DeliveryAnswer,
        status=202,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        keeps=False,
        about_keys=True,
        problems=("delivery_not_found", "endpoint_closed", "replays_spent"),
    ),
)
def replay_delivery(request: PartnerRequest, delivery: int) -> DeliveryAnswer:
    """To the same endpoint, under the same `webhook-id`, with a new timestamp and signature."""
    call = request.call
    wanted = Replay(call.partner_id, call.is_sandbox, min(delivery, MAX_BIGINT))
    (outcome,) = replay_deliveries(replays=[wanted], now=machine_now())
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    own = deliveries_of(partner_id=call.partner_id, is_sandbox=call.is_sandbox, delivery_id=outcome.delivery_id)
    return delivery_answer(own[0])
