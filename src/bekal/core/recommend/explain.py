"""Why a training is on a list, in counts of people that anybody with the purchases can recompute.

Every number is a count of distinct people with a completed choice:

    people_count       people with at least one completed choice
    training_count     people who completed the recommended training Y
    after X            group: people who completed X;               cell: people who completed X and Y
    profile attribute  group: people with the value and a completed choice;   cell: those of them who completed Y

A cell may speak only when cell >= 10, group - cell >= 10, lift = (cell / group) / (training / people) > 1.1, and the
people in the cell have completed trainings of at least 3 institutions between them (all their completed choices count,
X and Y among them), so that one institution's own people cannot make a reason. Excluded columns (sex) never speak.
Nothing here is about one person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_choices, checked_count, checked_profile, first_position, whole_numbers
from .profiles import ProfileRows
from .ragged import IntArray, blocks, cross, gather

MINIMUM_PEOPLE = 10
MINIMUM_INSTITUTIONS = 3
MINIMUM_LIFT = 1.1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why training Y: kind "after" (a known training X), "profile" (one attribute's value) or "popular".

    `training` is X, `attribute` the profile column and `value` its code; -1 where the kind has none.
    """

    kind: str
    attribute: int
    value: int
    training: int
    cell_count: int
    group_count: int
    training_count: int
    people_count: int

    @property
    def share(self) -> float:
        """Part of the group that completed Y, 0 to 1."""
        return self.cell_count / self.group_count if self.group_count else 0.0

    @property
    def lift(self) -> float:
        """How many times as often the group completed Y as everybody did; 1 for "popular"."""
        everybody = self.training_count / self.people_count if self.people_count else 0.0
        return self.share / everybody if everybody else 1.0

    @property
    def share_percent(self) -> int:
        """The share in per cent, rounded to 5, as it may be shown."""
        return 5 * ((40 * self.cell_count + self.group_count) // (2 * self.group_count)) if self.group_count else 0

    @property
    def publishable(self) -> bool:
        """Whether enough people are behind the numbers to show them."""
        return self.cell_count >= MINIMUM_PEOPLE


@dataclass(frozen=True, slots=True)
class ReasonTables:
    """Counts behind the reasons. Only cells that may speak are kept: key group * trainings + training, ascending."""

    people_count: int
    training_count: IntArray  # (M,)
    profiles: ProfileRows
    row_count: IntArray  # (rows,) people of each attribute value
    profile_key: IntArray
    profile_cell: IntArray
    pair_key: IntArray
    pair_cell: IntArray

    @classmethod
    def fit(
        cls,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        institution: ArrayLike,
        excluded_columns: Sequence[int] = (),
    ) -> "ReasonTables":
        """Count completed choices. `institution` (M,) is each training's institution (any whole number); the other
        arrays as for `Recommender.fit`. Columns in `excluded_columns` never make a reason. ValueError for bad arrays.
        """
        home = np.unique(whole_numbers("institution", institution), return_inverse=True)[1].reshape(-1).astype(np.int64)
        starts, chosen = checked_choices(ptr, items, len(home))
        codes = checked_profile(profile, len(starts) - 1)
        codes[:, _checked_columns(excluded_columns, codes.shape[1])] = -1
        active = np.diff(starts) > 0
        choices = (np.concatenate([starts[:1], starts[1:][active]]), chosen)
        profiles = ProfileRows.learn(codes[active])
        rows = profiles.rows(codes[active])
        held = rows >= 0
        groups = (np.concatenate([[0], np.cumsum(held.sum(axis=1))]), rows[held])
        row_count = np.bincount(rows[held], minlength=len(profiles.row_code))
        training_count = np.bincount(chosen, minlength=len(home))
        profile_cells = _speaking_cells(groups, row_count, choices, training_count, home)
        pair_cells = _speaking_cells(choices, training_count, choices, training_count, home)
        return cls(int(active.sum()), training_count, profiles, row_count, *profile_cells, *pair_cells)

    def reason(self, profile_row: ArrayLike, known_items: ArrayLike, training: int) -> Reason:
        """The reason for `training` to a person with these profile codes and known trainings.

        The known training after which it is taken most above its average (tie: the lower training); else the one
        attribute value of highest lift (tie: the lower column); else how many took it.
        """
        trainings_count = len(self.training_count)
        wanted = _checked_training(training, trainings_count)
        row = whole_numbers("profile_row", profile_row)[None, :]
        rows = self.profiles.rows(checked_profile(row, 1, self.profiles.attributes_count))[0]
        known = np.unique(checked_choices([0, np.size(known_items)], known_items, trainings_count)[1])
        after = self._strongest(self.pair_key, self.pair_cell, known, self.training_count, wanted)
        if after is not None:
            return self._reason("after", wanted, after[1], after[2], training=after[0])
        by_value = self._strongest(self.profile_key, self.profile_cell, rows[rows >= 0], self.row_count, wanted)
        if by_value is not None:
            place = by_value[0]
            attribute, value = int(self.profiles.row_attribute[place]), int(self.profiles.row_code[place])
            return self._reason("profile", wanted, by_value[1], by_value[2], attribute=attribute, value=value)
        return self._reason("popular", wanted, int(self.training_count[wanted]), self.people_count)

    def _strongest(
        self, keys: IntArray, cells: IntArray, groups: IntArray, sizes: IntArray, wanted: int
    ) -> tuple[int, int, int] | None:
        """(group, cell, group size) of the group with the highest share, the first of equals; None: none may speak."""
        found: tuple[int, int, int] | None = None
        for group in groups.tolist():
            key = group * len(self.training_count) + wanted
            place = int(np.searchsorted(keys, key))
            if place < len(keys) and keys[place] == key:
                cell, size = int(cells[place]), int(sizes[group])
                if found is None or cell * found[2] > found[1] * size:
                    found = (group, cell, size)
        return found

    def _reason(
        self, kind: str, wanted: int, cell: int, group: int, *, attribute: int = -1, value: int = -1, training: int = -1
    ) -> Reason:
        took = int(self.training_count[wanted])
        return Reason(kind, attribute, value, training, cell, group, took, self.people_count)

    def save(self) -> dict[str, NDArray[Any]]:
        """Arrays for `Recommender.save(extra=...)`; every name starts with reason_."""
        return {
            "reason_size": np.array([self.people_count, self.profiles.attributes_count], np.int64),
            "reason_training_count": self.training_count,
            "reason_row_attribute": self.profiles.row_attribute,
            "reason_row_code": self.profiles.row_code,
            "reason_row_count": self.row_count,
            "reason_profile_key": self.profile_key,
            "reason_profile_cell": self.profile_cell,
            "reason_pair_key": self.pair_key,
            "reason_pair_cell": self.pair_cell,
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> "ReasonTables":
        """The tables that `save` gave, from the arrays of a model file (check their hash with `from_bytes`)."""
        if "reason_size" not in arrays:
            raise ValueError("The arrays hold no reason_size: this model was saved without reasons; fit it anew.")
        people_count, attributes_count = (int(number) for number in arrays["reason_size"])
        profiles = ProfileRows(arrays["reason_row_attribute"], arrays["reason_row_code"], attributes_count)
        tables = ("row_count", "profile_key", "profile_cell", "pair_key", "pair_cell")
        return cls(people_count, arrays["reason_training_count"], profiles, *(arrays[f"reason_{t}"] for t in tables))


def _speaking_cells(
    groups: tuple[IntArray, IntArray],
    group_size: IntArray,
    choices: tuple[IntArray, IntArray],
    training_count: IntArray,
    home: IntArray,
) -> tuple[IntArray, IntArray]:
    """(keys ascending, counts) of the cells "people of a group who completed a training" that may speak.

    `groups` lists each person's groups, `choices` each person's trainings (ptr, items). Where the groups are the
    choices themselves, a training is no reason for itself.
    """
    width = len(training_count)
    work = np.diff(groups[0]) * np.diff(choices[0])
    counts = np.zeros(len(group_size) * width, np.int64)
    for people in blocks(work):
        group, training, _ = cross(groups, choices, people)
        counts += np.bincount(group * width + training, minlength=len(counts))
    if groups is choices:
        counts[np.arange(width) * width + np.arange(width)] = 0
    keys = np.flatnonzero(counts >= MINIMUM_PEOPLE)
    cell, size, took = counts[keys], group_size[keys // width], training_count[keys % width]
    people_count = len(choices[0]) - 1
    lifted = 10 * cell * people_count > round(10 * MINIMUM_LIFT) * size * took
    keys = keys[(size - cell >= MINIMUM_PEOPLE) & lifted]
    seen = np.zeros((len(keys), int(home.max(initial=-1)) + 1), np.bool_)
    enough = np.zeros(len(keys), np.bool_)
    for people in blocks(work):
        group, training, person = cross(groups, choices, people)
        key = group * width + training
        place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
        open_cells = (keys[place] == key) & ~enough[place] if len(keys) else np.zeros(len(key), np.bool_)
        _mark_institutions(seen, place[open_cells], person[open_cells], choices, home)
        enough = seen.sum(axis=1) >= MINIMUM_INSTITUTIONS
    return keys[enough], counts[keys[enough]]


def _mark_institutions(
    seen: NDArray[np.bool_], place: IntArray, person: IntArray, choices: tuple[IntArray, IntArray], home: IntArray
) -> None:
    """Mark, for each cell and person in it, the institutions of all that the person completed."""
    ptr, items = choices
    for part in blocks(np.diff(ptr)[person]):
        lengths, completed = gather(ptr, items, person[part])
        seen[np.repeat(place[part], lengths), home[completed]] = True


def _checked_columns(columns: Sequence[int], attributes_count: int) -> IntArray:
    excluded = whole_numbers("excluded_columns", list(columns))
    outside = (excluded < 0) | (excluded >= attributes_count)
    if outside.any():
        at = first_position(outside)
        raise ValueError(
            f"excluded_columns[{at}] is {excluded[at]}, but profile has {attributes_count} columns: count from 0."
        )
    return excluded


def _checked_training(training: int, trainings_count: int) -> int:
    wanted = checked_count("training", training, minimum=0)
    if wanted >= trainings_count:
        raise ValueError(
            f"training is {wanted}, but there are {trainings_count} trainings: use 0 to {trainings_count - 1}."
        )
    return wanted
