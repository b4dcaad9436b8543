"""The measure itself, by hand."""

from math import log2, nan

import numpy as np
import pytest

from bekal.core.recommend import affordable_choices, first_choices, mean_and_error, ndcg_at, recall_at


def test_ndcg_by_hand():
    """Person 0: targets 4, 7, 9 and hits at places 1 and 3. Person 1: one target, missed. Person 2: no target.
    Person 3: one target at place 2 of a list padded with -1."""
    lists = [[7, 1, 4], [1, 2, 3], [1, 2, 3], [5, 6, -1]]
    found = ndcg_at(lists, [0, 3, 4, 4, 5], [4, 7, 9, 0, 6], n=3)
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))
    assert found == pytest.approx([first, 0.0, nan, 1 / log2(3)], nan_ok=True)


def test_ndcg_counts_only_the_first_n_and_the_ideal_of_as_many_targets():
    lists = [[3, 0, 1, 2]]
    assert ndcg_at(lists, [0, 3], [0, 1, 2], n=1) == pytest.approx([0.0])
    assert ndcg_at(lists, [0, 3], [0, 1, 2], n=2) == pytest.approx([(1 / log2(3)) / (1 + 1 / log2(3))])
    assert ndcg_at([[0, 1]], [0, 2], [0, 1], n=10) == pytest.approx([1.0])


def test_recall_by_hand():
    assert recall_at([[7, 1, 4], [1, 2, 3]], [0, 3, 3], [4, 7, 9], n=3) == pytest.approx([2 / 3, nan], nan_ok=True)


def test_first_and_later_choices():
    ptr, items = [0, 3, 3, 5], [10, 11, 12, 20, 21]
    known = first_choices(ptr, items, [2, 0, 1], 2)
    assert (known[0].tolist(), known[1].tolist()) == ([0, 2, 4, 4], [20, 21, 10, 11])
    later = first_choices(ptr, items, [2, 0, 1], 10**6, start=2)
    assert (later[0].tolist(), later[1].tolist()) == ([0, 0, 1, 1], [12])
    each = first_choices(ptr, items, [0, 2], [1, 2])
    assert each[1].tolist() == [10, 20, 21]
    with pytest.raises(ValueError, match=r"people\[1\] is 3"):
        first_choices(ptr, items, [0, 3], 1)


def test_affordable_choices():
    ptr, items = affordable_choices(
        np.array([0, 2, 2, 4]), np.array([0, 1, 0, 2]), np.array([100, 200, 300]), np.array([150, 0, 300])
    )
    assert (ptr.tolist(), items.tolist()) == ([0, 1, 1, 3], [0, 0, 2])


def test_mean_and_error():
    assert mean_and_error([1.0, 3.0, nan]) == pytest.approx((2.0, 1 / np.sqrt(2)))
    assert mean_and_error([nan]) == pytest.approx((nan, nan), nan_ok=True)


def test_lists_of_other_people_are_refused():
    with pytest.raises(ValueError, match="recommended has 1 rows but target_ptr describes 2 people"):
        ndcg_at([[1, 2]], [0, 1, 1], [1])
