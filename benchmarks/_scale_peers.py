"""Peers of `recommender-scale`: what makes a top ten for everybody, within the balance and without what was taken."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks._scale_world import People

PEOPLE_AT_ONCE = 2_000
ALS_FACTORS = 64


class Als:
    """implicit's alternating least squares. implicit itself knows no price limit for each person, so its factors are
    multiplied by BLAS and a compiled top ten, the same for all peers here, does the rest."""

    def __init__(self, people: People, trainings_count: int, seed: int) -> None:
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix

        ones = np.ones(len(people.items), np.float32)
        shape = (len(people.ptr) - 1, trainings_count)
        taken = csr_matrix((ones, people.items.astype(np.int32), people.ptr.astype(np.int32)), shape=shape)
        model = AlternatingLeastSquares(
            factors=ALS_FACTORS, regularization=1.0, iterations=3, num_threads=1, random_state=seed
        )
        model.fit(taken, show_progress=False)
        self._people, self._trainings = np.asarray(model.user_factors), np.asarray(model.item_factors)

    def top_ten(self, people: People, price_rupiah: NDArray[np.int64]) -> NDArray[np.int32]:
        """(people, 10) trainings, -1 where fewer fit."""
        found = np.full((len(people.ptr) - 1, 10), -1, np.int32)
        turned = np.ascontiguousarray(self._trainings.T)
        for first in range(0, len(found), PEOPLE_AT_ONCE):
            part = slice(first, min(first + PEOPLE_AT_ONCE, len(found)))
            scores = self._people[part] @ turned
            _best_of_scores(scores, np.arange(len(scores)), first, people, price_rupiah, found)
        return found


class SegmentTable:
    """Segment popularity from a table of shares: a row for each segment, and the same compiled top ten over it."""

    def __init__(self, people: People, trainings_count: int) -> None:
        _, segment = np.unique(people.profile, axis=0, return_inverse=True)
        self.segment = segment.reshape(-1)
        person = np.repeat(np.arange(len(people.ptr) - 1), np.diff(people.ptr))
        key = self.segment[person] * trainings_count + people.items
        width = int(self.segment.max()) + 1
        counts = np.bincount(key, minlength=width * trainings_count).reshape(width, trainings_count)
        share = np.bincount(people.items, minlength=trainings_count) / len(self.segment)
        carried = np.bincount(self.segment)[:, None]
        self.table = ((counts + 300.0 * share) / (carried + 300.0)).astype(np.float32)

    def top_ten(self, people: People, price_rupiah: NDArray[np.int64]) -> NDArray[np.int32]:
        found = np.full((len(people.ptr) - 1, 10), -1, np.int32)
        _best_of_scores(self.table, self.segment, 0, people, price_rupiah, found)
        return found


def _best_of_scores(
    scores: NDArray[np.float32],
    row: NDArray[np.int64],
    first: int,
    people: People,
    price_rupiah: NDArray[np.int64],
    found: NDArray[np.int32],
) -> None:
    _fill(scores, row, first, people.ptr, people.items, price_rupiah, people.balance_rupiah, found)


@njit(cache=True)
def _fill(
    scores: Any, row: Any, first: Any, ptr: Any, items: Any, price: Any, balance: Any, found: Any
) -> None:  # pragma: no cover
    """For each person `first + i` the ten best columns of `scores[row[i]]`, by one pass with an insertion list."""
    values = np.empty(found.shape[1], np.float32)
    for i in range(len(row)):
        person = first + i
        held = 0
        for j in range(scores.shape[1]):
            score = scores[row[i], j]
            if (held == len(values) and score <= values[held - 1]) or price[j] > balance[person]:
                continue
            taken = False
            for at in range(ptr[person], ptr[person + 1]):
                if items[at] == j:
                    taken = True
            if taken:
                continue
            at = held if held < len(values) else held - 1
            while at > 0 and values[at - 1] < score:
                values[at] = values[at - 1]
                found[person, at] = found[person, at - 1]
                at -= 1
            values[at] = score
            found[person, at] = j
            if held < len(values):
                held += 1
