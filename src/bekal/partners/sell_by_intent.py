"""What a platform may do with a start code it was handed: see whether it is covered, have the digits sent, buy."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.messaging.issue_codes import IssuedCode
from bekal.partners.models import PlatformSale, PurchaseIntent
from bekal.partners.platform_refusals import PlatformRefusal
from bekal.partners.purchase_intents import start_code_hash
from bekal.purchases import standing
from bekal.purchases.buy import BuyOutcome, Order, buy
from bekal.purchases.redeem_codes import normalised
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases


@dataclass(frozen=True, slots=True)
class HeldIntent:
    """An intent of this platform that is open; whose it is stays in this room."""

    participation_id: int = field(repr=False)
    training_id: int
    training_code: str
    title: str
    session_count: int
    price_rupiah: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Cover:
    """Whether the purchase could be made now. `missing_rupiah` is what the balance lacks, 0 where it is enough: more of
    the balance is not told."""

    missing_rupiah: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Sale:
    """A start code and the six digits that its participant typed."""

    start_code: str = field(repr=False)
    code: str = field(repr=False)


def held_intent(*, start_code: str, platform_id: int, at: datetime) -> HeldIntent | Refusal:
    """The open intent of this code, if it is this platform's; else one refusal for whatever else it is."""
    row = _row(start_code, platform_id)
    if row is None or row.withdrawn_at is not None or row.expires_at <= at:
        return Refusal(PlatformRefusal.INTENT_NOT_FOUND)
    training = row.training
    return HeldIntent(
        participation_id=row.participation_id,
        training_id=training.pk,
        training_code=training.code,
        title=training.title,
        session_count=training.session_count,
        price_rupiah=row.price_rupiah,
        expires_at=row.expires_at,
    )


def was_handed(*, start_code: str, platform_id: int) -> bool:
    """Whether this code was ever this platform's to know: a late one is no guess, and costs no budget."""
    return _row(start_code, platform_id) is not None


def cover_of(*, intent: HeldIntent, at: datetime) -> Cover:
    """How the purchase of this intent stands now."""
    buyer = standing.buyers([intent.participation_id], lock=False).get(intent.participation_id)
    offer = standing.offers([intent.training_id], lock=False).get(intent.training_id)
    refusal = standing.refusal_of(buyer, offer, programme_day(at))
    if refusal is None and offer is not None and offer.price_rupiah != intent.price_rupiah:
        values = {"price_rupiah": offer.price_rupiah, "seen_rupiah": intent.price_rupiah}
        refusal = Refusal(PurchaseRefusal.PRICE_CHANGED, values)
    is_short = buyer is not None and refusal is not None and refusal.code == RefusalCode.ABOVE_BALANCE
    missing_rupiah = intent.price_rupiah - buyer.balance_rupiah if is_short and buyer is not None else 0
    return Cover(max(missing_rupiah, 0), refusal)


def ask_code(*, intent: HeldIntent, at: datetime) -> IssuedCode | Refusal:
    """Send the participant the one-time code of this purchase, as their own page would: same limits, same message."""
    cover = cover_of(intent=intent, at=at)
    if cover.refusal is not None:
        return cover.refusal
    (outcome,) = request_purchases(intents=[Intent(intent.participation_id, intent.training_id)], at=at)
    return outcome


def sell(*, sales: Sequence[Sale], platform_id: int, at: datetime) -> tuple[BuyOutcome, ...]:
    """Buy by the participants' own digits, and note that this platform sold it; outcomes in the order of `sales`.

    The money moves by `buy`, with all it refuses; a wrong try counts, so the caller keeps what a refusal leaves. A code
    that is right for a purchase made elsewhere is no sale of this platform. The same again returns the first purchase.
    """
    outcomes: list[BuyOutcome] = []
    with transaction.atomic():
        held = [held_intent(start_code=sale.start_code, platform_id=platform_id, at=at) for sale in sales]
        orders = {
            number: Order(intent.participation_id, intent.training_id, intent.price_rupiah, sales[number].code)
            for number, intent in enumerate(held)
            if isinstance(intent, HeldIntent)
        }
        bought = dict(zip(orders, buy(orders=list(orders.values()), at=at), strict=True))
        own = _own_sales([outcome.purchase_id for outcome in bought.values()], platform_id)
        for number, intent in enumerate(held):
            outcome = bought.get(number)
            if outcome is None:
                assert isinstance(intent, Refusal)
                outcome = BuyOutcome(None, None, intent)
            elif outcome.purchase_id is not None and outcome.repeated and outcome.purchase_id not in own:
                outcome = BuyOutcome(None, None, Refusal(RefusalCode.ALREADY_BOUGHT))
            elif outcome.purchase_id is not None and not outcome.repeated:
                PlatformSale.objects.create(purchase_id=outcome.purchase_id, platform_id=platform_id, sold_at=at)
                own.add(outcome.purchase_id)
            outcomes.append(outcome)
    return tuple(outcomes)


def _own_sales(purchase_ids: Sequence[int | None], platform_id: int) -> set[int]:
    rows = PlatformSale.objects.filter(purchase__in=[each for each in purchase_ids if each], platform=platform_id)
    return set(rows.values_list("purchase_id", flat=True))


def _row(start_code: str, platform_id: int) -> PurchaseIntent | None:
    code = normalised(start_code)
    if code is None:
        return None
    rows = PurchaseIntent.objects.select_related("training").filter(code_hash=start_code_hash(code))
    return rows.filter(platform=platform_id).order_by("-pk").first()
