"""`buy`: a training is paid from the training balance with a one-time code, never above the balance, never twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.catalogue.models import Training
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.messaging.confirm_codes import CodeAttempt, confirm_codes, were_used
from bekal.purchases import standing
from bekal.purchases.models import Purchase, RedeemCodeDirectory
from bekal.purchases.redeem_codes import new_redeem_code, redeem_code_hash
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.standing import Buyer
from bekal.purchases.training_summary import Increase, increase


@dataclass(frozen=True, slots=True)
class Order:
    """One training for one participation; `price_rupiah` is the price the person saw, `code` the one-time code."""

    participation_id: int
    training_id: int
    price_rupiah: int
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BuyOutcome:
    """A purchase (`repeated` where it was made before by this very order) or a refusal."""

    purchase_id: int | None
    redeem_code: str | None = field(repr=False)
    refusal: Refusal | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Deal:
    """An order that core allows and whose code was right."""

    order: Order
    ordinal: int
    one_time_code_id: int
    redeem_code: str = field(repr=False)


def buy(*, orders: Sequence[Order], at: datetime) -> tuple[BuyOutcome, ...]:
    """Buy; outcomes in the order of `orders`, one transaction for all of them.

    Refused, with nothing changed but a wrong try counted: what core refuses (deadline, end, revoked, bought before, not
    on sale, above the balance), an unknown training, a price that changed since the person saw it, a code that is
    wrong, expired or used. The same order again returns the first purchase. Several orders of one participation are
    decided one after the other. Locks as purchases/README.md says; a call for many people is a handful of statements.
    """
    done: dict[Order, BuyOutcome] = {}
    with transaction.atomic():
        for orders_of_round in _rounds(orders):
            done.update(_buy_one_each(orders_of_round, at))
        bought = Counter(order.training_id for order, outcome in done.items() if _is_new(outcome))
        increase({training_id: Increase(bought_count=count) for training_id, count in bought.items()})
    seen: set[Order] = set()
    outcomes: list[BuyOutcome] = []
    for order in orders:
        outcome = done[order]
        again = order in seen and outcome.refusal is None
        outcomes.append(replace(outcome, repeated=True) if again else outcome)
        seen.add(order)
    return tuple(outcomes)


def _rounds(orders: Sequence[Order]) -> list[list[Order]]:
    """Every different order once, in rounds that have no two orders of one participation. The first round names every
    participation, so it takes all their locks at once and in order."""
    rounds: list[list[Order]] = []
    count: Counter[int] = Counter()
    for order in dict.fromkeys(orders):
        if count[order.participation_id] == len(rounds):
            rounds.append([])
        rounds[count[order.participation_id]].append(order)
        count[order.participation_id] += 1
    return rounds


def _is_new(outcome: BuyOutcome) -> bool:
    return outcome.refusal is None and not outcome.repeated


def _buy_one_each(orders: Sequence[Order], at: datetime) -> dict[Order, BuyOutcome]:
    buyers = standing.buyers({order.participation_id for order in orders}, lock=True)
    trainings = standing.trainings({order.training_id for order in orders})
    outcomes = _repeats(orders, buyers)
    on = programme_day(at)
    for order in orders:
        if order not in outcomes:
            training = trainings.get(order.training_id)
            refusal = standing.refusal_of(buyers.get(order.participation_id), training, on)
            refusal = refusal or _refusal_of_price(order, training)
            if refusal is not None:
                outcomes[order] = BuyOutcome(None, None, refusal)
    deals = _confirm([order for order in orders if order not in outcomes], buyers, outcomes, at)
    outcomes.update(_pay_and_write(deals, buyers, at))
    return outcomes


def _repeats(orders: Sequence[Order], buyers: Mapping[int, Buyer]) -> dict[Order, BuyOutcome]:
    """The orders that are an earlier purchase word for word, with that purchase: the code tells, for it is bound to the
    training and the price."""
    candidates: dict[Order, Purchase] = {}
    attempts: dict[int, CodeAttempt] = {}
    for order in orders:
        buyer = buyers.get(order.participation_id)
        purchase = buyer.bought.get(order.training_id) if buyer else None
        if buyer and purchase:
            candidates[order] = purchase
            attempts[purchase.one_time_code_id] = _attempt(order, buyer)
    if not candidates:
        return {}
    used = were_used(attempts=attempts)
    return {
        order: BuyOutcome(purchase.pk, decrypt(bytes(purchase.redeem_code_encrypted)), None, repeated=True)
        for order, purchase in candidates.items()
        if purchase.one_time_code_id in used
    }


def _refusal_of_price(order: Order, training: Training | None) -> Refusal | None:
    if training is None or training.price_rupiah == order.price_rupiah:
        return None
    values = {"price_rupiah": training.price_rupiah, "seen_rupiah": order.price_rupiah}
    return Refusal(PurchaseRefusal.PRICE_CHANGED, values)


def _attempt(order: Order, buyer: Buyer) -> CodeAttempt:
    subject = standing.code_subject(order.training_id, order.price_rupiah)
    return CodeAttempt(buyer.participant_id, subject, order.code)


def _confirm(
    orders: Sequence[Order], buyers: Mapping[int, Buyer], outcomes: dict[Order, BuyOutcome], at: datetime
) -> list[_Deal]:
    """Use up the right codes; the orders with wrong ones go to `outcomes`."""
    attempts = [_attempt(order, buyers[order.participation_id]) for order in orders]
    deals: list[_Deal] = []
    for order, confirmed in zip(orders, confirm_codes(attempts=attempts, at=at), strict=True):
        if confirmed.code_id is None:
            outcomes[order] = BuyOutcome(None, None, confirmed.refusal)
        else:
            ordinal = len(buyers[order.participation_id].bought) + 1
            deals.append(_Deal(order, ordinal, confirmed.code_id, new_redeem_code()))
    return deals


def _pay_and_write(deals: Sequence[_Deal], buyers: Mapping[int, Buyer], at: datetime) -> dict[Order, BuyOutcome]:
    """Move the money and write the purchases. The locks make the balance certain beforehand; the ledger's own condition
    stands behind them, and whom it refuses is refused here."""
    postings = [
        Posting(deal.order.participation_id, Movement.PURCHASE, deal.order.price_rupiah, _key(deal))
        for deal in deals
        if deal.order.price_rupiah > 0
    ]
    refused = {owner_id for owner_id, _ in post(postings=postings, at=at).refused}
    paid = [deal for deal in deals if deal.order.participation_id not in refused]
    outcomes = {
        deal.order: BuyOutcome(None, None, _refusal_of_ledger(deal.order, buyers[deal.order.participation_id], at))
        for deal in deals
        if deal.order.participation_id in refused
    }
    for deal, purchase in zip(paid, _write(paid, at), strict=True):
        outcomes[deal.order] = BuyOutcome(purchase.pk, deal.redeem_code, None)
    return outcomes


def _key(deal: _Deal) -> str:
    return f"purchase:{deal.order.training_id}"


def _refusal_of_ledger(order: Order, buyer: Buyer, at: datetime) -> Refusal:
    return Refusal(
        RefusalCode.ABOVE_BALANCE,
        {"price_rupiah": order.price_rupiah, "balance_rupiah": buyer.balance_rupiah, "on": programme_day(at)},
    )


def _write(deals: Sequence[_Deal], at: datetime) -> list[Purchase]:
    purchases = Purchase.objects.bulk_create(
        Purchase(
            participation_id=deal.order.participation_id,
            training_id=deal.order.training_id,
            one_time_code_id=deal.one_time_code_id,
            price_rupiah=deal.order.price_rupiah,
            ordinal=deal.ordinal,
            redeem_code_encrypted=encrypt(deal.redeem_code),
            bought_at=at,
        )
        for deal in deals
    )
    RedeemCodeDirectory.objects.bulk_create(
        RedeemCodeDirectory(code_hash=redeem_code_hash(deal.redeem_code), purchase=purchase)
        for deal, purchase in zip(deals, purchases, strict=True)
    )
    return purchases
