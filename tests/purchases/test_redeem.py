"""`redeem`: each code once, at its own institution."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.models import Purchase
from bekal.purchases.redeem import RedeemOutcome, Redemption, redeem
from bekal.purchases.redeem_codes import grouped
from bekal.purchases.refusals import PurchaseRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.REDEEMED_AT


def redeem_one(institution_id: int, code: str | None, *, at: Any = AT) -> RedeemOutcome:
    (outcome,) = redeem(redemptions=[Redemption(institution_id, code or "")], at=at)
    return outcome


@pytest.mark.django_db
def test_a_code_is_redeemed_once() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    bought = factories.bought(buyer, training)
    outcome = redeem_one(training.institution_id, grouped(bought.redeem_code or "").lower())
    assert outcome == RedeemOutcome(bought.purchase_id, None)
    assert Purchase.objects.get().redeemed_at == AT
    with nothing_changes():
        again = redeem_one(training.institution_id, bought.redeem_code, at=AT + timedelta(days=1))
    assert again.refusal == Refusal(PurchaseRefusal.ALREADY_REDEEMED, {"redeemed_on": date(2020, 4, 22)})


@pytest.mark.django_db
def test_another_institution_is_refused() -> None:
    (buyer,) = factories.accepted()
    bought = factories.bought(buyer, factories.training())
    for institution_id in (factories.institution().pk, 0, 2**70):
        with nothing_changes():
            outcome = redeem_one(institution_id, bought.redeem_code)
        assert outcome == RedeemOutcome(None, Refusal(PurchaseRefusal.OTHER_INSTITUTION))


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "A" * 16, "nothing", "A" * 15 + "\0", "\ud800" * 16, "Ａ" * 16])
def test_an_unknown_code_is_refused(code: str) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    factories.bought(buyer, training)
    with nothing_changes():
        outcome = redeem_one(training.institution_id, code)
    assert outcome == RedeemOutcome(None, Refusal(PurchaseRefusal.REDEEM_CODE_UNKNOWN))


@pytest.mark.django_db
def test_the_same_code_twice_in_one_call_is_redeemed_once() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    redemption = Redemption(training.institution_id, factories.bought(buyer, training).redeem_code or "")
    outcomes = redeem(redemptions=[redemption, redemption], at=AT)
    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [
        None,
        PurchaseRefusal.ALREADY_REDEEMED,
    ]


@pytest.mark.django_db
def test_a_clock_set_back_does_not_redeem_before_the_purchase() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    bought = factories.bought(buyer, training)
    redeem_one(training.institution_id, bought.redeem_code, at=factories.BOUGHT_AT - timedelta(minutes=2))
    assert Purchase.objects.get().redeemed_at == factories.BOUGHT_AT


@pytest.mark.django_db(transaction=True)
def test_of_rivals_one_redeems(race: Callable[..., list[Any]]) -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    code = factories.bought(buyer, training).redeem_code
    outcomes = race(*[lambda: redeem_one(training.institution_id, code)] * 4)
    found = Counter(outcome.refusal.code if outcome.refusal else None for outcome in outcomes)
    assert found == {None: 1, PurchaseRefusal.ALREADY_REDEEMED: 3}


@pytest.mark.django_db
def test_many_codes_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training()
    for count in (1, 30):
        bought = factories.bought_all(factories.accepted(count, with_accounts=False), training)
        redemptions = [Redemption(training.institution_id, each.redeem_code or "") for each in bought]
        with assert_queries(2):
            outcomes = redeem(redemptions=redemptions, at=AT)
        assert [outcome.purchase_id for outcome in outcomes] == [each.purchase_id for each in bought]
