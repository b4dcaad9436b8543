"""Lists of the same people with one thing about them changed."""

import json

import numpy as np
import pytest

from bekal.core.recommend.fairness import Verdict
from bekal.core.recommend.flips import flipped, values_to_try

PRICE = np.arange(40) * 10_000 + 100_000
ADVANCED = np.arange(40) >= 30


def lists_of(rng: np.random.Generator, first: int, count: int = 300) -> np.ndarray:
    """Ten of the twelve trainings from `first` on, in any order."""
    return np.stack([first + rng.permutation(12)[:10] for _ in range(count)])


def test_lists_that_do_not_depend_on_it_pass() -> None:
    lists = lists_of(np.random.default_rng(1), 5)
    flip = flipped("sex", (0, 1), [lists, lists], price_rupiah=PRICE, advanced=ADVANCED)
    assert (flip.mean_overlap, flip.mean_price_change_rupiah, flip.price_gap) == (1.0, 0, 0.0)
    assert flip.verdict is Verdict.PASSES and flip.people_count == 300
    json.dumps(flip.as_json(), allow_nan=False)


def test_lists_that_hang_on_it_are_blocked() -> None:
    rng = np.random.default_rng(2)
    other = flipped("sex", (0, 1), [lists_of(rng, 0), lists_of(rng, 12)], price_rupiah=PRICE * 0 + 1, advanced=ADVANCED)
    assert other.mean_overlap == 0.0 and other.price_gap == 0.0 and other.verdict is Verdict.BLOCKED


@pytest.mark.parametrize(("dearer", "verdict"), [(1, Verdict.PASSES), (3, Verdict.BLOCKED)])
def test_a_price_that_changes_by_more_than_a_tenth_is_blocked(dearer: int, verdict: Verdict) -> None:
    """The lists stand about Rp165,000; each place further down the shelf is Rp10,000 dearer."""
    lists = lists_of(np.random.default_rng(3), 1)
    flip = flipped("sex", (0, 1), [lists, lists + dearer], price_rupiah=PRICE, advanced=np.zeros(40, np.bool_))
    assert flip.mean_price_change_rupiah == dearer * 10_000
    assert (flip.price_gap > 0.1) == (verdict is Verdict.BLOCKED) and flip.mean_overlap > 0.5
    assert flip.verdict is verdict


def test_less_advanced_trainings_for_one_value_are_blocked() -> None:
    lists = lists_of(np.random.default_rng(4), 24)
    flip = flipped("sex", (0, 1), [lists, lists - 2], price_rupiah=PRICE * 0 + 1, advanced=ADVANCED)
    assert flip.advanced_gap > 0.15 and flip.verdict is Verdict.BLOCKED


def test_short_and_empty_lists_count_as_they_are() -> None:
    one, other = np.array([[1, 2, -1], [-1, -1, -1]]), np.array([[2, -1, -1], [-1, -1, -1]])
    flip = flipped("sex", (0, 1), [one, other], price_rupiah=PRICE, advanced=ADVANCED)
    assert flip.mean_overlap == pytest.approx((0.5 + 1.0) / 2)


def test_the_most_frequent_values_are_tried() -> None:
    codes = np.repeat([7, 3, 9, 1, 5, 4, -1], [5, 9, 2, 8, 7, 6, 50])
    assert values_to_try(codes) == (1, 3, 4, 5, 7)


def test_one_value_cannot_be_flipped() -> None:
    with pytest.raises(ValueError, match="sex has 1 values and 1 lists"):
        flipped("sex", (0,), [np.zeros((2, 10), np.int64)], price_rupiah=PRICE, advanced=ADVANCED)
