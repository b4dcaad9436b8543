"""The closed form against what it claims to be: sums by enumeration, the rest by brute force."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings

from bekal.core.recommend import colift
from bekal.core.recommend.moments import UNIT, Moments, count_moments
from bekal.core.recommend.profile_prior import profile_table
from bekal.core.recommend.structure import OWNERS, in_common
from tests.core.recommend.worlds import Arrays, arrays_of, in_fields, random_world, reordered, small_worlds

ROUNDING = 4 / UNIT


def rows_of(world: Arrays) -> tuple[np.ndarray, int]:
    """Profile rows with five rows an attribute."""
    codes = world["profile"].astype(np.int64)
    rows = np.where(codes >= 0, codes + 5 * np.arange(codes.shape[1]), -1)
    return rows, 5 * codes.shape[1]


def moments_of(world: Arrays) -> Moments:
    rows, count = rows_of(world)
    return count_moments(world["ptr"], world["items"].astype(np.int64), rows, count, len(world["price_rupiah"]))


def examples_of(world: Arrays) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """(weight, [known, profile, constant], rest) for each person and each choice that can be the known one."""
    rows, count = rows_of(world)
    trainings = len(world["price_rupiah"])
    found = []
    for person in range(len(rows)):
        taken = world["items"][world["ptr"][person] : world["ptr"][person + 1]].tolist()
        for known in taken if len(taken) >= 2 else [None]:
            inputs = np.zeros(trainings + count + 1)
            if known is not None:
                inputs[known] = 1
            inputs[trainings + rows[person][rows[person] >= 0]] = 1
            inputs[-1] = 1
            rest = np.zeros(trainings)
            rest[[j for j in taken if j != known]] = 1
            found.append((1 / max(len(taken), 1), inputs, rest))
            if known is None:
                found[-1] = (1.0, inputs, rest)
    return found


@settings(deadline=None)
@given(world=small_worlds())
def test_moments_are_the_expectation_over_one_random_known_choice(world):
    moments = moments_of(world)
    trainings, size = len(world["price_rupiah"]), rows_of(world)[1] + 1
    gram = np.zeros((trainings + size, trainings + size))
    target = np.zeros((trainings + size, trainings))
    for weight, inputs, rest in examples_of(world):
        gram += weight * np.outer(inputs, inputs)
        target += weight * np.outer(inputs, rest)
    np.testing.assert_allclose(moments.profile_gram, gram[trainings:, trainings:], atol=ROUNDING * 12)
    np.testing.assert_allclose(moments.known_profile, gram[:trainings, trainings:], atol=ROUNDING * 12)
    np.testing.assert_allclose(moments.known_weight, np.diag(gram)[:trainings], atol=ROUNDING * 12)
    np.testing.assert_allclose(moments.known_rest, target[:trainings], atol=ROUNDING * 12)
    np.testing.assert_allclose(moments.profile_rest, target[trainings:], atol=ROUNDING * 12)


def test_shards_add_up_bit_for_bit_and_people_can_be_forgotten():
    world = random_world(20, people=600)
    whole = moments_of(world)
    order = np.random.default_rng(0).permutation(600)
    parts = [moments_of(reordered(world, order[first::3])) for first in range(3)]
    together, without = parts[2] + parts[0] + parts[1], whole - parts[1]
    for part in fields(Moments):
        assert np.array_equal(getattr(together, part.name), getattr(whole, part.name))
        assert np.array_equal(getattr(without, part.name), getattr(parts[0] + parts[2], part.name))


def circle(trainings: int = 7, people: int = 70) -> Arrays:
    """Every training equally popular, so that all share one prior and the closed form has no approximation."""
    rng = np.random.default_rng(3)
    offsets = [[0, 1], [0, 2, 3], [0], [0, 4]]
    choices = [[(u + step) % trainings for step in offsets[(u // trainings) % 4]] for u in range(people)]
    return arrays_of(choices, rng.integers(0, 3, (people, 2)).tolist(), [1] * trainings)


@pytest.mark.parametrize("history_strength", [0.3, 3.0, 100.0])
def test_a_known_choice_tells_what_the_profile_leaves_open(history_strength):
    """Without structure (seven trainings in a circle): for each known training the ridge regression of what is left."""
    world = circle()
    moments = moments_of(world)
    trainings = len(world["price_rupiah"])
    strengths = np.repeat([4.0, 9.0], 5)
    found = colift.solve(moments, strengths, history_strength)
    table = profile_table(moments, strengths)
    np.testing.assert_allclose(found.profile, table, atol=1e-7)

    penalty = history_strength * moments.mean_weight / moments.usual_rate
    expected = np.zeros((trainings, trainings))
    for known in range(trainings):
        weight, left = penalty, np.zeros(trainings)
        for each, inputs, rest in examples_of(world):
            if inputs[known]:
                weight += each
                left += each * (rest - inputs[trainings:] @ table)
        expected[known] = left / weight
    own = np.eye(trainings, dtype=np.bool_)
    assert not in_common(np.where(own, 0.0, moments.known_rest - moments.known_profile @ table), moments).any()
    np.testing.assert_allclose(found.history[~own], expected[~own], atol=1e-6)
    assert (found.history[own] == 0).all()  # a known training is never recommended: its own coefficient is of no use


def test_what_pairs_have_in_common_is_not_shrunk_as_what_one_has_of_its_own():
    """history = s / (d + OWNERS w) + (r - s) / (d + kappa w / p), written out for a world of three fields."""
    world = in_fields(seed=2)
    moments = moments_of(world)
    strengths = np.full(5, 50.0)
    parts = colift.Parts.of(moments, strengths, is_guarded=False)
    assert parts.common.any()
    found = colift.solve(moments, strengths, 20.0, is_guarded=False)
    for known, wanted in ((0, 3), (4, 1), (7, 29)):
        common, rest = parts.common[known, wanted], parts.open[known, wanted]
        weight, unit = moments.known_weight[known], moments.mean_weight
        by_hand = common / (weight + OWNERS * unit) + (rest - common) / (weight + 20.0 * unit / moments.usual_rate)
        assert found.history[known, wanted] == pytest.approx(by_hand, rel=1e-5, abs=1e-9)
