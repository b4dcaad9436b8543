"""What must not change when the question is changed in a way that does not matter, and what must when it does.

Order of people, numbers of trainings and shards are in `test_every_model`, `test_streaming` and `test_probabilities`.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend import Popularity, ReasonTables, Recommender, SegmentPopularity, ndcg_at, plan_spending
from tests.core.recommend.worlds import (
    Arrays,
    people_of,
    random_world,
    relabelled,
    reordered,
    shopping,
    small_worlds,
)

every_model = pytest.mark.parametrize("model_class", [Recommender, SegmentPopularity, Popularity])


def balances(people: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1_000_001, people)


def lists_of(model: Any, world: Arrays, **more: Any) -> tuple[np.ndarray, np.ndarray]:
    lists, scores = model.recommend(**people_of(world), **more)
    return lists, scores


def same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@every_model
@given(world=small_worlds(), n=st.integers(1, 8))
def test_a_shorter_list_is_the_beginning_of_a_longer_one(model_class: Any, world: Arrays, n: int) -> None:
    model = model_class(seed=0).fit(**world)
    longer = lists_of(model, world, n=n + 1)
    assert same(lists_of(model, world, n=n), tuple(part[:, :n] for part in longer))


@every_model
def test_money_beyond_the_dearest_training_is_no_limit(model_class: Any) -> None:
    world = random_world(81)
    model = model_class(seed=0).fit(**world)
    plenty = np.full(400, world["price_rupiah"].max())
    assert same(lists_of(model, world, balance_rupiah=plenty), lists_of(model, world))


@every_model
def test_more_money_keeps_what_was_listed_or_puts_better_before_it(model_class: Any) -> None:
    world = random_world(82)
    model = model_class(seed=0).fit(**world)
    poor, rich = balances(400), balances(400) + 200_000
    (less, low), (more, high) = (lists_of(model, world, balance_rupiah=left, n=5) for left in (poor, rich))
    assert (high >= low).all()
    new = world["price_rupiah"][more] > poor[:, None]
    for person in range(400):
        kept = [j for j, is_new in zip(more[person], new[person], strict=True) if j >= 0 and not is_new]
        assert kept == less[person][: len(kept)].tolist()


@every_model
def test_an_affordable_price_may_change_while_it_stays_affordable(model_class: Any) -> None:
    """A price is a limit, never a preference; that of the fit is only what `recommend` falls back to."""
    world = random_world(83)
    left = balances(400)
    cheaper = {**world, "price_rupiah": world["price_rupiah"] // 2}
    one, other = (model_class(seed=0).fit(**each) for each in (world, cheaper))
    assert same(lists_of(one, world), lists_of(other, world))
    before = lists_of(one, world, balance_rupiah=left)
    assert same(lists_of(other, world, balance_rupiah=left // 2), before)
    assert not same(lists_of(other, world, balance_rupiah=left), before)


def test_what_is_off_sale_is_as_if_it_were_too_dear() -> None:
    world = random_world(84)
    model = Recommender(seed=0).fit(**world)
    off = np.arange(30) % 3 == 1
    left = balances(400)
    dear = np.where(off, 2_000_000, world["price_rupiah"])
    for call in (model.recommend, lambda **arguments: (model.probabilities(**arguments),)):
        by_sale = call(**people_of(world), balance_rupiah=left, on_sale=~off)
        assert same(by_sale, call(**people_of(world), balance_rupiah=left, price_rupiah=dear))


def test_an_unaffordable_training_nobody_took_changes_no_chance_and_no_plan() -> None:
    world = random_world(85)
    wider = {**world, "price_rupiah": np.append(world["price_rupiah"], 900_000_000)}
    model, other = Recommender(seed=0).fit(**world), Recommender(seed=0).fit(**wider)
    left = balances(400)
    chances, with_it = (each.probabilities(**people_of(world), balance_rupiah=left) for each in (model, other))
    assert (with_it[:, -1] == 0).all()
    np.testing.assert_allclose(with_it[:, :-1], chances, rtol=1e-4, atol=1e-7)
    some = reordered(world, np.arange(5))
    plans, with_it_plans = (each.plan(**people_of(some), balance_rupiah=left[:5]) for each in (model, other))
    for plan, same_plan in zip(plans, with_it_plans, strict=True):
        assert plan.best_value.trainings == same_plan.best_value.trainings


@given(data=st.data())
def test_a_plan_knows_no_order_and_no_price_above_the_balance(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 9))
    value = np.array(data.draw(st.lists(st.integers(1, 10**6), min_size=count, max_size=count, unique=True))) / 1e6
    price = np.array(data.draw(st.lists(st.integers(0, 12), min_size=count, max_size=count))) * 50_000
    balance = data.draw(st.integers(0, 20)) * 50_000
    order = np.array(data.draw(st.permutations(range(count))))
    plain = plan_spending(value, price, balance)
    mixed = plan_spending(value[order], price[order], balance)
    wider = plan_spending(np.append(value, 9.0), np.append(price, balance + 1), balance)
    assert wider == plain
    assert mixed.front == plain.front
    assert [plan.value for plan in mixed.plans] == [plan.value for plan in plain.plans]
    assert [plan.spent_rupiah for plan in mixed.plans] == [plan.spent_rupiah for plan in plain.plans]


def test_reasons_know_no_order_of_people_and_no_numbers_of_trainings() -> None:
    world = shopping(86, np.full(6000, 10_000_000)).world
    institution = np.arange(30) % 7
    plain = ReasonTables.fit(**people_of(world), institution=institution)
    mixed_world = reordered(world, np.random.default_rng(1).permutation(6000))
    mixed = ReasonTables.fit(**people_of(mixed_world), institution=institution)
    assert all(np.array_equal(part, mixed.save()[name]) for name, part in plain.save().items())
    new_index = np.random.default_rng(2).permutation(30)
    other = ReasonTables.fit(**people_of(relabelled(world, new_index)), institution=institution[np.argsort(new_index)])
    kinds = set()
    for known, wanted in np.random.default_rng(3).integers(0, 30, (200, 2)):
        here = plain.reason([1, 2, 3], [known], wanted)
        there = other.reason([1, 2, 3], [new_index[known]], new_index[wanted])
        after = int(new_index[here.training]) if here.training >= 0 else -1
        assert there == replace(here, training=after)
        kinds.add(here.kind)
    assert kinds == {"after", "profile", "popular"}


def every_second_twice(world: Arrays) -> Arrays:
    return reordered(world, np.sort(np.concatenate([np.arange(400), np.arange(0, 400, 2)])))


RENAMINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "codes renamed": lambda profile: (profile * 7 + 3) % 31,
    "columns in another order": lambda profile: profile[:, [2, 0, 1]],
}


@pytest.mark.parametrize("renamed", RENAMINGS.values(), ids=RENAMINGS.keys())
def test_codes_and_columns_of_the_profile_are_only_names(renamed: Callable[[np.ndarray], np.ndarray]) -> None:
    """Who is held out is drawn by the codes, so what is chosen on them is given here."""
    world = random_world(87)
    other = {**world, "profile": renamed(world["profile"])}
    models = [Recommender(seed=0, history_strength=10.0, floor=0.3).fit(**each) for each in (world, other)]
    scores = [model.scores(**people_of(each)) for model, each in zip(models, (world, other), strict=True)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4, atol=1e-6)


def test_who_is_there_twice_counts_twice_and_lists_are_of_today_only() -> None:
    """To add a person again is to fit the person twice; what was asked in between changes nothing."""
    world = random_world(88)
    given = {"seed": 0, "history_strength": 10.0, "floor": 0.3}
    twice = Recommender(**given).fit(**every_second_twice(world))
    model = Recommender(**given).fit(**world)
    model.recommend(**people_of(world), balance_rupiah=balances(400))
    model.partial_fit(**people_of(reordered(world, np.arange(0, 400, 2))))
    assert model.save(counts=True)[1] == twice.save(counts=True)[1]


@given(world=small_worlds(), n=st.integers(1, 9), data=st.data())
def test_a_gain_knows_no_names_and_is_full_where_the_targets_are_listed(
    world: Arrays, n: int, data: st.DataObject
) -> None:
    trainings, people = len(world["price_rupiah"]), len(world["ptr"]) - 1
    drawn = data.draw(st.lists(st.permutations(range(trainings)), min_size=people, max_size=people))
    lists = np.array(drawn, dtype=np.int64).reshape(people, trainings)
    new_index = np.array(data.draw(st.permutations(range(trainings))))
    gain = ndcg_at(lists, world["ptr"], world["items"], n)
    assert np.array_equal(gain, ndcg_at(new_index[lists], world["ptr"], new_index[world["items"]], n), equal_nan=True)
    targets = np.full((people, trainings), -1)
    for person, (first, last) in enumerate(itertools.pairwise(world["ptr"])):
        targets[person, : last - first] = world["items"][first:last]
    full = ndcg_at(targets, world["ptr"], world["items"], n)
    assert np.allclose(full[np.diff(world["ptr"]) > 0], 1.0)
