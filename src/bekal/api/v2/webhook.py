"""`DELETE /webhooks/{webhook}` and `POST /webhooks/{webhook}/pings`: close an endpoint, try one."""

from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.problems import refused
from bekal.api.v2.webhook_answers import PingAnswer, WebhookAnswer, own_webhook, webhook_answer
from bekal.ledger.clock import machine_now
from bekal.partners.models import WebhookEndpoint
from bekal.partners.scopes import Scope
from bekal.partners.webhook_endpoints import Closing, close_endpoints
from bekal.partners.webhook_events import ping


@endpoint(
    "DELETE",
    "/webhooks/{int:webhook}",
    Declared(
        tag="webhooks",
        summary="Close an endpoint",
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
    (outcome,) = close_endpoints(closings=[Closing(call.partner_id, call.is_sandbox, row.pk)], at=call.at)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    return webhook_answer(WebhookEndpoint.objects.get(pk=row.pk))


@endpoint(
    "POST",
    "/webhooks/{int:webhook}/pings",
    Declared(
        tag="webhooks",
        summary="Have a ping sent",
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
