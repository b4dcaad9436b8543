"""Worlds whose parameters are known: what the model finds in them is what was put there, and nothing else."""

import numpy as np
import pytest
from scipy.stats import beta

from bekal.core.recommend import Popularity, Recommender, mean_and_error, ndcg_at
from bekal.core.recommend.choosing import HISTORY_STRENGTHS
from tests.core.recommend.worlds import (
    Arrays,
    lifts_by_pair,
    lifts_by_profile,
    people_of,
    random_world,
    reordered,
    shopping,
)

UNKNOWN = -1
NOBODY_KNOWN = {"ptr": [0, 0], "items": []}


def by_value(model: Recommender, values: int) -> np.ndarray:
    """(values, trainings) scores of somebody of each value of the only attribute, without a history."""
    return model.scores(ptr=[0] * (values + 1), items=[], profile=np.arange(values)[:, None]).astype(np.float64)


def by_known(model: Recommender, trainings: int) -> np.ndarray:
    """(g, j) scores after one known choice g, of somebody whose profile is not known."""
    people = {"ptr": np.arange(trainings + 1), "items": np.arange(trainings)}
    return model.scores(**people, profile=np.full((trainings, 3), UNKNOWN)).astype(np.float64)


@pytest.mark.parametrize("strength", [2.0, 10.0])
def test_lifts_by_profile_are_recovered_within_their_intervals(strength: float) -> None:
    """A beta posterior's 95 % interval covers the planted lift as often; the fitted one is nowhere far from its middle,
    and as near to the planted one."""
    covered, found_near, off, strengths = [], [], [], []
    for seed in range(20):
        world, lift = lifts_by_profile(seed, strength=strength)
        model = Recommender(seed=0).fit(**world)
        kappa = model.save()[1]["hyperparameters"]["kappa_profile"][0]
        count = np.zeros(lift.shape)
        np.add.at(count, (world["profile"][:, 0], world["items"]), 1)
        total, share = count.sum(axis=0), (count.sum(axis=1) / count.sum())[:, None]
        inside, outside = count + kappa, total - count + kappa * (1 - share) / share
        low, high = (beta.ppf(point, inside, outside) / share for point in (0.025, 0.975))
        covered.append((low <= lift) & (lift <= high))
        fitted = by_value(model, len(lift)) / (total / count.sum())
        spread = beta.std(inside, outside) / share
        middle = inside / (inside + outside) / share
        found_near.append(np.abs(fitted - middle) / spread)
        off.append([np.sqrt(np.mean((each - lift) ** 2)) for each in (fitted, middle)])
        strengths.append(kappa)
    assert 0.93 <= np.mean(covered) <= 0.97
    assert np.mean(found_near) < 0.25 and np.max(found_near) < 1.96
    ours, theirs = np.mean(off, axis=0)
    assert ours < 1.05 * theirs
    assert 0.7 * strength < np.median(strengths) < 1.5 * strength


@pytest.mark.parametrize("shape", [2.0, 5.0])
def test_lifts_by_pair_are_recovered_within_their_intervals(shape: float) -> None:
    """A gamma lift of shape a has the variance of a prior of kappa = 2a. The interval: of a share among those who had
    g, with kappa / p_j people of prior added. What `fit` chooses is as near to the planted lifts as any kappa_h."""
    covered, together = [], []
    for seed in range(5):
        world, chances, lift = lifts_by_pair(seed, shape=shape)
        kappa = 2.0 * shape
        off_diagonal = ~np.eye(len(chances), dtype=np.bool_)
        off: dict[float | None, float] = {}
        for given in (None, *HISTORY_STRENGTHS):
            model = Recommender(seed=0, history_strength=given).fit(**world)
            scores = by_known(model, len(chances))
            off[given] = float(np.sqrt(np.mean((scores - chances)[off_diagonal] ** 2)))
            if given is None:
                rate = model.save()[0]["rate"]
                had = np.bincount(world["items"], minlength=len(chances))[:, None]
                spread = np.sqrt(np.maximum(scores, 1e-6) * (1 - scores) / (had + kappa / rate))
                covered.append((np.abs(scores - chances) <= 1.96 * spread)[off_diagonal])
                together.append(np.corrcoef((scores / (rate / 2))[off_diagonal], lift[off_diagonal])[0, 1])
        assert off[None] < 1.15 * min(off.values())
    assert 0.89 <= np.mean(covered) <= 0.97  # a gamma is skewed, the interval is not
    assert np.mean(together) > 0.8


