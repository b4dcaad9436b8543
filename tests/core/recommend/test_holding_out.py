"""Alike people are not held out all together: a world of few kinds of people is judged as one of many."""

import numpy as np
import pytest

from bekal.core.recommend import Recommender
from bekal.core.recommend.choosing import DEFAULT_HISTORY_STRENGTH
from bekal.core.recommend.holding_out import GROUP_LIMIT, HoldingOut
from tests.core.recommend.worlds import in_fields, lifts_by_pair

TRAININGS = 24


@pytest.mark.parametrize("kinds", [1, 5, 64])
def test_what_a_known_choice_says_is_trusted_whatever_the_number_of_kinds(kinds):
    """Strong lifts by pair (gamma of shape 2) and 12,000 people: what a pair has of its own brings the scores nearer to
    the planted chances, however many kinds of people the profile tells apart."""
    world, chances, _ = lifts_by_pair(3, shape=2.0)
    world["profile"] = (np.arange(12_000) % kinds)[:, None]
    asked = {"ptr": np.arange(25), "items": np.arange(24), "profile": np.full((24, 1), -1)}
    off = [
        np.abs(m.fit(**world).scores(**asked) - chances).mean()
        for m in (Recommender(), Recommender(history_strength=1e9))
    ]
    assert off[0] < 0.95 * off[1]


def test_without_any_lift_a_known_choice_is_not_trusted():
    world, _, _ = lifts_by_pair(4, shape=np.inf)
    world["profile"] = np.zeros((12_000, 1), np.int64)
    assert Recommender().fit(**world)._settings.history_strength >= DEFAULT_HISTORY_STRENGTH


@pytest.mark.parametrize("seed", range(1, 6))
def test_where_too_few_can_tell_a_known_choice_is_trusted_as_usual(seed):
    """300 people, 60 of them held out: many priors are as likely as another, but for chance."""
    world = in_fields(seed, people=300, trainings=60, fields=10)
    assert Recommender().fit(**world)._settings.history_strength == DEFAULT_HISTORY_STRENGTH


def held(ptr: np.ndarray, items: np.ndarray, rows: np.ndarray, seed: int = 0):
    popularity = np.bincount(items, minlength=TRAININGS)
    drawn = HoldingOut(len(rows), popularity, seed)
    drawn.look_at(ptr, items, rows)
    return drawn.people(rows.shape[1])


def test_of_each_group_of_alike_people_one_in_five_is_held_out():
    """Ten pairs of trainings; the p-th is chosen by 10 (p + 1) people, all of one profile."""
    pair = np.repeat(np.arange(10), 10 * (np.arange(10) + 1))
    items = np.stack([2 * pair, 2 * pair + 1], axis=1).ravel()
    _, found, rows = held(np.arange(len(pair) + 1) * 2, items, np.zeros((len(pair), 1), np.int64))
    assert len(rows) == 110
    assert np.bincount(found, minlength=20)[::2].tolist() == [2 * (p + 1) for p in range(10)]


def test_one_large_group_does_not_push_the_others_out():
    """20,000 people of one kind and 1,000 of a thousand kinds."""
    alone = np.arange(1000)
    rows = np.concatenate([np.zeros(20_000, np.int64), 1 + alone])[:, None]
    items = np.concatenate([np.tile([3, 5], 20_000), np.tile([7, 9], 1000)])
    _, _, kept = held(np.arange(21_001) * 2, items, rows)
    large = int((kept[:, 0] == 0).sum())
    assert 0 < large <= GROUP_LIMIT and len(kept) - large > 120


def test_the_order_of_people_changes_nobody():
    rng = np.random.default_rng(5)
    choices = [rng.choice(TRAININGS, rng.integers(1, 4), replace=False) for _ in range(600)]
    rows = rng.integers(0, 3, (600, 2))

    def drawn(order: np.ndarray):
        lengths = np.array([len(choices[person]) for person in order])
        return held(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate([choices[p] for p in order]), rows[order])

    for here, there in zip(drawn(np.arange(600)), drawn(rng.permutation(600)), strict=True):
        assert here.tolist() == there.tolist()
