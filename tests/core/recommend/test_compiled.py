"""The compiled lists are those of numpy to the bit: for ties, for ends of blocks, whatever may not be listed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.core.recommend import Recommender, compiled, ranking
from bekal.core.recommend.colift import Coefficients, add_up
from tests.core.recommend.worlds import Arrays, people_of, random_world, small_worlds


def both_lists(world: Arrays, balance: np.ndarray | None, on_sale: np.ndarray | None, n: int):
    model = Recommender(history_strength=10.0, floor=0.3).fit(**world)
    starts, chosen, rows = model._checked_people(world["ptr"], world["items"], world["profile"])
    limits = ranking.Limits.checked(len(rows), np.asarray(world["price_rupiah"]), balance, on_sale)
    fitted = model._fitted
    plain = ranking.lists(lambda part, ptr, items: add_up(fitted, ptr, items, rows[part]), starts, chosen, limits, n)
    return plain, compiled.lists(compiled.Layout.of(fitted), starts, chosen, rows, limits, n)


def assert_same(plain, made):
    assert plain[0].tolist() == made[0].tolist()
    assert plain[1].tobytes() == (made[1] + np.float32(0.0)).tobytes() or (plain[1] == made[1]).all()


@settings(deadline=None, max_examples=150)
@given(world=small_worlds(), n=st.integers(1, 9), data=st.data())
def test_same_lists_in_any_small_world(world, n, data):
    people, trainings = len(world["profile"]), len(world["price_rupiah"])
    amounts = st.lists(st.integers(0, 1_100_000), min_size=people, max_size=people)
    balance = data.draw(st.none() | amounts.map(lambda drawn: np.array(drawn, dtype=np.int64)))
    flags = st.lists(st.booleans(), min_size=trainings, max_size=trainings)
    on_sale = data.draw(st.none() | flags.map(lambda drawn: np.array(drawn, dtype=np.bool_)))
    assert_same(*both_lists(world, balance, on_sale, n))


@pytest.mark.parametrize("trainings", [1, 63, 64, 65, 300])
@pytest.mark.parametrize("limited", [True, False])
def test_same_lists_over_several_blocks(trainings, limited):
    world = random_world(trainings, trainings=trainings)
    people = len(world["profile"])
    balance = np.random.default_rng(1).integers(0, 1_000_000, people) if limited else None
    assert_same(*both_lists(world, balance, None, 10))


def test_a_tie_across_blocks_goes_to_the_lower_training():
    """200 trainings of one score; the lower the number, the less popular, so that the last block holds the winners."""
    one = np.ones((1, 200), np.float32)
    coefficients = Coefficients(one, np.zeros((200, 200), np.float32), np.arange(1, 201) / 200)
    nobody = (np.zeros(2, np.int64), np.zeros(0, np.int64), np.zeros((1, 0), np.int64))
    limits = ranking.Limits(np.full(200, 100_000), None, None)
    lists, _ = compiled.lists(compiled.Layout.of(coefficients), *nobody, limits, 10)
    assert lists[0].tolist() == list(range(10))


def test_many_people_are_served_by_the_compiled_code(monkeypatch):
    """`recommend` takes it where it pays, and the answer is the same."""
    world = random_world(7)
    model = Recommender(history_strength=10.0, floor=0.3).fit(**world)
    few = model.recommend(**people_of(world), n=5)
    monkeypatch.setattr(compiled, "WORTH_COMPILING", 1)
    called = []
    whole = compiled.lists
    monkeypatch.setattr(compiled, "lists", lambda *given: called.append(1) or whole(*given))
    many = model.recommend(**people_of(world), n=5)
    assert called and few[0].tolist() == many[0].tolist() and few[1].tolist() == many[1].tolist()


def test_without_the_compiler_numpy_serves_everybody(monkeypatch):
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    assert not compiled.is_worth_it(20_000_000, 2_700)
