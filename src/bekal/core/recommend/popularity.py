"""The yardsticks: what everybody takes, and what people of exactly the same profile take. Same interface as
`Recommender`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import ranking
from .checks import checked_choices, checked_count, checked_profile, checked_rupiah
from .ragged import Float32Array, IntArray, owners


class Popularity:
    """The same order for everybody: the share of people who took a training."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed  # nothing here is drawn by chance; accepted so that all models are made alike

    def fit(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike) -> "Popularity":
        """Count who took what; arrays as for `Recommender.fit`. Returns itself."""
        self._price = checked_rupiah("price_rupiah", price_rupiah)
        starts, chosen = checked_choices(ptr, items, len(self._price))
        self._learn(starts, chosen, checked_profile(profile, len(starts) - 1))
        return self

    def recommend(
        self,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        balance_rupiah: ArrayLike | None = None,
        n: int = 10,
    ) -> tuple[NDArray[np.int32], Float32Array]:
        """Lists as of `Recommender.recommend`."""
        starts, chosen = checked_choices(ptr, items, len(self._price))
        codes = checked_profile(profile, len(starts) - 1)
        return ranking.lists(
            lambda people, part_ptr, part_items: self._scores(codes[people]),
            starts,
            chosen,
            ranking.Limits.checked(len(starts) - 1, self._price, balance_rupiah, None),
            checked_count("n", n),
        )

    def _learn(self, ptr: IntArray, items: IntArray, profile: IntArray) -> None:
        self._share = np.bincount(items, minlength=len(self._price)) / max(len(ptr) - 1, 1)

    def _scores(self, profile: IntArray) -> Float32Array:
        return np.repeat(self._share.astype(np.float32)[None, :], len(profile), axis=0)


class SegmentPopularity(Popularity):
    """Shares among people of the same profile in every attribute, shrunken towards the share of everybody.

    The shrinkage, in people, is the one of SHRINKAGES that makes every choice most likely, its own person left out.
    """

    SHRINKAGES = (30.0, 100.0, 300.0, 1000.0, 3000.0)

    def _learn(self, ptr: IntArray, items: IntArray, profile: IntArray) -> None:
        super()._learn(ptr, items, profile)
        self._segments, member = np.unique(profile, axis=0, return_inverse=True)
        member = member.reshape(-1)
        width = len(self._price)
        key = member[owners(ptr)] * max(width, 1) + items
        counts = np.bincount(key, minlength=len(self._segments) * width).reshape(len(self._segments), width)
        people = np.bincount(member, minlength=len(self._segments))[:, None]
        likelihoods = [self._left_out(counts, people, shrinkage) for shrinkage in self.SHRINKAGES]
        shrinkage = self.SHRINKAGES[int(np.argmax(likelihoods))]
        table = (counts + shrinkage * self._share) / (people + shrinkage)
        self._table = np.vstack([table, self._share]).astype(np.float32)

    def _left_out(self, counts: IntArray, people: IntArray, shrinkage: float) -> float:
        """Log likelihood of all choices, and of all refusals, each with its own person left out of the counts."""
        total = max(int(people.sum()), 2)
        chosen = counts.sum(axis=0)
        without_taker = (np.maximum(chosen - 1, 0) + 0.5) / total
        without_other = np.minimum((chosen + 0.5) / total, 1.0)
        taken = (np.maximum(counts - 1, 0) + shrinkage * without_taker) / (people - 1 + shrinkage)
        refused = 1.0 - np.minimum((counts + shrinkage * without_other) / (people - 1 + shrinkage), 1.0 - 1e-9)
        return float(np.sum(counts * np.log(taken) + (people - counts) * np.log(refused)))

    def _scores(self, profile: IntArray) -> Float32Array:
        known = {tuple(row): place for place, row in enumerate(self._segments.tolist())}
        place = [known.get(tuple(row), len(known)) for row in profile.tolist()]
        return self._table[np.array(place, dtype=np.int64)]
