"""What is learned block by block is what is learned at once, to the bit, in memory that does not grow with people."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.recommend import ReasonTables, Recommender
from bekal.core.recommend.streaming import count_blocks
from tests.core.recommend.worlds import Arrays, people_of, random_world, reordered, small_worlds

Block = tuple[np.ndarray, np.ndarray, np.ndarray]


def blocks_of(world: Arrays, size: int) -> list[Block]:
    """The people of a world, `size` at a time."""
    people = len(world["ptr"]) - 1
    parts = [reordered(world, np.arange(first, min(first + size, people))) for first in range(0, people, size)] or [
        world
    ]
    return [(part["ptr"], part["items"], part["profile"]) for part in parts]


def both(world: Arrays, institution: np.ndarray, size: int | None) -> dict[str, np.ndarray]:
    """Everything a fit keeps, at once or in blocks of that size."""
    price = world["price_rupiah"]
    if size is None:
        model = Recommender(seed=3).fit(**world)
        reasons = ReasonTables.fit(**people_of(world), institution=institution, excluded_columns=(0,))
    else:
        model = Recommender(seed=3).fit_stream(blocks=lambda: blocks_of(world, size), price_rupiah=price)
        reasons = ReasonTables.fit_stream(
            blocks=lambda: blocks_of(world, size), institution=institution, excluded_columns=(0,)
        )
    return {**model.save(counts=True)[0], **reasons.save()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes() for name in one
    )


def test_blocks_of_any_size_give_the_bits_of_a_fit_at_once() -> None:
    """700 people, of whom 140 choose what the counts cannot tell: by their draws, wherever they stand."""
    world = random_world(41, people=700)
    institution = np.arange(30) % 9
    whole = both(world, institution, None)
    assert len(whole["reason_pair_key"]) and len(whole["reason_profile_key"]), "some reasons speak"
    for size in (33, 250, 699, 5000):
        assert same(both(world, institution, size), whole), size


def test_the_same_people_are_held_out_of_any_blocks() -> None:
    world = random_world(43, people=700)
    whole = count_blocks(lambda: blocks_of(world, 700), trainings_count=30, seed=5)
    assert 100 < len(whole.held_ptr) - 1 < 200
    for size in (33, 250):
        parts = count_blocks(lambda size=size: blocks_of(world, size), trainings_count=30, seed=5)  # type: ignore[misc]
        for name in ("held_ptr", "held_items", "held_rows"):
            assert np.array_equal(getattr(parts, name), getattr(whole, name)), (size, name)
        assert np.array_equal(parts.seen.known_rest, whole.seen.known_rest)


@given(world=small_worlds(), size=st.integers(1, 5))
def test_small_worlds_too(world: Arrays, size: int) -> None:
    if world["profile"].shape[1] == 0:
        return
    institution = np.arange(len(world["price_rupiah"]))
    assert same(both(world, institution, size), both(world, institution, None))


def test_memory_does_not_grow_with_people() -> None:
    """Six times the people, in blocks of the same size, are learned with hardly more memory. (Both have more than are
    held out at most, who are kept.)"""

    def blocks(count: int) -> Iterator[Block]:
        for number in range(count):
            rng = np.random.default_rng(number)
            first = rng.integers(0, 60, 2000)
            items = np.stack([first, (first + rng.integers(1, 60, 2000)) % 60], axis=1).ravel()
            yield np.arange(2001) * 2, items, rng.integers(0, 9, (2000, 4))

    def peak(count: int) -> int:
        model, price = Recommender(seed=0, history_strength=10.0, floor=0.3), np.full(60, 100_000)
        tracemalloc.start()
        model.fit_stream(blocks=lambda: blocks(count), price_rupiah=price)
        ReasonTables.fit_stream(blocks=lambda: blocks(count), institution=np.arange(60))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # what is loaded once
    assert peak(24) < 1.3 * peak(4)


def test_blocks_that_change_or_are_wrong_are_refused() -> None:
    world = random_world(42, people=60)
    given_once = iter([blocks_of(world, 30), blocks_of(world, 20)[:2]])
    with pytest.raises(ValueError, match="blocks gave other people"):
        Recommender(seed=0).fit_stream(blocks=lambda: next(given_once), price_rupiah=world["price_rupiah"])
    good = blocks_of(world, 30)
    ptr, items, profile = good[1]
    bad = items.copy()
    bad[0] = 99
    with pytest.raises(ValueError, match=r"block 1: items\[0\] is 99, but there are 30 trainings"):
        Recommender(seed=0).fit_stream(blocks=lambda: [good[0], (ptr, bad, profile)], price_rupiah=[1000] * 30)
    with pytest.raises(ValueError, match="block 1: profile has 2 columns but the fit had 3"):
        ReasonTables.fit_stream(blocks=lambda: [good[0], (ptr, items, profile[:, :2])], institution=[0] * 30)


def test_nobody_at_all_can_be_learned_from() -> None:
    model = Recommender(seed=0).fit_stream(blocks=list, price_rupiah=[1000, 2000])
    assert model.people_count == 0
    assert ReasonTables.fit_stream(blocks=list, institution=[0, 1]).people_count == 0
