"""`payment/redeem-code/commit`: the institution takes a code that was handed over, and the training begins."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import text_of
from bekal.api.v1.door import Call, v1_door
from bekal.api.v1.redeem_code_status import REDEEMED
from bekal.api.v1.training_words import instant
from bekal.core.refusal import Refusal
from bekal.partners.redeem_handed import redeem_handed


@v1_door("payment/redeem-code/commit")
def redeem_code_commit(call: Call) -> Mapping[str, Any] | Refusal:
    """Once only; a training with dated sessions around the start of its first one only."""
    redeem_code = text_of(call.fields, "redeem_code")
    outcome = redeem_handed(redeem_code=redeem_code, institution_id=call.world.institution_id, at=call.at)
    if outcome.handed is None:
        assert outcome.refusal is not None
        return outcome.refusal
    return {
        "redeem_code": redeem_code,
        "course_code": outcome.handed.training_code,
        "status": REDEEMED,
        "redeem_at": instant(call.at),
    }
