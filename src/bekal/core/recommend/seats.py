"""Prices of seats, so that lists do not send everybody to a course that is full for nearly all of them.

People i, trainings j, values v_ij, seats q_j where there is a limit, K places a person:

    maximise sum x_ij v_ij   with   sum_j x_ij <= K,   sum_i x_ij <= q_j,   0 <= x_ij <= 1

A price of a seat is the dual lambda_j >= 0 of its limit: at the right prices everybody who takes what is best for them,
v_ij - lambda_j, takes about as many seats as there are. It is found by smoothed dual ascent: demand is softened by a
temperature t,

    x_ij = min(1, exp((v_ij - lambda_j - u_i) / t)),   u_i >= 0 the least for which sum_j x_ij <= K,
    lambda_j <- max(0, lambda_j + RELAXATION t log(load_j / q_j)),   load_j = sum_i x_ij,

and t is halved from level to level. For K = 1 and without over-relaxation each step is the exact maximum over lambda
with u held fast (Sinkhorn's alternation), so it converges at every temperature; over-relaxation needs half the passes.

Prices are in the units of the values. They order lists; nobody sees them, and nobody pays them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_count, first_position, whole_numbers
from .ragged import Float32Array, FloatArray, IntArray

NO_LIMIT = -1
# Temperatures, in parts of what people's best is worth on average: from coarse to fine, halved each time.
TEMPERATURES = (0.5, 0.25, 0.125, 0.0625, 0.032, 0.016, 0.008, 0.004)
RELAXATION = 1.8
PASSES_A_LEVEL, PASSES_AT_LAST = 25, 100
# A level is done when what is too much and what is too little make up less than this part of all seats.
TOLERANCE, TOLERANCE_AT_LAST = 0.01, 0.003
LEAST_LOAD = 1e-3  # of the seats: nobody at all moves a price like one in a thousand
# Shares of people are summed as whole multiples of 2 ** -24, so that every sum is exact and no order of people matters.
SHARE_UNIT = 2.0**24
# Prices are kept to 2 ** -22 of the highest value: coarser than what two machines' logarithms may differ by.
PRICE_UNIT = 2.0**22
LEAST_EXPONENT = np.float32(-80)  # far below a share unit, and above the numbers that processors are slow with
LEAST_MOVE = 0.25  # of a price between two nights, in steps: below it a list may stay as it is
CELLS_AT_ONCE = 200_000  # of a block: what stays in a processor's cache


@dataclass(frozen=True, slots=True)
class SeatPrices:
    """`price` (trainings) in the units of the values, 0 without a limit; `load` (trainings) the expected number of
    people who want a limited training at these prices; `pass_count` how often everybody was looked at; `misfit`: seats
    wanted too much plus priced seats wanted too little, as a part of all seats."""

    price: FloatArray
    load: FloatArray
    pass_count: int
    misfit: float


def contested(values: ArrayLike, seats: ArrayLike, places: int = 1) -> Float32Array:
    """What of a block of people the prices depend on, as `seat_prices` takes it: (people, limited + places) float32.

    `values` (people, trainings): 0, negative or -inf for what a person cannot take. `seats` (trainings): seats left,
    NO_LIMIT without a limit. The last `places` columns are the person's best among trainings without a limit. A price
    is never negative, so what is worth no more than those is never taken; people who want no limited training are left
    out. ValueError for other shapes, a value that is not a number or infinite, or seats below NO_LIMIT.
    """
    left = _checked_seats(seats)
    worth = _checked_values(values, len(left))
    count = checked_count("places", places)
    limited = left >= 0
    free = worth[:, ~limited]
    free = np.concatenate([np.zeros((len(worth), count), np.float32), free], axis=1)
    best_free = np.partition(free, free.shape[1] - count, axis=1)[:, free.shape[1] - count :]
    wanted = worth[:, limited]
    wanted[wanted <= best_free.min(axis=1, keepdims=True)] = -np.inf
    wanted[wanted <= 0] = -np.inf
    best_free[best_free <= 0] = -np.inf
    keep = np.isfinite(wanted).any(axis=1)
    return np.ascontiguousarray(np.concatenate([wanted, np.sort(best_free, axis=1)], axis=1)[keep])


def seat_prices(blocks: Callable[[], Iterable[Float32Array]], seats: ArrayLike, places: int = 1) -> SeatPrices:
    """The price of a seat of every training.

    `blocks()` gives everybody's `contested` values anew at each call, block by block in the same order; it is called
    some 100-200 times, and no more than one block is held in memory. However the people are cut into blocks and
    ordered, the prices are the same to the bit. A training without seats left has the price at which nobody wants it.
    `seats` and `places` as they were given to `contested`. ValueError where they do not fit the blocks.
    """
    left = _checked_seats(seats)
    count = checked_count("places", places)
    limited = np.flatnonzero(left >= 0)
    highest, scale = _scale(blocks, left[limited], count)
    price, load = np.zeros(len(left)), np.zeros(len(left))
    if scale == 0.0:
        price[limited] = np.where(left[limited] == 0, highest, 0.0)
        return SeatPrices(price, load, 0, 0.0)
    market = _Market(blocks, left[limited].astype(np.float64), count, float(highest[left[limited] > 0].max()))
    found, wanted = market.ascend(scale)
    price[limited] = np.where(market.is_full, highest, found)
    load[limited] = wanted
    return SeatPrices(price, load, market.pass_count, market.misfit(found, wanted))


class _Market:
    def __init__(
        self, blocks: Callable[[], Iterable[Float32Array]], seats: FloatArray, places: int, highest: float
    ) -> None:
        self._blocks, self._seats, self._places = blocks, seats, places
        self._grid = highest / PRICE_UNIT
        self.is_full = seats == 0
        self.pass_count = 0

    def ascend(self, scale: float) -> tuple[FloatArray, FloatArray]:
        """(price, load) of the limited trainings after the last temperature."""
        price = np.zeros(len(self._seats))
        load = np.zeros(len(self._seats))
        for temperature in TEMPERATURES:
            is_last = temperature == TEMPERATURES[-1]
            tolerance = TOLERANCE_AT_LAST if is_last else TOLERANCE
            for _ in range(PASSES_AT_LAST if is_last else PASSES_A_LEVEL):
                load = self._load(price, temperature * scale)
                if self.misfit(price, load) <= tolerance:
                    break
                price = self._step(price, load, temperature * scale)
        return price, load

    def misfit(self, price: FloatArray, load: FloatArray) -> float:
        """Too many on any training, too few on one that has a price, as a part of all seats."""
        too_few = np.where(price > 0, np.maximum(self._seats - load, 0.0), 0.0)
        off = np.where(self.is_full, 0.0, np.maximum(load - self._seats, 0.0) + too_few)
        return float(off.sum() / max(self._seats.sum(), 1.0))

    def _step(self, price: FloatArray, load: FloatArray, temperature: float) -> FloatArray:
        seats = np.maximum(self._seats, 1.0)
        ratio = np.maximum(load / seats, LEAST_LOAD)
        moved = np.maximum(price + RELAXATION * temperature * np.log(ratio), 0.0)
        return np.where(self.is_full, 0.0, np.rint(moved / self._grid) * self._grid)

    def _load(self, price: FloatArray, temperature: float) -> FloatArray:
        """Expected number of people on each limited training."""
        asked = np.concatenate([np.where(self.is_full, np.inf, price), np.zeros(self._places)]).astype(np.float32)
        total = np.zeros(len(asked))
        for block in self._blocks():
            step = max(1, CELLS_AT_ONCE // len(asked))
            for first in range(0, len(block), step):
                shares = softened_demand(block[first : first + step] - asked, np.float32(temperature), self._places)
                shares *= np.float32(SHARE_UNIT)
                total += np.rint(shares, out=shares).sum(axis=0, dtype=np.float64)
        self.pass_count += 1
        load: FloatArray = total[: len(price)] / SHARE_UNIT
        return load


def softened_demand(surplus: Float32Array, temperature: np.float32, places: int) -> Float32Array:
    """x_ij of the module's text for (people, trainings) values less prices: each 0 to 1, a person's sum up to `places`.

    u_i: with the m best at their cap of 1, the others share places - m: u = S_m + t log(T_m / (places - m)), S_m the
    (m+1)-th best and T_m the sum of exp((s - S_m) / t) over all but the m best; right is the first m with S_m <= u.
    """
    best = surplus.max(axis=1, keepdims=True) if places == 1 else _best(surplus, places)
    level = np.zeros(len(surplus), np.float32)
    is_open = np.ones(len(surplus), np.bool_)
    for m in range(best.shape[1]):
        is_open &= np.isfinite(best[:, m])
        reference = np.where(is_open, best[:, m], np.float32(0))
        total = _softened(surplus, reference, temperature).sum(axis=1) - np.float32(m)
        found = is_open & (total >= places - m)
        shared = np.log(np.where(found, total, np.float32(1)) / np.float32(places - m))
        level = np.where(found, reference + temperature * shared, level)
        is_open &= ~found
    return _softened(surplus, np.maximum(level, np.float32(0)), temperature)


def _best(surplus: Float32Array, places: int) -> Float32Array:
    """The `places` highest of each row, highest first."""
    count = min(places, surplus.shape[1])
    lowest_of_negative = np.sort(np.partition(-surplus, count - 1, axis=1)[:, :count], axis=1)
    return np.negative(lowest_of_negative)


def _softened(surplus: Float32Array, level: Float32Array, temperature: np.float32) -> Float32Array:
    """min(1, exp((surplus - level) / temperature)), level one for each row."""
    part = surplus - level[:, None]
    part *= np.float32(1) / temperature
    np.maximum(part, LEAST_EXPONENT, out=part)
    np.minimum(part, np.float32(0), out=part)
    shares: Float32Array = np.exp(part, out=part)
    return shares


def reprice(
    price: ArrayLike,
    *,
    seats_left_before: ArrayLike,
    seats_left_now: ArrayLike,
    hours: ArrayLike,
    hours_to_last: ArrayLike,
    step: float,
) -> FloatArray:
    """Prices after `hours` of real sales, in the units of `price`; every array is of the trainings with a limit.

    At prices that fit, the seats last for `hours_to_last`: then `seats_left_before` times hours / hours_to_last of them
    are sold. What was sold beside that moves the price as the ascent does,

        lambda <- max(0, lambda + step m),   m = log((sold + 1) / (expected + 1)),

    where 1 is a Gamma prior of one seat: an hour in which a small course sells nothing says next to nothing. While m is
    within LEAST_MOVE of 0 the price stays as it is; ask again after more hours of the same count, with `hours` since
    then. Seats that came back count as nothing sold. A training without seats keeps its price until one comes back.
    ValueError for negative prices or seats, arrays of different length, or hours or a step that are not above 0.
    """
    old, before, now, passed, to_last = _checked_sales(price, seats_left_before, seats_left_now, hours, hours_to_last)
    if not 0 < step < np.inf:
        raise ValueError(f"step is {step}: give a finite number above 0.")
    expected = before * np.minimum(passed / to_last, 1.0)
    move = np.log((np.maximum(before - now, 0) + 1.0) / (expected + 1.0))
    moved = np.maximum(old + step * move, 0.0)
    return np.where((now == 0) | (np.abs(move) < LEAST_MOVE), old, moved)


def _checked_sales(
    price: ArrayLike, before: ArrayLike, now: ArrayLike, hours: ArrayLike, hours_to_last: ArrayLike
) -> tuple[FloatArray, IntArray, IntArray, FloatArray, FloatArray]:
    numbers = {"price": price, "hours": hours, "hours_to_last": hours_to_last}
    old, passed, to_last = (np.asarray(values, dtype=np.float64) for values in numbers.values())
    for name, values in zip(numbers, (old, passed, to_last), strict=True):
        fit = np.isfinite(values) & ((values >= 0) if name == "price" else (values > 0))
        if values.shape != old.shape or old.ndim != 1 or not fit.all():
            what = "a finite number of 0 or more" if name == "price" else "a finite number above 0"
            raise ValueError(f"{name} is {values.tolist()}: give {what} for each training.")
    seats = {"seats_left_before": _checked_seats(before), "seats_left_now": _checked_seats(now)}
    for name, left in seats.items():
        if left.shape != old.shape or (left < 0).any():
            raise ValueError(f"{name} is {left.tolist()}: give 0 or more for each training that has a price.")
    return old, seats["seats_left_before"], seats["seats_left_now"], passed, to_last


def _scale(blocks: Callable[[], Iterable[Float32Array]], seats: IntArray, places: int) -> tuple[FloatArray, float]:
    """The highest value of each limited training, and the mean of people's best that has seats: the same for any
    blocks. 0 where nobody wants anything that has a limit and seats."""
    highest = np.zeros(len(seats))
    for block in blocks():
        if block.ndim != 2 or block.shape[1] != len(seats) + places:
            raise ValueError(
                f"a block has the shape {block.shape}, but seats and places ask for {len(seats)} + {places} columns: "
                "make it with `contested`, with the same seats and places."
            )
        highest = np.maximum(highest, block[:, : len(seats)].max(axis=0, initial=0.0))
    top = float(highest[seats > 0].max(initial=0.0))
    if top == 0.0:
        return highest, 0.0
    has_seats = np.append(seats > 0, np.ones(places, np.bool_))
    units, people_count = 0.0, 0
    for block in blocks():
        best = block[:, has_seats].max(axis=1)
        best = best[np.isfinite(best)].astype(np.float64)
        units += float(np.rint(best / top * SHARE_UNIT).sum())
        people_count += len(best)
    return highest, top * units / (SHARE_UNIT * people_count)


def _checked_seats(seats: ArrayLike) -> IntArray:
    left = whole_numbers("seats", seats)
    if (left < NO_LIMIT).any():
        at = first_position(left < NO_LIMIT)
        raise ValueError(f"seats[{at}] is {left[at]}: give seats left, 0 or more, or {NO_LIMIT} for no limit.")
    return left


def _checked_values(values: ArrayLike, trainings_count: int) -> Float32Array:
    worth = np.asarray(values, dtype=np.float32)
    if worth.ndim != 2 or worth.shape[1] != trainings_count:
        raise ValueError(f"values has the shape {worth.shape}: give one row a person of {trainings_count} trainings.")
    bad = np.isnan(worth) | (worth == np.inf)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"values[{row}, {column}] is {worth[row, column]}: give a finite number, or -inf for never.")
    return worth
