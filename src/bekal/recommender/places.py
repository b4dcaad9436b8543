"""Which trainings stand on one list, in which place, and with which chance of standing there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bekal.recommender.shelf import Shelf

# From this length on the last place of a list is there to try something fresh, else nothing new is ever tried; more
# than two fresh ones only where nothing else fits, so that a large import does not crowd out what is known to be good.
LENGTH_WITH_EXPLORATION = 5
FRESH_PLACES = 2
INSTITUTION_SHARE = 0.3  # of a list may come from one institution, unless nothing else fits


@dataclass(frozen=True, slots=True)
class Places:
    """Positions on the shelf, best first; the chance of each to stand in its place, over the draws of exploration; and
    the place that was drawn (from 0; None: no place was)."""

    chosen: tuple[int, ...]
    propensities: tuple[float, ...]
    explored: int | None


def places_of(value: NDArray[np.float64], shelf: Shelf, n: int, draw: float) -> Places:
    """At most `n` places from one person's values (-inf: never); `draw` is uniform in [0, 1).

    By value (ties: the lower training), at most three in ten of one institution and two fresh ones, unless nothing else
    fits. Where fresh trainings are left over, one of those that fit is drawn for the last place: half of the draw is
    even, half follows the value, so that each has a known chance of at least half an even one.
    """
    order = np.argsort(-value, kind="stable")
    order = order[: int(np.isfinite(value).sum())]
    cap = most_of_one_institution(n)
    if n >= LENGTH_WITH_EXPLORATION and len(order) > n:
        fixed = _by_value(order, shelf, n - 1, cap, FRESH_PLACES - 1)
        crowded = _full_institutions(fixed, shelf, cap)
        left = np.setdiff1d(order[shelf.is_fresh[order]], fixed)
        left = left[~np.isin(shelf.institution[left], crowded)]
        if len(left):
            chance = _chances(value[left])
            at = min(int(np.searchsorted(np.cumsum(chance), draw, side="right")), len(left) - 1)
            return Places((*fixed, int(left[at])), (*[1.0] * len(fixed), float(chance[at])), len(fixed))
    fixed = _by_value(order, shelf, n, cap, FRESH_PLACES)
    return Places(tuple(fixed), (1.0,) * len(fixed), None)


def most_of_one_institution(n: int) -> int:
    """How many places of a list of `n` one institution may have while others fit."""
    return max(1, int(np.ceil(INSTITUTION_SHARE * n)))


def draw_of(*key: object) -> float:
    """A number in [0, 1) that only the key decides: the same key, the same number, on any machine."""
    digest = sha256("|".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _by_value(order: NDArray[np.intp], shelf: Shelf, n: int, cap: int, fresh_cap: int) -> list[int]:
    """The first `n` of `order` within the caps, then whoever the caps have kept out; in the order given."""
    taken: Counter[int] = Counter()
    fresh_count = 0
    chosen: list[int] = []
    kept_out: list[int] = []
    for rank, place in enumerate(order.tolist()):
        if len(chosen) == n:
            break
        home, is_fresh = int(shelf.institution[place]), bool(shelf.is_fresh[place])
        if taken[home] >= cap or (is_fresh and fresh_count >= fresh_cap):
            kept_out.append(rank)
            continue
        taken[home] += 1
        fresh_count += is_fresh
        chosen.append(rank)
    ranks = sorted(chosen + kept_out[: n - len(chosen)])
    return [int(order[rank]) for rank in ranks]


def _full_institutions(chosen: Iterable[int], shelf: Shelf, cap: int) -> list[int]:
    taken = Counter(int(shelf.institution[place]) for place in chosen)
    return [home for home, count in taken.items() if count >= cap]


def _chances(value: NDArray[np.float64]) -> NDArray[np.float64]:
    positive = np.maximum(value, 0.0)
    total = positive.sum()
    even = np.full(len(value), 1.0 / len(value))
    return even if total == 0.0 else 0.5 * even + 0.5 * positive / total
