"""What a balance can do: exact against enumeration, and honest about every rupiah."""

from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.recommend import Spending, plan_spending
from bekal.core.recommend.knapsack import Limits, Offers
from bekal.core.recommend.plan import CONCEDED_SHARE, _with_fewest_hours

SMALL = settings(deadline=None, max_examples=120)
PROMPT = settings(deadline=None, max_examples=60)
values = st.integers(-8, 40).map(lambda eighths: eighths / 8)  # their sums are exact, so ties are ties
round_prices = st.integers(0, 12).map(lambda thousands: 1000 * thousands)
hundreds = st.integers(0, 123).map(lambda hundreds: 100 * hundreds)
ending_in_999 = st.integers(1, 12).map(lambda thousands: 1000 * thousands - 1)
any_prices = st.integers(0, 12_345)


@dataclass(frozen=True)
class Case:
    """One instance: what `plan_spending` takes."""

    value: tuple[float, ...]
    price: tuple[int, ...]
    balance: int
    max_count: int
    group: tuple[int, ...]
    hours: tuple[int, ...]
    max_hours: int | None

    def spending(self, **changes) -> Spending:
        given = {
            "value": np.array(self.value, np.float64),
            "price_rupiah": np.array(self.price, np.int64),
            "balance_rupiah": self.balance,
            "max_count": self.max_count,
            "group": np.array(self.group, np.int64),
            "hours": np.array(self.hours, np.int64),
            "max_hours": self.max_hours,
            "ranked": np.arange(len(self.value)),
        }
        return plan_spending(**(given | changes))

    def sets(self):
        """(value, spent, set) of every set within the limits of trainings worth more than 0."""
        wanted = [j for j, value in enumerate(self.value) if value > 0]
        for count in range(min(self.max_count, len(wanted)) + 1):
            for chosen in combinations(wanted, count):
                spent = sum(self.price[j] for j in chosen)
                groups = [self.group[j] for j in chosen if self.group[j] >= 0]
                within = self.max_hours is None or sum(self.hours[j] for j in chosen) <= self.max_hours
                if spent <= self.balance and len(set(groups)) == len(groups) and within:
                    yield sum(self.value[j] for j in chosen), spent, chosen


@st.composite
def cases(draw, prices=round_prices, most_balance=40_000):
    count = draw(st.integers(0, 8))

    def each(strategy):
        return tuple(draw(st.lists(strategy, min_size=count, max_size=count)))

    return Case(
        value=each(values),
        price=each(prices),
        balance=draw(st.integers(0, most_balance)),
        max_count=draw(st.integers(1, 5)),
        group=each(st.integers(-2, 2)),
        hours=each(st.integers(0, 9).map(lambda hours: 2 * hours)),
        max_hours=draw(st.one_of(st.none(), st.integers(0, 40))),
    )


exact_cases = st.one_of(cases(), cases(hundreds), cases(ending_in_999), cases(any_prices))


def assert_honest(case, spending):
    sets = {chosen: (value, spent) for value, spent, chosen in case.sets()}
    for plan in spending.plans:
        value, spent = sets[plan.trainings]  # so it is within the limits
        assert (plan.value, plan.spent_rupiah) == (value, spent)
        assert plan.spent_rupiah + plan.left_rupiah == case.balance and plan.left_rupiah >= 0


@SMALL
@given(case=exact_cases)
def test_the_three_plans_are_exact(case):
    """Prices of any kind; of any rupiah at all only up to a balance of 50,000 steps."""
    spending, sets = case.spending(), list(case.sets())
    assert_honest(case, spending)
    top = max(value for value, _, _ in sets)
    assert spending.best_value.value == top
    assert spending.best_value.spent_rupiah == min(spent for value, spent, _ in sets if value == top)
    enough = [(spent, value) for value, spent, _ in sets if value >= (1 - CONCEDED_SHARE) * top]
    assert (spending.nothing_lapses.spent_rupiah, spending.nothing_lapses.value) == max(enough)
    singles = [(value, -spent) for value, spent, chosen in sets if len(chosen) == 1]
    assert (spending.one_best.value, -spending.one_best.spent_rupiah) == max(singles, default=(0.0, 0))


