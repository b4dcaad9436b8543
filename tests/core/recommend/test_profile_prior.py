"""What a profile says: the evidence by scipy, a step towards the covariance one training at a time, what it finds."""

import math

import numpy as np
import pytest
from scipy.special import betaln

from bekal.core.recommend import Recommender, profile_prior
from bekal.core.recommend.profile_prior import profile_table
from tests.core.recommend.test_colift import moments_of
from tests.core.recommend.worlds import random_world, two_tastes


def test_without_a_step_it_is_the_ridge_regression_on_the_profile():
    """Each training with its own penalty, shared by trainings of like rate."""
    moments = moments_of(random_world(3, people=400))
    strengths = np.repeat([4.0, 9.0, 6.0], 5)
    found = profile_table(moments, strengths, steps=0)
    for members, rate in profile_prior._buckets(moments.rate):
        assert np.abs(np.log(moments.rate[members] / rate)).max() <= profile_prior.BUCKET_WIDTH
        normal = moments.profile_gram + np.diag(np.append(strengths / rate, 0.0))
        expected = np.linalg.lstsq(normal, moments.profile_rest[:, members], rcond=None)[0]
        np.testing.assert_allclose(moments.profile_gram @ (found[:, members] - expected), 0, atol=1e-4)


def test_a_step_is_the_mean_of_lifts_times_lifts_and_of_what_is_uncertain():
    moments = moments_of(random_world(5, people=300))
    size = len(moments.profile_gram) - 1
    covariance = np.diag(np.full(size, 0.2)) + 0.05
    expected, weight = np.zeros((size, size)), 0.0
    shared = {j: rate for members, rate in profile_prior._buckets(moments.rate) for j in members.tolist()}
    for j, rate in shared.items():
        if moments.profile_choices[-1, j] == 0:
            continue
        precision = moments.profile_gram.copy()
        precision[:size, :size] += np.linalg.inv(covariance) / rate
        uncertain = np.linalg.pinv(precision)
        lift = (uncertain @ moments.profile_rest[:, j])[:size] / moments.rate[j]
        expected += moments.rate[j] * (np.outer(lift, lift) + uncertain[:size, :size] / rate)
        weight += moments.rate[j]
    np.testing.assert_allclose(profile_prior._step(moments, covariance), expected / weight, rtol=1e-4, atol=1e-6)


def test_what_two_groups_have_in_common_is_learned_from_all_trainings():
    """Whoever is of the small group likes what the large one likes: their lifts are nearer to their taste than with the
    groups apart, because of a covariance that nobody told the model."""
    together: list[float] = []
    apart: list[float] = []
    for seed in range(8):
        world, taste, small = two_tastes(seed)
        moments = moments_of(world)
        strengths = profile_prior.attribute_strengths(moments, np.repeat([0, 1], 5))
        for steps, found in ((profile_prior.STEPS, together), (0, apart)):
            table = profile_table(moments, strengths, steps=steps)
            lift = table[small] / moments.rate
            found.append(float(np.corrcoef(lift, taste)[0, 1]))
    assert np.mean(together) > np.mean(apart) + 0.05


def test_people_without_any_profile_are_learned_from():
    model = Recommender(floor=0.3).fit(
        ptr=[0, 1, 3], items=[0, 0, 1], profile=np.zeros((2, 0), int), price_rupiah=[1000, 1000, 1000]
    )
    assert np.isfinite(model.scores(ptr=[0, 0, 1], items=[0], profile=np.zeros((2, 0), int))).all()


def test_log_gamma():
    x = np.concatenate([10.0 ** np.linspace(-6, 9, 400), np.arange(1.0, 50.0)])
    exact = np.array([math.lgamma(value) for value in x])
    np.testing.assert_allclose(profile_prior._log_gamma(x), exact, rtol=1e-12, atol=1e-9)


def test_strength_maximises_the_beta_binomial_evidence():
    rng = np.random.default_rng(4)
    counts = rng.poisson(rng.gamma(3, 4, (4, 200))).astype(np.float64)
    share = np.array([0.1, 0.2, 0.3, 0.4])
    odds = ((1 - share) / share)[:, None]
    rest = counts.sum(axis=0) - counts
    evidence = [np.sum(betaln(counts + k, rest + k * odds) - betaln(k, k * odds)) for k in profile_prior.STRENGTHS]
    assert profile_prior.lift_strength(counts, share) == profile_prior.STRENGTHS[int(np.argmax(evidence))]


@pytest.mark.parametrize("strength", [2.0, 10.0, 50.0])
def test_planted_strength_is_recovered(strength):
    """Ten rows of equal share, each training's split drawn from the prior itself, a symmetric Dirichlet."""
    rng = np.random.default_rng(5)
    total = rng.integers(200, 3000, 400)
    split = rng.dirichlet(np.full(10, strength), len(total))
    counts = np.array([rng.multinomial(n, p) for n, p in zip(total, split, strict=True)]).T
    found = profile_prior.lift_strength(counts.astype(np.float64), np.full(10, 0.1))
    assert 0.75 * strength < found < 1.34 * strength


@pytest.mark.parametrize("counts", [np.zeros((3, 5)), np.full((1, 5), 9.0)])
def test_without_evidence_everything_is_shrunk_most(counts):
    """No choice at all, or one value only and no rest to compare it with."""
    share = np.full(len(counts), 1 / len(counts))
    assert profile_prior.lift_strength(counts, share) == profile_prior.STRENGTHS[0]
