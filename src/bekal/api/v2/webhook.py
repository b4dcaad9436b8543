"""`DELETE /webhooks/{webhook}`, `POST /webhooks/{webhook}/secrets` and `…/pings`: close an endpoint, change its secret,
try it."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.json_text import json_text
from bekal.api.v2.problems import refused
from bekal.api.v2.webhook_answers import PingAnswer, SecretAnswer, WebhookAnswer, own_webhook, webhook_answer
from bekal.ledger.clock import machine_now
from bekal.partners.models import WebhookEndpoint
from bekal.partners.scopes import Scope
from bekal.partners.webhook_endpoints import OLD_SECRET_LASTS, OwnEndpoint, close_endpoints, rotate_secrets
from bekal.partners.webhook_events import ping


@endpoint(
    "DELETE",
    "/webhooks/{int:webhook}",
    Declared(
        tag="webhooks",
        summary=_("Close an endpoint"),
        answer=WebhookAnswer,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        keeps=False,
        about_keys=True,
        problems=("endpoint_not_found",),
    ),
)
def close_webhook(request: PartnerRequest, webhook: int) -> WebhookAnswer:
    """Nothing is sent there any more; what was on its way has failed. It cannot be opened again: open another one."""
    call = request.call
    row = own_webhook(call, webhook)
    (outcome,) = close_endpoints(closings=[OwnEndpoint(call.partner_id, call.is_sandbox, row.pk)], at=call.at)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return webhook_answer(WebhookEndpoint.objects.get(pk=row.pk))


@endpoint(
    "POST",
    "/webhooks/{int:webhook}/secrets",
    Declared(
        tag="webhooks",
        summary="Change an endpoint's secret",
        answer=SecretAnswer,
        status=201,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        keeps=False,
        about_keys=True,
        problems=("endpoint_not_found", "endpoint_closed"),
    ),
)
def change_webhook_secret(request: PartnerRequest, webhook: int) -> SecretAnswer:
    """A new secret signs from now on. For 24 hours every message has a second signature under the one before, so that
    your receiver can go over without losing one."""
    row, now = own_webhook(request.call, webhook), machine_now()
    own = OwnEndpoint(row.partner_id, row.is_sandbox, row.pk)
    (outcome,) = rotate_secrets(rotations=[own], now=now)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    told = SecretAnswer(webhook=row.pk, secret=outcome.secret, old_secret_until_at=now + OLD_SECRET_LASTS)
    # A repeated answer comes from store, where no secret lies.
    request.remembered = json_text(told.model_copy(update={"secret": None}).model_dump(mode="json"))
    return told


@endpoint(
    "POST",
    "/webhooks/{int:webhook}/pings",
    Declared(
        tag="webhooks",
        summary=_("Have a ping sent"),
        answer=PingAnswer,
        status=202,
        scope=Scope.WEBHOOKS,
        kind=ANYBODY,
        keeps=False,
        about_keys=True,
        problems=("endpoint_not_found", "endpoint_closed"),
    ),
)
def ping_webhook(request: PartnerRequest, webhook: int) -> PingAnswer:
    """One event of no meaning to this endpoint, so that you can try your receiver."""
    outcome = ping(endpoint=own_webhook(request.call, webhook), at=request.call.at, now=machine_now())
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return PingAnswer(delivery_count=outcome.delivery_count)
