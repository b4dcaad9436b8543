"""`POST /redemptions`: take a participant's redeem code."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import PurchaseAnswer
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import Problem, refused
from bekal.api.v2.purchase_answer import own_purchase, purchase_answer
from bekal.ledger.clock import programme_now
from bekal.partners.handed_codes import MISSES
from bekal.partners.misses import record_miss
from bekal.partners.redeem_handed import redeem_handed
from bekal.partners.scopes import Scope


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
        summary=_("Redeem a code"),
        answer=PurchaseAnswer,
        status=201,
        scope=Scope.REDEEM,
        problems=(
            "code_not_found",
            "code_of_another_institution",
            "code_already_used",
            "code_cancelled",
            "transaction_cancelled",
            "outside_redemption_window",
        ),
    ),
)
def redeem_code(request: PartnerRequest, body: RedemptionBody) -> PurchaseAnswer:
    """The training begins: from now on sessions, progress and completion can be recorded for this purchase. A code is
    redeemed once, at the institution of its training; where sessions have dates, around the start of the first. A code
    that is nobody's or another institution's costs the key's budget of misses; twenty suspend the key until an officer
    lifts it."""
    call = request.call
    outcome = redeem_handed(redeem_code=body.redeem_code, institution_id=call.institution, at=call.at)
    if outcome.refusal is not None:
        is_miss = outcome.refusal.code in MISSES
        raise refused(outcome.refusal, afterwards=(lambda: _missed(call.key_id)) if is_miss else None)
    assert outcome.handed is not None
    return purchase_answer(own_purchase(call, outcome.handed.purchase_id))


def _missed(key_id: int) -> Problem | None:
    """Take the miss from the key's budget, in the programme's books; where nothing is left, how the code stands is not
    told any more."""
    return None if record_miss(key_id=key_id, at=programme_now()) else Problem("key_suspended")