@SMALL
@given(case=exact_cases)
def test_the_front_holds_every_amount_and_the_best_for_it(case):
    spending, sets = case.spending(), list(case.sets())
    expected = []
    for amount in sorted({spent for _, spent, _ in sets}):
        value = max(value for value, spent, _ in sets if spent <= amount)
        if not expected or value > expected[-1][1]:
            expected.append((amount, value))
    assert list(spending.front) == expected
    assert spending.front[-1] == (spending.best_value.spent_rupiah, spending.best_value.value)


@SMALL
@given(case=exact_cases)
def test_each_ranked_training_has_the_value_of_the_best_plan_with_it(case):
    spending, sets = case.spending(), list(case.sets())
    for j, found in enumerate(spending.best_with):
        assert found == max((value for value, _, chosen in sets if j in chosen), default=-np.inf)
        assert found <= spending.best_value.value
    assert all(spending.best_with[j] == spending.best_value.value for j in spending.best_value.trainings)


def assert_opened(case, spending, opened=slice(None)):
    """Each set asked for keeps the limits, costs and is worth exactly what the front says."""
    sets = {chosen: (spent, value) for value, spent, chosen in case.sets()}
    assert [sets[chosen] for chosen in spending.front_sets] == list(spending.front[opened])


@SMALL
@given(case=exact_cases, opened=st.slices(12))
def test_opened_sets_are_what_the_front_says(case, opened):
    spending = case.spending(opened=opened)
    assert_opened(case, spending, opened)
    assert_opened(case, case.spending(opened=opened, ranked=None), opened)
    assert spending.front == case.spending().front and case.spending().front_sets == ()


@SMALL
@given(case=cases(any_prices), most_cells=st.integers(1, 50_000))
def test_a_small_table_with_hours_is_honest(case, most_cells):
    """Prices are rounded up then: the limits and all amounts stay true ones, only the best can be missed."""
    spending = case.spending(opened=slice(None), most_cells=most_cells)
    assert_honest(case, spending)
    assert_opened(case, spending)


@SMALL
@given(case=cases(), hours=st.integers(0, 90), unit=st.integers(1, 3))
def test_a_limit_on_hours_is_exact_however_long(case, hours, unit):
    """Around the longest that a plan can take, where hours are given away or are none."""
    case = replace(case, hours=tuple(unit * each for each in case.hours), max_hours=unit * hours)
    highest = max(value for value, _, _ in case.sets())
    assert case.spending(ranked=None).best_value.value == case.spending().best_value.value == highest
    for at, found in enumerate(case.spending().best_with):
        assert found == max((value for value, _, chosen in case.sets() if at in chosen), default=-np.inf)


def test_a_limit_on_hours_that_nothing_reaches_is_none():
    """Eight of at most 40 hours: 320 are no limit, and 319 leave steps of hours to none but the longest."""
    rng = np.random.default_rng(5)
    hours = rng.integers(4, 41, 300)
    hours[:9] = 40
    trainings = Offers(np.ones(300), np.full(300, 1_000), np.arange(300), hours)
    for limit, longest, left in ((320, 0, 0), (319, 1, 7), (300, 20, 140), (100, 40, 100)):
        fewest, limits = _with_fewest_hours(trainings, Limits(1_000_000, 8, limit), np.arange(300))
        assert (fewest.hours.max(), limits.hours) == (longest, left)


def odd_case(rng):
    """Prices that share no grid, values that go with them, and a balance too large for steps of Rp1."""
    price = rng.integers(3_000, 60_000, 11)
    value = np.round(price * np.exp(rng.normal(0, 0.2, 11)) / 100) / 8
    hours = (None, int(rng.integers(20, 60)))[int(rng.integers(0, 2))]
    return Case(
        tuple(value.tolist()), tuple(price.tolist()), int(rng.integers(60_000, 200_000)), int(rng.integers(3, 7)),
        tuple(rng.integers(-6, 3, 11).tolist()), tuple(rng.integers(1, 20, 11).tolist()), hours,
    )  # fmt: skip


