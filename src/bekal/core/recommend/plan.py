"""Which trainings to take together so that the balance does most: three plans to choose from.

An exact 0/1 knapsack with a limit on the number of trainings, by dynamic programming over rupiah in steps of the
greatest common divisor of the prices. Prices that share no step of at least MINIMUM_STEP_RUPIAH are rounded up to it,
so that a plan is always affordable; what is spent and left is counted in the prices themselves.
"""

from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_count, checked_rupiah, first_position
from .ragged import FloatArray, IntArray

MINIMUM_STEP_RUPIAH = 100
CONCEDED_SHARE = 0.05  # of the best value, to let less lapse
PRICES_TRIED = 16  # of money and of a place in the plan, for the bound


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of trainings (indices into the arrays given, ascending). spent_rupiah + left_rupiah is the balance."""

    kind: str  # best_value, nothing_lapses or one_best
    trainings: tuple[int, ...]
    spent_rupiah: int
    left_rupiah: int
    value: float


def spending_plans(
    value: ArrayLike, price_rupiah: ArrayLike, balance_rupiah: int, max_count: int = 8
) -> tuple[Plan, Plan, Plan]:
    """Three plans within `balance_rupiah` of at most `max_count` trainings each.

    best_value: the set of highest total value. nothing_lapses: the set that leaves least, among those whose value is at
    most 5 % below the best. one_best: the single training of highest value. Only trainings with a value above 0 are
    planned; with none that fits, the plans are empty. `value` (trainings) finite numbers, `price_rupiah` (trainings)
    whole rupiah. ValueError otherwise.
    """
    balance = checked_count("balance_rupiah", balance_rupiah, minimum=0)
    limit = checked_count("max_count", max_count)
    price = checked_rupiah("price_rupiah", price_rupiah)
    worth = _checked_value(value, len(price))
    step = max(int(np.gcd.reduce(price)) if len(price) else 0, MINIMUM_STEP_RUPIAH)
    offered = np.flatnonzero((worth > 0) & (price <= balance))
    one = _one_best(worth, price, offered)
    offered = _best_per_price(worth, price, offered, balance, limit)
    offered = _worth_considering(worth, -(-price // step), offered, balance // step, limit)
    best, full = _search(worth[offered], -(-price[offered] // step), balance // step, limit)
    best_set, full_set = offered[best], offered[full]
    if fsum(worth[one]) > fsum(worth[best_set]):  # rounding up kept the grid from seeing it
        best_set = one
    if int(price[full_set].sum()) <= int(price[best_set].sum()):
        full_set = best_set
    return (
        _plan("best_value", best_set, worth, price, balance),
        _plan("nothing_lapses", full_set, worth, price, balance),
        _plan("one_best", one, worth, price, balance),
    )


def _checked_value(value: ArrayLike, length: int) -> FloatArray:
    worth = np.asarray(value, dtype=np.float64)
    if worth.shape != (length,):
        raise ValueError(f"value has the shape {worth.shape} where ({length},) is needed: give one value per price.")
    if not np.isfinite(worth).all():
        at = first_position(~np.isfinite(worth))
        raise ValueError(f"value[{at}] is {worth[at]}: give a finite number, 0 for a training not to be planned.")
    return worth


def _plan(kind: str, chosen: IntArray, worth: FloatArray, price: IntArray, balance: int) -> Plan:
    spent = int(price[chosen].sum())
    return Plan(kind, tuple(sorted(int(j) for j in chosen)), spent, balance - spent, fsum(worth[chosen]))


def _one_best(worth: FloatArray, price: IntArray, offered: IntArray) -> IntArray:
    """Highest value; a tie goes to the lower price, then the lower index."""
    return offered[np.lexsort((offered, price[offered], -worth[offered]))[:1]]


def _best_per_price(worth: FloatArray, price: IntArray, offered: IntArray, balance: int, limit: int) -> IntArray:
    """Of trainings of one price, no plan needs more than the best min(limit, balance / price)."""
    order = offered[np.lexsort((offered, -worth[offered], price[offered]))]
    first = np.searchsorted(price[order], price[order])
    place = np.arange(len(order)) - first
    room = np.where(price[order] > 0, balance // np.maximum(price[order], 1), limit)
    return np.sort(order[place < np.minimum(limit, room)])


def _worth_considering(worth: FloatArray, cost: IntArray, offered: IntArray, capacity: int, limit: int) -> IntArray:
    """Without trainings that no plan within CONCEDED_SHARE of the best can hold.

    Cost c and capacity B in steps. For any price l of a step and m of a place, l B + m K + sum max(0, v - l c - m) is
    at least the value of every plan (Lagrange); a plan that holds a training whose v - l c - m is negative falls short
    of it by that much. A greedy plan bounds the best from below.
    """
    if len(offered) <= limit:
        return offered
    v, c = worth[offered], cost[offered].astype(np.float64)
    density = v / np.maximum(c, 1.0)
    per_step = np.concatenate([[0.0], np.quantile(density, np.linspace(0.5, 1, PRICES_TRIED))])
    per_place = np.concatenate([[0.0], np.quantile(v, np.linspace(0, 1, PRICES_TRIED))])
    surplus = v - per_step[:, None, None] * c - per_place[None, :, None]
    bound = per_step[:, None] * capacity + per_place * limit + np.maximum(surplus, 0.0).sum(axis=2)
    money, place = np.unravel_index(int(np.argmin(bound)), bound.shape)
    margin = surplus[money, place]
    reached = _greedy(v, c, np.argsort(-margin, kind="stable"), capacity, limit)
    keep = bound[money, place] + np.minimum(margin, 0.0) >= (1 - CONCEDED_SHARE) * reached * (1 - 1e-9)
    worthwhile: IntArray = offered[keep]
    return worthwhile


def _greedy(v: FloatArray, c: FloatArray, order: NDArray[np.intp], capacity: int, limit: int) -> float:
    total, left = 0.0, float(capacity)
    for j in order:
        if limit and c[j] <= left:
            total, left, limit = total + float(v[j]), left - float(c[j]), limit - 1
    return total


def _search(v: FloatArray, cells: IntArray, capacity: int, limit: int) -> tuple[list[int], list[int]]:
    """Positions of the best set and of the fullest set within CONCEDED_SHARE of it.

    reach[k, s]: highest value of k trainings that cost exactly s steps. A tie keeps the earlier training.
    """
    limit = min(limit, len(v))
    reach = np.full((limit + 1, capacity + 1), -np.inf)
    reach[0, 0] = 0.0
    taken = np.zeros((len(v), limit + 1, capacity + 1), np.bool_)
    for j, cost in enumerate(cells):
        if cost > capacity:
            continue
        offer = reach[:-1, : capacity + 1 - cost] + v[j]
        now = reach[1:, cost:]
        np.greater(offer, now, out=taken[j, 1:, cost:])
        np.maximum(offer, now, out=now)
    by_spent = reach.max(axis=0)
    top = by_spent.max()
    spent_best = int(np.flatnonzero(by_spent >= top)[-1])
    spent_full = int(np.flatnonzero(by_spent >= (1 - CONCEDED_SHARE) * top)[-1])
    return _retrace(reach, taken, cells, spent_best), _retrace(reach, taken, cells, spent_full)


def _retrace(reach: FloatArray, taken: NDArray[np.bool_], cells: IntArray, spent: int) -> list[int]:
    count, chosen = int(np.argmax(reach[:, spent])), []
    for j in range(len(cells) - 1, -1, -1):
        if taken[j, count, spent]:
            chosen.append(j)
            count, spent = count - 1, spent - int(cells[j])
    return chosen
