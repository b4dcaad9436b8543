"""Why a training is on a list, in counts of people that anybody with the purchases can recompute.

Every number is a count of distinct people with a completed choice:

    people_count       people with at least one completed choice
    training_count     people who completed the recommended training Y
    after X            group: people who completed X;               cell: people who completed X and Y
    profile attribute  group: people with the value and a completed choice;   cell: those of them who completed Y

A cell may speak only when lift = (cell / group) / (training / people) > 1.1, and when on both of its sides, in the cell
and among the others of the group, there are at least 10 people, who have completed trainings of at least 3 institutions
between them (all their completed choices count, X and Y among them), so that one institution's own people cannot make
a reason. Further cells are kept back where one that may not speak could be computed from those that do (`disclosure`).
Excluded columns (sex) never speak, and no two attributes are crossed. Nothing here is about one person.

What may be shown of all this is `share_percent` of a publishable reason. It changes only with the fit; a person is
forgotten by a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_choices, checked_count, checked_profile, whole_numbers
from .profiles import ProfileRows
from .ragged import IntArray
from .reason_counting import count_reasons
from .streaming import Blocks


@dataclass(frozen=True, slots=True)
class Reason:
    """Why training Y: kind "after" (a known training X), "profile" (one attribute's value) or "popular".

    `training` is X, `attribute` the profile column and `value` its code; -1 where the kind has none. `publishable`:
    enough people of enough institutions are on both sides of the cell for its share to be shown.
    """

    kind: str
    attribute: int
    value: int
    training: int
    cell_count: int
    group_count: int
    training_count: int
    people_count: int
    publishable: bool = True

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


@dataclass(frozen=True, slots=True)
class ReasonTables:
    """Counts behind the reasons. Only cells that may speak are kept: key group * trainings + training, ascending."""

    people_count: int
    training_count: IntArray  # (M,)
    training_speaks: NDArray[np.bool_]  # (M,) whether the share of everybody that took it may be shown
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
        return cls.fit_stream(
            blocks=lambda: [(ptr, items, profile)], institution=institution, excluded_columns=excluded_columns
        )

    @classmethod
    def fit_stream(
        cls, *, blocks: Blocks, institution: ArrayLike, excluded_columns: Sequence[int] = ()
    ) -> "ReasonTables":
        """`fit` to people who come in blocks: `blocks()`, called three times, gives (ptr, items, profile) of some whole
        people at a time, the same people each time; how they are cut changes nothing, nor does memory grow with them.
        """
        home = np.unique(whole_numbers("institution", institution), return_inverse=True)[1].reshape(-1).astype(np.int64)
        counts = count_reasons(blocks, home, excluded_columns)
        return cls(
            counts.people_count,
            counts.training_count,
            counts.training_speaks,
            counts.profiles,
            counts.row_count,
            *counts.profile_cells,
            *counts.pair_cells,
        )

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
        count, publishable = int(self.training_count[wanted]), bool(self.training_speaks[wanted])
        return Reason("popular", -1, -1, -1, count, self.people_count, count, self.people_count, publishable)

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
            "reason_training_speaks": self.training_speaks,
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
        for name in ("reason_size", "reason_training_speaks"):
            if name not in arrays:
                raise ValueError(f"The arrays hold no {name}: this model was saved without reasons; fit it anew.")
        people_count, attributes_count = (int(number) for number in arrays["reason_size"])
        profiles = ProfileRows(arrays["reason_row_attribute"], arrays["reason_row_code"], attributes_count)
        tables = ("row_count", "profile_key", "profile_cell", "pair_key", "pair_cell")
        by_training = (arrays["reason_training_count"], arrays["reason_training_speaks"])
        return cls(people_count, *by_training, profiles, *(arrays[f"reason_{t}"] for t in tables))


def _checked_training(training: int, trainings_count: int) -> int:
    wanted = checked_count("training", training, minimum=0)
    if wanted >= trainings_count:
        raise ValueError(
            f"training is {wanted}, but there are {trainings_count} trainings: use 0 to {trainings_count - 1}."
        )
    return wanted