def test_honest_where_prices_must_be_rounded():
    """A set can be missed only for what the rounding to Rp100 costs; all amounts are true ones."""
    rng, missed = np.random.default_rng(3), 0
    for _ in range(30):
        case = odd_case(rng)
        spending, sets = case.spending(opened=slice(None)), list(case.sets())
        assert_honest(case, spending)
        assert_opened(case, spending)
        best = spending.best_value
        missed += best.value < max(value for value, _, _ in sets)
        sure = max(value for value, spent, _ in sets if spent <= case.balance - 100 * (case.max_count + 1))
        assert best.value >= max(sure, spending.one_best.value)
        assert spending.nothing_lapses.spent_rupiah >= best.spent_rupiah
        assert spending.nothing_lapses.value >= (1 - CONCEDED_SHARE) * best.value
        assert {(spent, value) for value, spent, _ in sets} >= set(spending.front)
        assert spending.front[-1] == (best.spent_rupiah, best.value)
        assert all(a < b and c < d for (a, c), (b, d) in pairwise(spending.front))
        for j, found in enumerate(spending.best_with):
            assert found <= min(best.value, max((value for value, _, chosen in sets if j in chosen), default=-np.inf))
        assert all(spending.best_with[j] == best.value for j in best.trainings)
    assert missed  # so prices were rounded


@PROMPT
@given(case=exact_cases, more=st.integers(0, 9_999), hours=st.integers(0, 40))
def test_more_money_time_or_places_never_lower_the_best_plan(case, more, hours):
    value = case.spending().best_value.value
    assert case.spending(balance_rupiah=case.balance + more).best_value.value >= value
    assert case.spending(max_count=case.max_count + 1).best_value.value >= value
    assert case.spending(max_hours=None).best_value.value >= value
    if case.max_hours is not None:
        assert case.spending(max_hours=case.max_hours + hours).best_value.value >= value


@PROMPT
@given(case=exact_cases, data=st.data())
def test_what_cannot_be_planned_changes_nothing(case, data):
    """One too dear, one of value 0 (it cannot be attended in time), one too long."""
    unaffordable = (5.0, case.balance + data.draw(st.integers(1, 10_000)), 0)
    worthless = (data.draw(st.sampled_from([0.0, -1.0])), 0, 0)
    too_long = (5.0, 0, case.max_hours + 1) if case.max_hours is not None else worthless
    value, price, hours = data.draw(st.sampled_from([unaffordable, worthless, too_long]))
    group = data.draw(st.integers(-1, 2))
    more = Case(
        (*case.value, value), (*case.price, price), case.balance, case.max_count,
        (*case.group, group), (*case.hours, hours), case.max_hours,
    )  # fmt: skip
    before, after = case.spending(), more.spending()
    assert after.best_with[-1] == -np.inf
    assert (after.plans, after.front, after.best_with[:-1]) == (before.plans, before.front, before.best_with)


@PROMPT
@given(case=exact_cases, data=st.data())
def test_a_copy_in_the_same_group_changes_no_value(case, data):
    if not case.value:
        return
    j = data.draw(st.integers(0, len(case.value) - 1))
    group = [*case.group]
    group[j] = 7 if group[j] < 0 else group[j]
    alone = Case(case.value, case.price, case.balance, case.max_count, tuple(group), case.hours, case.max_hours)
    value, price, groups, hours = ((*each, each[j]) for each in (case.value, case.price, group, case.hours))
    twice = Case(value, price, case.balance, case.max_count, groups, hours, case.max_hours)
    before, after = alone.spending(), twice.spending()
    assert after.front == before.front and after.best_with == (*before.best_with, before.best_with[j])
    assert [(p.spent_rupiah, p.value) for p in after.plans] == [(p.spent_rupiah, p.value) for p in before.plans]


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_trainings_does_not_matter(seed):
    """Of values without ties; with groups, hours, odd prices."""
    rng = np.random.default_rng(seed)
    price = rng.integers(24, 600, 80) * 1000 - (rng.random(80) < 0.1)
    value, group, hours = rng.lognormal(0, 1, 80), rng.integers(-20, 20, 80), rng.integers(1, 20, 80)
    limits = {"max_hours": 24} if seed % 2 else {}
    shuffled = rng.permutation(80)
    one = plan_spending(value, price, 1_000_000, group=group, hours=hours, ranked=range(80), **limits)
    other = plan_spending(
        value[shuffled], price[shuffled], 1_000_000, group=group[shuffled], hours=hours[shuffled],
        ranked=np.argsort(shuffled), **limits,
    )  # fmt: skip
    assert (other.front, other.best_with) == (one.front, one.best_with)
    for plan, again in zip(one.plans, other.plans, strict=True):
        assert plan.trainings == tuple(sorted(shuffled[list(again.trainings)]))
        assert (plan.value, plan.spent_rupiah) == (again.value, again.spent_rupiah)


