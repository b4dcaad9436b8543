"""What pairs have in common is found where it is, and nothing is found where there is none."""

import numpy as np
import pytest

from bekal.core.recommend import Recommender, structure
from bekal.core.recommend.moments import Moments, count_moments
from bekal.core.recommend.structure import FACTORS_MOST, in_common
from tests.core.recommend.worlds import Arrays, in_fields, lifts_by_pair, random_world, relabelled


def counted(world: Arrays) -> tuple[np.ndarray, Moments]:
    """(what pairs have beyond what popularity makes them have, the counts), without regard to profiles."""
    nothing = np.zeros((len(world["profile"]), 0), np.int64)
    moments = count_moments(world["ptr"], world["items"].astype(np.int64), nothing, 0, len(world["price_rupiah"]))
    rest = moments.known_rest - moments.known_weight[:, None] * moments.profile_rest[-1] / moments.people_count
    np.fill_diagonal(rest, 0.0)
    return rest, moments


@pytest.mark.parametrize("trainings", [24, 90])
def test_chance_has_no_structure(trainings):
    """Two choices each without any lift; only that nobody takes one training twice is there to be seen, and is not."""
    for seed in range(5):
        world, _, _ = lifts_by_pair(seed, shape=np.inf, people=2_000, trainings=trainings)
        rest, moments = counted(world)
        assert np.square(in_common(rest, moments)).sum() < 0.02 * np.square(rest).sum()


def test_fields_are_seen_in_all_their_pairs_at_once():
    """What a known choice adds, as 60,000 people show it, is nearer to the common part of the counts of 3,000 than to
    these counts themselves, however much they are all shrunk."""
    (rest, moments), (true, theirs) = (counted(in_fields(1, people=people, trainings=90)) for people in (3_000, 60_000))
    common = in_common(rest, moments)
    found, raw, truth = (
        table / counts.known_weight[:, None] for table, counts in ((common, moments), (rest, moments), (true, theirs))
    )
    off = [np.square(share * raw - truth).sum() for share in np.linspace(0, 1, 21)]
    assert np.square(found - truth).sum() < 0.8 * min(off)


def test_a_large_table_is_decomposed_as_a_small_one(monkeypatch):
    """The Krylov space against LAPACK, on the same table."""
    rest, moments = counted(in_fields(4, people=20_000, trainings=700))
    found = in_common(rest, moments)
    monkeypatch.setattr(structure, "SMALL", 10_000)
    exact = in_common(rest, moments)
    assert np.abs(exact).max() > 0
    np.testing.assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())


def test_with_more_factors_than_are_kept_the_last_one_is_no_step(monkeypatch):
    rest, moments = counted(in_fields(5, trainings=90))
    everything = in_common(rest, moments)
    sizes = []
    for most in (1, 2, FACTORS_MOST):
        monkeypatch.setattr(structure, "FACTORS_MOST", most)
        sizes.append(np.square(in_common(rest, moments)).sum())
    assert 0 < sizes[0] < sizes[1] <= sizes[2] == np.square(everything).sum()


def test_the_numbering_of_trainings_does_not_matter():
    world = random_world(9, people=2_000)
    order = np.random.default_rng(1).permutation(30)
    rest, moments = counted(world)
    other, theirs = counted(relabelled(world, order))
    np.testing.assert_allclose(in_common(other, theirs)[np.ix_(order, order)], in_common(rest, moments), atol=1e-9)


def test_a_training_that_nobody_has_chosen_changes_nothing():
    world = random_world(10, people=2_000)
    wider = {**world, "price_rupiah": np.append(world["price_rupiah"], [1000, 1000])}
    (rest, moments), (more, theirs) = counted(world), counted(wider)
    found = in_common(more, theirs)
    np.testing.assert_allclose(found[:30, :30], in_common(rest, moments), atol=1e-9)
    assert not found[30:].any() and not found[:, 30:].any()


def test_where_nobody_has_two_choices_there_are_no_pairs():
    model = Recommender(floor=0.3).fit(
        ptr=[0, 1, 2, 2], items=[0, 1], profile=[[0], [1], [0]], price_rupiah=[1000, 1000]
    )
    assert not model._fitted.history.any()
