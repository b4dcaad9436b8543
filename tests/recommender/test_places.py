"""Who stands where on a list: by value, not too many of one institution, and one place drawn with a known chance."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.recommender.places import draw_of, most_of_one_institution, places_of
from bekal.recommender.shelf import Shelf


def shelf_of(institution: list[int], fresh: Sequence[int] = ()) -> Shelf:
    """Trainings of these institutions; those of the places `fresh` are fresh."""
    count = len(institution)
    zeros: Any = np.zeros(count, np.int64)
    return Shelf(
        ids=np.arange(count) + 100,
        category=zeros,
        category_ids=np.zeros(1, np.int64),
        institution=np.array(institution, dtype=np.int64),
        group=zeros,
        price_rupiah=zeros,
        on_sale=np.ones(count, np.bool_),
        begins_day=zeros,
        model_place=zeros,
        completed_count=zeros,
        is_fresh=np.isin(np.arange(count), fresh),
        quality=np.ones(count),
        mode=np.ones(count, np.int64),
        seat_price=np.zeros(count),
    )


def falling(count: int) -> np.ndarray:
    return np.linspace(1.0, 0.1, count)


def test_by_value_and_a_tie_to_the_lower_training() -> None:
    value = np.array([0.1, 0.5, 0.5, -np.inf, 0.9])
    assert places_of(value, shelf_of([1, 2, 3, 4, 5]), 4, 0.0).chosen == (4, 1, 2, 0)
    assert places_of(value, shelf_of([1, 2, 3, 4, 5]), 2, 0.0).chosen == (4, 1)


def test_at_most_three_of_ten_from_one_institution_unless_nothing_else_fits() -> None:
    assert [most_of_one_institution(n) for n in (1, 3, 4, 6, 10, 50)] == [1, 1, 2, 2, 3, 15]
    crowded = shelf_of([7] * 8 + list(range(10, 22)))
    places = places_of(falling(20), crowded, 10, 0.0)
    assert places.chosen == (0, 1, 2, 8, 9, 10, 11, 12, 13, 14)
    alone = places_of(falling(20), shelf_of([7] * 18 + [8, 9]), 10, 0.0)
    assert alone.chosen == (0, 1, 2, 3, 4, 5, 6, 7, 18, 19), "the two others, then whoever fits, by value"


def test_the_last_place_is_drawn_from_what_is_fresh_and_left_over() -> None:
    shelf = shelf_of(list(range(30)), fresh=[20, 21, 22, 23])
    value = falling(30)
    expected = np.full(4, 1 / 8) + 0.5 * value[20:24] / value[20:24].sum()
    shown: Counter[int] = Counter()
    for step in range(1000):
        places = places_of(value, shelf, 10, (step + 0.5) / 1000)
        assert places.chosen[:9] == tuple(range(9)) and places.explored == 9
        assert places.propensities[:9] == (1.0,) * 9
        assert places.propensities[9] == pytest.approx(expected[places.chosen[9] - 20])
        shown[places.chosen[9]] += 1
    for place, chance in zip(range(20, 24), expected, strict=True):
        assert shown[place] / 1000 == pytest.approx(chance, abs=0.002), "drawn as often as it says"


def test_where_nothing_is_fresh_or_the_list_is_short_nothing_is_drawn() -> None:
    assert places_of(falling(30), shelf_of(list(range(30))), 10, 0.5).explored is None
    assert places_of(falling(30), shelf_of(list(range(30)), fresh=[20]), 4, 0.5).chosen == (0, 1, 2, 3)
    few = places_of(falling(6), shelf_of(list(range(6)), fresh=[0, 1, 2, 3, 4, 5]), 10, 0.5)
    assert few.chosen == (0, 1, 2, 3, 4, 5) and few.propensities == (1.0,) * 6


@given(
    value=st.lists(st.one_of(st.just(-np.inf), st.floats(-1, 1)), min_size=1, max_size=40),
    homes=st.integers(1, 8),
    fresh=st.integers(1, 9),
    n=st.integers(1, 12),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_any_list_has_what_fits_and_breaks_no_cap_without_need(
    value: list[float], homes: int, fresh: int, n: int, draw: float
) -> None:
    worth = np.array(value)
    shelf = shelf_of([place % homes for place in range(len(value))], list(range(0, len(value), fresh)))
    places = places_of(worth, shelf, n, draw)
    fits = set(np.flatnonzero(np.isfinite(worth)).tolist())
    assert set(places.chosen) <= fits and len(set(places.chosen)) == len(places.chosen) == min(n, len(fits))
    assert len(places.propensities) == len(places.chosen) and all(0 < chance <= 1 for chance in places.propensities)
    assert all(chance == 1 for place, chance in enumerate(places.propensities) if place != places.explored)
    fixed = places.chosen if places.explored is None else places.chosen[:-1]
    assert list(worth[list(fixed)]) == sorted(worth[list(fixed)], reverse=True)
    cap = most_of_one_institution(n)
    crowded = [home for home, count in Counter(shelf.institution[list(fixed)]).items() if count > cap]
    left = fits - set(fixed)
    under = {p for p in left if shelf.institution[p] not in crowded and not shelf.is_fresh[p]}
    taken = Counter(shelf.institution[list(fixed)])
    assert not crowded or all(taken[shelf.institution[p]] >= cap for p in under), "others that fit come first"


def test_a_draw_is_of_its_key_alone() -> None:
    assert draw_of(1, 2, "2020-11-19") == draw_of(1, 2, "2020-11-19") != draw_of(2, 1, "2020-11-19")
    drawn = np.array([draw_of(person, 5, "2020-11-19") for person in range(2000)])
    assert drawn.min() >= 0 and drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.03 and abs((drawn < 0.1).mean() - 0.1) < 0.03
