"""A catalogue of many small fields, as courses are: what a known choice says is found in all pairs of its field."""

import numpy as np
import pytest

from bekal.core.recommend import Popularity, Recommender, ndcg_at
from tests.core.recommend.worlds import Arrays, in_fields, reordered

TRAININGS, FIELDS, LEARNED, ASKED = 264, 66, 8_000, 1_000


def quality(model: Recommender | Popularity, world: Arrays, known: int) -> float:
    """Mean NDCG@10 for the people after the first LEARNED, of whom `known` of three choices are known."""
    chosen = world["items"].reshape(-1, 3)[LEARNED:]
    ptr = np.arange(len(chosen) + 1)
    lists, _ = model.recommend(
        ptr=ptr * known, items=chosen[:, :known].ravel(), profile=np.zeros((len(chosen), 1), np.int64)
    )
    return float(np.nanmean(ndcg_at(lists, ptr * (3 - known), chosen[:, known:].ravel(), n=10)))


@pytest.mark.parametrize("seed", [0, 1])
def test_lists_after_one_known_choice_are_of_its_field(seed: int) -> None:
    world = in_fields(seed, people=LEARNED + ASKED, trainings=TRAININGS, fields=FIELDS)
    learned = reordered(world, np.arange(LEARNED))
    model, popular = (each(seed=0).fit(**learned) for each in (Recommender, Popularity))
    lists, _ = model.recommend(ptr=np.arange(265), items=np.arange(264), profile=np.zeros((264, 1), np.int64), n=3)
    assert np.mean(lists % FIELDS == np.arange(TRAININGS)[:, None] % FIELDS) > 0.25  # without it one in 66
    for known in (1, 2):
        assert quality(model, world, known) > 1.3 * quality(popular, world, known)
