"""From scores to lists: what may be shown (affordable, on sale, not yet taken), best first, ties to the lower training
index.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_count, checked_flags, checked_rupiah
from .ragged import Float32Array, IntArray, owners

CELLS_AT_ONCE = 4_000_000
LOW_WORD = np.int64(0xFFFFFFFF)


def chunks(people_count: int, trainings_count: int) -> list[slice]:
    """Ranges of people whose score matrix stays within a few tens of megabytes."""
    step = max(1, CELLS_AT_ONCE // max(trainings_count, 1))
    return [slice(first, min(first + step, people_count)) for first in range(0, people_count, step)]


def lists(
    score: Callable[[slice, IntArray, IntArray], Float32Array],
    ptr: IntArray,
    items: IntArray,
    *,
    price_rupiah: IntArray,
    balance_rupiah: ArrayLike | None,
    on_sale: ArrayLike | None,
    n: int,
) -> tuple[NDArray[np.int32], Float32Array]:
    """Lists of n for everybody, a few people at a time.

    `score(people, ptr, items)` gives the (people, trainings) scores of a slice of people and their choices.
    """
    count = checked_count("n", n)
    people_count, trainings_count = len(ptr) - 1, len(price_rupiah)
    balance = None if balance_rupiah is None else checked_rupiah("balance_rupiah", balance_rupiah, people_count)
    flags = None if on_sale is None else checked_flags("on_sale", on_sale, trainings_count)
    found = np.full((people_count, count), -1, np.int32)
    values = np.full((people_count, count), -np.inf, np.float32)
    for part in chunks(people_count, trainings_count):
        inside = ptr[part.start : part.stop + 1]
        part_ptr, part_items = inside - inside[0], items[inside[0] : inside[-1]]
        scores = score(part, part_ptr, part_items)
        part_balance = None if balance is None else balance[part]
        forbid(scores, part_ptr, part_items, price_rupiah=price_rupiah, balance_rupiah=part_balance, on_sale=flags)
        found[part], values[part] = best(scores, count)
    return found, values


def forbid(
    scores: Float32Array,
    ptr: IntArray,
    items: IntArray,
    *,
    price_rupiah: IntArray,
    balance_rupiah: IntArray | None,
    on_sale: NDArray[np.bool_] | None,
) -> None:
    """Set to -inf, in place, what a person has taken, cannot pay, or nobody can buy now."""
    scores[owners(ptr), items] = -np.inf
    if balance_rupiah is not None:
        scores[price_rupiah[None, :] > balance_rupiah[:, None]] = -np.inf
    if on_sale is not None:
        scores[:, ~on_sale] = -np.inf


def best(scores: Float32Array, n: int) -> tuple[NDArray[np.int32], Float32Array]:
    """The n best columns of each row, -1 and -inf where fewer are finite.

    Score and column are packed into one integer ordered by higher score, then lower column, so the answer does not
    depend on how a partial sort treats ties.
    """
    people_count, trainings_count = scores.shape
    found = np.full((people_count, n), -1, np.int32)
    values = np.full((people_count, n), -np.inf, np.float32)
    width = min(n, trainings_count)
    if width == 0 or people_count == 0:
        return found, values
    bits = (scores + np.float32(0.0)).view(np.int32).astype(np.int64)
    bits = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    packed = (bits << 32) | (LOW_WORD - np.arange(trainings_count, dtype=np.int64))
    if width < trainings_count:
        packed = np.partition(packed, trainings_count - width, axis=1)[:, trainings_count - width :]
    packed = -np.sort(-packed, axis=1)
    columns = (LOW_WORD - (packed & LOW_WORD)).astype(np.int32)
    picked = np.take_along_axis(scores, columns.astype(np.int64), axis=1)
    fits = picked > -np.inf
    found[:, :width] = np.where(fits, columns, -1)
    values[:, :width] = np.where(fits, picked, -np.inf)
    return found, values
