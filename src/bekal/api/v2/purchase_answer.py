"""A purchase redeemed here, as every endpoint answers it; any other number is as good as none."""

from bekal.api.v2.answers import PurchaseAnswer, TrainingName
from bekal.api.v2.endpoint import Call
from bekal.api.v2.inputs import MAX_BIGINT
from bekal.api.v2.problems import Problem
from bekal.core.text import shown
from bekal.purchases.partner_view import RedeemedPurchase, redeemed_purchase


def own_purchase(call: Call, purchase_id: int) -> RedeemedPurchase:
    """The purchase of this number; the same Problem for another institution's, one not redeemed, and none at all."""
    number = min(purchase_id, MAX_BIGINT)
    purchase = redeemed_purchase(institution_id=call.institution, purchase_id=number)
    if purchase is None:
        raise Problem("purchase_not_found", {"purchase": shown(str(purchase_id))})
    return purchase


def purchase_answer(purchase: RedeemedPurchase) -> PurchaseAnswer:
    """As it leaves."""
    return PurchaseAnswer(
        purchase=purchase.purchase_id,
        training=TrainingName(code=purchase.training_code, title=purchase.title, session_count=purchase.session_count),
        participant=purchase.participant,
        state=purchase.state,
        price_rupiah=purchase.price_rupiah,
        redeemed_at=purchase.redeemed_at,
        completed_at=purchase.completed_at,
        proven_at=purchase.reconciled_at,
        ended_at=purchase.ended_at,
        ending=purchase.ending or None,
        refunded_rupiah=purchase.refunded_rupiah,
        settled_at=purchase.settled_at,
        attended=list(purchase.attended),
    )
