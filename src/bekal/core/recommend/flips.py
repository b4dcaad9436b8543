"""The same people with one thing about them changed: how much of their lists depends on it alone.

Everybody is given each value of the attribute in turn, the rest left as it is, and the lists are compared person by
person. Prices and the share of advanced trainings are judged like gaps between groups (`fairness`), but with far
narrower intervals, since the same people are compared. A list may follow a person's sex or age where choices do; it
must not hang on it: at least MINIMUM_OVERLAP of it stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_flags, checked_rupiah, whole_numbers
from .fairness import LEVEL, LIMIT, Verdict, judged, worst
from .ragged import FloatArray, IntArray

MINIMUM_OVERLAP = 0.3
MOST_VALUES = 5  # the most frequent ones of an attribute are tried


@dataclass(frozen=True, slots=True)
class Flip:
    """What changes with one attribute alone. `mean_overlap`: share of a list that also stands in the list under
    another value; the changes are those between the two values that differ most."""

    attribute: str
    values: tuple[int, ...]
    people_count: int
    mean_overlap: float
    mean_price_change_rupiah: int
    price_gap: float
    advanced_gap: float
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {
            "attribute": self.attribute,
            "values": list(self.values),
            "people_count": self.people_count,
            "mean_overlap": self.mean_overlap,
            "mean_price_change_rupiah": self.mean_price_change_rupiah,
            "price_gap": self.price_gap,
            "advanced_gap": self.advanced_gap,
            "verdict": str(self.verdict),
        }


def values_to_try(codes: ArrayLike) -> tuple[int, ...]:
    """The most frequent known codes, at most MOST_VALUES, ascending."""
    known = whole_numbers("codes", codes)
    values, counts = np.unique(known[known >= 0], return_counts=True)
    return tuple(sorted(int(value) for value in values[np.argsort(-counts, kind="stable")][:MOST_VALUES]))


def flipped(
    attribute: str,
    values: Sequence[int],
    lists: Sequence[ArrayLike],
    *,
    price_rupiah: ArrayLike,
    advanced: ArrayLike,
) -> Flip:
    """Compare `lists`: one (people, n) array of trainings (-1 for none) for each of the `values`, the same people in
    the same order. `advanced` (trainings) True/False. Raises ValueError for fewer than two values."""
    if len(values) < 2 or len(lists) != len(values):
        raise ValueError(
            f"{attribute} has {len(values)} values and {len(lists)} lists: give two or more, one list each."
        )
    price = checked_rupiah("price_rupiah", price_rupiah)
    flags = checked_flags("advanced", advanced, len(price))
    each = [whole_numbers(f"lists of {attribute} {value}", one, 2) for value, one in zip(values, lists, strict=True)]
    prices = np.stack([_mean_of(one, price.astype(np.float64)) for one in each])
    shares = np.stack([_mean_of(one, flags.astype(np.float64)) for one in each])
    overlap = float(np.mean([_overlap(a, b) for i, a in enumerate(each) for b in each[:i]]))
    price_gap, price_verdict = _gap(prices, 0.0)
    advanced_gap, advanced_verdict = _gap(shares, float(flags.mean()))
    follows = Verdict.PASSES if overlap >= MINIMUM_OVERLAP else Verdict.BLOCKED
    means = prices.mean(axis=1)
    return Flip(
        attribute,
        tuple(int(value) for value in values),
        prices.shape[1],
        overlap,
        round(float(means.max() - means.min())),
        price_gap,
        advanced_gap,
        worst([follows, price_verdict, advanced_verdict]),
    )


def _mean_of(lists: IntArray, figure: FloatArray) -> FloatArray:
    """(people,) mean of a training's figure over each list; 0 for an empty one."""
    there = lists >= 0
    total: FloatArray = np.where(there, figure[np.maximum(lists, 0)], 0.0).sum(axis=1)
    mean: FloatArray = total / np.maximum(there.sum(axis=1), 1)
    return mean


def _overlap(one: IntArray, other: IntArray) -> float:
    """Mean share of a list that stands in the other; two empty ones are alike."""
    both: NDArray[np.bool_] = (one[:, :, None] == other[:, None, :]) & (one >= 0)[:, :, None]
    length = np.maximum((one >= 0).sum(axis=1), (other >= 0).sum(axis=1))
    return float(np.mean(np.where(length > 0, both.any(axis=2).sum(axis=1) / np.maximum(length, 1), 1.0)))


def _gap(figures: FloatArray, floor: float) -> tuple[float, Verdict]:
    """Largest relative difference between two values' means over the same people (values, people), and its verdict."""
    means = figures.mean(axis=1)
    high, low = int(np.argmax(means)), int(np.argmin(means))
    base = max(float(means[high]), floor)
    if base <= 0.0 or high == low:
        return 0.0, Verdict.PASSES
    gap = float(means[high] - means[low]) / base
    pairs = len(means) * (len(means) - 1) // 2
    spread = float(np.std(figures[high] - figures[low])) / base / np.sqrt(figures.shape[1])
    width = NormalDist().inv_cdf(1.0 - (1.0 - LEVEL) / 2.0 / pairs) * spread
    return gap, judged(gap, max(0.0, gap - width), gap + width, limit=LIMIT)
