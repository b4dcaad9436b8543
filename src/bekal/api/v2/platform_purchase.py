"""`GET /platform/purchases/{purchase}`, and ending one: what a platform may do with a purchase it sold."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.cancellation import CancellationBody
from bekal.api.v2.cancellation_answer import CancellationAnswer, cancellation_answer
from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.platform_answers import SaleAnswer, own_sale, sale_answer
from bekal.partners.scopes import Scope
from bekal.purchases.end_purchases import end_purchases, ending_preview

PATH = "/platform/purchases/{int:purchase}"


@endpoint(
    "GET",
    PATH,
    Declared(
        tag="platform",
        summary=_("One purchase sold here"),
        answer=SaleAnswer,
        scope=Scope.PURCHASES,
        kind=PLATFORM,
        problems=("sale_not_found",),
    ),
)
def platform_sale(request: PartnerRequest, purchase: int) -> SaleAnswer:
    """By the number that selling answered. Any other number is not found, whether there is such a purchase or not."""
    return sale_answer(own_sale(request.call, purchase))


@endpoint(
    "GET",
    PATH + "/cancellation-preview",
    Declared(
        tag="platform",
        summary=_("What cancelling would do"),
        answer=CancellationAnswer,
        scope=Scope.REFUNDS,
        kind=PLATFORM,
        problems=("sale_not_found", "already_proven"),
    ),
)
def preview_sale_cancellation(request: PartnerRequest, purchase: int) -> CancellationAnswer:
    """How the price would be split now; nothing changes."""
    own = own_sale(request.call, purchase)
    (outcome,) = ending_preview(purchase_ids=[own.purchase_id], at=request.call.at)
    return cancellation_answer(outcome)


@endpoint(
    "POST",
    PATH + "/cancellation",
    Declared(
        tag="platform",
        summary=_("Cancel a purchase sold here and refund it"),
        answer=CancellationAnswer,
        scope=Scope.REFUNDS,
        kind=PLATFORM,
        problems=("sale_not_found", "already_proven"),
    ),
)
def cancel_sale(request: PartnerRequest, purchase: int, body: CancellationBody) -> CancellationAnswer:
    """As an institution cancels: it is owed the sessions attended, pro rata; the rest goes back to the participant's
    training balance while that lives, else to the state treasury, never to anybody in cash, and never to the platform.
    What is proven already cannot be cancelled."""
    own = own_sale(request.call, purchase)
    (outcome,) = end_purchases(purchase_ids=[own.purchase_id], at=request.call.at)
    return cancellation_answer(outcome)
