"""Who may be accepted, buy, be revoked; what is missing; what is owed."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.entitlement import (
    InstalmentKind,
    RefusalCode,
    age_years,
    instalments_owed,
    refusal_to_accept,
    refusal_to_buy,
    refusal_to_revoke,
    survey_owed,
)
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES

SCHEME = RULES.scheme(date(2020, 4, 11))
ACCEPTANCE_DAYS = st.dates(date(2020, 1, 1), date(2026, 6, 30))


def buying(**changed: Any) -> Refusal | None:
    """A first training that may be bought, but for what is changed."""
    facts: dict[str, Any] = {
        "scheme": SCHEME,
        "on": date(2020, 4, 20),
        "revoked": False,
        "purchase_count": 0,
        "already_bought": False,
        "on_sale": True,
        "price_rupiah": 300_000,
        "balance_rupiah": 300_000,
    }
    return refusal_to_buy(**{**facts, **changed})


def test_a_training_that_fits_may_be_bought() -> None:
    assert buying() is None
    assert buying(price_rupiah=0, balance_rupiah=0) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"scheme": None}, RefusalCode.NOT_PARTICIPATING),
        ({"on": date(2020, 4, 10)}, RefusalCode.NOT_PARTICIPATING),
        ({"revoked": True}, RefusalCode.REVOKED),
        ({"on": date(2020, 5, 12)}, RefusalCode.FIRST_PURCHASE_DEADLINE_PASSED),
        ({"on": date(2020, 12, 16), "purchase_count": 1}, RefusalCode.BALANCE_ENDED),
        ({"already_bought": True, "purchase_count": 1}, RefusalCode.ALREADY_BOUGHT),
        ({"on_sale": False}, RefusalCode.NOT_ON_SALE),
        ({"price_rupiah": 300_001}, RefusalCode.ABOVE_BALANCE),
    ],
)
def test_each_reason_not_to_buy(changed: dict[str, Any], code: RefusalCode) -> None:
    refusal = buying(**changed)
    assert refusal is not None
    assert refusal.code is code


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ({"price_rupiah": 450_000}, {"price_rupiah": 450_000, "balance_rupiah": 300_000}),
        ({"on": date(2020, 6, 1)}, {"deadline_on": date(2020, 5, 11)}),
        ({"on": date(2021, 1, 1), "purchase_count": 1}, {"deadline_on": date(2020, 12, 15)}),
        ({"revoked": True}, {}),
    ],
)
def test_a_refusal_carries_what_its_sentence_needs(changed: dict[str, Any], values: dict[str, Any]) -> None:
    refusal = buying(**changed)
    assert refusal is not None
    assert refusal.values == values


@given(ACCEPTANCE_DAYS, st.integers(-5, 400), st.booleans(), st.integers(0, 3))
def test_nobody_can_at_once_buy_a_first_training_and_lose_the_place_for_not_buying(
    accepted_on: date, later: int, revoked: bool, purchase_count: int
) -> None:
    scheme, on = RULES.scheme(accepted_on), accepted_on + timedelta(days=later)
    buy = buying(scheme=scheme, on=on, revoked=revoked, purchase_count=purchase_count)
    revoke = refusal_to_revoke(scheme=scheme, on=on, revoked=revoked, purchase_count=purchase_count)
    assert buy is not None or revoke is not None
    if purchase_count == 0 and not revoked and later >= 0:
        assert (buy is None) != (revoke is None)


@given(st.integers(0, 4_000_000), st.integers(0, 4_000_000))
def test_never_above_the_balance(price_rupiah: int, balance_rupiah: int) -> None:
    refusal = buying(price_rupiah=price_rupiah, balance_rupiah=balance_rupiah)
    assert (refusal is None) == (price_rupiah <= balance_rupiah)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None),
        ({"scheme": None}, RefusalCode.NOT_PARTICIPATING),
        ({"revoked": True}, RefusalCode.REVOKED),
        ({"purchase_count": 1}, RefusalCode.HAS_BOUGHT),
        ({"on": date(2020, 5, 11)}, RefusalCode.DEADLINE_NOT_PASSED),
    ],
)
def test_revoking(changed: dict[str, Any], code: RefusalCode | None) -> None:
    facts: dict[str, Any] = {"scheme": SCHEME, "on": date(2020, 5, 12), "revoked": False, "purchase_count": 0}
    refusal = refusal_to_revoke(**{**facts, **changed})
    assert (None if refusal is None else refusal.code) is code


def test_before_the_deadline_a_refusal_to_revoke_names_it() -> None:
    refusal = refusal_to_revoke(scheme=SCHEME, on=date(2020, 5, 1), revoked=False, purchase_count=0)
    assert refusal == Refusal(RefusalCode.DEADLINE_NOT_PASSED, {"deadline_on": date(2020, 5, 11)})


def test_age_is_completed_years() -> None:
    assert age_years(date(2002, 8, 8), date(2020, 8, 7)) == 17
    assert age_years(date(2002, 8, 8), date(2020, 8, 8)) == 18
    assert age_years(date(2004, 2, 29), date(2022, 2, 28)) == 17
    assert age_years(date(2004, 2, 29), date(2022, 3, 1)) == 18


def test_age_limits_name_the_limit() -> None:
    young = refusal_to_accept(born_on=date(2010, 1, 1), scheme=SCHEME)
    assert young == Refusal(RefusalCode.TOO_YOUNG, {"age_years": 10, "limit_years": 18})
    old = refusal_to_accept(born_on=date(1950, 1, 1), scheme=RULES.scheme(date(2023, 3, 3)))
    assert old == Refusal(RefusalCode.TOO_OLD, {"age_years": 73, "limit_years": 64})
    unlimited = replace(SCHEME, minimum_age_years=None)
    assert refusal_to_accept(born_on=date(2010, 1, 1), scheme=unlimited) is None


@given(ACCEPTANCE_DAYS, st.integers(0, 400))
def test_all_that_is_owed_adds_up_to_the_envelope(accepted_on: date, later: int) -> None:
    scheme, on = RULES.scheme(accepted_on), accepted_on + timedelta(days=later)
    incentives = instalments_owed(scheme, on)
    surveys = [survey_owed(scheme, number, on) for number in range(1, scheme.survey_count + 1)]
    paid_rupiah = sum(line.amount_rupiah for line in [*incentives, *surveys])
    assert paid_rupiah + scheme.training_balance_rupiah == scheme.envelope_rupiah
    assert [line.number for line in incentives] == list(range(1, scheme.instalment_count + 1))
    assert {line.kind for line in incentives} == {InstalmentKind.INCENTIVE}
    assert {line.kind for line in surveys} == {InstalmentKind.SURVEY}
    assert all(line.payment_on >= on for line in [*incentives, *surveys])


@pytest.mark.parametrize("number", [0, 4])
def test_no_survey_beyond_the_promised_ones(number: int) -> None:
    with pytest.raises(ValueError, match="numbered 1 to 3"):
        survey_owed(SCHEME, number, date(2020, 9, 1))
