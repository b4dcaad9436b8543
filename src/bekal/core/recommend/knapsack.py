"""Every amount of money and the best that it can buy: a 0/1 knapsack with limits, exact, by dynamic programming.

At most so many trainings, so many hours, and one of each group of equivalents. First every training goes that others
outdo whatever the amount (`needed`); of 2,700 some tens remain. Then a grid of rupiah is chosen on which their prices
are exact (`exact_grid`), and `Table` adds one group after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ragged import FloatArray, IntArray

BoolArray = NDArray[np.bool_]
Bits = NDArray[np.uint8]

STEPS_RUPIAH = (1000, 500, 100)  # tried beside the greatest common divisor of the prices
MOST_REMAINDERS = 16
MOST_CELLS = 50_000  # of money, for each number of trainings


@dataclass(frozen=True, slots=True)
class Offers:
    """Trainings: value, price in rupiah, group (0, 1, ...; each has one, alone or not) and hours, each (trainings,)."""

    value: FloatArray
    price_rupiah: IntArray
    group: IntArray
    hours: IntArray

    def of(self, places: IntArray) -> "Offers":
        """Some of them, in the order of `places`."""
        return Offers(self.value[places], self.price_rupiah[places], self.group[places], self.hours[places])


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one plan: rupiah, trainings, hours (0 where all hours are 0: no limit)."""

    money_rupiah: int
    count: int
    hours: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Amounts step x cell + remainder, for each of the remainders: every price that the grid is for is exact."""

    step_rupiah: int
    remainders_rupiah: tuple[int, ...]


def needed(offers: Offers, limits: Limits) -> IntArray:
    """The trainings, cheapest first, out of which a best plan for every amount up to the limit can be made.

    All offers are worth more than 0 and alone within the limits.
    i outdoes j where its value is no lower, its price and hours no higher (of equals: the earlier one). j is not needed
    where one of its own group outdoes it, or members of G other groups that no plan can all hold beside it: because
    G >= count, or because of what the least of each costs, or takes in hours. Then some group is absent from any plan
    with j, and its member in the place of j makes a plan that is no worse; so on until no such j is left.
    """
    least = np.full((2, int(offers.group.max(initial=-1)) + 1), np.iinfo(np.int64).max)
    np.minimum.at(least[0], offers.group, offers.price_rupiah)
    np.minimum.at(least[1], offers.group, offers.hours)
    least_price, least_hours = least.tolist()
    left = np.arange(len(offers.value)) if limits.hours else _not_plainly_outdone(offers, limits.count)
    order = left[np.lexsort((offers.hours[left], -offers.value[left], offers.price_rupiah[left]))]
    hours = offers.hours[order]
    keep = np.zeros(len(order), np.bool_)
    for longest in np.unique(hours):
        within = np.flatnonzero(hours <= longest)
        stays = _not_outdone(offers.of(order[within]), limits, least_price, least_hours)
        keep[within] |= stays & (hours[within] == longest)
    return order[keep]


def _not_plainly_outdone(offers: Offers, count: int) -> IntArray:
    """All but those that, without a look at hours, so many cheaper ones are worth more than that `count` groups are."""
    many = count * int(np.bincount(offers.group).max(initial=0))
    order = np.argsort(offers.price_rupiah)
    value = offers.value[order]
    keep = np.ones(len(order), np.bool_)
    cheapest = 2 * many
    while 0 < cheapest < len(order):
        bar = np.partition(value[:cheapest], cheapest - many)[cheapest - many]
        keep[cheapest : 2 * cheapest] = value[cheapest : 2 * cheapest] >= bar
        cheapest *= 2
    return np.sort(order[keep])


def _not_outdone(offers: Offers, limits: Limits, least_price: list[int], least_hours: list[int]) -> BoolArray:
    """As `needed`, of offers in its order, for those of the most hours; least price and hours of each group."""
    stays = np.zeros(len(offers.value), np.bool_)
    top: dict[int, float] = {}  # best value so far of the `count` best groups
    bar = -np.inf
    columns = (offers.value, offers.group, offers.price_rupiah, offers.hours)
    for place, (value, group, money, hours) in enumerate(zip(*(each.tolist() for each in columns), strict=True)):
        if value <= bar:
            continue
        better = [other for other, best in top.items() if best >= value]
        if group in better:
            continue
        money += sum(least_price[other] for other in better)
        hours += sum(least_hours[other] for other in better)
        stays[place] = money <= limits.money_rupiah and hours <= limits.hours
        top[group] = value
        if len(top) > limits.count:
            del top[min(top, key=top.__getitem__)]
        if len(top) == limits.count:
            bar = min(top.values())
    return stays


def tightened(offers: Offers, limits: Limits) -> Limits:
    """Limits no wider than what any plan of these offers can come to."""
    count = min(limits.count, len(np.unique(offers.group)))
    for amounts, limit in ((offers.price_rupiah, limits.money_rupiah), (offers.hours, limits.hours)):
        count = int(np.searchsorted(np.cumsum(np.sort(amounts)[:count]), limit, side="right"))
    money, hours = (
        min(limit, sum(np.sort(amounts)[len(amounts) - count :].tolist()))
        for amounts, limit in ((offers.price_rupiah, limits.money_rupiah), (offers.hours, limits.hours))
    )
    return Limits(money, count, hours)


def exact_grid(price_rupiah: IntArray, limits: Limits, most_cells: int) -> Grid | None:
    """The grid of fewest cells on which sums of prices within the limits are exact; None where all are too large."""
    found = []
    for step in {int(np.gcd.reduce(price_rupiah)) or 1, *STEPS_RUPIAH}:
        remainders = _remainders((price_rupiah % step).tolist(), step, limits.count)
        cells = len(remainders) * (limits.money_rupiah // step)
        if len(remainders) <= MOST_REMAINDERS and cells <= most_cells:
            found.append((cells, step, tuple(sorted(remainders))))
    return Grid(*min(found)[1:]) if found else None


def _remainders(parts: Sequence[int], step: int, count: int) -> dict[int, int]:
    """What sums of up to `count` of the parts leave of the step, and of how few; stops where they are too many."""
    fewest = {0: 0}
    for part in filter(None, parts):
        for remainder, used in list(fewest.items()):
            if used < count:
                reached = (remainder + part) % step
                fewest[reached] = min(used + 1, fewest.get(reached, count))
        if len(fewest) > MOST_REMAINDERS:
            break
    return fewest


class Table:
    """The best value at every amount, of at most k trainings and h hours, of groups added one after the other.

    reach[r, k, h, s]: highest value at exactly step x s + remainder r. A tie keeps what was added first.
    """

    def __init__(self, offers: Offers, limits: Limits, grid: Grid) -> None:
        """`limits` are those of the whole; prices must be exact on `grid`."""
        self._value = offers.value.tolist()
        self._hours = offers.hours.tolist()
        self._grid, self._limits = grid, limits
        self._cells = limits.money_rupiah // grid.step_rupiah
        self._price = offers.price_rupiah.tolist()
        self._moves: dict[int, list[tuple[int, int, int]]] = {}
        self._units: list[list[int]] = []
        self._taken: dict[int, Bits] = {}
        self._most_cells = self._last = 0  # of one training; the last cell that any plan so far can cost
        self.reach = self._nothing()
        cells = np.arange(self._cells + 1, dtype=np.int64) * grid.step_rupiah
        amounts = (np.array(grid.remainders_rupiah, dtype=np.int64)[:, None] + cells).ravel()
        order = np.argsort(amounts, kind="stable")
        self._order = order[amounts[order] <= limits.money_rupiah]
        self._amounts: IntArray = amounts[self._order]

    def _moves_of(self, price: int) -> list[tuple[int, int, int]]:
        """(from remainder, to remainder, cells) of one training, by positions of remainders."""
        remainders = self._grid.remainders_rupiah
        sums = [divmod(remainder + price, self._grid.step_rupiah) for remainder in remainders]
        return [
            (at, remainders.index(remainder), cells)
            for at, (cells, remainder) in enumerate(sums)
            if remainder in remainders and cells <= self._cells
        ]

    def _nothing(self, costs_up_to: bool = False) -> FloatArray:
        """No plan but the empty one; with `costs_up_to` a cell is for all amounts up to its own, and stays so."""
        shape = (len(self._grid.remainders_rupiah), self._limits.count + 1, self._limits.hours + 1, self._cells + 1)
        reach = np.full(shape, -np.inf)
        reach[0, :, :, slice(None) if costs_up_to else 0] = 0.0  # 0 is the first of the remainders
        return reach

    def add(self, unit: Sequence[int]) -> None:
        """Offer one group: none or one of its trainings (positions in `offers`)."""
        self._units.append(list(unit))
        self._moves |= {j: self._moves_of(self._price[j]) for j in unit}
        taken = {j: np.zeros(self.reach.shape, np.bool_) for j in unit}
        self._extend(self.reach, unit, self._last, taken)
        self._taken |= {j: np.packbits(cells) for j, cells in taken.items()}
        most = max((cells for j in unit for _, _, cells in self._moves[j]), default=0)
        self._most_cells = max(self._most_cells, most)
        self._last = min(self._cells, self._last + most, self._limits.count * self._most_cells)

    def _extend(self, reach: FloatArray, unit: Sequence[int], last: int, taken: dict[int, BoolArray]) -> None:
        """Each plan so far, of up to `last` cells, with each of the unit; `taken`: where that is better."""
        before = reach if len(unit) == 1 and len(reach) == 1 else reach.copy()
        for j in unit:
            hours = self._hours[j]
            for start, end, cells in self._moves[j]:
                width = min(last, self._cells - cells) + 1
                offer = before[start, :-1, : self._limits.hours + 1 - hours, :width] + self._value[j]
                to = (end, slice(1, None), slice(hours, None), slice(cells, cells + width))
                now = reach[to]
                if taken:
                    np.greater(offer, now, out=taken[j][to])
                np.maximum(offer, now, out=now)

    def points(self) -> tuple[IntArray, FloatArray]:
        """Every amount spent within the limit, ascending, and its highest value (-inf: nothing costs that)."""
        return self._amounts, self.reach[:, -1, -1].ravel()[self._order]

    @property
    def highest_at_limit(self) -> float:
        """The highest value at exactly the largest amount of the grid that the limit allows."""
        return float(self.reach[:, -1, -1].ravel()[self._order[-1]])

    def chosen(self, spent_rupiah: int) -> list[int]:
        """The trainings of the highest value at exactly this amount."""
        cell, remainder = divmod(spent_rupiah, self._grid.step_rupiah)
        at = self._grid.remainders_rupiah.index(remainder)
        count, hours = self._limits.count, self._limits.hours
        found = []
        for unit in reversed(self._units):
            for j in reversed(unit):  # the last that was better than those before it
                if self._is_taken(j, at, count, hours, cell):
                    at, cell = next((start, cell - cells) for start, end, cells in self._moves[j] if end == at)
                    count, hours = count - 1, hours - self._hours[j]
                    found.append(j)
                    break
        return found

    def _is_taken(self, j: int, at: int, count: int, hours: int, cell: int) -> bool:
        _, counts, hour_counts, cells = self.reach.shape
        place = ((at * counts + count) * hour_counts + hours) * cells + cell
        return bool(self._taken[j][place // 8] >> (7 - place % 8) & 1)

    def rest_without(self, units: Sequence[Sequence[int]], wanted: Sequence[Sequence[Limits]]) -> list[list[float]]:
        """Adds the units; for each, the highest values without it within each of the limits wanted for it.

        What came before a unit and what comes after it are two tables; a plan is a part of the one and a part of the
        other, and only the two together have to keep within the limits.
        """
        before = []
        for unit, several in zip(units, wanted, strict=True):
            k, h, money = (max(most) for most in zip(*(self._cut(limits) for limits in several), strict=True))
            before.append(self.reach[:, : k + 1, : h + 1, : money // self._grid.step_rupiah + 1].copy())
            self.add(unit)
        after, found = self._nothing(costs_up_to=True), []
        for unit, earlier, several in zip(reversed(units), reversed(before), reversed(wanted), strict=True):
            found.append([self._best_of_both(earlier, after, limits) for limits in several])
            self._extend(after, unit, self._cells, {})
        return found[::-1]

    def highest_within(self, money_rupiah: IntArray, count: IntArray, hours: IntArray) -> FloatArray:
        """The highest value within each of these limits."""
        at_most = np.maximum.accumulate(self.reach, axis=-1)
        k, h = np.minimum(count, self._limits.count), np.minimum(hours, self._limits.hours)
        best = np.zeros(len(k))
        for at, remainder in enumerate(self._grid.remainders_rupiah):
            s = np.minimum((money_rupiah - remainder) // self._grid.step_rupiah, self._cells)
            best = np.maximum(best, np.where(s >= 0, at_most[at, k, h, np.maximum(s, 0)], 0.0))
        return best

    def _best_of_both(self, one: FloatArray, other: FloatArray, limits: Limits) -> float:
        """Highest sum of a part of `one`, at exactly its cell, and a part of `other`, at no more than its cell."""
        k, h, money = self._cut(limits)
        best = 0.0
        for first, part in enumerate(self._grid.remainders_rupiah):
            for second, remainder in enumerate(self._grid.remainders_rupiah):
                s = (money - part - remainder) // self._grid.step_rupiah
                if s >= 0:
                    both = one[first, : k + 1, : h + 1, : s + 1] + other[second, k::-1, h::-1, s::-1]
                    best = max(best, float(both.max()))
        return best

    def _cut(self, limits: Limits) -> tuple[int, int, int]:
        """(count, hours, money) within those of the table."""
        whole = self._limits
        return (
            min(limits.count, whole.count),
            min(limits.hours, whole.hours),
            min(limits.money_rupiah, whole.money_rupiah),
        )
