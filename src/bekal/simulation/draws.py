"""Chance that can be asked twice: every number follows from the seed, the purpose and the person, not from what was
drawn before, so that a walk can be stopped, taken up again, and cut into batches of any size.

The generator is SplitMix64 (Steele, Lea and Flood 2014: "Fast splittable pseudorandom number generators") used as a
counter-based one: a number is the hash of its counters.
"""

from hashlib import blake2b
from typing import TypeAlias
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
Shares: TypeAlias = NDArray[np.float64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# People in a row who have every share among them, so that a wave (a part of a cohort) has it nearly exactly, too.
BLOCK = 250


class Draws:
    """Numbers between 0 and 1, both left out, for `count` people known by their places 0 to count - 1."""

    def __init__(self, seed: int, count: int) -> None:
        """Raises ValueError for a count below 0."""
        if count < 0:
            raise ValueError(f"count is {count}: a cohort has no fewer than 0 people")
        self.seed, self.count = seed, count
        self._held: WeakValueDictionary[str, Shares] = WeakValueDictionary()

    def at(self, purpose: str, people: Numbers, *counters: Numbers | int) -> Shares:
        """[k] independent draws, one for each of `people` and the counters beside them (an ordinal, a session, …).

        People may be any whole numbers, also beyond the cohort. Arrays are broadcast against each other."""
        return _share(self._hash(purpose, people, *counters))

    def each(self, purpose: str) -> Shares:
        """[count] draws, one for each person: a Latin hypercube over the cohort (each interval of 1/count holds exactly
        one), and nearly one within each block of 250 people in a row. Draws for two purposes are independent.

        The array is shared as long as somebody holds it, and read-only."""
        shares = self._held.get(purpose)
        if shares is None:
            shares = self._held[purpose] = self._stratified(purpose)
        return shares

    def _stratified(self, purpose: str) -> Shares:
        """Within a block everybody gets a stratum of their own; the people of a stratum share it out among them."""
        people = np.arange(self.count, dtype=np.int64)
        order = np.argsort(people // BLOCK + self.at(f"{purpose}/stratum", people))
        stratum = np.empty(self.count, dtype=np.int64)
        stratum[order] = people % BLOCK
        left = self.count % BLOCK
        if left:  # the last block is not full: its people spread over all strata
            last = order[-left:]
            stratum[last] = (stratum[last] + self.at(f"{purpose}/last", people[last])) * BLOCK // left
        rank = np.empty(self.count, dtype=np.int64)
        rank[np.argsort(stratum + self.at(f"{purpose}/rank", people))] = people
        shares = (rank + self.at(f"{purpose}/within", people)) / max(self.count, 1)
        shares = np.clip(shares, 2.0**-53, 1 - 2.0**-53)
        shares.flags.writeable = False
        return shares

    def _hash(self, purpose: str, people: Numbers, *counters: Numbers | int) -> NDArray[np.uint64]:
        key = blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
        with np.errstate(over="ignore"):
            mixed = _mix(_unsigned(people) * GOLDEN + np.uint64(int.from_bytes(key, "little")))
            for counter in counters:
                mixed = _mix(mixed + (_unsigned(counter) + np.uint64(1)) * GOLDEN)
        return mixed


def _unsigned(numbers: Numbers | int) -> NDArray[np.uint64]:
    return np.asarray(numbers, dtype=np.int64).astype(np.uint64)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: each bit of the result depends on each bit of the state."""
    state = (state ^ (state >> np.uint64(30))) * FIRST
    state = (state ^ (state >> np.uint64(27))) * SECOND
    return state ^ (state >> np.uint64(31))


def _share(bits: NDArray[np.uint64]) -> Shares:
    """The upper 53 bits as the middle of one of 2**53 intervals between 0 and 1."""
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
