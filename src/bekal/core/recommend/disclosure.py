"""Which counts may be shown so that nobody can compute one that may not: complementary suppression.

Whoever collects reasons is taken to know the most that they could ever tell: how many people there are, how many have
each profile value, how many took each training, and every shown cell to the person. (What is really shown are shares
rounded to 5 %.) A cell is safe where it and its complement each hold MINIMUM_PEOPLE people or more, who have completed
trainings of MINIMUM_INSTITUTIONS institutions or more.
"""

import numpy as np
from numpy.typing import NDArray

from bekal.core.small_groups import MINIMUM_PEOPLE as MINIMUM_PEOPLE

from .ragged import IntArray

MINIMUM_INSTITUTIONS = 3


def shown_by_profile(
    cells: IntArray,
    is_safe: NDArray[np.bool_],
    may_speak: NDArray[np.bool_],
    row_attribute: IntArray,
    has_unknown: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(rows, trainings) which cells of the values of an attribute are shown; `has_unknown` (attributes,) tells whose
    value some people lack.

    The cells of one attribute and training add up to all who took it. So what is not shown can be computed, if not one
    by one, then as a sum. Where it holds a cell that is not safe, it must hold a safe one too: then the sum is of
    enough people of enough institutions on both sides, and no part of it can be told from the rest. Where it does not,
    the smallest shown cell (of equals the first) is hidden as well.
    """
    shown = is_safe & may_speak
    for attribute in np.unique(row_attribute).tolist():
        first, last = np.searchsorted(row_attribute, [attribute, attribute + 1])
        rows = slice(int(first), int(last))
        has_unsafe = ~is_safe[rows].all(axis=0) | has_unknown[attribute]
        has_cover = (is_safe[rows] & ~shown[rows]).any(axis=0)
        bare = np.flatnonzero(shown[rows].any(axis=0) & has_unsafe & ~has_cover)
        smallest = np.where(shown[rows][:, bare], cells[rows][:, bare], np.iinfo(np.int64).max).argmin(axis=0)
        shown[rows.start + smallest, bare] = False
    return shown


def shown_by_pair(
    keys: IntArray, cells: IntArray, is_safe: NDArray[np.bool_], training_count: IntArray, people_count: int
) -> NDArray[np.bool_]:
    """Which cells "of those who took X, so many took Y" are shown; `keys` are X * trainings + Y, ascending.

    The cell of X and Y is that of Y and X, and with the totals it tells the three others of the two-by-two table. So it
    is shown only where it is safe both ways, and where as many took neither.
    """
    width = max(len(training_count), 1)
    first, second = keys // width, keys % width
    both_ways = np.isin(second * width + first, keys[is_safe])
    neither = people_count - training_count[first] - training_count[second] + cells
    shown: NDArray[np.bool_] = is_safe & both_ways & (neither >= MINIMUM_PEOPLE)
    return shown
