"""`POST /sandbox/redemptions`, `POST /sandbox/completions`: what the test institution does about a platform's sale."""

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input, PurchaseNumber
from bekal.api.v2.platform_answers import SaleAnswer, own_sale, sale_answer
from bekal.api.v2.problems import refused
from bekal.api.v2.sandbox_world import sandbox_world
from bekal.core.refusal import Refusal
from bekal.partners.sandbox_starts import complete_at_institution, redeem_at_institution


class OwnSaleBody(Input):
    """One of your sales."""

    purchase: PurchaseNumber


@endpoint(
    "POST",
    "/sandbox/redemptions",
    Declared(
        tag="sandbox",
        summary=_("Have the institution redeem the code of a sale"),
        answer=SaleAnswer,
        kind=PLATFORM,
        problems=("sandbox_only", "sale_not_found", "code_already_used", "code_cancelled", "transaction_cancelled"),
    ),
)
def redeem_test_sale(request: PartnerRequest, body: OwnSaleBody) -> SaleAnswer:
    """The test participant shows the redeem code, which a platform never holds, to the test institution; from now on
    evidence of this purchase is taken."""
    return _done(request, body, redeem_at_institution)


@endpoint(
    "POST",
    "/sandbox/completions",
    Declared(
        tag="sandbox",
        summary=_("Have the institution complete a sale"),
        answer=SaleAnswer,
        kind=PLATFORM,
        problems=("sandbox_only", "sale_not_found", "not_redeemed", "purchase_ended"),
    ),
)
def complete_test_sale(request: PartnerRequest, body: OwnSaleBody) -> SaleAnswer:
    """The test institution records that every session was attended and the training completed, which completes the
    purchase: what a platform says supports it or contests it. Move the clock two days on, and it is proven."""
    return _done(request, body, complete_at_institution)


def _done(request: PartnerRequest, body: OwnSaleBody, act: Callable[..., Refusal | None]) -> SaleAnswer:
    call = request.call
    at = sandbox_world(call).at
    own = own_sale(call, body.purchase)
    refusal = act(purchase_id=own.purchase_id, partner_id=call.partner_id, at=at)
    if refusal is not None:
        raise refused(refusal)
    return sale_answer(own_sale(call, own.purchase_id))
