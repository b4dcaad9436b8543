"""`payment/redeem-code/commit`: the institution takes a code that was handed over, and the training begins."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import text_of
from bekal.api.v1.door import Call, v1_door
from bekal.api.v1.redeem_code_status import REDEEMED
from bekal.api.v1.training_words import instant
from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled, refusal_of_window
from bekal.partners.refusals import CallRefusal
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.refusals import PurchaseRefusal

# What the verb says in the words of the contract; it decides again, under lock.
WORDS = {
    PurchaseRefusal.REDEEM_CODE_UNKNOWN: CallRefusal.CODE_NOT_FOUND,
    PurchaseRefusal.OTHER_INSTITUTION: CallRefusal.CODE_ELSEWHERE,
    PurchaseRefusal.PURCHASE_ENDED: CallRefusal.TRANSACTION_CANCELLED,
    PurchaseRefusal.ALREADY_REDEEMED: CallRefusal.CODE_USED,
}


@v1_door("payment/redeem-code/commit")
def redeem_code_commit(call: Call) -> Mapping[str, Any] | Refusal:
    """Once only; a training with dated sessions around the start of its first one only."""
    redeem_code = text_of(call.fields, "redeem_code")
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    refusal = refusal_of_cancelled(handed)
    if refusal is None and handed.redeemed_at is None:
        refusal = refusal_of_window(handed, at=call.at)
    if refusal is not None:
        return refusal
    (outcome,) = redeem(redemptions=[Redemption(handed.institution_id, redeem_code)], at=call.at)
    if outcome.refusal is not None:
        code = WORDS[PurchaseRefusal(outcome.refusal.code)]
        return Refusal(code, outcome.refusal.values)
    return {
        "redeem_code": redeem_code,
        "course_code": handed.training_code,
        "status": REDEEMED,
        "redeem_at": instant(call.at),
    }
