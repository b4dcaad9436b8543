"""Which trainings to take together so that the balance does most, and what each amount of money can do.

Everything that a page shows comes out of one table of `knapsack`: the best set, the whole front of money used against
value, and for the trainings of a list the best plan that contains each. A second one finds what leaves least.
"""

from dataclasses import dataclass, replace
from math import frexp, ldexp

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_count, checked_rupiah, first_position, whole_numbers
from .knapsack import MOST_CELLS, Grid, Limits, Offers, Table, exact_grid, needed, tightened
from .ragged import FloatArray, IntArray

MINIMUM_STEP_RUPIAH = 100
CONCEDED_SHARE = 0.05  # of the best value, to let less lapse
MOST_CELLS_WITH_HOURS = 25_000_000  # money x hours x trainings
LEAST_STEPS = 100  # of money, however long the limit on hours
LARGEST_VALUE = 1e290
LARGEST_BALANCE_RUPIAH = 10**13
POWERS = [10**power for power in range(2, 14)]


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of trainings (indices into the arrays given, ascending). spent_rupiah + left_rupiah is the balance."""

    kind: str  # best_value, nothing_lapses or one_best
    trainings: tuple[int, ...]
    spent_rupiah: int
    left_rupiah: int
    value: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What one balance can do. All amounts are sums of the true prices, to the last rupiah.

    best_value: the set of highest total value; of equals one that costs least. nothing_lapses: the set that leaves
    least, among those whose value is at most 5 % below the best; of equals the one of higher value. one_best: the
    training of highest value; of equals the cheaper, then the earlier. front: (spent_rupiah, value) of every plan that
    no other beats in both, strictly ascending in both, from what costs nothing to the best value. best_with: for each
    training of `ranked`, in order, the value of the best plan that contains it; -inf where none may (it is worth 0 or
    less, or alone too dear or too long). front_sets: for each plan of the front that was opened, in the order asked,
    its trainings (ascending): their prices and values sum to exactly what the front says.
    """

    best_value: Plan
    nothing_lapses: Plan
    one_best: Plan
    front: tuple[tuple[int, float], ...]
    best_with: tuple[float, ...]
    front_sets: tuple[tuple[int, ...], ...] = ()

    @property
    def plans(self) -> tuple[Plan, Plan, Plan]:
        """The three plans to choose from."""
        return self.best_value, self.nothing_lapses, self.one_best


def plan_spending(
    value: ArrayLike,
    price_rupiah: ArrayLike,
    balance_rupiah: int,
    max_count: int = 8,
    *,
    group: ArrayLike | None = None,
    hours: ArrayLike | None = None,
    max_hours: int | None = None,
    ranked: ArrayLike | None = None,
    opened: slice | None = None,
    most_cells: int = MOST_CELLS_WITH_HOURS,
) -> Spending:
    """What `balance_rupiah` can do with at most `max_count` trainings, one of each group, `max_hours` in all.

    `value` (trainings): finite; a plan is worth the sum. What is worth 0 or less is never planned: pass 0 for whatever
    cannot be attended in time, value less the price of a seat where seats are short. `price_rupiah` (trainings): whole
    rupiah. `group` (trainings): whole numbers, the same for equivalents, negative for a training without any.
    `hours` (trainings): whole hours; with `max_hours` None they do not matter. `ranked`: positions of trainings, for
    `best_with`. `opened`: which part of the front to give the sets of. `most_cells`: of a table with hours.

    Exact: no set within the limits is worth more, for every amount of money and every training ranked, and none of
    enough value leaves less. Values are first rounded to 2**-52 of a whole plan, so that a sum does not depend on its
    order. The one exception are prices without a common grid: where more than 50,000 steps of the greatest common
    divisor of the prices that matter go into the balance, and sums of `max_count` of them leave more than 16 remainders
    of Rp1,000, of Rp500 and of Rp100. Those are rounded up to Rp100 (above Rp5,000,000 to a 50,000th of the balance).
    So multiples of Rp100 are exact up to Rp5,000,000, and so are prices that all end in 999, a few odd ones among round
    ones, and any up to a balance of Rp50,000. A plan of rounded prices is affordable, too, only not surely the best,
    and what it spends is counted in true prices.

    A limit on hours needs a table with hours. Where money x hours x trainings are more than `most_cells`, prices are
    rounded up as well, to the least round step (1, 2 or 5 times a power of ten) that does with that many, but not below
    100 steps of the balance. None is needed, nor anything rounded for it, where the plans without that limit keep it.

    Some milliseconds at 2,700 trainings; with `max_hours` some tens of each million cells. Raises ValueError naming
    array, position and mend.
    """
    balance = checked_count("balance_rupiah", balance_rupiah, minimum=0)
    if balance > LARGEST_BALANCE_RUPIAH:
        raise ValueError(f"balance_rupiah is {balance}: give at most {LARGEST_BALANCE_RUPIAH}.")
    limit = checked_count("max_count", max_count)
    price = checked_rupiah("price_rupiah", price_rupiah)
    worth = _checked_value(value, len(price))
    taken, most_hours = _checked_hours(hours, max_hours, len(price))
    groups = _checked_groups(group, len(price))
    places = _checked_ranked(ranked, len(price))
    cells = checked_count("most_cells", most_cells)
    offered = np.flatnonzero((worth > 0) & (price <= balance) & (taken <= most_hours))
    worth[offered] = _with_exact_sums(worth[offered], limit)
    asked = slice(0, 0) if opened is None else opened
    trainings, whole = _with_fewest_hours(
        Offers(worth, price, groups, taken), Limits(balance, limit, most_hours), offered
    )
    if whole.hours and not len(places):
        unlimited = _if_hours_do_not_matter(trainings, whole, offered, asked)
        if unlimited:
            return unlimited
    return _spending(trainings, whole, offered, places, asked, cells)