def test_known_answer():
    price, value = [300_000, 200_000, 450_000, 500_000], [3.0, 2.5, 4.0, 4.875]
    spending = plan_spending(value, price, 950_000, ranked=[3, 0])
    best, full, one = spending.plans
    assert (best.kind, best.trainings, best.spent_rupiah, best.left_rupiah) == ("best_value", (0, 1, 2), 950_000, 0)
    assert (full.kind, full.trainings) == ("nothing_lapses", (0, 1, 2))
    assert (one.kind, one.trainings, one.left_rupiah, one.value) == ("one_best", (3,), 450_000, 4.875)
    assert spending.front[:4] == ((0, 0.0), (200_000, 2.5), (300_000, 3.0), (450_000, 4.0))
    assert spending.front[4:] == ((500_000, 5.5), (650_000, 6.5), (700_000, 7.375), (800_000, 7.875), (950_000, 9.5))
    assert spending.best_with == (8.875, 9.5)


def test_little_value_is_conceded_for_less_left_over():
    best, full, _ = plan_spending([10.0, 9.6, 9.4], [500_000, 800_000, 1_000_000], 1_000_000, max_count=1).plans
    assert best.trainings == (0,)
    assert (full.trainings, full.left_rupiah) == ((1,), 200_000)  # 9.4 would be more than 5 % below 10


def test_of_equivalents_one_is_taken():
    value, price, group = [4.0, 5.0, 6.0, 3.0], [1_000, 2_000, 1_000, 1_000], [7, 7, -1, -1]
    spending = plan_spending(value, price, 4_000, group=group, ranked=[0])
    assert spending.best_value.trainings == spending.nothing_lapses.trainings == (1, 2, 3)
    assert spending.front == ((0, 0.0), (1_000, 6.0), (2_000, 10.0), (3_000, 13.0), (4_000, 14.0))
    assert spending.best_with == (13.0,)


def test_the_front_never_spends_more_for_the_same_value():
    """Rp400 for one training of 3 is no better than Rp350 for two of 1 and 2."""
    assert plan_spending([1.0, 2.0, 3.0], [100, 250, 400], 400).front == ((0, 0.0), (100, 1.0), (250, 2.0), (350, 3.0))


def test_many_equivalents_take_one_place():
    """Twenty cheap equivalents are worth more each than the dearer ones, and leave room for them."""
    value, price, group = [5.0] * 20 + [2.0, 1.0], [1_000] * 20 + [2_000, 3_000], [7] * 20 + [-1, -1]
    spending = plan_spending(value, price, 6_000, 3, group=group, ranked=[3, 20, 21])
    assert spending.best_value.trainings == (0, 20, 21) and spending.best_with == (8.0, 8.0, 8.0)
    assert spending.front == ((0, 0.0), (1_000, 5.0), (3_000, 7.0), (6_000, 8.0))


def test_the_last_rupiah_are_told_apart():
    """Rp50 that no price of whole thousands can use are left, and said to be."""
    best, full, _ = plan_spending([1.0, 2.0], [100_000, 200_000], 300_050).plans
    assert (best.spent_rupiah, best.left_rupiah) == (full.spent_rupiah, full.left_rupiah) == (300_000, 50)


def test_prices_with_a_step_of_one_hundred_rupiah_meet_the_balance_exactly():
    best, _, _ = plan_spending([1.0, 1.0, 1.5], [89_700, 210_300, 300_000], 300_000).plans
    assert (best.trainings, best.left_rupiah) == ((0, 1), 0)


def test_what_is_over_the_round_thousands_is_held_against_the_balance():
    """Two of eleven thousand and 997 do not fit where eleven thousand and 500 are left."""
    best, full, _ = plan_spending([2.0, 1.9, 1.5], [5_999, 5_998, 4_999], 11_500).plans
    assert best.trainings == full.trainings == (0, 2) and best.left_rupiah == 502
    assert plan_spending([2.0, 1.9, 1.5], [5_999, 5_998, 4_999], 11_997).best_value.trainings == (0, 1)


def test_a_few_odd_prices_among_round_ones_are_exact():
    """A balance met to the rupiah by two odd prices and a round one, where rounding up to Rp100 would miss it."""
    rng = np.random.default_rng(4)
    price = np.concatenate([rng.integers(24, 900, 200) * 1000, [123_457, 276_543]])
    value = np.concatenate([price[:200] / 1e6, [0.4, 0.7]])
    best, full, _ = plan_spending(value, price, 1_000_000).plans
    assert {200, 201} <= set(best.trainings) and best.left_rupiah == full.left_rupiah == 0


