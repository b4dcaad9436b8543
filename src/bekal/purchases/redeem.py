"""`redeem`: the institution takes the participant's redeem code, and the training begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import bytes_array, int_array
from bekal.purchases.redeem_codes import normalised, redeem_code_hash
from bekal.purchases.refusals import PurchaseRefusal

LOCK_SQL = """
SELECT purchase.id, directory.code_hash, training.institution_id, purchase.redeemed_at, purchase.ended_at
FROM purchases_purchase purchase
JOIN purchases_redeemcodedirectory directory ON directory.purchase_id = purchase.id
JOIN catalogue_training training ON training.id = purchase.training_id
WHERE directory.code_hash = ANY(%s::bytea[]) ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
"""
# A clock that was set back must not put the redemption before the purchase.
REDEEM_SQL = "UPDATE purchases_purchase SET redeemed_at = greatest(%s, bought_at) WHERE id = ANY(%s::bigint[])"


@dataclass(slots=True)
class _Found:
    """A purchase as its code leads to it."""

    purchase_id: int
    institution_id: int
    redeemed_at: datetime | None
    ended_at: datetime | None


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

    A purchase that has ended is not begun any more. A code of 78 bits cannot be guessed, so wrong ones are not counted.
    Locks purchases in the order of their numbers.
    """
    codes = [normalised(redemption.redeem_code) for redemption in redemptions]
    hashes = [redeem_code_hash(code) if code else None for code in codes]
    with transaction.atomic():
        purchases = _locked([each for each in hashes if each])
        outcomes: list[RedeemOutcome] = []
        redeemed_ids: list[int] = []
        for redemption, code_hash in zip(redemptions, hashes, strict=True):
            purchase = purchases.get(code_hash) if code_hash else None
            if purchase is None:
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.REDEEM_CODE_UNKNOWN)))
            elif purchase.institution_id != redemption.institution_id:
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.OTHER_INSTITUTION)))
            elif purchase.ended_at is not None:
                values = {"ended_on": programme_day(purchase.ended_at)}
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.PURCHASE_ENDED, values)))
            elif purchase.redeemed_at is not None:
                values = {"redeemed_on": programme_day(purchase.redeemed_at)}
                outcomes.append(RedeemOutcome(None, Refusal(PurchaseRefusal.ALREADY_REDEEMED, values)))
            else:
                purchase.redeemed_at = at
                redeemed_ids.append(purchase.purchase_id)
                outcomes.append(RedeemOutcome(purchase.purchase_id, None))
        if redeemed_ids:
            with connection.cursor() as cursor:
                cursor.execute(REDEEM_SQL, [at, int_array(redeemed_ids)])
    return tuple(outcomes)


def _locked(hashes: Sequence[bytes]) -> dict[bytes, _Found]:
    """The purchases of these codes by the codes' hashes, locked in the order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [bytes_array(hashes)])
        return {bytes(code_hash): _Found(number, *rest) for number, code_hash, *rest in cursor.fetchall()}