def test_where_no_lift_is_planted_none_is_found() -> None:
    for seed in range(5):
        world, _ = lifts_by_profile(seed, strength=np.inf)
        popular = np.bincount(world["items"], minlength=40) / 6000
        model = Recommender(seed=0).fit(**world)
        assert np.abs(by_value(model, 5) / popular - 1).max() < 0.1
        assert model.save()[1]["hyperparameters"]["kappa_profile"][0] > 200
        pairs, chances, _ = lifts_by_pair(seed, shape=np.inf)
        model = Recommender(seed=0).fit(**pairs)
        lift = by_known(model, len(chances)) / (np.bincount(pairs["items"]) / 24_000)
        assert lift[~np.eye(len(chances), dtype=np.bool_)].std() < 0.12


def test_without_lift_the_lists_are_no_better_and_no_worse_than_popularity() -> None:
    differences = []
    for seed in range(5):
        world, _, _ = lifts_by_pair(100 + seed, shape=np.inf, people=6000)
        learned, asked = (reordered(world, np.arange(first, 6000, 2)) for first in (0, 1))
        pairs = asked["items"].reshape(-1, 2)
        people = {"ptr": np.arange(len(pairs) + 1), "items": pairs[:, 0], "profile": asked["profile"]}
        targets = (np.arange(len(pairs) + 1), pairs[:, 1])
        gains = [ndcg_at(m(seed=0).fit(**learned).recommend(**people)[0], *targets) for m in (Recommender, Popularity)]
        differences.append(gains[0] - gains[1])
    mean, error = mean_and_error(np.concatenate(differences))
    assert -0.01 < mean < 2.5 * error


def test_without_a_history_the_formula_is_the_one_without_history() -> None:
    """No bit of a score for k = 0 depends on how strongly histories speak; shrunken without end they say nothing."""
    world = random_world(71)
    weak, strong = (Recommender(seed=0, history_strength=kappa).fit(**world) for kappa in (0.1, 1e15))
    without = {"ptr": np.zeros(401, np.int64), "items": [], "profile": world["profile"]}
    assert np.array_equal(weak.scores(**without), strong.scores(**without))
    assert not np.allclose(weak.scores(**people_of(world)), strong.scores(**people_of(world)), rtol=1e-3)
    np.testing.assert_allclose(strong.scores(**people_of(world)), strong.scores(**without), rtol=1e-5, atol=1e-7)


BINS = 8


def reliability(chances: np.ndarray, next_choice: np.ndarray) -> list[tuple[float, float, float]]:
    """(expected, seen, error) number of choices in each of eight bins of equal size by predicted chance."""
    chosen = np.zeros(chances.shape, np.bool_)
    chosen[np.arange(len(chances)), next_choice] = True
    offered = chances > 0
    said, happened = chances[offered], chosen[offered]
    edges = np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1])
    place = np.searchsorted(edges, said, side="right")
    sums = [np.bincount(place, weights=each, minlength=BINS) for each in (said, happened, said * (1 - said))]
    return list(zip(sums[0], sums[1], np.sqrt(sums[2]), strict=True))


def asked_after(world: Arrays, asked: np.ndarray, known: int) -> tuple[np.ndarray, Arrays, np.ndarray]:
    """(people, their first `known` choices as arguments, the next one) of those of `asked` who chose more."""
    people = asked[np.diff(world["ptr"])[asked] > known]
    first = world["items"][world["ptr"][people][:, None] + np.arange(known)]
    arguments = {"ptr": np.arange(len(people) + 1) * known, "items": first.ravel(), "profile": world["profile"][people]}
    return people, arguments, world["items"][world["ptr"][people] + known]


@pytest.mark.parametrize("limited", [False, True], ids=["all affordable", "under a price limit"])
@pytest.mark.parametrize("seed", [0, 1])
def test_chances_are_calibrated_for_every_length_of_history(seed: int, limited: bool) -> None:
    """People who could pay everything teach; what others, who can or cannot, choose next comes as often as was said:
    each bin within three errors and a tenth, and the chances stand close to the true ones."""
    balance = np.full(9000, 10_000_000)
    if limited:
        balance[6000:] = np.random.default_rng(seed).integers(300_000, 1_500_001, 3000)
    made = shopping(seed, balance)
    world = made.world
    model = Recommender(seed=0).fit(**reordered(world, np.arange(6000)))
    for known in range(4):
        people, arguments, following = asked_after(world, np.arange(6000, 9000), known)
        first = arguments["items"].reshape(len(people), known)
        left = balance[people] - world["price_rupiah"][first].sum(axis=1)
        chances = model.probabilities(**arguments, balance_rupiah=left).astype(np.float64)
        for expected, seen, error in reliability(chances, following):
            assert abs(seen - expected) < 3 * error + 0.1 * expected
        true = made.chances(world["profile"][people, 0], first, left)
        assert ((true > 0) == (chances > 0)).all()
        divergence = (true * np.log(np.maximum(true, 1e-300) / np.maximum(chances, 1e-300))).sum(axis=1)
        assert divergence.mean() < 0.02 + 0.02 * known
