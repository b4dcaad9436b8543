"""Chances over what may be chosen, plans made of them, and what a score is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend import Recommender, plan_spending
from bekal.core.recommend.choosing import FLOORS
from tests.core.recommend.worlds import Arrays, arrays_of, people_of, random_world, relabelled, reordered, small_worlds


def may_be_chosen(world: Arrays, balance: np.ndarray, on_sale: np.ndarray) -> np.ndarray:
    allowed = (world["price_rupiah"][None, :] <= balance[:, None]) & on_sale[None, :]
    for person, (first, last) in enumerate(zip(world["ptr"][:-1], world["ptr"][1:], strict=True)):
        allowed[person, world["items"][first:last]] = False
    return allowed


@given(world=small_worlds(), data=st.data())
def test_each_row_is_a_distribution_over_what_may_be_chosen(world: Arrays, data: st.DataObject) -> None:
    people, trainings = len(world["ptr"]) - 1, len(world["price_rupiah"])
    money = st.integers(0, 1_000_000)
    balance = np.array(data.draw(st.lists(money, min_size=people, max_size=people)), dtype=np.int64)
    on_sale = np.array(data.draw(st.lists(st.booleans(), min_size=trainings, max_size=trainings)), dtype=np.bool_)
    model = Recommender(seed=0).fit(**world)
    chances = model.probabilities(**people_of(world), balance_rupiah=balance, on_sale=on_sale)
    allowed = may_be_chosen(world, balance, on_sale)
    assert chances.shape == (people, trainings) and chances.dtype == np.float32
    assert (chances[~allowed] == 0).all() and (chances[allowed] > 0).all()
    assert np.allclose(chances.sum(axis=1), allowed.any(axis=1), atol=1e-5)


def test_nobody_and_nothing_affordable() -> None:
    world = random_world(31)
    model = Recommender(seed=0).fit(**world)
    nobody = {"ptr": [0], "items": [], "profile": np.empty((0, 3), np.int64)}
    assert model.probabilities(**nobody).shape == (0, 30)
    poor = model.probabilities(ptr=[0, 0], items=[], profile=[[0, 0, 0]], balance_rupiah=[0])
    assert (poor == 0).all()
    (spending,) = model.plan(ptr=[0, 0], items=[], profile=[[0, 0, 0]], balance_rupiah=[23_999])
    assert [(plan.trainings, plan.left_rupiah) for plan in spending.plans] == [((), 23_999)] * 3


def test_where_nothing_is_floored_the_order_is_that_of_the_list() -> None:
    world = random_world(32)
    model = Recommender(seed=0).fit(**world)
    lists, _ = model.recommend(**people_of(world), n=5)
    chances = model.probabilities(**people_of(world))
    picked = np.take_along_axis(chances, np.maximum(lists, 0).astype(np.int64), axis=1)
    assert (np.diff(picked, axis=1) <= 0).all()


def test_money_takes_away_without_turning_what_is_left() -> None:
    """Of two trainings that both fit, one is as many times likelier as it was with more money."""
    world = random_world(33)
    model = Recommender(seed=0).fit(**world)
    person = {"ptr": [0, 1], "items": [4], "profile": [[1, 2, 3]]}
    rich, poor = (model.probabilities(**person, balance_rupiah=[left])[0] for left in (1_000_000, 500_000))
    fits = poor > 0
    assert 0 < fits.sum() < (rich > 0).sum()
    assert np.allclose(poor[fits] / poor[fits].sum(), rich[fits] / rich[fits].sum(), rtol=1e-5)


def test_order_of_people_and_numbers_of_trainings_do_not_matter() -> None:
    world = random_world(34)
    order = np.random.default_rng(1).permutation(400)
    number = np.random.default_rng(2).permutation(30)
    plain = Recommender(seed=0).fit(**world).probabilities(**people_of(world))
    mixed = Recommender(seed=0).fit(**reordered(world, order)).probabilities(**people_of(world))
    assert np.array_equal(mixed, plain)
    other = relabelled(world, number)
    renamed = Recommender(seed=0).fit(**other).probabilities(**people_of(other))
    assert np.allclose(renamed[:, number], plain, rtol=1e-4, atol=1e-7)


def test_chances_are_those_of_a_planted_world() -> None:
    """Everybody takes one training, drawn from the table of their group: each chance is the table's, within what the
    draw itself leaves open."""
    rng = np.random.default_rng(5)
    table = np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])
    group = rng.integers(0, 2, 20_000)
    taken = [[int(rng.choice(4, p=table[each]))] for each in group]
    model = Recommender(seed=0, floor=0.1).fit(**arrays_of(taken, group[:, None].tolist(), [100_000] * 4))
    found = model.probabilities(ptr=[0, 0, 0], items=[], profile=[[0], [1]])
    error = 4 * np.sqrt(table * (1 - table) / 10_000)
    assert (np.abs(found - table) < error + 0.01 * table).all()


def test_the_floor_is_chosen_and_saved() -> None:
    arrays, manifest = Recommender(seed=0).fit(**random_world(35)).save()
    assert manifest["hyperparameters"]["floor"] in FLOORS
    assert Recommender.load(arrays, manifest).save()[1] == manifest
    person = {"ptr": [0, 3], "items": [0, 1, 2], "profile": [[0, 1, 2]]}
    low, high = (
        Recommender(seed=0, floor=floor).fit(**random_world(35)).probabilities(**person)[0] for floor in (0.0, 1.0)
    )
    assert high[3:].min() > low[3:].min() and high.max() < low.max()


def test_a_plan_is_made_of_chances_and_worth() -> None:
    world = random_world(36)
    model = Recommender(seed=0).fit(**world)
    person = {"ptr": [0, 1], "items": [3], "profile": [[0, 1, 2]]}
    worth = np.linspace(0.5, 1.5, 30)
    (spending,) = model.plan(**person, balance_rupiah=[1_000_000], worth=worth, max_count=4)
    chances = model.probabilities(**person, balance_rupiah=[1_000_000])[0].astype(np.float64)
    assert spending == plan_spending(chances * worth, world["price_rupiah"], 1_000_000, 4)
    best = spending.best_value
    assert best.spent_rupiah + best.left_rupiah == 1_000_000 and 3 not in best.trainings and best.trainings
    for bad in ([1.0], np.full(30, -1.0), np.full(30, np.nan)):
        with pytest.raises(ValueError, match="worth must be 30 finite numbers of 0 or more"):
            model.plan(**person, balance_rupiah=[1_000_000], worth=bad)


@given(world=small_worlds(), data=st.data())
def test_more_money_never_lowers_the_best_plan(world: Arrays, data: st.DataObject) -> None:
    """Of the same chances: what more money can buy besides makes each of the others a little less likely."""
    model = Recommender(seed=0).fit(**world)
    less = data.draw(st.integers(0, 1_000_000))
    more = data.draw(st.integers(less, 2_000_000))
    profile = np.zeros((1, world["profile"].shape[1]), np.int64)
    (chances,) = model.probabilities(ptr=[0, 0], items=[], profile=profile)
    poor, rich = (plan_spending(chances, world["price_rupiah"], money).best_value for money in (less, more))
    assert rich.value >= poor.value - 1e-9


def test_a_score_is_the_sum_of_what_explains_it() -> None:
    world = random_world(37)
    model = Recommender(seed=0).fit(**world)
    people = {"ptr": [0, 0, 2], "items": [5, 9], "profile": [[0, -1, 2], [99, 1, 3]]}
    lists, _ = model.recommend(**people, n=4)
    scores = model.scores(**people)
    told = model.explain(**people, trainings=lists)
    for person, parts in enumerate(told):
        assert [each.training for each in parts] == lists[person].tolist()
        for each in parts:
            assert each.score == pytest.approx(float(scores[person, each.training]), abs=1e-6)
            whole = each.constant + sum(each.profile) + sum(part for _, part in each.history)
            assert each.score == pytest.approx(whole)
    assert all(each.profile[1] == 0.0 and each.history == () for each in told[0])
    assert all(each.profile[0] == 0.0 and [known for known, _ in each.history] == [5, 9] for each in told[1])
    assert model.explain(ptr=[0, 0], items=[], profile=[[0, 0, 0]], trainings=[[-1, -1]]) == [[]]
    for bad in ([[30]], [[-2]], [[1], [2]]):
        with pytest.raises(ValueError, match="trainings must have one row for each of the 1 people"):
            model.explain(ptr=[0, 0], items=[], profile=[[0, 0, 0]], trainings=bad)
