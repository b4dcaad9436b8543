"""From scores to lists: what may be shown (affordable, on sale, not yet taken), best first, ties to the lower training
index.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_flags, checked_rupiah
from .ragged import Float32Array, IntArray, owners

CELLS_AT_ONCE = 4_000_000


def chunks(people_count: int, trainings_count: int) -> list[slice]:
    """Ranges of people whose score matrix stays within a few tens of megabytes."""
    step = max(1, CELLS_AT_ONCE // max(trainings_count, 1))
    return [slice(first, min(first + step, people_count)) for first in range(0, people_count, step)]


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be listed: `price_rupiah` (trainings), `balance_rupiah` (people; None: no limit), `on_sale` (trainings;
    None: all are)."""

    price_rupiah: IntArray
    balance_rupiah: IntArray | None
    on_sale: NDArray[np.bool_] | None

    @classmethod
    def checked(
        cls, people_count: int, price_rupiah: IntArray, balance_rupiah: ArrayLike | None, on_sale: ArrayLike | None
    ) -> "Limits":
        """From what a caller gave; ValueError naming what is wrong."""
        balance = None if balance_rupiah is None else checked_rupiah("balance_rupiah", balance_rupiah, people_count)
        flags = None if on_sale is None else checked_flags("on_sale", on_sale, len(price_rupiah))
        return cls(price_rupiah, balance, flags)

    def of(self, people: slice) -> "Limits":
        """Those of some of the people."""
        balance = None if self.balance_rupiah is None else self.balance_rupiah[people]
        return Limits(self.price_rupiah, balance, self.on_sale)

    def forbid(self, scores: Float32Array, ptr: IntArray, items: IntArray) -> None:
        """Set to -inf, in place, what a person has taken, cannot pay, or nobody can buy now."""
        scores[owners(ptr), items] = -np.inf
        if self.balance_rupiah is not None:
            scores[self.price_rupiah[None, :] > self.balance_rupiah[:, None]] = -np.inf
        if self.on_sale is not None:
            scores[:, ~self.on_sale] = -np.inf


def lists(
    score: Callable[[slice, IntArray, IntArray], Float32Array],
    ptr: IntArray,
    items: IntArray,
    limits: Limits,
    n: int,
) -> tuple[NDArray[np.int32], Float32Array]:
    """Lists of n for everybody, a few people at a time.

    `score(people, ptr, items)` gives the (people, trainings) scores of a slice of people and their choices.
    """
    people_count = len(ptr) - 1
    found = np.full((people_count, n), -1, np.int32)
    values = np.full((people_count, n), -np.inf, np.float32)
    for part in chunks(people_count, len(limits.price_rupiah)):
        inside = ptr[part.start : part.stop + 1]
        part_ptr, part_items = inside - inside[0], items[inside[0] : inside[-1]]
        scores = score(part, part_ptr, part_items)
        limits.of(part).forbid(scores, part_ptr, part_items)
        found[part], values[part] = best(scores, n)
    return found, values


def best(scores: Float32Array, n: int) -> tuple[NDArray[np.int32], Float32Array]:
    """The n best columns of each row, -1 and -inf where fewer are finite; a tie goes to the lower column.

    What reaches a row's n-th best score is sorted whole, so the answer does not depend on how a partial sort treats
    ties.
    """
    people_count, trainings_count = scores.shape
    found = np.full((people_count, n), -1, np.int32)
    values = np.full((people_count, n), -np.inf, np.float32)
    width = min(n, trainings_count)
    if width == 0 or people_count == 0:
        return found, values
    least = np.partition(scores, trainings_count - width, axis=1)[:, trainings_count - width]
    row, column = np.nonzero((scores >= least[:, None]) & (scores > -np.inf))
    score = scores[row, column]
    order = np.lexsort((column, -score, row))
    row, column, score = row[order], column[order], score[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = rank < width
    found[row[kept], rank[kept]] = column[kept]
    values[row[kept], rank[kept]] = score[kept]
    return found, values
