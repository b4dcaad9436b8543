"""Who is held out, to choose by: drawn so that neither the order of people nor how they come in blocks changes who it
is (the numbering of trainings decides only between people who are alike); and so that alike people are not held out all
together.

Alike people (one profile, choices of one popularity) draw the same number. Of each group of them, the lowest numbers
first, one in HELD_OUT_SHARE is held out and the others teach; otherwise a world of few kinds of people would be asked
about pairs of trainings that nobody was left to teach it.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from .mixing import mixed
from .ragged import IntArray

HELD_OUT_SHARE = 5  # one person in five ...
HELD_OUT_LIMIT = 1500  # ... up to about this many
GROUP_LIMIT = 75  # of whom in one group


class HoldingOut:
    """Looks at everybody, a block at a time, and keeps a bounded number of groups: those that may be drawn."""

    def __init__(self, people_count: int, popularity: IntArray, seed: int) -> None:
        """`popularity` (trainings): how many people chose each; `people_count` of all blocks together."""
        self._limit = min(people_count // HELD_OUT_SHARE, HELD_OUT_LIMIT)
        self._popularity = popularity
        self._seed = seed
        self._groups: dict[int, Counter[tuple[tuple[int, ...], tuple[int, ...]]]] = {}
        self._numbers = np.empty(0, np.uint64)  # of the groups, ascending
        self._sizes = np.empty(0, np.int64)

    def look_at(self, ptr: IntArray, items: IntArray, rows: IntArray) -> None:
        """Count the block's people in the groups with the lowest numbers; let go of groups that are too high now."""
        if self._limit == 0:
            return
        drawn = _drawn_numbers(ptr, items, rows, self._popularity, self._seed)
        everybody = np.concatenate([np.repeat(self._numbers, self._sizes), drawn])
        numbers, sizes = np.unique(everybody, return_counts=True)
        held = np.cumsum(self._held_of(numbers, sizes))
        kept = min(int(np.searchsorted(held, self._limit)) + 1, len(numbers))
        if kept == 0:
            return
        last = numbers[kept - 1]
        self._numbers, self._sizes = numbers[:kept], sizes[:kept]
        self._groups = {number: group for number, group in self._groups.items() if number <= int(last)}
        for person in np.flatnonzero(drawn <= last).tolist():
            alike = self._groups.setdefault(int(drawn[person]), Counter())
            alike[tuple(rows[person].tolist()), tuple(items[ptr[person] : ptr[person + 1]].tolist())] += 1

    def people(self, attributes_count: int) -> tuple[IntArray, IntArray, IntArray]:
        """(ptr, items, profile rows) of whoever is held out; of a group, those at even distances in its order."""
        rows: list[tuple[int, ...]] = []
        chosen: list[tuple[int, ...]] = []
        for number, count in zip(
            self._numbers.tolist(), self._held_of(self._numbers, self._sizes).tolist(), strict=True
        ):
            alike = sorted(self._groups[number].elements())
            for place in range(count):
                profile, items = alike[(2 * place + 1) * len(alike) // (2 * count)]
                rows.append(profile)
                chosen.append(items)
        lengths = np.array([len(items) for items in chosen], np.int64)
        return (
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.array([item for items in chosen for item in items], np.int64),
            np.array(rows, np.int64).reshape(len(rows), attributes_count),
        )

    def _held_of(self, numbers: NDArray[np.uint64], sizes: IntArray) -> IntArray:
        """How many of each group: one in HELD_OUT_SHARE, its rest by a second number, GROUP_LIMIT at most."""
        by_chance = (mixed(numbers) >> np.uint64(11)).astype(np.float64) / 2**53
        counts = np.floor(sizes / HELD_OUT_SHARE + by_chance).astype(np.int64)
        return np.minimum(counts, GROUP_LIMIT)


def _drawn_numbers(
    ptr: IntArray, items: IntArray, rows: IntArray, popularity: IntArray, seed: int
) -> NDArray[np.uint64]:
    """(people,) a hash of profile and popularity of the choices."""
    chosen = mixed(popularity[items].astype(np.uint64))
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(chosen, dtype=np.uint64)])
    drawn = running[ptr[1:]] - running[ptr[:-1]]
    for column, codes in enumerate(rows.T):
        drawn = mixed(drawn + (codes + 2).astype(np.uint64) + np.uint64(column))
    return mixed(drawn + np.uint64(seed))
