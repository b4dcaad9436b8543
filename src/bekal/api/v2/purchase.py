"""`GET /purchases/{purchase}`: one purchase redeemed here."""

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.answers import PurchaseAnswer
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.purchase_answer import own_purchase, purchase_answer
from bekal.partners.scopes import Scope


@endpoint(
    "GET",
    "/purchases/{int:purchase}",
    Declared(
        tag="purchases",
        summary=_("One purchase redeemed here"),
        answer=PurchaseAnswer,
        scope=Scope.PURCHASES,
        problems=("purchase_not_found",),
    ),
)
def purchase(request: PartnerRequest, purchase: int) -> PurchaseAnswer:
    """By the number that redeeming answered. Any number whose code was not redeemed here is not found, whether there
    is such a purchase or not."""
    return purchase_answer(own_purchase(request.call, purchase))