def _with_fewest_hours(trainings: Offers, whole: Limits, offered: IntArray) -> tuple[Offers, Limits]:
    """The same sets within the limits, told with the smallest numbers of hours: all 0 where the limit is none.

    Let c be what the limit leaves beside the longest count - 1 others. A set with a training of c hours or less keeps
    the limit, and so does one of less than `count`. So every training can give c hours, or all it has, for count x c.
    """
    hours = np.zeros_like(trainings.hours)
    longest = np.zeros(int(trainings.group[offered].max(initial=-1)) + 1, np.int64)
    np.maximum.at(longest, trainings.group[offered], trainings.hours[offered])
    count = min(
        whole.count,
        int(np.searchsorted(np.cumsum(np.sort(trainings.price_rupiah[offered])), whole.money_rupiah, "right")),
    )
    most = np.sort(longest)[::-1][:count].tolist()  # whole numbers of any size
    if sum(most) <= whole.hours:
        return replace(trainings, hours=hours), replace(whole, hours=0)
    given = max(whole.hours - sum(most[:-1]), 0)
    hours[offered] = np.maximum(trainings.hours[offered] - given, 0)
    unit = int(np.gcd.reduce(hours))
    return replace(trainings, hours=hours // unit), replace(whole, hours=(whole.hours - len(most) * given) // unit)


def _if_hours_do_not_matter(trainings: Offers, whole: Limits, offered: IntArray, asked: slice) -> Spending | None:
    """The plans without the limit on hours, if every one of them keeps it: with it none can be better."""
    free, unlimited = replace(trainings, hours=np.zeros_like(trainings.hours)), replace(whole, hours=0)
    for part in (slice(0, 0), slice(None)):  # the three plans tell most often
        found = _spending(free, unlimited, offered, offered[:0], part, MOST_CELLS_WITH_HOURS)
        sets = [plan.trainings for plan in found.plans] + list(found.front_sets)
        if any(trainings.hours[list(chosen)].sum() > whole.hours for chosen in sets):
            return None
    return replace(found, front_sets=found.front_sets[asked])


def _spending(
    trainings: Offers, whole: Limits, offered: IntArray, places: IntArray, asked: slice, most_cells: int
) -> Spending:
    """As `plan_spending`; `offered`: those that can be planned, `places`: those ranked."""
    is_ranked = np.zeros(len(trainings.value), np.bool_)
    is_ranked[places] = True
    live = offered[needed(trainings.of(offered), whole)]
    table, counted = _table(trainings, live, whole, most_cells)
    best_with = _best_with(offered[is_ranked[offered]], table, counted, live, whole)  # fills the table
    spent, highest = table.points()
    best = live[table.chosen(int(spent[np.argmax(highest)]))]
    value, price = trainings.value, trainings.price_rupiah
    most = offered[value[offered] == value[offered].max(initial=0.0)]
    one = most[np.argsort(price[most], kind="stable")[:1]]
    if value[one].sum() > value[best].sum():  # rounding up kept it from the grid
        best = one
    kept = _front(spent, highest)
    if counted is trainings:
        sets = [live[table.chosen(amount)] for amount in spent[kept[asked]].tolist()]
    else:
        sets = [best, *(live[table.chosen(amount)] for amount in spent[kept].tolist())]
        spent, highest = np.array([price[j].sum() for j in sets]), np.array([value[j].sum() for j in sets])
        kept = _front(spent, highest)
        sets = [sets[at] for at in kept[asked].tolist()]
    full = _fullest(trainings, offered, table, whole, float(value[best].sum()), most_cells)
    return Spending(
        _plan("best_value", best, trainings, whole),
        _plan("nothing_lapses", full if price[full].sum() > price[best].sum() else best, trainings, whole),
        _plan("one_best", one, trainings, whole),
        tuple(zip(spent[kept].tolist(), highest[kept].tolist(), strict=True)),
        tuple(best_with.get(j, -np.inf) for j in places.tolist()),
        tuple(tuple(sorted(chosen.tolist())) for chosen in sets),
    )


def _table(trainings: Offers, chosen: IntArray, whole: Limits, most_cells: int) -> tuple[Table, Offers]:
    """An empty table for the trainings chosen, and the trainings at the prices it counts: the true ones if it can."""
    offers = trainings.of(chosen)
    limits = tightened(offers, whole)
    steps = MOST_CELLS
    if limits.hours:
        steps = min(steps, max(LEAST_STEPS, most_cells // ((limits.hours + 1) * len(chosen))))
    grid = exact_grid(offers.price_rupiah, limits, steps)
    if grid:
        return Table(offers, limits, grid), trainings
    step = max(MINIMUM_STEP_RUPIAH, -(-whole.money_rupiah // steps))
    if limits.hours:
        step = next(part * power for power in POWERS for part in (1, 2, 5) if part * power >= step)
    counted = replace(trainings, price_rupiah=-(-trainings.price_rupiah // step) * step)
    offers = counted.of(chosen)
    return Table(offers, tightened(offers, whole), Grid(step, (0,))), counted


def _fullest(
    trainings: Offers, offered: IntArray, table: Table, whole: Limits, top: float, most_cells: int
) -> IntArray:
    """The set that costs most, and of those is worth most, of all within CONCEDED_SHARE of the best value `top`.

    What is not needed for the best value may still fill the balance. `table` tells what a plan with a training can be
    worth. So a second table takes them from the highest of these bounds down, until no other can be in such a set: nor
    in a better one, once nothing is left.
    """
    least = (1 - CONCEDED_SHARE) * top
    near, bound = offered, np.empty(0)
    for bounded in (_bound_alone, _bound_with_better):
        bound = bounded(trainings, near, table, whole) * (1 + 1e-9)  # for what rounding may take from a sum
        near, bound = near[bound >= least], bound[bound >= least]
    order = np.argsort(-bound, kind="stable")
    near, bounds = near[order], bound[order].tolist()
    filled, _ = _table(trainings, near, whole, most_cells)
    for unit in _units(trainings.group[near]).values():
        if bounds[unit[0]] < filled.highest_at_limit:
            break
        filled.add(unit)
    spent, highest = filled.points()
    enough = np.flatnonzero(highest >= least)
    return near[filled.chosen(int(spent[enough[-1]]))] if len(enough) else near[:0]


def _bound_alone(trainings: Offers, chosen: IntArray, table: Table, whole: Limits) -> FloatArray:
    """For each training chosen, at least the value of any plan that holds it."""
    money, hours = whole.money_rupiah - trainings.price_rupiah[chosen], whole.hours - trainings.hours[chosen]
    return trainings.value[chosen] + table.highest_within(money, np.full(len(chosen), whole.count - 1), hours)


def _bound_with_better(trainings: Offers, chosen: IntArray, table: Table, whole: Limits) -> FloatArray:
    """The same for plans that need to hold it: in place of one of its price that is worth more, none needs to.

    So a plan holds all of those, too. With groups or hours one may not be able to take the place of the other.
    """
    if whole.hours or len(np.unique(trainings.group[chosen])) < len(chosen):
        return _bound_alone(trainings, chosen, table, whole)
    value, price = trainings.value[chosen], trainings.price_rupiah[chosen]
    order = np.lexsort((-value, price))
    first = np.searchsorted(price[order], price[order])
    count = np.arange(1, len(order) + 1) - first
    sums = np.concatenate([[0.0], np.cumsum(value[order])])
    can = np.flatnonzero(count <= np.minimum(whole.count, whole.money_rupiah // np.maximum(price[order], 1)))
    order, count, together = order[can], count[can], (sums[1:] - sums[first])[can]
    bound = np.full(len(chosen), -np.inf)
    money = whole.money_rupiah - count * price[order]
    bound[order] = together + table.highest_within(money, whole.count - count, np.zeros(len(order), np.int64))
    return bound


def _units(group: IntArray) -> dict[int, list[int]]:
    """The positions of each group, groups in the order of their first."""
    units: dict[int, list[int]] = {}
    for place, code in enumerate(group.tolist()):
        units.setdefault(code, []).append(place)
    return units


def _best_with(asked: IntArray, table: Table, trainings: Offers, live: IntArray, whole: Limits) -> dict[int, float]:
    """Adds all that is live to the table; for each training asked, the value of the best plan that contains it."""
    money, hours = whole.money_rupiah - trainings.price_rupiah[asked], whole.hours - trainings.hours[asked]
    beside = _units(trainings.group[asked])
    units = _units(trainings.group[live])
    for group, unit in units.items():
        if group not in beside:
            table.add(unit)
    shared = [group for group in units if group in beside]
    wanted = [[Limits(int(money[at]), whole.count - 1, int(hours[at])) for at in beside[group]] for group in shared]
    found = table.rest_without([units[group] for group in shared], wanted)
    rest = table.highest_within(money, np.full(len(asked), whole.count - 1), hours)
    for group, values in zip(shared, found, strict=True):
        rest[beside[group]] = values
    return dict(zip(asked.tolist(), (trainings.value[asked] + rest).tolist(), strict=True))


def _front(spent: IntArray, value: FloatArray) -> IntArray:
    """The places of those that no other beats in both, strictly ascending in both."""
    order = np.lexsort((-value, spent))
    before = np.maximum.accumulate(np.concatenate([[-np.inf], value[order]]))[:-1]
    return order[value[order] > before]


def _plan(kind: str, chosen: IntArray, trainings: Offers, whole: Limits) -> Plan:
    spent = int(trainings.price_rupiah[chosen].sum())
    value = float(trainings.value[chosen].sum())
    return Plan(kind, tuple(sorted(chosen.tolist())), spent, whole.money_rupiah - spent, value)


def _with_exact_sums(worth: FloatArray, count: int) -> FloatArray:
    """Rounded to multiples of a power of two so small that sums of `count` of them are without any rounding."""
    bits = min(count, max(len(worth), 1)).bit_length()
    unit = ldexp(1.0, max(frexp(float(worth.max(initial=0.0)))[1] + bits - 52, -1074))
    return np.maximum(np.rint(worth / unit), 1.0) * unit


def _checked_value(value: ArrayLike, length: int) -> FloatArray:
    worth = np.array(value, dtype=np.float64)
    if worth.shape != (length,):
        raise ValueError(f"value has the shape {worth.shape} where ({length},) is needed: give one value per price.")
    bad = ~(np.abs(worth) <= LARGEST_VALUE)
    if bad.any():
        at = first_position(bad)
        raise ValueError(f"value[{at}] is {worth[at]}: give a finite number, 0 for a training not to be planned.")
    return worth


def _checked_groups(group: ArrayLike | None, length: int) -> IntArray:
    """Every training's group as 0, 1, ...: those without one get one of their own."""
    if group is None:
        return np.arange(length, dtype=np.int64)
    codes = _one_each("group", group, length)
    alone = codes < 0
    found = np.empty(length, np.int64)
    kinds, found[~alone] = np.unique(codes[~alone], return_inverse=True)
    found[alone] = len(kinds) + np.arange(np.count_nonzero(alone))
    return found


def _checked_hours(hours: ArrayLike | None, max_hours: int | None, length: int) -> tuple[IntArray, int]:
    """(hours, limit); all 0 where there is no limit."""
    taken = np.zeros(length, np.int64) if hours is None else _one_each("hours", hours, length)
    if (taken < 0).any():
        at = first_position(taken < 0)
        raise ValueError(f"hours[{at}] is {taken[at]}: give whole hours, 0 or more.")
    if max_hours is None:
        return np.zeros(length, np.int64), 0
    limit = checked_count("max_hours", max_hours, minimum=0)
    if hours is None:
        raise ValueError(f"max_hours is {limit} but hours is missing: give the hours of every training, too.")
    return taken, limit


def _checked_ranked(ranked: ArrayLike | None, length: int) -> IntArray:
    places = whole_numbers("ranked", [] if ranked is None else ranked)
    outside = (places < 0) | (places >= length)
    if outside.any():
        at = first_position(outside)
        raise ValueError(f"ranked[{at}] is {places[at]}, but there are {length} trainings: use 0 to {length - 1}.")
    return places


def _one_each(name: str, values: ArrayLike, length: int) -> IntArray:
    numbers = whole_numbers(name, values)
    if len(numbers) != length:
        raise ValueError(f"{name} has {len(numbers)} entries where {length} are needed: give one per price.")
    return numbers
