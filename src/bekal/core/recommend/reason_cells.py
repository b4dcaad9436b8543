"""Cells "people of a group who completed a training": how many people, and of how many institutions, on both sides."""

import numpy as np
from numpy.typing import NDArray

from .disclosure import MINIMUM_INSTITUTIONS, MINIMUM_PEOPLE
from .ragged import IntArray, blocks, cross, gather, owners

Ragged = tuple[IntArray, IntArray]  # (ptr, items)


def institutions_of(choices: Ragged, home: IntArray) -> Ragged:
    """The institutions whose trainings each person has completed, each once; `home` (trainings,) from 0 upwards."""
    ptr, items = choices
    width = int(home.max(initial=-1)) + 1
    person, institution = np.divmod(np.unique(owners(ptr) * width + home[items]), max(width, 1))
    return np.concatenate([[0], np.cumsum(np.bincount(person, minlength=len(ptr) - 1))]), institution


class ReasonCells:
    """Counts of all cells of some groups in a first reading of the people; in a second, whether those that were chosen
    are safe (`disclosure`). The people come in any blocks."""

    def __init__(self, groups_count: int, trainings_count: int, institutions_count: int) -> None:
        self._width = trainings_count
        self._counts = np.zeros(groups_count * trainings_count, np.int64)
        # People of each group who completed anything of each institution.
        self.reach = np.zeros((groups_count, institutions_count), np.int64)

    def count(self, groups: Ragged, choices: Ragged, institutions: Ragged) -> None:
        """Add people: each one's groups, trainings, and institutions."""
        for people in blocks(np.diff(groups[0]) * np.diff(choices[0])):
            group, training, _ = cross(groups, choices, people)
            self._counts += np.bincount(group * self._width + training, minlength=len(self._counts))
            group, institution, _ = cross(groups, institutions, people)
            reached = np.bincount(group * self.reach.shape[1] + institution, minlength=self.reach.size)
            self.reach += reached.reshape(self.reach.shape)

    def leave_out_themselves(self) -> None:
        """Where the groups are the trainings: none is a reason for itself."""
        self._counts[:: self._width + 1] = 0

    def choose(self, group_size: IntArray, training_count: IntArray, people_count: int, lift: float) -> None:
        """Settle on the cells with people enough on both sides and a lift above `lift` (0: any)."""
        keys = np.flatnonzero(self._counts >= MINIMUM_PEOPLE)
        cells, size = self._counts[keys], group_size[keys // self._width]
        keep = size - cells >= MINIMUM_PEOPLE
        keep &= 10 * cells * people_count > round(10 * lift) * size * training_count[keys % self._width]
        self.keys, self.cells = keys[keep], cells[keep]
        self._counts = np.empty(0, np.int64)  # large, and done with
        self._found = np.full((len(self.keys), MINIMUM_INSTITUTIONS), -1, np.int64)
        self._found_count = np.zeros(len(self.keys), np.int64)
        # An institution that more of the group know than are in the cell is known on the other side, too. Where there
        # are not enough of these, the people of the cell who know each institution are counted.
        groups_count, institutions_count = self.reach.shape
        padded = np.concatenate([np.zeros((groups_count, MINIMUM_INSTITUTIONS), np.int64), self.reach], axis=1)
        least_known = np.sort(padded, axis=1)[:, -MINIMUM_INSTITUTIONS]
        self._doubtful = np.flatnonzero(least_known[self.keys // self._width] <= self.cells)
        self._inside = np.zeros((len(self._doubtful), institutions_count), np.int64)

    def look(self, groups: Ragged, choices: Ragged, institutions: Ragged) -> None:
        """Add people to the institutions of the chosen cells; the same people as were counted."""
        if len(self.keys) == 0:
            return
        for people in blocks(np.diff(groups[0]) * np.diff(choices[0])):
            group, training, person = cross(groups, choices, people)
            key = group * self._width + training
            place = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
            is_chosen = self.keys[place] == key
            is_open = is_chosen & (self._found_count[place] < MINIMUM_INSTITUTIONS)
            self._find(place[is_open], person[is_open], institutions)
            self._count_inside(place[is_chosen], person[is_chosen], institutions)

    def _find(self, place: IntArray, person: IntArray, institutions: Ragged) -> None:
        """Up to MINIMUM_INSTITUTIONS different institutions of each cell: which ones does not matter."""
        for part in blocks(np.diff(institutions[0])[person]):
            lengths, institution = gather(*institutions, person[part])
            cell = np.repeat(place[part], lengths)
            for _ in range(MINIMUM_INSTITUTIONS):
                is_new = (self._found[cell] != institution[:, None]).all(axis=1)
                is_new &= self._found_count[cell] < MINIMUM_INSTITUTIONS
                cell, institution = cell[is_new], institution[is_new]
                cells, first = np.unique(cell, return_index=True)
                self._found[cells, self._found_count[cells]] = institution[first]
                self._found_count[cells] += 1

    def _count_inside(self, place: IntArray, person: IntArray, institutions: Ragged) -> None:
        if len(self._doubtful) == 0:
            return
        doubtful = np.minimum(np.searchsorted(self._doubtful, place), len(self._doubtful) - 1)
        keep = self._doubtful[doubtful] == place
        doubtful, person = doubtful[keep], person[keep]
        for part in blocks(np.diff(institutions[0])[person]):
            lengths, institution = gather(*institutions, person[part])
            cell = np.repeat(doubtful[part], lengths) * self._inside.shape[1] + institution
            self._inside += np.bincount(cell, minlength=self._inside.size).reshape(self._inside.shape)

    @property
    def is_safe(self) -> NDArray[np.bool_]:
        """Of each chosen cell, once everybody was looked at."""
        safe = self._found_count >= MINIMUM_INSTITUTIONS
        outside = self.reach[self.keys[self._doubtful] // self._width] - self._inside
        safe[self._doubtful] &= (outside > 0).sum(axis=1) >= MINIMUM_INSTITUTIONS
        return safe
