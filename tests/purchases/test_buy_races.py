"""Rivals on a barrier, on the real database: whoever wins, the end state is right."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from bekal.catalogue.models import Training
from bekal.core.entitlement import RefusalCode
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of, remaining
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.models import Participation
from bekal.purchases.buy import Order, buy
from bekal.purchases.models import Purchase
from tests import factories

AT = factories.BOUGHT_AT

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[..., list[Any]]


def buying(*orders: Order) -> Callable[[], Any]:
    return lambda: buy(orders=orders, at=AT)


def test_a_double_click_is_one_purchase(race: Race) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    order = factories.order_for(buyer, training)
    outcomes = [outcome for (outcome,) in race(*[buying(order)] * 5)]
    assert {outcome.purchase_id for outcome in outcomes} == {Purchase.objects.get().pk}
    assert len({outcome.redeem_code for outcome in outcomes}) == 1
    assert Counter(outcome.repeated for outcome in outcomes) == {False: 1, True: 4}
    assert remaining(owner_ids=[buyer]) == {buyer: 700_000}
    training.refresh_from_db()
    assert training.bought_count == 1


def test_the_last_rupiah_is_spent_once(race: Race) -> None:
    (buyer,) = factories.accepted()
    orders = [factories.order_for(buyer, factories.training(price_rupiah=1_000_000)) for _ in range(4)]
    outcomes = [outcome for (outcome,) in race(*map(buying, orders))]
    codes = Counter(outcome.refusal.code if outcome.refusal else None for outcome in outcomes)
    assert codes == {None: 1, RefusalCode.ABOVE_BALANCE: 3}
    assert balances_of(owner_ids=[buyer])[buyer][Kind.ESCROW] == 1_000_000
    assert remaining(owner_ids=[buyer]) == {buyer: 0}


def test_rivals_that_fit_together_all_win_with_ordinals_in_a_row(race: Race) -> None:
    (buyer,) = factories.accepted()
    orders = [factories.order_for(buyer, factories.training(price_rupiah=200_000)) for _ in range(5)]
    assert all(outcome.purchase_id for (outcome,) in race(*map(buying, orders)))
    assert sorted(Purchase.objects.order_by("pk").values_list("ordinal", flat=True)) == [1, 2, 3, 4, 5]
    assert remaining(owner_ids=[buyer]) == {buyer: 0}


def test_one_code_two_trainings_is_one_purchase_at_most(race: Race) -> None:
    (buyer,) = factories.accepted()
    training, other = factories.training(), factories.training()
    order = factories.order_for(buyer, training)
    stolen = Order(buyer, other.pk, other.price_rupiah, order.code)
    (first,), (second,) = race(buying(order), buying(stolen))
    assert first.purchase_id is not None
    assert second.refusal.code == CodeRefusal.CODE_NOT_ISSUED


def test_calls_for_the_same_people_in_opposite_order_do_not_wait_in_a_ring(race: Race) -> None:
    buyers = factories.accepted(20, with_accounts=False)
    trainings = [factories.training(price_rupiah=1_000) for _ in range(4)]
    calls = []
    for turn in range(3):
        issued = [
            factories.order_for(buyer, trainings[(index + turn) % 4])
            for index, buyer in enumerate(buyers if turn % 2 else buyers[::-1])
        ]
        calls.append(buying(*issued))
    outcomes = [outcome for outcomes in race(*calls) for outcome in outcomes]
    bought = sum(outcome.refusal is None and not outcome.repeated for outcome in outcomes)
    assert bought == Purchase.objects.count() == sum(training.bought_count for training in Training.objects.all())
    assert all(
        amount == 1_000_000 - 1_000 * Purchase.objects.filter(participation_id=buyer).count()
        for buyer, amount in remaining(owner_ids=buyers).items()
    )


def revoking(participation_id: int) -> Callable[[], None]:
    """A revocation as it goes about its locks: the participation first, then the purchases, then the money."""

    def revoke() -> None:
        with transaction.atomic():
            row = Participation.objects.select_for_update().get(pk=participation_id)
            if Purchase.objects.filter(participation_id=participation_id).exists():
                return
            row.revoked_at = AT
            row.save(update_fields=["revoked_at"])
            left = remaining(owner_ids=[participation_id])[participation_id]
            post(postings=[Posting(participation_id, Movement.REVOKE_TRAINING, left, "revoke:training")], at=AT)

    return revoke


@pytest.mark.parametrize("turn", range(4))
def test_revocation_and_purchase_exclude_each_other(race: Race, turn: int) -> None:
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, factories.training(price_rupiah=250_000))
    rivals = [buying(order), revoking(buyer)]
    results = race(*(rivals if turn % 2 else rivals[::-1]))
    ((outcome,),) = [result for result in results if result is not None]
    revoked = Participation.objects.get(pk=buyer).revoked_at is not None
    if revoked:
        assert outcome.refusal.code == RefusalCode.REVOKED
        assert remaining(owner_ids=[buyer]) == {buyer: 0}
        assert not Purchase.objects.exists()
    else:
        assert outcome.purchase_id == Purchase.objects.get().pk
        assert remaining(owner_ids=[buyer]) == {buyer: 750_000}
