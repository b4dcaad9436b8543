"""Seats: never more sold than there are, given in the order of decision, and no ring of waiting for them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from bekal.catalogue.models import Training
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.messaging.refusals import CodeRefusal
from bekal.purchases.buy import BuyOutcome, Order, buy
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.BOUGHT_AT
SOLD_OUT = Refusal(PurchaseRefusal.SOLD_OUT)
Race = Callable[..., list[Any]]


def codes(outcomes: tuple[BuyOutcome, ...]) -> list[object]:
    return [outcome.refusal.code if outcome.refusal else None for outcome in outcomes]


def sold(training: Training) -> int:
    training.refresh_from_db()
    assert training.bought_count == Purchase.objects.filter(training=training).count()
    return training.bought_count


@pytest.mark.django_db
def test_the_last_seat_is_sold_and_not_one_more() -> None:
    buyers, training = factories.accepted(4), factories.training(seat_count=2)
    orders = [factories.order_for(buyer, training) for buyer in buyers]
    outcomes = buy(orders=orders[:3], at=AT)
    assert codes(outcomes) == [None, None, PurchaseRefusal.SOLD_OUT]
    assert outcomes[2].refusal == SOLD_OUT
    with nothing_changes():
        assert codes(buy(orders=orders[2:], at=AT)) == [PurchaseRefusal.SOLD_OUT] * 2
        # No code is sent for what cannot be bought, and whoever has bought still gets the receipt.
        assert request_purchases(intents=[Intent(buyers[3], training.pk)], at=AT) == (SOLD_OUT,)
        assert [outcome.repeated for outcome in buy(orders=orders[:2], at=AT)] == [True, True]
    assert sold(training) == 2


@pytest.mark.django_db
def test_the_rules_speak_before_the_seats() -> None:
    (buyer,), training = factories.accepted(), factories.training(seat_count=1, price_rupiah=1_000_001)
    (outcome,) = buy(orders=[Order(buyer, training.pk, 1_000_001, "000000")], at=AT)
    assert outcome.refusal is not None and outcome.refusal.code == RefusalCode.ABOVE_BALANCE


@pytest.mark.django_db
def test_a_seat_that_a_wrong_code_did_not_take_is_the_next_ones() -> None:
    buyers, training = factories.accepted(4), factories.training(seat_count=1)
    orders = [factories.order_for(buyer, training) for buyer in buyers]
    wrong = [replace(order, code=f"{(int(order.code) + 1) % 10**6:06d}") for order in orders]
    outcomes = buy(orders=[wrong[0], wrong[1], orders[2], orders[3]], at=AT)
    assert codes(outcomes) == [CodeRefusal.CODE_WRONG, CodeRefusal.CODE_WRONG, None, PurchaseRefusal.SOLD_OUT]
    assert sold(training) == 1


@pytest.mark.django_db
def test_a_second_order_of_one_person_finds_what_the_first_orders_left() -> None:
    one, other = factories.accepted(2)
    free, limited = factories.training(price_rupiah=1_000), factories.training(price_rupiah=1_000, seat_count=1)
    orders = [factories.order_for(*each) for each in ((one, free), (one, limited), (other, limited))]
    assert codes(buy(orders=orders, at=AT)) == [None, PurchaseRefusal.SOLD_OUT, None]


@pytest.mark.django_db(transaction=True)
def test_rivals_never_get_more_than_the_seats(race: Race) -> None:
    buyers, training = factories.accepted(9), factories.training(seat_count=4)
    orders = [factories.order_for(buyer, training) for buyer in buyers]
    outcomes = race(*[partial(buy, orders=part, at=AT) for part in (orders[:3], orders[3:6], orders[6:])])
    refusals = Counter(code for each in outcomes for code in codes(each))
    assert refusals == {None: 4, PurchaseRefusal.SOLD_OUT: 5}
    assert sold(training) == 4


@pytest.mark.django_db(transaction=True)
def test_buying_completing_and_limits_on_some_trainings_do_not_wait_in_a_ring(race: Race) -> None:
    """The trainings without a limit have both lower and higher numbers than those with one."""
    trainings = [factories.training(price_rupiah=1_000, seat_count=(None, 50, None, 50)[n]) for n in range(4)]
    learners = factories.accepted(4, with_accounts=False)
    bought = [factories.redeemed(learner, training) for learner, training in zip(learners, trainings, strict=True)]
    attended = [Completion(training.institution_id, number) for number, training in zip(bought, trainings, strict=True)]
    attendances = [Attendance(done.institution_id, done.purchase_id, 1) for done in attended]
    record_attendance(attendances=attendances, at=factories.COMPLETED_AT)
    buyers = factories.accepted(12, with_accounts=False)
    calls: list[Callable[[], Any]] = []
    for turn in range(3):
        mine = enumerate(buyers[turn * 4 : turn * 4 + 4])
        orders = [factories.order_for(buyer, trainings[(n + turn) % 4]) for n, buyer in mine]
        calls.append(partial(buy, orders=orders[:: -1 if turn % 2 else 1], at=AT))
    calls.append(partial(record_completion, completions=attended, at=factories.COMPLETED_AT))
    results = race(*calls)
    assert [each for each in results if isinstance(each, Exception)] == []
    assert [sold(training) for training in trainings] == [4, 4, 4, 4]
