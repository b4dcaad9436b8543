"""How good a list is: the protocol by which every figure quoted for the recommender is measured.

The first k choices of a person are known, all later ones are targets; the list never holds a known one.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_choices, checked_count, first_position, whole_numbers
from .ragged import FloatArray, IntArray, owners


def ndcg_at(recommended: ArrayLike, target_ptr: ArrayLike, target_items: ArrayLike, n: int = 10) -> FloatArray:
    """(people,) normalised discounted cumulative gain of the first n entries of each list (people, r); -1 entries miss.

    sum over hits at place i (from 1) of 1 / log2(i + 1), divided by the same sum over places 1 to min(n, targets).
    NaN for a person without a target.
    """
    hit, targets = _hits(recommended, target_ptr, target_items, n)
    discount = 1.0 / np.log2(np.arange(2, n + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    gain: FloatArray = (hit * discount[: hit.shape[1]]).sum(axis=1) / ideal[np.minimum(targets, n)]
    return gain


def recall_at(recommended: ArrayLike, target_ptr: ArrayLike, target_items: ArrayLike, n: int = 10) -> FloatArray:
    """(people,) share of a person's targets among the first n of the list, of at most n; NaN without a target."""
    hit, targets = _hits(recommended, target_ptr, target_items, n)
    share: FloatArray = hit.sum(axis=1) / np.where(targets > 0, np.minimum(targets, n), np.nan)
    return share


def _hits(
    recommended: ArrayLike, target_ptr: ArrayLike, target_items: ArrayLike, n: int
) -> tuple[NDArray[np.bool_], IntArray]:
    lists = whole_numbers("recommended", recommended, dimensions=2)[:, : checked_count("n", n)]
    chosen = whole_numbers("target_items", target_items)
    width = int(max(lists.max(initial=-1), chosen.max(initial=-1))) + 1
    ptr, chosen = checked_choices(target_ptr, chosen, width)
    if len(lists) != len(ptr) - 1:
        raise ValueError(
            f"recommended has {len(lists)} rows but target_ptr describes {len(ptr) - 1} people: give equal numbers."
        )
    targets = owners(ptr) * max(width, 1) + chosen
    shown = np.arange(len(lists))[:, None] * max(width, 1) + np.maximum(lists, 0)
    return np.isin(shown, targets) & (lists >= 0), np.diff(ptr)


def first_choices(
    ptr: ArrayLike, items: ArrayLike, people: ArrayLike, count: ArrayLike, start: int = 0
) -> tuple[IntArray, IntArray]:
    """(ptr, items) of the choices `start` to `start + count` (one count, or one each) of the `people` (indices)."""
    starts, chosen, rows = whole_numbers("ptr", ptr), whole_numbers("items", items), whole_numbers("people", people)
    outside = (rows < 0) | (rows >= len(starts) - 1)
    if outside.any():
        at = first_position(outside)
        raise ValueError(
            f"people[{at}] is {rows[at]}, but ptr describes {len(starts) - 1} people: use 0 to {len(starts) - 2}."
        )
    have = starts[rows + 1] - starts[rows] - start
    lengths = np.clip(np.broadcast_to(np.asarray(count, dtype=np.int64), have.shape), 0, np.maximum(have, 0))
    cut = np.concatenate([[0], np.cumsum(lengths)])
    return cut, chosen[np.repeat(starts[rows] + start - cut[:-1], lengths) + np.arange(cut[-1])]


def affordable_choices(
    ptr: IntArray, items: IntArray, price_rupiah: IntArray, balance_rupiah: IntArray
) -> tuple[IntArray, IntArray]:
    """(ptr, items) of the choices that cost no more than their person's balance."""
    person = owners(ptr)
    fits = price_rupiah[items] <= balance_rupiah[person]
    return np.concatenate([[0], np.cumsum(np.bincount(person[fits], minlength=len(ptr) - 1))]), items[fits]


def mean_and_error(values: ArrayLike) -> tuple[float, float]:
    """Mean of the values that are not NaN, and its standard error; (nan, nan) when there is none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return float("nan"), float("nan")
    return float(known.mean()), float(known.std() / np.sqrt(len(known)))
