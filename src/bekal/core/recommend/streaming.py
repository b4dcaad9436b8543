"""Counting more people than fit into memory: block by block, read twice, to the same bits as all at once.

A block is (ptr, items, profile) of some whole people, as of `Recommender.fit`. The first reading learns how many people
there are, what is popular and which profile values occur; the second counts, and keeps the few people who choose the
numbers that counts cannot tell (`choosing`). Memory grows with the trainings and the blocks, not with the people.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_choices, checked_profile
from .holding_out import HoldingOut
from .moments import Moments, count_moments
from .profiles import ProfileRows
from .ragged import IntArray
from .shards import map_shards

Block = tuple[ArrayLike, ArrayLike, ArrayLike]
Blocks = Callable[[], Iterable[Block]]


@dataclass(frozen=True, slots=True)
class Counted:
    """What the blocks hold: sums over `everybody` and over those `seen`, who are not held out; and who is held out."""

    profiles: ProfileRows
    everybody: Moments
    seen: Moments
    held_ptr: IntArray
    held_items: IntArray
    held_rows: IntArray


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """Some people, checked: their trainings, and their profile codes or rows."""

    ptr: IntArray
    items: IntArray
    profile: IntArray


@dataclass(frozen=True, slots=True)
class _Shard:
    people: CheckedBlock
    rows_count: int
    trainings_count: int


def checked_blocks(blocks: Blocks, trainings_count: int) -> Iterator[CheckedBlock]:
    """The blocks, each refused by a ValueError that names its number, the array and the mend; people of one block have
    as many profile columns as those of another."""
    columns: int | None = None
    for number, (ptr, items, profile) in enumerate(blocks()):
        try:
            starts, chosen = checked_choices(ptr, items, trainings_count)
            codes = checked_profile(profile, len(starts) - 1, columns)
        except ValueError as error:
            raise ValueError(f"block {number}: {error}" if number else str(error)) from None
        columns = codes.shape[1]
        yield CheckedBlock(starts, chosen, codes)


def count_blocks(blocks: Blocks, *, trainings_count: int, seed: int, processes: int = 1) -> Counted:
    """Sums over the people of all blocks, and those who are held out (`holding_out`). `blocks` is called twice and
    gives the same people each time, in blocks of any size; ValueError where it does not."""
    people_count, popularity, profiles = 0, np.zeros(trainings_count, np.int64), None
    for block in checked_blocks(blocks, trainings_count):
        people_count += len(block.ptr) - 1
        popularity += np.bincount(block.items, minlength=trainings_count)
        learned = ProfileRows.learn(block.profile)
        profiles = learned if profiles is None else profiles.union(learned)
    profiles = ProfileRows.learn(np.empty((0, 0), np.int64)) if profiles is None else profiles
    rows_count = len(profiles.row_attribute)
    kept = HoldingOut(people_count, popularity, seed)

    def shards() -> Iterator[_Shard]:
        for block in checked_blocks(blocks, trainings_count):
            people = CheckedBlock(block.ptr, block.items, profiles.rows(block.profile))
            kept.look_at(people.ptr, people.items, people.profile)
            yield _Shard(people, rows_count, trainings_count)

    everybody: Moments | None = None
    for moments in map_shards(_moments_of, shards(), processes=processes):
        everybody = moments if everybody is None else everybody + moments
    everybody = everybody or Moments.nobody(rows_count, trainings_count)
    if everybody.people_count != people_count or not np.array_equal(everybody.profile_choices[-1], popularity):
        raise ValueError("blocks gave other people when it was called again: give the same each time.")
    held = CheckedBlock(*kept.people(profiles.attributes_count))
    seen = everybody - _moments_of(_Shard(held, rows_count, trainings_count))
    return Counted(profiles, everybody, seen, held.ptr, held.items, held.profile)


def _moments_of(shard: _Shard) -> Moments:
    people = shard.people
    return count_moments(people.ptr, people.items, people.profile, shard.rows_count, shard.trainings_count)
