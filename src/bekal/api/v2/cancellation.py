"""`POST /purchases/{purchase}/cancellation`: the institution ends a purchase that it will not teach to its end."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.cancellation_answer import CancellationAnswer, cancellation_answer
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input, Text
from bekal.api.v2.purchase_answer import own_purchase
from bekal.partners.scopes import Scope
from bekal.purchases.end_purchases import end_purchases


class CancellationBody(Input):
    """Why; it is kept with the call."""

    reason: Text


@endpoint(
    "POST",
    "/purchases/{int:purchase}/cancellation",
    Declared(
        tag="refunds",
        summary=_("Cancel a purchase and refund it"),
        answer=CancellationAnswer,
        scope=Scope.REFUNDS,
        problems=("purchase_not_found", "already_proven"),
    ),
)
def cancel_purchase(request: PartnerRequest, purchase: int, body: CancellationBody) -> CancellationAnswer:
    """The purchase ends for good. The institution is owed the sessions attended, pro rata; the rest goes back to the
    participant's training balance while that lives, else to the state treasury, never to anybody in cash. What is
    proven already cannot be cancelled. The preview says beforehand what would happen."""
    own = own_purchase(request.call, purchase)
    (outcome,) = end_purchases(purchase_ids=[own.purchase_id], at=request.call.at)
    return cancellation_answer(outcome)
