"""`redeem_handed`: an institution's system takes a code that a participant handed over."""

from dataclasses import dataclass
from datetime import datetime

from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import HandedCode, handed_code, refusal_of_cancelled, refusal_of_window
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


@dataclass(frozen=True, slots=True)
class HandedOutcome:
    """One of the two is None."""

    handed: HandedCode | None
    refusal: Refusal | None


def redeem_handed(*, redeem_code: str, institution_id: int | None, at: datetime) -> HandedOutcome:
    """Redeem one code, once only; a training with dated sessions around the start of its first one only.

    Refused: a code that is nobody's or another institution's (`handed_codes.MISSES`, which whoever calls counts), one
    cancelled or used, and one outside its window. Locks as `redeem` does.
    """
    handed = handed_code(redeem_code=redeem_code, institution_id=institution_id)
    if isinstance(handed, Refusal):
        return HandedOutcome(None, handed)
    refusal = refusal_of_cancelled(handed)
    if refusal is None and handed.redeemed_at is None:
        refusal = refusal_of_window(handed, at=at)
    if refusal is not None:
        return HandedOutcome(None, refusal)
    (outcome,) = redeem(redemptions=[Redemption(handed.institution_id, redeem_code)], at=at)
    if outcome.refusal is not None:
        return HandedOutcome(None, Refusal(WORDS[PurchaseRefusal(outcome.refusal.code)], outcome.refusal.values))
    return HandedOutcome(handed, None)
