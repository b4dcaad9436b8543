"""`GET /webhooks` and `POST /webhooks`: where this partner is told what happened."""

from datetime import timedelta
from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.json_text import json_text
from bekal.api.v2.problems import refused
from bekal.api.v2.webhook_answers import EVENTS, NewWebhookAnswer, WebhookList, webhook_answer
from bekal.partners.models import Partner, WebhookEndpoint
from bekal.partners.scopes import Scope
from bekal.partners.webhook_address import MAX_URL_CHARACTERS
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints

SHOWN_COUNT = 100


class WebhookBody(Input):
    """An address that answers POST, and what it wants to hear."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_URL_CHARACTERS,
            description="https, public, without a password. In a demo's sandbox also http on the same machine.",
            examples=["https://lembaga.example/bekal/webhook"],
        ),
    ]
    events: Annotated[
        list[Annotated[str, Field(max_length=40, json_schema_extra={"enum": EVENTS})]],
        Field(default=[], max_length=len(EVENTS), description="Kinds of events; none named: all of them."),
    ]


@endpoint(
    "GET",
    "/webhooks",
    Declared(
        tag="webhooks",
        summary=_("Your endpoints"),
        answer=WebhookList,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        about_keys=True,
    ),
)
def webhooks(request: PartnerRequest) -> WebhookList:
    """Open ones and closed ones, the newest first. Secrets are not told again."""
    call = request.call
    own = WebhookEndpoint.objects.filter(partner_id=call.partner_id, is_sandbox=call.is_sandbox).order_by("-pk")
    return WebhookList(items=[webhook_answer(each) for each in own[:SHOWN_COUNT]])


@endpoint(
    "POST",
    "/webhooks",
    Declared(
        tag="webhooks",
        summary=_("Open an endpoint"),
        answer=NewWebhookAnswer,
        status=201,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        keeps=False,
        about_keys=True,
        problems=(
            "url_unreadable",
            "url_not_https",
            "url_not_public",
            "event_unknown",
            "endpoint_taken",
            "endpoints_open",
        ),
    ),
)
def open_webhook(request: PartnerRequest, body: WebhookBody) -> NewWebhookAnswer:
    """From now on what happens to your purchases is sent there, signed in the layout of Standard Webhooks with the
    secret of this answer. Answer any 2xx within 5 seconds; anything else is tried again for three days. A message may
    come twice, under the same `webhook-id`, and not in order."""
    call = request.call
    offset = Partner.objects.values_list("sandbox_offset", flat=True).get(pk=call.partner_id)
    moved = (offset or timedelta(0)) if call.is_sandbox else timedelta(0)
    wanted = NewEndpoint(call.partner_id, call.is_sandbox, body.url, call.at + moved, tuple(body.events))
    (outcome,) = open_endpoints(endpoints=[wanted], at=call.at)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    assert outcome.endpoint_id is not None
    told = webhook_answer(WebhookEndpoint.objects.get(pk=outcome.endpoint_id)).model_dump()
    # A repeated answer comes from store, where no secret lies.
    request.remembered = json_text(NewWebhookAnswer(**told, secret=None).model_dump(mode="json"))
    return NewWebhookAnswer(**told, secret=outcome.secret)
