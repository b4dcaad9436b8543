"""`buy`: paid from the balance, with the right code, once; every refusal changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Training
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of, remaining, transfers_of
from bekal.messaging.models import OneTimeCode
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.models import Participation
from bekal.purchases import buy as module
from bekal.purchases.buy import BuyOutcome, Order, buy
from bekal.purchases.models import Purchase, RedeemCodeDirectory
from bekal.purchases.redeem_codes import ALPHABET, redeem_code_hash
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.BOUGHT_AT


def place(order: Order, *, at: Any = AT) -> BuyOutcome:
    (outcome,) = buy(orders=[order], at=at)
    return outcome


def balance(participation_id: int) -> int:
    return remaining(owner_ids=[participation_id])[participation_id]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def assert_refused(order: Order, code: str, *, at: Any = AT, but: Any = ()) -> Refusal:
    with nothing_changes(but=but):
        outcome = place(order, at=at)
    assert outcome.refusal is not None and outcome.refusal.code == code, outcome
    assert (outcome.purchase_id, outcome.redeem_code, outcome.repeated) == (None, None, False)
    return outcome.refusal


@pytest.mark.django_db
def test_a_purchase_moves_the_price_from_the_balance_to_escrow() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(price_rupiah=700_000)
    outcome = factories.bought(buyer, training)
    purchase = Purchase.objects.get(pk=outcome.purchase_id)
    assert (purchase.participation_id, purchase.training_id) == (buyer, training.pk)
    assert (purchase.price_rupiah, purchase.ordinal, purchase.bought_at) == (700_000, 1, AT)
    assert (purchase.redeemed_at, purchase.completed_at, purchase.reconciled_at) == (None, None, None)
    assert balance(buyer) == 300_000
    balances = balances_of(owner_ids=[buyer])[buyer]
    assert (balances[Kind.TRAINING_BALANCE], balances[Kind.ESCROW]) == (300_000, 700_000)
    assert transfers_of(owner_id=buyer)[-1].idempotency_key == f"purchase:{training.pk}"
    training.refresh_from_db()
    assert training.bought_count == 1
    assert OneTimeCode.objects.get().used_at == AT


@pytest.mark.django_db
def test_the_redeem_code_is_long_encrypted_and_findable() -> None:
    (buyer,) = factories.accepted()
    outcome = factories.bought(buyer, factories.training())
    code = outcome.redeem_code
    assert code is not None and len(code) == 16 and set(code) <= set(ALPHABET)
    assert code not in repr(outcome)
    stored = bytes(Purchase.objects.get().redeem_code_encrypted)
    assert code.encode() not in stored and decrypt(stored) == code
    assert RedeemCodeDirectory.objects.get(code_hash=redeem_code_hash(code)).purchase_id == outcome.purchase_id


@pytest.mark.django_db
def test_a_free_training_is_a_purchase_without_a_transfer() -> None:
    (buyer,) = factories.accepted()
    before = transfers_of(owner_id=buyer)
    outcome = factories.bought(buyer, factories.training(price_rupiah=0))
    assert Purchase.objects.get(pk=outcome.purchase_id).price_rupiah == 0
    assert transfers_of(owner_id=buyer) == before
    assert balance(buyer) == 1_000_000


@pytest.mark.django_db
def test_the_whole_balance_can_be_spent_and_not_a_rupiah_more() -> None:
    (buyer,) = factories.accepted()
    one_too_much = factories.training(price_rupiah=300_001)
    order = factories.order_for(buyer, one_too_much)
    factories.bought(buyer, factories.training(price_rupiah=700_000))
    refusal = assert_refused(order, RefusalCode.ABOVE_BALANCE)
    assert (refusal.values["price_rupiah"], refusal.values["balance_rupiah"]) == (300_001, 300_000)
    second = factories.bought(buyer, factories.training(price_rupiah=300_000))
    assert Purchase.objects.get(pk=second.purchase_id).ordinal == 2
    assert balance(buyer) == 0


@pytest.mark.django_db
def test_the_same_order_again_returns_the_first_purchase() -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    first = place(order)
    for at in (AT, AT + timedelta(minutes=11), factories.jakarta(2021, 1, 1)):
        with nothing_changes():
            assert place(order, at=at) == replace(first, repeated=True)


@pytest.mark.django_db
def test_the_same_order_twice_in_one_call_is_one_purchase() -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    first, second = buy(orders=[order, order], at=AT)
    assert second == replace(first, repeated=True) and first.repeated is False
    assert balance(buyer) == 700_000


@pytest.mark.django_db
def test_a_bought_training_is_refused_with_any_other_code_or_price() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    order = factories.order_for(buyer, training)
    place(order)
    assert_refused(replace(order, code=wrong(order.code)), RefusalCode.ALREADY_BOUGHT)
    assert_refused(replace(order, code="\ud800"), RefusalCode.ALREADY_BOUGHT)
    assert_refused(replace(order, price_rupiah=1), RefusalCode.ALREADY_BOUGHT)
    other = factories.training()
    assert_refused(replace(order, training_id=other.pk), CodeRefusal.CODE_NOT_ISSUED)


@pytest.mark.django_db
def test_the_first_purchase_has_a_last_day_and_later_ones_have_the_end_of_the_balance() -> None:
    in_time, late = factories.accepted(2)
    trainings = [factories.training(price_rupiah=1_000) for _ in range(3)]
    last_minute = factories.jakarta(2020, 5, 20, 23, 55)
    after = factories.jakarta(2020, 5, 21, 0, 1)
    order = factories.order_for(late, trainings[0], at=last_minute)
    factories.bought(in_time, trainings[0], at=last_minute)
    refusal = assert_refused(order, RefusalCode.FIRST_PURCHASE_DEADLINE_PASSED, at=after)
    assert str(refusal.values["deadline_on"]) == "2020-05-20"
    factories.bought(in_time, trainings[1], at=factories.jakarta(2020, 12, 15, 23, 59))
    order = factories.order_for(in_time, trainings[2], at=factories.jakarta(2020, 12, 15, 23, 59))
    assert_refused(order, RefusalCode.BALANCE_ENDED, at=factories.jakarta(2020, 12, 16, 0, 1))


@pytest.mark.django_db
def test_after_revocation_nothing_can_be_bought() -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    Participation.objects.filter(pk=buyer).update(revoked_at=AT)
    assert_refused(order, RefusalCode.REVOKED)


@pytest.mark.django_db
def test_a_training_taken_off_sale_is_refused() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    order = factories.order_for(buyer, training)
    Training.objects.filter(pk=training.pk).update(on_sale=False)
    assert_refused(order, RefusalCode.NOT_ON_SALE)


@pytest.mark.django_db
@pytest.mark.parametrize("price_rupiah", [299_999, 300_001, 0])
def test_a_price_that_changed_since_it_was_seen_is_refused(price_rupiah: int) -> None:
    (buyer,) = factories.accepted()
    training = factories.training(price_rupiah=300_000)
    order = factories.order_for(buyer, training)
    Training.objects.filter(pk=training.pk).update(price_rupiah=price_rupiah)
    refusal = assert_refused(order, PurchaseRefusal.PRICE_CHANGED)
    assert refusal.values == {"price_rupiah": price_rupiah, "seen_rupiah": 300_000}
    # Saying the new price does not help either: the code is bound to the old one.
    assert_refused(replace(order, price_rupiah=price_rupiah), CodeRefusal.CODE_NOT_ISSUED)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, -1, 10**9, 2**63, 2**70])
def test_unknown_numbers_are_refused(number: int) -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    assert_refused(replace(order, participation_id=number), RefusalCode.NOT_PARTICIPATING)
    assert_refused(replace(order, training_id=number), PurchaseRefusal.UNKNOWN_TRAINING)
    assert_refused(replace(order, price_rupiah=number), PurchaseRefusal.PRICE_CHANGED)


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "12345\0", "\ud800", "١٢٣٤٥٦"])
def test_what_cannot_be_a_code_is_refused(code: str) -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    assert_refused(replace(order, code=code), CodeRefusal.CODE_MALFORMED)
    assert place(order).purchase_id is not None


@pytest.mark.django_db
def test_a_wrong_code_is_refused_and_its_try_is_counted() -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    for left in (4, 3, 2, 1, 0):
        refusal = assert_refused(replace(order, code=wrong(order.code)), CodeRefusal.CODE_WRONG, but=[OneTimeCode])
        assert refusal.values == {"attempts_left_count": left}
        assert OneTimeCode.objects.get().attempts_left == left
    assert_refused(order, CodeRefusal.CODE_BLOCKED)


@pytest.mark.django_db
def test_an_expired_code_is_refused() -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training())
    assert_refused(order, CodeRefusal.CODE_EXPIRED, at=AT + timedelta(minutes=10, seconds=1))


@pytest.mark.django_db
def test_somebody_elses_code_is_refused() -> None:
    buyer, other = factories.accepted(2)
    order = factories.order_for(other, factories.training())
    assert_refused(replace(order, participation_id=buyer), CodeRefusal.CODE_NOT_ISSUED)


@pytest.mark.django_db
def test_orders_of_one_participation_in_one_call_are_decided_one_after_the_other() -> None:
    buyer, other = factories.accepted(2)
    trainings = [factories.training(price_rupiah=600_000) for _ in range(3)]
    orders = [factories.order_for(buyer, training) for training in trainings]
    cheap = factories.order_for(buyer, factories.training(price_rupiah=400_000))
    outcomes = buy(
        orders=[
            replace(orders[0], code=wrong(orders[0].code)),
            orders[1],
            factories.order_for(other, trainings[0]),
            orders[2],
            cheap,
            orders[1],
        ],
        at=AT,
    )
    codes = [outcome.refusal and outcome.refusal.code for outcome in outcomes]
    assert codes == [CodeRefusal.CODE_WRONG, None, None, RefusalCode.ABOVE_BALANCE, None, None]
    assert outcomes[5] == replace(outcomes[1], repeated=True)
    assert (balance(buyer), balance(other)) == (0, 400_000)
    bought = Purchase.objects.filter(participation_id=buyer).order_by("ordinal")
    assert list(bought.values_list("ordinal", "pk")) == [(1, outcomes[1].purchase_id), (2, outcomes[4].purchase_id)]
    counts = Training.objects.order_by("pk").values_list("bought_count", flat=True)
    assert list(counts) == [1, 1, 0, 1]


@pytest.mark.django_db
def test_the_ledgers_own_condition_stands_behind_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    spender, other = factories.accepted(2)
    training = factories.training(price_rupiah=800_000)
    orders = [factories.order_for(buyer, training) for buyer in (spender, other)]
    # Money that went between the decision and the payment, which the locks make impossible.
    confirm = module.confirm_codes

    def confirm_after_a_theft(**arguments: Any) -> Any:
        post(postings=[Posting(spender, Movement.PURCHASE, 500_000, "purchase:0")], at=AT)
        return confirm(**arguments)

    monkeypatch.setattr(module, "confirm_codes", confirm_after_a_theft)
    refused, bought = buy(orders=orders, at=AT)
    assert refused.refusal is not None and refused.refusal.code == RefusalCode.ABOVE_BALANCE
    assert bought.purchase_id == Purchase.objects.get().pk
    assert (balance(spender), balance(other)) == (500_000, 200_000)
    assert Training.objects.get().bought_count == 1


@pytest.mark.django_db
def test_many_orders_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    trainings = [factories.training(price_rupiah=1_000 * number) for number in range(1, 6)]
    for count in (1, 40):
        buyers = factories.accepted(count, with_accounts=False)
        orders = [factories.order_for(buyer, trainings[index % 5]) for index, buyer in enumerate(buyers)]
        with assert_queries(14):
            buy(orders=orders, at=AT)


@pytest.mark.django_db
def test_nothing_to_buy_is_no_work(assert_queries: Callable[[int], Any]) -> None:
    with assert_queries(0):
        assert buy(orders=[], at=AT) == ()


@pytest.mark.django_db
def test_what_was_brought_in_without_a_code_counts_as_bought() -> None:
    (buyer,) = factories.accepted()
    training, other = factories.training(), factories.training()
    order = factories.order_for(buyer, training)
    place(order)
    Purchase.objects.filter(participation_id=buyer).update(one_time_code=None, redeem_code_encrypted=None)
    assert_refused(order, RefusalCode.ALREADY_BOUGHT)
    factories.bought(buyer, other)
    assert Purchase.objects.get(training=other).ordinal == 2
