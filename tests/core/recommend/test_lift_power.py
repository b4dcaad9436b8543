"""A power of the pair's own lift is used where lists get better by it, and nowhere else."""

import numpy as np
import pytest

from bekal.core.recommend import Recommender
from tests.core.recommend.worlds import in_fields, lifts_by_pair, random_world

TRAININGS, FIELDS = 264, 66


def test_small_fields_are_found_by_it():
    world = in_fields(trainings=TRAININGS, fields=FIELDS)
    chosen = Recommender().fit(**world)
    assert chosen._settings.lift_power > 0
    plain = Recommender(lift_power=0.0).fit(**world)
    asked = {"ptr": np.arange(TRAININGS + 1), "items": np.arange(TRAININGS), "profile": np.zeros((TRAININGS, 1), int)}

    def of_its_field(model: Recommender) -> float:
        lists, _ = model.recommend(**asked, n=5)
        return float(np.mean(lists % FIELDS == np.arange(TRAININGS)[:, None] % FIELDS))

    assert of_its_field(chosen) > of_its_field(plain)


def test_where_pairs_have_no_lift_it_is_left_alone():
    world, _, _ = lifts_by_pair(4, shape=np.inf)
    assert Recommender().fit(**world)._settings.lift_power == 0.0


def test_it_is_what_its_formula_says():
    world = random_world(11)
    plain, powered = (Recommender(history_strength=3.0, floor=0.3, lift_power=w).fit(**world) for w in (0.0, 0.5))
    moments, fitted = plain._moments, plain._fitted
    assert moments is not None
    together = moments.known_rest
    share = moments.profile_rest[-1] / moments.profile_rest[-1].sum()
    profile = fitted.profile.astype(np.float64)
    rows = plain._profiles.rows(np.asarray(world["profile"]))
    mean = np.maximum((profile[-1] + profile[rows].sum(axis=1)).mean(axis=0), 0.1 * fitted.rate)
    for known, wanted in ((0, 5), (7, 3), (12, 29)):
        expected = together[known].sum() * share[wanted]
        factor = ((together[known, wanted] + 0.1) / (expected + 0.1)) ** 0.5
        by_hand = fitted.history[known, wanted] * factor + mean[wanted] * (factor - 1)
        assert powered._fitted.history[known, wanted] == pytest.approx(by_hand, rel=1e-4, abs=1e-7)
    assert (np.diag(powered._fitted.history) == 0).all()
    assert (powered._fitted.profile == fitted.profile).all()


@pytest.mark.parametrize("wrong", [-0.1, 1.5, True, "1", float("nan")])
def test_what_is_no_power_is_refused(wrong):
    with pytest.raises(ValueError, match=r"lift_power is .*: give a number from 0 to 1"):
        Recommender(lift_power=wrong)
