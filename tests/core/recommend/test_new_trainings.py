"""A training that nobody has chosen yet is judged by trainings like it, as each person likes those."""

import numpy as np
import pytest

from bekal.core.recommend import Recommender
from bekal.core.recommend.new_trainings import extended
from tests.core.recommend.worlds import arrays_of

TRAININGS, CATEGORIES = 80, 4
PRICE = np.full(TRAININGS, 100_000)
# Category by number, institution, price band, mode: of these only the category has to do with taste.
FEATURES = np.stack(
    [np.arange(TRAININGS) % CATEGORIES, np.arange(TRAININGS) // 4 % 5, np.arange(TRAININGS) // 3 % 3, [0] * TRAININGS],
    axis=1,
)
NEW = np.arange(TRAININGS - 8, TRAININGS)  # two of each category


def world(people: int = 3000, seed: int = 0):
    """People of four kinds; three choices in four are of the category of their kind. The profile tells it in two of
    three cases, so that known choices have something to add."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, CATEGORIES, people)
    profile = np.where(rng.random(people) < 0.6, kind, rng.integers(0, CATEGORIES, people))
    popularity = 1.0 / (5.0 + np.arange(TRAININGS) % 20)
    choices = []
    for own in kind:
        liking = popularity * np.where(FEATURES[:, 0] == own, 9.0, 1.0)
        choices.append(rng.choice(TRAININGS, 4, replace=False, p=liking / liking.sum()).tolist())
    return choices, profile


def fitted(choices, kind) -> Recommender:
    """A model that has never seen a choice of the new trainings."""
    seen = [[item for item in own if item < NEW[0]] for own in choices]
    return Recommender(history_strength=10.0, floor=0.3).fit(**arrays_of(seen, kind[:, None].tolist(), PRICE[: NEW[0]]))


def widened(model: Recommender, order: np.ndarray | None = None) -> Recommender:
    order = np.arange(TRAININGS) if order is None else order
    return model.with_trainings(
        place=np.where(order < NEW[0], order, -1),
        features=FEATURES[order],
        price_rupiah=PRICE[order],
        chosen_count=np.where(order < NEW[0], 100, 0),
        is_cold=order >= NEW[0],
    )


def test_what_has_a_record_keeps_its_scores_to_the_bit():
    choices, kind = world(400)
    model = fitted(choices, kind)
    asked = {"ptr": [0, 0, 2], "items": [3, 9], "profile": [[1], [2]]}
    assert (widened(model).scores(**asked)[:, : NEW[0]] == model.scores(**asked)).all()


def test_new_trainings_are_found_by_those_who_like_their_kind():
    """The own category's two new ones lead the eight for nearly everybody, by profile alone and by history alone."""
    choices, kind = world()
    model = widened(fitted(choices, kind))
    nobody = model.scores(ptr=np.zeros(5, np.int64), items=[], profile=np.arange(4)[:, None])[:, NEW]
    assert [set(row.argsort()[-2:] % CATEGORIES) for row in nobody] == [{0}, {1}, {2}, {3}]
    history = [[0, 4], [1, 5], [2, 6], [3, 7]]  # the profile unknown, two choices of one category
    by_history = model.scores(ptr=[0, 2, 4, 6, 8], items=np.concatenate(history), profile=[[-1]] * 4)[:, NEW]
    assert [set(row.argsort()[-2:] % CATEGORIES) for row in by_history] == [{0}, {1}, {2}, {3}]


def test_a_new_training_already_chosen_says_what_its_kind_says():
    choices, kind = world()
    model = widened(fitted(choices, kind))
    best, _ = model.recommend(ptr=[0, 1], items=[NEW[2]], profile=[[-1]], n=4)
    assert (FEATURES[best[0], 0] == FEATURES[NEW[2], 0]).all()


def test_a_feature_that_says_nothing_of_taste_gets_next_to_nothing():
    choices, kind = world()
    model = fitted(choices, kind)
    order = np.arange(TRAININGS)
    _, likeness = extended(
        model._fitted,
        place=np.where(order < NEW[0], order, -1),
        features=FEATURES,
        is_cold=order >= NEW[0],
        chosen_count=np.where(order < NEW[0], 100, 0),
    )
    assert likeness.theta[0] > 0.7 and (likeness.theta[1:] < 0.15).all()


def test_its_own_record_takes_over_as_it_grows():
    """A training of category 0 that only people of profile 3 choose: with 10 of them half its kind."""
    choices, kind = world(2000)
    for person in np.flatnonzero(kind == 3):
        choices[person] = [NEW[0], *(item for item in choices[person] if item != NEW[0])]
    model = Recommender(history_strength=10.0, floor=0.3).fit(**arrays_of(choices, kind[:, None].tolist(), PRICE))

    def lead(count: int) -> float:
        """Score of the training for kind 3 over that for kind 0."""
        wide = model.with_trainings(
            place=np.arange(TRAININGS),
            features=FEATURES,
            price_rupiah=PRICE,
            chosen_count=np.where(np.arange(TRAININGS) == NEW[0], count, 100),
            is_cold=np.arange(TRAININGS) == NEW[0],
        )
        score = wide.scores(ptr=[0, 0, 0], items=[], profile=[[0], [3]])[:, NEW[0]]
        return float(score[1] / score[0])

    leads = [lead(count) for count in (0, 1, 10, 100, 10_000)]
    assert leads[0] < 1.0 and leads == sorted(leads) and leads[-1] > 3.0


def test_the_order_of_trainings_does_not_matter():
    choices, kind = world(400)
    model = fitted(choices, kind)
    order = np.random.default_rng(3).permutation(TRAININGS)
    asked = {"profile": [[1], [2]]}
    here = widened(model).scores(ptr=[0, 1, 2], items=[5, NEW[1]], **asked)
    place = np.argsort(order)
    there = widened(model, order).scores(ptr=[0, 1, 2], items=[place[5], place[NEW[1]]], **asked)
    np.testing.assert_allclose(there, here[:, order], rtol=1e-4, atol=1e-7)


def test_a_catalogue_without_any_record_and_one_without_features():
    choices, kind = world(400)
    model = fitted(choices, kind)
    count = int(NEW[0])
    given = {"place": np.arange(count), "price_rupiah": PRICE[:count], "chosen_count": np.zeros(count, np.int64)}
    for features in (FEATURES[:count], np.zeros((count, 0), np.int64)):
        wide = model.with_trainings(**given, features=features, is_cold=np.ones(count, np.bool_))
        assert np.isfinite(wide.scores(ptr=[0, 1], items=[3], profile=[[1]])).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"place": [0, 0, -1]}, "place must hold each of 0 to 71 at most once"),
        ({"place": [0, 72, -1]}, "place must hold each of 0 to 71"),
        ({"features": [[1], [2]]}, "features has 2 rows where 3 are needed"),
        ({"chosen_count": [3, -1, 0]}, r"chosen_count\[1\] is -1"),
        ({"is_cold": [0, 1, 1]}, "is_cold must be 3 True/False values"),
    ],
)
def test_what_is_wrong_is_named(wrong, message):
    choices, kind = world(200)
    given = {
        "place": [0, 1, -1],
        "features": [[1], [2], [3]],
        "price_rupiah": [1, 2, 3],
        "chosen_count": [10, 10, 0],
        "is_cold": [False, False, True],
    }
    with pytest.raises(ValueError, match=message):
        fitted(choices, kind).with_trainings(**{**given, **wrong})
