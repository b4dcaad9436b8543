"""`buy` against a plain model: whatever is ordered in whatever order, the verb and the model agree."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.core.entitlement import RefusalCode
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, granted, remaining
from bekal.messaging.issue_codes import IssuedCode
from bekal.messaging.refusals import CodeRefusal
from bekal.purchases.buy import Order, buy
from bekal.purchases.models import Purchase
from bekal.purchases.request_purchase import Intent, request_purchases
from tests import factories

PRICES = (0, 1, 50_000, 250_000, 300_000, 499_999, 500_000, 700_000, 1_000_000, 1_000_001)
PEOPLE = 3
GRANT = 1_000_000

# One click: who, which training, with a right or a wrong code; a call has several.
CLICKS = st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, len(PRICES) - 1), st.sampled_from("rrrw"))
CALLS = st.lists(st.lists(CLICKS, min_size=1, max_size=4), min_size=1, max_size=7)


class Model:
    """What should happen, in the plainest words: balances, what was bought with which code, tries left."""

    def __init__(self) -> None:
        self.balance = [GRANT] * PEOPLE
        self.bought: dict[tuple[int, int], str] = {}

    def place(self, person: int, training: int, code: str, right: str) -> str | None:
        """None where it is bought (or was, by the same order), else the code of the refusal."""
        if (person, training) in self.bought:
            return None if self.bought[person, training] == code else RefusalCode.ALREADY_BOUGHT
        if PRICES[training] > self.balance[person]:
            return RefusalCode.ABOVE_BALANCE
        if code != right:
            return CodeRefusal.CODE_WRONG
        self.balance[person] -= PRICES[training]
        self.bought[person, training] = code
        return None


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=CALLS)
def test_the_verb_and_the_model_agree(calls: list[list[tuple[int, int, str]]], clock: Any) -> None:
    people = factories.accepted(PEOPLE, with_accounts=False)
    trainings = [factories.training(price_rupiah=price) for price in PRICES]
    model = Model()
    at = factories.BOUGHT_AT
    for clicks in calls:
        at += timedelta(hours=2)
        orders, expected = [], {}
        codes = _codes(people, trainings, clicks, at)
        for person, training, kind in clicks:
            right = codes.get((person, training)) or model.bought.get((person, training), "000000")
            code = right if kind == "r" else f"{(int(right) + 1) % 1_000_000:06d}"
            orders.append(Order(people[person], trainings[training].pk, PRICES[training], code))
            if orders[-1] not in expected:
                expected[orders[-1]] = model.place(person, training, code, right)
        outcomes = buy(orders=orders, at=at)
        assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [expected[each] for each in orders]
        _compare(model, people)


def _codes(people: Any, trainings: Any, clicks: Any, at: Any) -> dict[tuple[int, int], str]:
    """A fresh code for everything clicked that may still be bought."""
    wanted = list(dict.fromkeys((person, training) for person, training, _ in clicks))
    intents = [Intent(people[person], trainings[training].pk) for person, training in wanted]
    issued = request_purchases(intents=intents, at=at)
    return {pair: each.code for pair, each in zip(wanted, issued, strict=True) if isinstance(each, IssuedCode)}


def _compare(model: Model, people: tuple[int, ...]) -> None:
    assert remaining(owner_ids=people) == dict(zip(people, model.balance, strict=True))
    grants = granted(owner_ids=people)
    for person, participation_id in enumerate(people):
        prices = Purchase.objects.filter(participation_id=participation_id).order_by("ordinal")
        paid = list(prices.values_list("price_rupiah", flat=True))
        assert sum(paid) + model.balance[person] == grants[participation_id] == GRANT
        assert balances_of(owner_ids=[participation_id])[participation_id].get(Kind.ESCROW, 0) == sum(paid)
        assert len(paid) == sum(1 for buyer, _ in model.bought if buyer == person)
