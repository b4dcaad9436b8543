"""Small institutions keep their place in the lists, and no institution fills one."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend.exposure import capped, exposed
from bekal.core.recommend.fairness import Verdict

INSTITUTION = np.arange(40) % 10  # four trainings each
CHOICES = np.where(INSTITUTION < 4, 20, 100)  # 0 to 3 are small: 320 of 2,720 choices


def some_lists(rng: np.random.Generator, small_share: float, count: int = 500) -> np.ndarray:
    """Lists of ten with about this share of trainings of small institutions."""
    chance = np.where(INSTITUTION < 4, small_share / 16, (1 - small_share) / 24)
    return np.stack([rng.choice(40, 10, replace=False, p=chance) for _ in range(count)])


def exposure_of(lists: np.ndarray, popular: np.ndarray, cap: int = 10):
    can_keep = np.ones(len(lists), np.bool_)
    return exposed(lists, popular, institution=INSTITUTION, choice_count=CHOICES, cap=cap, can_keep=can_keep)


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.12, Verdict.PASSES), (0.08, Verdict.PASSES), (0.02, Verdict.BLOCKED)]
)
def test_who_starves_small_institutions_is_blocked(share: float, verdict: Verdict) -> None:
    rng = np.random.default_rng(1)
    found = exposure_of(some_lists(rng, share), some_lists(rng, 0.12))
    assert found.small_institution_count == 4 and found.small_share_of_choices == pytest.approx(320 / 2720)
    assert found.limit == 0.5 and found.verdict is verdict
    json.dumps(found.as_json(), allow_nan=False)


def test_where_popularity_starves_them_half_of_that_is_the_limit() -> None:
    rng = np.random.default_rng(2)
    popular = some_lists(rng, 0.02)
    found = exposure_of(some_lists(rng, 0.02), popular)
    assert found.popularity_ratio is not None and found.limit == pytest.approx(found.popularity_ratio / 2)
    assert found.verdict is Verdict.PASSES and exposure_of(some_lists(rng, 0.002), popular).verdict is Verdict.BLOCKED


def test_a_list_full_of_one_institution_is_blocked_unless_nothing_else_was_left() -> None:
    lists = np.stack([np.arange(10) + 10 * (person % 4) for person in range(40)])  # ten institutions each
    lists[7, :4] = [5, 15, 25, 35]
    options = {"institution": INSTITUTION, "choice_count": CHOICES, "cap": 3}
    could = exposed(lists, lists, can_keep=np.ones(40, np.bool_), **options)
    assert (could.most_in_a_list, could.verdict) == (5, Verdict.BLOCKED)
    could_not = exposed(lists, lists, can_keep=np.arange(40) != 7, **options)
    assert (could_not.most_in_a_list, could_not.verdict) == (1, Verdict.PASSES)


def test_one_institution_alone_cannot_starve_anybody() -> None:
    lists = np.array([[0, 1, -1]])
    found = exposed(
        lists, lists, institution=np.zeros(3, np.int64), choice_count=[1, 2, 3], cap=3, can_keep=np.array([True])
    )
    assert (found.ratio, found.small_institution_count, found.verdict) == (None, 0, Verdict.PASSES)
    assert found.largest_institution_share == 1.0


@given(
    st.lists(st.lists(st.integers(0, 39), unique=True, min_size=4, max_size=20), min_size=1, max_size=5),
    st.integers(1, 12),
    st.integers(1, 4),
)
def test_a_capped_list_is_the_first_that_fits_in_order(lists: list[list[int]], n: int, cap: int) -> None:
    width = max(len(one) for one in lists)
    padded = np.array([one + [-1] * (width - len(one)) for one in lists])
    kept, enough = capped(padded, INSTITUTION, n, cap)
    for one, found, is_enough in zip(lists, kept, enough, strict=True):
        taken: dict[int, int] = {}
        within = []
        for training in one:
            home = int(INSTITUTION[training])
            if taken.get(home, 0) < cap:
                taken[home] = taken.get(home, 0) + 1
                within.append(training)
        rest = [training for training in one if training not in within]
        chosen = set((within + rest)[:n])
        assert [t for t in found if t >= 0] == [t for t in one if t in chosen]
        assert bool(is_enough) == (len(within) >= min(n, len(one)))
