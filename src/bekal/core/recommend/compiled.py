"""Lists for very many people at once, compiled: the same bits as `ranking.lists` of the summed scores.

Needs numba, which a web process does without: numba takes a second to load and a hundred megabytes, and one person's
list is quicker in numpy than the call is.

People of one profile follow one another, so that constant and profile rows are added up once for all of them. Trainings
stand by falling popularity in blocks of BLOCK; the largest score a block can hold is bounded by the sum of the maxima
of its parts. Rounding is monotone, so the bound on float32 sums made in the same order is exact, and a block that
cannot change a list is never looked at: 85 % of them in `dev bench recommender-scale`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colift import Coefficients
from .ragged import Float32Array, IntArray
from .ranking import Limits

BLOCK = 64
Int32Array = NDArray[np.int32]
WORTH_COMPILING = 50_000_000  # scores; fewer are added up sooner than the compiler is loaded


def is_worth_it(people_count: int, trainings_count: int) -> bool:
    """Whether so many lists are made sooner by loading the compiled code, where it is installed."""
    return people_count * trainings_count >= WORTH_COMPILING and find_spec("numba") is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """The coefficients in blocks: column p is training `training[p]` (-1: none), training j stands at `place[j]`."""

    training: NDArray[np.int64]
    place: NDArray[np.int64]
    profile: Float32Array
    history: Float32Array
    history_most: Float32Array  # (M, blocks) the largest of each row in each block

    @classmethod
    def of(cls, coefficients: Coefficients) -> "Layout":
        """Worth keeping: to lay out some thousand trainings takes as long as lists for fifty thousand people."""
        order = np.argsort(-coefficients.rate, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        profile, history = (_in_blocks(table, order) for table in (coefficients.profile, coefficients.history))
        none = np.full(profile.shape[1] - len(order), -1)
        most = history.reshape(len(history), -1, BLOCK).max(axis=2)
        return cls(np.append(order, none), place, profile, history, most)


def lists(
    layout: Layout, ptr: IntArray, items: IntArray, rows: IntArray, limits: Limits, n: int
) -> tuple[NDArray[np.int32], Float32Array]:
    """As `ranking.lists`, from checked arrays: `items` ascending within a person, `rows` profile rows."""
    from ._kernel import fill

    people_count = len(ptr) - 1
    found = np.full((people_count, n), -1, np.int32)
    values = np.full((people_count, n), -np.inf, np.float32)
    dearness, affordable = _price_ranks(limits, layout, people_count)
    key = _profile_keys(rows)
    fill(
        np.argsort(key),
        key,
        rows,
        ptr,
        items,
        layout.place,
        layout.training,
        layout.profile,
        layout.history,
        layout.history_most,
        dearness,
        affordable,
        found,
        values,
    )
    return found, values


def _padded(trainings_count: int) -> int:
    return max(1, -(-trainings_count // BLOCK)) * BLOCK


def _price_ranks(limits: Limits, layout: Layout, people_count: int) -> tuple[Int32Array, Int32Array]:
    """(columns,) the rank of each price, and (people,) the first rank that a person cannot pay: 32 bits, as a score."""
    prices = np.unique(limits.price_rupiah)
    order = layout.training[layout.training >= 0]
    dearness = np.full(len(layout.training), len(prices), np.int32)
    dearness[: len(order)] = np.searchsorted(prices, limits.price_rupiah[order])
    if limits.on_sale is not None:
        dearness[: len(order)][~limits.on_sale[order]] = len(prices)
    if limits.balance_rupiah is None:
        return dearness, np.full(people_count, len(prices), np.int32)
    return dearness, np.searchsorted(prices, limits.balance_rupiah, side="right").astype(np.int32)


def _in_blocks(table: Float32Array, order: NDArray[np.intp]) -> Float32Array:
    """The columns by falling popularity, filled up to whole blocks with what is never listed."""
    blocks = np.full((len(table), _padded(len(order))), -np.inf, np.float32)
    blocks[:, : len(order)] = table[:, order]
    return blocks


def _profile_keys(rows: IntArray) -> NDArray[Any]:
    """A number for each person, the same where profile rows are."""
    key = np.zeros(len(rows), np.int64)
    size = 1
    for column in rows.T:
        values = int(column.max(initial=-1)) + 2
        if size * values >= 2**62:  # never with a real profile; the numbers stay exact all the same
            key = np.unique(key, return_inverse=True)[1].reshape(-1)
            size = len(key)
        key = key * values + column + 1
        size *= values
    return key
