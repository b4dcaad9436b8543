"""`buy`: a training is paid from the training balance with a one-time code, never above the balance, never twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection, transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, int_array, new_ids
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.messaging.confirm_codes import CodeAttempt, confirm_codes, were_used
from bekal.purchases import standing
from bekal.purchases.models import Purchase, RedeemCodeDirectory
from bekal.purchases.redeem_codes import new_redeem_code, redeem_code_hash
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.standing import Bought, Buyer, Offer
from bekal.purchases.training_summary import Increase, increase

REDEEM_CODES_SQL = "SELECT id, redeem_code_encrypted FROM purchases_purchase WHERE id = ANY(%s::bigint[])"


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
    on sale, above the balance), an unknown training, a price that changed since the person saw it, no seat left, a code
    that is wrong, expired or used. The same order again returns the first purchase. Several orders of one participation
    are decided one after the other (the second ones after everybody's first); seats go in the order of decision. Locks
    as purchases/README.md says; a call for many people is a handful of statements.
    """
    done: dict[Order, BuyOutcome] = {}
    shelf = _Shelf(orders)
    with transaction.atomic():
        for orders_of_round in _rounds(orders):
            done.update(_buy_one_each(orders_of_round, shelf, at))
        bought = Counter(order.training_id for order, outcome in done.items() if _is_new(outcome))
        sold = {training_id: Increase(bought_count=count, bought_at=at) for training_id, count in bought.items()}
        increase(sold)
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


class _Shelf:
    """What these orders ask for, read and locked when the first of them have their buyers locked: what can be
    bought, and its price, stays so until they are done."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._training_ids = {order.training_id for order in orders}
        self._offers: dict[int, Offer] | None = None

    def offers(self) -> dict[int, Offer]:
        if self._offers is None:
            self._offers = standing.offers(self._training_ids, lock=True)
        return self._offers


def _buy_one_each(orders: Sequence[Order], shelf: _Shelf, at: datetime) -> dict[Order, BuyOutcome]:
    buyers = standing.buyers({order.participation_id for order in orders}, lock=True)
    offers = shelf.offers()
    outcomes = _repeats(orders, buyers)
    on = programme_day(at)
    for order in orders:
        if order not in outcomes:
            offer = offers.get(order.training_id)
            refusal = standing.refusal_of(buyers.get(order.participation_id), offer, on)
            refusal = refusal or _refusal_of_price(order, offer)
            if refusal is not None:
                outcomes[order] = BuyOutcome(None, None, refusal)
    deals = _confirm([order for order in orders if order not in outcomes], buyers, offers, outcomes, at)
    outcomes.update(_pay_and_write(deals, buyers, at))
    return outcomes


def _repeats(orders: Sequence[Order], buyers: Mapping[int, Buyer]) -> dict[Order, BuyOutcome]:
    """The orders that are an earlier purchase word for word, with that purchase: the code tells, for it is bound to the
    training and the price."""
    candidates: dict[Order, Bought] = {}
    attempts: dict[int, CodeAttempt] = {}
    for order in orders:
        buyer = buyers.get(order.participation_id)
        purchase = buyer.bought.get(order.training_id) if buyer else None
        if buyer and purchase and purchase.one_time_code_id is not None:
            candidates[order] = purchase
            attempts[purchase.one_time_code_id] = _attempt(order, buyer)
    if not candidates:
        return {}
    used = were_used(attempts=attempts)
    with connection.cursor() as cursor:
        cursor.execute(REDEEM_CODES_SQL, [int_array([purchase.purchase_id for purchase in candidates.values()])])
        codes = dict(cursor.fetchall())
    return {
        order: BuyOutcome(purchase.purchase_id, decrypt(codes[purchase.purchase_id]), None, repeated=True)
        for order, purchase in candidates.items()
        if purchase.one_time_code_id in used
    }


def _refusal_of_price(order: Order, training: Offer | None) -> Refusal | None:
    if training is None or training.price_rupiah == order.price_rupiah:
        return None
    values = {"price_rupiah": training.price_rupiah, "seen_rupiah": order.price_rupiah}
    return Refusal(PurchaseRefusal.PRICE_CHANGED, values)


def _attempt(order: Order, buyer: Buyer) -> CodeAttempt:
    subject = standing.code_subject(order.training_id, order.price_rupiah)
    return CodeAttempt(buyer.participant_id, subject, order.code)


def _confirm(
    orders: Sequence[Order],
    buyers: Mapping[int, Buyer],
    offers: Mapping[int, Offer],
    outcomes: dict[Order, BuyOutcome],
    at: datetime,
) -> list[_Deal]:
    """Use up the right codes of those who get a seat; the orders with wrong ones, and those left without a seat, go to
    `outcomes`. A seat that a wrong code did not take is the next one's."""
    deals: list[_Deal] = []
    waiting: Sequence[Order] = orders
    while waiting:
        seated, waiting = _take_seats(waiting, offers)
        if not seated:
            outcomes.update((order, BuyOutcome(None, None, Refusal(PurchaseRefusal.SOLD_OUT))) for order in waiting)
            break
        attempts = [_attempt(order, buyers[order.participation_id]) for order in seated]
        for order, confirmed in zip(seated, confirm_codes(attempts=attempts, at=at), strict=True):
            if confirmed.code_id is None:
                outcomes[order] = BuyOutcome(None, None, confirmed.refusal)
                _give_seat_back(offers[order.training_id])
            else:
                ordinal = len(buyers[order.participation_id].bought) + 1
                deals.append(_Deal(order, ordinal, confirmed.code_id, new_redeem_code()))
    return deals


