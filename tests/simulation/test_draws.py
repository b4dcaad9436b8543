"""Chance that can be asked twice: the same whatever was asked before, and spread evenly over a cohort."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.simulation.draws import BLOCK, GOLDEN, Draws, _mix

PEOPLE = np.arange(20_000)


def test_the_generator_is_splitmix64() -> None:
    """The first three numbers of the reference implementation for the seed 1234567."""
    with np.errstate(over="ignore"):
        states = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * GOLDEN
    assert _mix(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(count=st.integers(0, 1_200), seed=st.integers(0, 2**63 - 1))
def test_each_share_of_a_cohort_is_drawn_by_exactly_one_person(count: int, seed: int) -> None:
    shares = Draws(seed, count).each("a purpose")
    assert np.array_equal(np.sort((shares * count).astype(int)), np.arange(count))
    assert ((shares > 0) & (shares < 1)).all()


def test_a_wave_has_nearly_the_shares_of_its_cohort() -> None:
    shares = Draws(7, 20_000).each("a purpose")
    for start in range(0, 20_000, BLOCK):
        assert np.array_equal(np.sort((shares[start : start + BLOCK] * BLOCK).astype(int)), np.arange(BLOCK))
    for first, last in pairwise((130, 2_222, 4_444, 6_060, 9_999)):
        assert np.mean(shares[first:last] < 0.808) == pytest.approx(0.808, abs=0.02)


def test_two_purposes_two_seeds_and_two_counters_have_nothing_in_common() -> None:
    draws, other = Draws(1, 20_000), Draws(2, 20_000)
    columns = [draws.each("one"), draws.each("two"), other.each("one"), draws.at("one", PEOPLE)]
    columns += [draws.at("one", PEOPLE, 1), draws.at("one", PEOPLE, 2), draws.at("one", PEOPLE, 1, 2)]
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
    quarters = np.mean([(one < 0.5) & (two < 0.5) for one, two in pairwise(columns)], axis=1)
    assert quarters == pytest.approx(0.25, abs=0.02)


def test_independent_draws_are_uniform() -> None:
    shares = Draws(3, 0).at("a purpose", np.arange(100_000), 5)
    counts = np.bincount((shares * 100).astype(int), minlength=100)
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 149  # chi-square with 99 degrees of freedom: 1 in 1,000


def test_a_number_does_not_depend_on_who_else_is_asked_or_in_which_order() -> None:
    draws = Draws(5, 20_000)
    ordinal = PEOPLE % 3
    everybody = draws.at("a purpose", PEOPLE, ordinal, 9)
    shuffled = np.random.default_rng(1).permutation(PEOPLE)[:500]
    assert np.array_equal(draws.at("a purpose", shuffled, ordinal[shuffled], 9), everybody[shuffled])
    draws.each("something else")
    assert np.array_equal(Draws(5, 1).at("a purpose", PEOPLE, ordinal, 9), everybody)
    table = draws.at("a purpose", PEOPLE[:4, None], np.arange(3))
    assert table.shape == (4, 3) and table[2, 1] == draws.at("a purpose", PEOPLE[2:3], 1)[0]


def test_what_is_held_is_shared_and_cannot_be_spoiled() -> None:
    draws = Draws(1, 100)
    shares = draws.each("a purpose")
    assert draws.each("a purpose") is shares
    with pytest.raises(ValueError, match="read-only"):
        shares[0] = 0.5
    copy = shares.copy()
    del shares
    assert np.array_equal(draws.each("a purpose"), copy)


def test_a_cohort_of_less_than_nobody_is_refused() -> None:
    assert len(Draws(1, 0).each("a purpose")) == 0
    with pytest.raises(ValueError, match="count is -1"):
        Draws(1, -1)
