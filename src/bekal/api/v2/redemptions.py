"""`POST /redemptions`: take a participant's redeem code."""

from typing import Annotated

from pydantic import Field

from bekal.api.v2.answers import PurchaseAnswer
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import refused
from bekal.api.v2.purchase_answer import own_purchase, purchase_answer
from bekal.partners.scopes import Scope
from bekal.purchases.redeem import Redemption, redeem


class RedemptionBody(Input):
    """A code as the participant shows it."""

    redeem_code: Annotated[
        str,
        Field(
            min_length=1,
            max_length=40,
            description="Small letters, blanks and hyphens between groups are fine.",
            examples=["ABCD-EFGH-JKMN-PQRS"],
        ),
    ]


@endpoint(
    "POST",
    "/redemptions",
    Declared(
        tag="redeem",
        summary="Redeem a code",
        answer=PurchaseAnswer,
        status=201,
        scope=Scope.REDEEM,
        problems=("redeem_code_unknown", "other_institution", "already_redeemed", "purchase_ended"),
    ),
)
def redeem_code(request: PartnerRequest, body: RedemptionBody) -> PurchaseAnswer:
    """The training begins: from now on sessions, progress and completion can be recorded for this purchase. A code is
    redeemed once, at the institution of its training. A code that is nobody's or another institution's costs the
    key's budget of misses; twenty suspend the key until an officer lifts it."""
    call = request.call
    (outcome,) = redeem(redemptions=[Redemption(call.institution, body.redeem_code)], at=call.at)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    assert outcome.purchase_id is not None
    return purchase_answer(own_purchase(call, outcome.purchase_id))
