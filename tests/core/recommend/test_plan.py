"""Spending plans: exact against enumeration and an integer programme, and honest about every rupiah."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from bekal.core.recommend import spending_plans
from bekal.core.recommend.plan import CONCEDED_SHARE

SMALL = settings(deadline=None, max_examples=150)
values = st.integers(-3, 40).map(lambda tenths: tenths / 10)
on_grid = st.integers(0, 12).map(lambda thousands: 1000 * thousands)
off_grid = st.integers(0, 12_345)


def offers(price: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[float, int]]]:
    return st.lists(st.tuples(values, price), max_size=8)


def every_set(offer, balance, limit):
    """(value, spent, set) of every affordable set of trainings of value above 0."""
    wanted = [j for j, (value, _) in enumerate(offer) if value > 0]
    for count in range(min(limit, len(wanted)) + 1):
        for chosen in combinations(wanted, count):
            spent = sum(offer[j][1] for j in chosen)
            if spent <= balance:
                yield sum(offer[j][0] for j in chosen), spent, chosen


def plans_of(offer, balance, limit=8):
    return spending_plans([value for value, _ in offer], np.array([p for _, p in offer], np.int64), balance, limit)


def assert_honest(plan, offer, balance, limit):
    assert len(set(plan.trainings)) == len(plan.trainings) <= limit
    assert plan.trainings == tuple(sorted(plan.trainings))
    assert plan.spent_rupiah == sum(offer[j][1] for j in plan.trainings)
    assert plan.spent_rupiah + plan.left_rupiah == balance and plan.left_rupiah >= 0
    assert plan.value == pytest.approx(sum(offer[j][0] for j in plan.trainings))
    assert all(offer[j][0] > 0 for j in plan.trainings)


@SMALL
@given(offer=offers(on_grid), balance=st.integers(0, 40_000), limit=st.integers(1, 5))
def test_exact_on_small_instances(offer, balance, limit):
    best, full, one = plans_of(offer, balance, limit)
    for plan in (best, full, one):
        assert_honest(plan, offer, balance, limit)
    sets = list(every_set(offer, balance, limit))
    top = max(value for value, _, _ in sets)
    assert best.value == pytest.approx(top)
    # a set exactly at the limit of 5 % may fall on either side of it by rounding
    surely = [spent for value, spent, _ in sets if value >= (1 - CONCEDED_SHARE) * top + 1e-9]
    perhaps = [spent for value, spent, _ in sets if value >= (1 - CONCEDED_SHARE) * top - 1e-9]
    assert max(surely, default=0) <= full.spent_rupiah <= max(perhaps)
    assert full.value >= (1 - CONCEDED_SHARE) * top - 1e-9
    singles = [value for value, _, chosen in sets if len(chosen) == 1]
    assert one.value == pytest.approx(max(singles, default=0.0)) and len(one.trainings) == bool(singles)


@SMALL
@given(offer=offers(off_grid), balance=st.integers(0, 40_000), limit=st.integers(1, 5))
def test_honest_with_any_prices(offer, balance, limit):
    """Prices without a common step are rounded up to Rp100: a set can be missed only for what the rounding costs."""
    best, full, one = plans_of(offer, balance, limit)
    for plan in (best, full, one):
        assert_honest(plan, offer, balance, limit)
    assert best.value >= one.value and full.spent_rupiah >= best.spent_rupiah
    slack = 100 * (limit + 1)
    assert best.value >= max(value for value, _, _ in every_set(offer, max(balance - slack, 0), limit)) - 1e-9


@SMALL
@given(
    offer=st.one_of(offers(on_grid), offers(off_grid)),
    balances=st.tuples(st.integers(0, 40_000), st.integers(0, 40_000)),
    limit=st.integers(1, 5),
)
def test_a_higher_balance_never_lowers_the_best_plan(offer, balances, limit):
    low, high = sorted(balances)
    assert plans_of(offer, high, limit)[0].value >= plans_of(offer, low, limit)[0].value - 1e-9


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step", [1000, 500])
def test_exact_on_large_instances(seed, step):
    rng = np.random.default_rng(seed)
    price = (np.exp(rng.normal(np.log(300_000), 0.6, 300)) // step).astype(np.int64).clip(24, 1_000_000 // step) * step
    value = np.exp(rng.normal(0, 1, 300)) if seed % 2 else price * np.exp(rng.normal(0, 0.1, 300)) / 1e5
    limit = (2, 8)[seed % 3 == 0]
    best = spending_plans(value, price, 1_000_000, limit)[0]
    exact = milp(
        -value,
        integrality=np.ones(300),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.stack([price / 1e6, np.ones(300)]), ub=[1.0, limit]),
        options={"mip_rel_gap": 0.0},
    )
    assert best.value == pytest.approx(-exact.fun, rel=1e-6)


def test_known_answer():
    price, value = [300_000, 200_000, 450_000, 500_000], [3.0, 2.5, 4.0, 4.9]
    best, full, one = spending_plans(value, price, 950_000)
    assert (best.kind, best.trainings, best.spent_rupiah, best.left_rupiah) == ("best_value", (0, 1, 2), 950_000, 0)
    assert (full.kind, full.trainings) == ("nothing_lapses", (0, 1, 2))
    assert (one.kind, one.trainings, one.left_rupiah, one.value) == ("one_best", (3,), 450_000, 4.9)


def test_little_value_is_conceded_for_less_left_over():
    best, full, _ = spending_plans([10.0, 9.6, 9.4], [500_000, 800_000, 1_000_000], 1_000_000, max_count=1)
    assert best.trainings == (0,)
    assert (full.trainings, full.left_rupiah) == ((1,), 200_000)  # 9.4 would be more than 5 % below 10


def test_prices_with_a_step_of_one_hundred_rupiah_meet_the_balance_exactly():
    best, _, _ = spending_plans([1.0, 1.0, 1.5], [89_700, 210_300, 300_000], 300_000)
    assert (best.trainings, best.left_rupiah) == ((0, 1), 0)


def test_ties_go_to_the_lower_price_then_the_lower_index():
    _, _, one = spending_plans([2.0, 2.0, 2.0], [300, 200, 200], 1000)
    assert one.trainings == (1,)


@pytest.mark.parametrize(("value", "price"), [([], []), ([0.0, -1.0], [100, 100]), ([5.0], [1001])])
def test_nothing_to_plan(value, price):
    for plan in spending_plans(value, price, 1000):
        assert (plan.trainings, plan.spent_rupiah, plan.left_rupiah, plan.value) == ((), 0, 1000, 0.0)


def test_free_trainings_cost_no_rupiah_but_a_place():
    best, _, _ = spending_plans([1.0, 2.0, 3.0], [0, 0, 0], 0, max_count=2)
    assert (best.trainings, best.spent_rupiah, best.value) == ((1, 2), 0, 5.0)


REFUSED = [
    (([1.0], [100], -1), {}, "balance_rupiah is -1"),
    (([1.0], [100], 1000.0), {}, "balance_rupiah is 1000.0"),
    (([1.0], [100.5], 1000), {}, "price_rupiah must hold whole numbers"),
    (([1.0], [-100], 1000), {}, "price_rupiah[0] is -100"),
    (([1.0, 2.0], [100], 1000), {}, "value has the shape (2,) where (1,) is needed"),
    (([float("nan")], [100], 1000), {}, "value[0] is nan"),
    (([1.0], [100], 1000), {"max_count": 0}, "max_count is 0"),
]


@pytest.mark.parametrize(("arguments", "more", "message"), REFUSED)
def test_bad_input_is_refused(arguments, more, message):
    with pytest.raises(ValueError) as refusal:
        spending_plans(*arguments, **more)
    assert message in str(refusal.value)
