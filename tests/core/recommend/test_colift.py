"""The closed form against what it claims to be: sums by enumeration, ridge by brute force, evidence by scipy."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import betaln

from bekal.core.recommend import colift
from bekal.core.recommend.moments import UNIT, Moments, count_moments
from tests.core.recommend.worlds import Arrays, arrays_of, random_world, reordered, small_worlds

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
def test_closed_form_is_the_ridge_regression(history_strength):
    world = circle()
    moments = moments_of(world)
    rows, count = rows_of(world)
    trainings = len(world["price_rupiah"])
    strengths = np.append(np.repeat([4.0, 9.0], 5), 0.0)
    found = colift.solve(moments, strengths, history_strength)

    rate = float(colift.rates(moments)[0])
    mean_weight = moments.known_weight.sum() / moments.known_count
    penalty = np.diag(np.append(np.full(trainings, history_strength * mean_weight / rate), strengths / rate))
    examples = examples_of(world)
    weight = np.array([example[0] for example in examples])
    inputs, rest = (np.array([example[part] for example in examples]) for part in (1, 2))
    expected = np.linalg.lstsq(
        inputs.T @ (inputs * weight[:, None]) + penalty, inputs.T @ (rest * weight[:, None]), rcond=None
    )[0]
    history = expected[:trainings].copy()
    own = np.eye(trainings, dtype=np.bool_)
    np.testing.assert_allclose(found.history[~own], history[~own], atol=1e-5)
    assert (found.history[own] == 0).all()  # a known training is never recommended: its own coefficient is of no use
    seen = np.append(np.isin(np.arange(count), rows), True)
    np.testing.assert_allclose(found.base[seen], expected[trainings:][seen], atol=1e-5)

    profile = np.zeros((len(rows), count + 1))
    profile[np.arange(len(rows))[:, None], rows] = 1
    profile[:, -1] = 1
    alone = np.linalg.lstsq(profile.T @ profile + penalty[trainings:, trainings:], moments.profile_rest, rcond=None)[0]
    np.testing.assert_allclose(found.alone[seen], alone[seen], atol=1e-5)


def test_log_gamma():
    x = np.concatenate([10.0 ** np.linspace(-6, 9, 400), np.arange(1.0, 50.0)])
    exact = np.array([math.lgamma(value) for value in x])
    np.testing.assert_allclose(colift._log_gamma(x), exact, rtol=1e-12, atol=1e-9)


def test_strength_maximises_the_beta_binomial_evidence():
    rng = np.random.default_rng(4)
    counts = rng.poisson(rng.gamma(3, 4, (4, 200))).astype(np.float64)
    share = np.array([0.1, 0.2, 0.3, 0.4])
    odds = ((1 - share) / share)[:, None]
    rest = counts.sum(axis=0) - counts
    evidence = [np.sum(betaln(counts + k, rest + k * odds) - betaln(k, k * odds)) for k in colift.STRENGTHS]
    assert colift.lift_strength(counts, share) == colift.STRENGTHS[int(np.argmax(evidence))]


@pytest.mark.parametrize("strength", [2.0, 10.0, 50.0])
def test_planted_strength_is_recovered(strength):
    """Ten rows of equal share, each training's split drawn from the prior itself, a symmetric Dirichlet."""
    rng = np.random.default_rng(5)
    total = rng.integers(200, 3000, 400)
    split = rng.dirichlet(np.full(10, strength), len(total))
    counts = np.array([rng.multinomial(n, p) for n, p in zip(total, split, strict=True)]).T
    found = colift.lift_strength(counts.astype(np.float64), np.full(10, 0.1))
    assert 0.75 * strength < found < 1.34 * strength


@pytest.mark.parametrize("counts", [np.zeros((3, 5)), np.full((1, 5), 9.0)])
def test_without_evidence_everything_is_shrunk_most(counts):
    """No choice at all, or one value only and no rest to compare it with."""
    share = np.full(len(counts), 1 / len(counts))
    assert colift.lift_strength(counts, share) == colift.STRENGTHS[0]