def test_ties_go_to_the_lower_price_then_the_lower_index():
    assert plan_spending([2.0, 2.0, 2.0], [300, 200, 200], 1000).one_best.trainings == (1,)
    assert plan_spending([2.0, 2.0, 2.0], [300, 200, 200], 1000, 1).best_value.trainings == (1,)


@pytest.mark.parametrize(("value", "price"), [([], []), ([0.0, -1.0], [100, 100]), ([5.0], [1001])])
def test_nothing_to_plan(value, price):
    spending = plan_spending(value, price, 1000, ranked=range(len(value)))
    for plan in spending.plans:
        assert (plan.trainings, plan.spent_rupiah, plan.left_rupiah, plan.value) == ((), 0, 1000, 0.0)
    assert spending.front == ((0, 0.0),) and spending.best_with == (-np.inf,) * len(value)


def test_free_trainings_cost_no_rupiah_but_a_place():
    spending = plan_spending([1.0, 2.0, 3.0], [0, 0, 0], 0, max_count=2, ranked=[0, 1, 1])
    best = spending.best_value
    assert (best.trainings, best.spent_rupiah, best.value) == ((1, 2), 0, 5.0)
    assert spending.front == ((0, 5.0),) and spending.best_with == (4.0, 5.0, 5.0)


def test_values_of_any_size():
    for scale in (1e-320, 1e-9, 1e280):
        best = plan_spending([scale, 2 * scale, 4 * scale], [100, 100, 200], 200).best_value
        assert best.trainings == (2,) and best.value == pytest.approx(4 * scale)
    assert plan_spending([1e-30, 1.0], [100, 100], 200).best_value.trainings == (0, 1)


def test_a_huge_balance_is_no_huge_table():
    best = plan_spending([1.0, 2.0], [100_000, 250_300], 10**13, max_count=10**6).best_value
    assert (best.trainings, best.left_rupiah) == ((0, 1), 10**13 - 350_300)
    price = [10**12 + 1, 10**12 + 3, 2 * 10**12 + 4]
    assert plan_spending([1.0, 2.0, 2.5], price, 2 * 10**12 + 4, 5).best_value.trainings == (
        2,
    )  # two odd ones: rounded


REFUSED = [
    (([1.0], [100], -1), {}, "balance_rupiah is -1"),
    (([1.0], [100], 10**14), {}, "balance_rupiah is 100000000000000: give at most 10000000000000"),
    (([1.0], [100], 1000.0), {}, "balance_rupiah is 1000.0"),
    (([1.0], [100.5], 1000), {}, "price_rupiah must hold whole numbers"),
    (([1.0], [-100], 1000), {}, "price_rupiah[0] is -100"),
    (([1.0, 2.0], [100], 1000), {}, "value has the shape (2,) where (1,) is needed"),
    (([float("nan")], [100], 1000), {}, "value[0] is nan: give a finite number"),
    (([1.0, 1e300], [100, 100], 1000), {}, "value[1] is 1e+300"),
    (([1.0], [100], 1000), {"max_count": 0}, "max_count is 0"),
    (([1.0], [100], 1000), {"most_cells": 0}, "most_cells is 0"),
    (([1.0], [100], 1000), {"group": [0.5]}, "group must hold whole numbers"),
    (([1.0], [100], 1000), {"group": [0, 1]}, "group has 2 entries where 1 are needed: give one per price"),
    (([1.0], [100], 1000), {"hours": [-2]}, "hours[0] is -2: give whole hours, 0 or more"),
    (([1.0], [100], 1000), {"hours": []}, "hours has 0 entries where 1 are needed"),
    (([1.0], [100], 1000), {"hours": [2], "max_hours": -1}, "max_hours is -1"),
    (([1.0], [100], 1000), {"max_hours": 8}, "hours is missing: give the hours of every training"),
    (([1.0], [100], 1000), {"ranked": [0, 1]}, "ranked[1] is 1, but there are 1 trainings: use 0 to 0"),
]


@pytest.mark.parametrize(("arguments", "more", "message"), REFUSED)
def test_bad_input_is_refused(arguments, more, message):
    with pytest.raises(ValueError) as refusal:
        plan_spending(*arguments, **more)
    assert message in str(refusal.value)
