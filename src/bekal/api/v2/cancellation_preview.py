"""`GET /purchases/{purchase}/cancellation`: what cancelling would do now, without doing it."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.cancellation_answer import CancellationAnswer, cancellation_answer
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.purchase_answer import own_purchase
from bekal.partners.scopes import Scope
from bekal.purchases.end_purchases import ending_preview


@endpoint(
    "GET",
    "/purchases/{int:purchase}/cancellation",
    Declared(
        tag="refunds",
        summary=_("What cancelling would do"),
        answer=CancellationAnswer,
        scope=Scope.REFUNDS,
        problems=("purchase_not_found", "already_proven"),
    ),
)
def preview_cancellation(request: PartnerRequest, purchase: int) -> CancellationAnswer:
    """The split of the price as it would be at this moment; nothing changes. Of what has ended: how it ended."""
    own = own_purchase(request.call, purchase)
    (outcome,) = ending_preview(purchase_ids=[own.purchase_id], at=request.call.at)
    return cancellation_answer(outcome)
