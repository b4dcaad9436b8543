"""Counting people behind the reasons, block by block, in memory that does not grow with the people.

`explain` says what a cell is and when it may speak, `disclosure` which cells are kept back so that others stay unknown.
Three readings: who is there; how many are in each cell; and, for the cells that are large enough, of how many
institutions the people on both sides have completed trainings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .checks import first_position, whole_numbers
from .disclosure import MINIMUM_INSTITUTIONS, MINIMUM_PEOPLE, shown_by_pair, shown_by_profile
from .profiles import ProfileRows
from .ragged import IntArray
from .reason_cells import Ragged, ReasonCells, institutions_of
from .streaming import Blocks, checked_blocks

MINIMUM_LIFT = 1.1

Flags = NDArray[np.bool_]
Cells = tuple[IntArray, IntArray]  # (keys ascending: group * trainings + training, people)


@dataclass(frozen=True, slots=True)
class ReasonCounts:
    """Counts of people with a completed choice, and the cells that may speak."""

    people_count: int
    training_count: IntArray  # (M,)
    training_speaks: Flags  # (M,) whether enough people took it, and did not, for its share to be shown
    profiles: ProfileRows
    row_count: IntArray  # (rows,) people of each attribute value
    profile_cells: Cells
    pair_cells: Cells


def count_reasons(people_in_blocks: Blocks, home: IntArray, excluded_columns: Sequence[int]) -> ReasonCounts:
    """The counts over the people of all blocks; `home` (M,) is each training's institution, 0 upwards.

    The blocks are read three times and hold the same people each time. ValueError for bad arrays or columns."""
    people_count, training_count = 0, np.zeros(len(home), np.int64)
    profiles: ProfileRows | None = None
    for codes, (ptr, items) in _active(people_in_blocks, len(home), excluded_columns):
        people_count += len(ptr) - 1
        training_count += np.bincount(items, minlength=len(home))
        learned = ProfileRows.learn(codes)
        profiles = learned if profiles is None else profiles.union(learned)
    profiles = ProfileRows.learn(np.empty((0, 0), np.int64)) if profiles is None else profiles
    row_count, everybody = np.zeros(len(profiles.row_code), np.int64), np.zeros(int(home.max(initial=-1)) + 1, np.int64)
    by_profile = ReasonCells(len(row_count), len(home), len(everybody))
    by_choice = ReasonCells(len(home), len(home), len(everybody))
    for codes, choices in _active(people_in_blocks, len(home), excluded_columns):
        groups, institutions = _groups(profiles, codes), institutions_of(choices, home)
        row_count += np.bincount(groups[1], minlength=len(row_count))
        everybody += np.bincount(institutions[1], minlength=len(everybody))
        by_profile.count(groups, choices, institutions)
        by_choice.count(choices, choices, institutions)
    by_choice.leave_out_themselves()
    by_profile.choose(row_count, training_count, people_count, lift=0.0)
    by_choice.choose(training_count, training_count, people_count, lift=MINIMUM_LIFT)
    for codes, choices in _active(people_in_blocks, len(home), excluded_columns):
        institutions = institutions_of(choices, home)
        by_profile.look(_groups(profiles, codes), choices, institutions)
        by_choice.look(choices, choices, institutions)
    shown = shown_by_pair(by_choice.keys, by_choice.cells, by_choice.is_safe, training_count, people_count)
    return ReasonCounts(
        people_count=people_count,
        training_count=training_count,
        training_speaks=_training_speaks(people_count, training_count, by_choice.reach, everybody),
        profiles=profiles,
        row_count=row_count,
        profile_cells=_shown_profile_cells(by_profile, profiles, row_count, training_count, people_count),
        pair_cells=(by_choice.keys[shown], by_choice.cells[shown]),
    )


def _shown_profile_cells(
    found: ReasonCells, profiles: ProfileRows, row_count: IntArray, training_count: IntArray, people_count: int
) -> Cells:
    shape = (len(row_count), len(training_count))
    cells, is_safe = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    cells.flat[found.keys], is_safe.flat[found.keys] = found.cells, found.is_safe
    lifted = 10 * cells * people_count > round(10 * MINIMUM_LIFT) * row_count[:, None] * training_count
    with_value = np.bincount(profiles.row_attribute, row_count, minlength=profiles.attributes_count)
    shown = shown_by_profile(cells, is_safe, lifted, profiles.row_attribute, with_value < people_count)
    return np.flatnonzero(shown), cells[shown]


def _active(
    people_in_blocks: Blocks, trainings_count: int, excluded_columns: Sequence[int]
) -> Iterator[tuple[IntArray, Ragged]]:
    """Profile codes, -1 in the excluded columns, and choices of the people who have any, block by block."""
    for block in checked_blocks(people_in_blocks, trainings_count):
        codes = block.profile.copy()
        codes[:, _checked_columns(excluded_columns, codes.shape[1])] = -1
        active = np.diff(block.ptr) > 0
        yield codes[active], (np.concatenate([block.ptr[:1], block.ptr[1:][active]]), block.items)


def _groups(profiles: ProfileRows, codes: IntArray) -> Ragged:
    """Each person's attribute values, as rows of `profiles`."""
    rows = profiles.rows(codes)
    held = rows >= 0
    return np.concatenate([[0], np.cumsum(held.sum(axis=1))]), rows[held]


def _training_speaks(people_count: int, training_count: IntArray, reach: IntArray, everybody: IntArray) -> Flags:
    """Whether those who took each training, and those who did not, are people enough of institutions enough; `reach`
    (trainings, institutions) and `everybody` (institutions) count the people who completed anything of each."""
    sides = ((training_count, reach), (people_count - training_count, everybody - reach))
    speaks = np.ones(len(training_count), np.bool_)
    for people, known in sides:
        speaks &= (people >= MINIMUM_PEOPLE) & ((known > 0).sum(axis=1) >= MINIMUM_INSTITUTIONS)
    return speaks


def _checked_columns(columns: Sequence[int], attributes_count: int) -> IntArray:
    excluded = whole_numbers("excluded_columns", list(columns))
    outside = (excluded < 0) | (excluded >= attributes_count)
    if outside.any():
        at = first_position(outside)
        raise ValueError(
            f"excluded_columns[{at}] is {excluded[at]}, but profile has {attributes_count} columns: count from 0."
        )
    return excluded
