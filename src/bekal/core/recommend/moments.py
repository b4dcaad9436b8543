"""What the model learns from: sums over people, kept exact so that the order of people cannot change a fit.

The only fraction is 1/n, one over a person's number of choices. It is rounded to a multiple of 2**-24, and sums of such
multiples are exact in float64 up to half a thousand million people: any order, any split into shards and any
subtraction gives the same bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ragged import FloatArray, IntArray, blocks, cross, owners

UNIT = float(1 << 24)


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over people for A one-hot profile rows (the last row, index A, is the constant) and M trainings.

    "Known" is one choice drawn at random from a person with n >= 2 choices (weight 1/n each); "rest" is what remains.
    """

    people_count: int
    known_count: int  # choices of people with n >= 2
    profile_gram: FloatArray  # (A+1, A+1) people who carry both profile rows
    profile_choices: FloatArray  # (A+1, M) people of the row who chose the training
    profile_rest: FloatArray  # (A+1, M) the same, each choice weighted (n-1)/n; 1 where n = 1
    known_profile: FloatArray  # (M, A+1) owners of the training by profile row, each weighted 1/n
    known_rest: FloatArray  # (M, M) owners of both trainings, each weighted 1/n; zero diagonal

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, part.name) - getattr(other, part.name) for part in fields(self)))

    @classmethod
    def nobody(cls, rows_count: int, trainings_count: int) -> "Moments":
        """The sums over no people at all."""
        size = rows_count + 1
        return cls(
            0,
            0,
            np.zeros((size, size)),
            np.zeros((size, trainings_count)),
            np.zeros((size, trainings_count)),
            np.zeros((trainings_count, size)),
            np.zeros((trainings_count, trainings_count)),
        )

    def placed(self, rows: IntArray, rows_count: int, trainings_count: int) -> "Moments":
        """The same sums in larger tables: profile row r becomes `rows[r]` of `rows_count`, further trainings are added
        at the end."""
        wider = Moments.nobody(rows_count, trainings_count)
        here = np.append(rows, rows_count)
        width = slice(0, len(self.known_rest))
        wider.profile_gram[np.ix_(here, here)] = self.profile_gram
        wider.profile_choices[here, width] = self.profile_choices
        wider.profile_rest[here, width] = self.profile_rest
        wider.known_profile[width, here] = self.known_profile
        wider.known_rest[width, width] = self.known_rest
        return replace(wider, people_count=self.people_count, known_count=self.known_count)

    def only(self, keep: NDArray[np.bool_]) -> "Moments":
        """Without the profile rows that `keep` (rows,) says False of."""
        rows = np.append(np.flatnonzero(keep), len(keep))
        return replace(
            self,
            profile_gram=self.profile_gram[np.ix_(rows, rows)],
            profile_choices=self.profile_choices[rows],
            profile_rest=self.profile_rest[rows],
            # Laid out as if it had been counted so: the layout decides how a matrix product rounds.
            known_profile=np.ascontiguousarray(self.known_profile[:, rows]),
        )

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Everything as arrays, for a file; `of_arrays` reads them."""
        return {f"{prefix}{part.name}": np.asarray(getattr(self, part.name)) for part in fields(self)}

    @classmethod
    def of_arrays(cls, prefix: str, arrays: Mapping[str, NDArray[Any]]) -> "Moments":
        """What `arrays` gave."""
        found: dict[str, Any] = {part.name: arrays[f"{prefix}{part.name}"] for part in fields(cls)}
        counts = {name: int(found[name]) for name in ("people_count", "known_count")}
        return cls(**{**found, **counts})

    @property
    def is_possible(self) -> bool:
        """Whether these can be sums over people: none is below zero."""
        return all(np.min(getattr(self, part.name), initial=0) >= 0 for part in fields(self))

    @property
    def rate(self) -> FloatArray:
        """(M,) share of people who chose each training, kept away from 0."""
        share: FloatArray = (self.profile_rest[-1] + 0.5) / (self.people_count + 1.0)
        return share

    @property
    def usual_rate(self) -> float:
        """The rate of the training of a random choice, mean over choices; 1 where nobody chose anything."""
        chosen = self.profile_rest[-1]
        total = float(chosen.sum()) * self.people_count
        return float(np.square(chosen).sum()) / total if total > 0 else 1.0

    @property
    def mean_weight(self) -> float:
        """Of one known choice: about 1 over the mean number of choices; 0 where nothing is known of anybody."""
        return float(self.known_weight.sum()) / self.known_count if self.known_count else 0.0

    @property
    def known_weight(self) -> FloatArray:
        """(M,) weight with which each training was the known one."""
        return self.known_profile[:, -1]


def count_moments(ptr: IntArray, items: IntArray, rows: IntArray, rows_count: int, trainings_count: int) -> Moments:
    """Moments of people whose profile rows are `rows` (people, attributes; -1 = unknown), out of `rows_count`."""
    lengths = np.diff(ptr)
    known = np.where(lengths >= 2, np.rint(UNIT / np.maximum(lengths, 1)) / UNIT, 0.0)
    person = owners(ptr)
    design = np.column_stack([rows, np.full(len(lengths), rows_count, np.int64)])
    return Moments(
        people_count=len(lengths),
        known_count=int(lengths[lengths >= 2].sum()),
        profile_gram=_profile_gram(design, rows_count + 1),
        profile_choices=_by_profile(design, person, items, np.ones(len(lengths)), rows_count + 1, trainings_count),
        profile_rest=_by_profile(design, person, items, 1.0 - known, rows_count + 1, trainings_count),
        known_profile=_by_profile(design, person, items, known, rows_count + 1, trainings_count).T.copy(),
        known_rest=pair_table(ptr, items, known, trainings_count),
    )


def _profile_gram(design: IntArray, size: int) -> FloatArray:
    gram = np.zeros(size * size)
    for left in design.T:
        for right in design.T:
            both = (left >= 0) & (right >= 0)
            gram += np.bincount(left[both] * size + right[both], minlength=size * size)
    return gram.reshape(size, size)


def _by_profile(
    design: IntArray, person: IntArray, items: IntArray, weight: FloatArray, size: int, trainings_count: int
) -> FloatArray:
    table = np.zeros(size * trainings_count)
    for column in design.T:
        row = column[person]
        seen = row >= 0
        key = row[seen] * trainings_count + items[seen]
        table += np.bincount(key, weights=weight[person[seen]], minlength=len(table))
    return table.reshape(size, trainings_count)


def pair_table(ptr: IntArray, items: IntArray, weight: FloatArray, trainings_count: int) -> FloatArray:
    """(M, M) sum over people of `weight` (people) for each ordered pair of different trainings they chose."""
    square = np.zeros((trainings_count, trainings_count))
    table = square.reshape(-1)
    lengths = np.diff(ptr)
    for people in blocks(np.where((lengths >= 2) & (weight > 0), lengths * lengths, 0)):
        known, rest, person = cross((ptr, items), (ptr, items), people)
        table += np.bincount(known * trainings_count + rest, weights=weight[person], minlength=len(table))
    np.fill_diagonal(square, 0.0)
    return square