def _take_seats(orders: Sequence[Order], offers: Mapping[int, Offer]) -> tuple[list[Order], list[Order]]:
    """Those for whom there is a seat, which is theirs now, and those for whom there is none."""
    seated: list[Order] = []
    waiting: list[Order] = []
    for order in orders:
        offer = offers[order.training_id]
        if offer.seats_left == 0:
            waiting.append(order)
            continue
        if offer.seats_left is not None:
            offer.seats_left -= 1
        seated.append(order)
    return seated, waiting


def _give_seat_back(offer: Offer) -> None:
    if offer.seats_left is not None:
        offer.seats_left += 1


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
    for deal, number in zip(paid, _write(paid, at), strict=True):
        outcomes[deal.order] = BuyOutcome(number, deal.redeem_code, None)
    return outcomes


def _key(deal: _Deal) -> str:
    return f"purchase:{deal.order.training_id}"


def _refusal_of_ledger(order: Order, buyer: Buyer, at: datetime) -> Refusal:
    return Refusal(
        RefusalCode.ABOVE_BALANCE,
        {"price_rupiah": order.price_rupiah, "balance_rupiah": buyer.balance_rupiah, "on": programme_day(at)},
    )


_PURCHASE = (
    "id",
    "participation_id",
    "training_id",
    "one_time_code_id",
    "price_rupiah",
    "ordinal",
    "redeem_code_encrypted",
    "bought_at",
)


def _write(deals: Sequence[_Deal], at: datetime) -> list[int]:
    """Add the purchases with their redeem codes; their numbers."""
    numbers = new_ids(Purchase, len(deals))
    purchases = (
        (
            number,
            deal.order.participation_id,
            deal.order.training_id,
            deal.one_time_code_id,
            deal.order.price_rupiah,
            deal.ordinal,
            encrypt(deal.redeem_code),
            at,
        )
        for number, deal in zip(numbers, deals, strict=True)
    )
    copy_rows(Purchase, _PURCHASE, purchases)
    codes = ((redeem_code_hash(deal.redeem_code), number) for number, deal in zip(numbers, deals, strict=True))
    copy_rows(RedeemCodeDirectory, ("code_hash", "purchase_id"), codes)
    return numbers
