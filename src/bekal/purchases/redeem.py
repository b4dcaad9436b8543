"""`redeem`: the institution takes the participant's redeem code, and the training begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.purchases.models import Purchase
from bekal.purchases.redeem_codes import normalised, redeem_code_hash
from bekal.purchases.refusals import PurchaseRefusal


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code as somebody typed it (small letters, blanks and hyphens are fine) at an institution."""

    institution_id: int
    redeem_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RedeemOutcome:
    """One of the two is None."""

    purchase_id: int | None
    refusal: Refusal | None


def redeem(*, redemptions: Sequence[Redemption], at: datetime) -> tuple[RedeemOutcome, ...]:
    """Redeem codes, each once and only at the institution of its training; outcomes in the order of `redemptions`.

    A code of 78 bits cannot be guessed, so wrong ones are not counted. Locks purchases in the order of their numbers.
    """
    codes = [normalised(redemption.redeem_code) for redemption in redemptions]
    hashes = [redeem_code_hash(code) if code else None for code in codes]
    with transaction.atomic():
        rows = Purchase.objects.filter(redeem_code__code_hash__in=[each for each in hashes if each])
        rows = rows.annotate(code_hash=F("redeem_code__code_hash"), institution_id=F("training__institution_id"))
        locked = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        purchases = {bytes(purchase.code_hash): purchase for purchase in locked}
        outcomes: list[RedeemOutcome] = []
        redeemed_ids: list[int] = []
        for redemption, code_hash in zip(redemptions, hashes, strict=True):
            purchase = purchases.get(code_hash) if code_hash else None
            if purchase is None:
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.REDEEM_CODE_UNKNOWN)))
            elif purchase.institution_id != redemption.institution_id:
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.OTHER_INSTITUTION)))
            elif purchase.redeemed_at is not None:
                values = {"redeemed_on": programme_day(purchase.redeemed_at)}
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.ALREADY_REDEEMED, values)))
            else:
                purchase.redeemed_at = at
                redeemed_ids.append(purchase.pk)
                outcomes.append(RedeemOutcome(purchase.pk, None))
        # A clock that was set back must not put the redemption before the purchase.
        Purchase.objects.filter(pk__in=redeemed_ids).update(redeemed_at=Greatest(at, F("bought_at")))
    return tuple(outcomes)
