"""What every peer has in common: it learns from completed choices and lists like `Recommender`, by a dense score."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bekal.core.recommend.profiles import ProfileRows

Settings = dict[str, Any]
Scores = NDArray[np.float32]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CELLS_AT_ONCE = 20_000_000


@dataclass(frozen=True)
class Choices:
    """Choices of person u: `items[ptr[u]:ptr[u+1]]`; `profile` (people, attributes) codes; a price a training."""

    ptr: NDArray[np.int64]
    items: NDArray[np.int64]
    profile: NDArray[np.int64]
    price_rupiah: NDArray[np.int64]

    @classmethod
    def of(cls, ptr: Any, items: Any, profile: Any, price_rupiah: Any) -> "Choices":
        """The same from arrays of any whole numbers."""
        return cls(*(np.asarray(each).astype(np.int64) for each in (ptr, items, profile, price_rupiah)))

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """(people, trainings) of ones, float64."""
        shape = (len(self), len(self.price_rupiah))
        return sparse.csr_matrix((np.ones(len(self.items)), self.items, self.ptr), shape=shape)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """(people,) how many choices each has."""
        return np.diff(self.ptr).astype(np.float64)

    def of_people(self, people: NDArray[np.int64]) -> "Choices":
        """The same of some people, in their order."""
        lengths = np.diff(self.ptr)[people]
        ptr = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.ptr[people] - ptr[:-1], lengths) + np.arange(ptr[-1])
        return Choices(ptr, self.items[places], self.profile[people], self.price_rupiah)


class OneHot:
    """Profiles as rows of ones: one column for each value that training people had, and one last for everybody."""

    def __init__(self, profile: NDArray[np.int64]) -> None:
        self.rows = ProfileRows.learn(profile)

    def matrix(self, profile: NDArray[np.int64]) -> sparse.csr_matrix:
        """(people, values + 1); a value never seen has no column."""
        places = self.rows.rows(np.asarray(profile).astype(np.int64))
        width = len(self.rows.row_attribute)
        columns = np.concatenate([places, np.full((len(places), 1), width)], axis=1)
        known = columns >= 0
        ptr = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        return sparse.csr_matrix((np.ones(int(ptr[-1])), columns[known], ptr), shape=(len(places), width + 1))

    def penalty(self, strength: float) -> NDArray[np.float64]:
        """(values + 1,) ridge of every column; the last, what all have in common, is free."""
        return np.append(np.full(len(self.rows.row_attribute), strength), 0.0)


class Peer:
    """One method under comparison. Settings of `fit_grid` need a fit of their own; those of `read_grid` only change how
    what was learned is read. `package`: what has to be installed for it, where it is no part of ours."""

    name: ClassVar[str]
    package: ClassVar[str | None] = None
    fit_grid: ClassVar[tuple[Settings, ...]] = ({},)
    read_grid: ClassVar[tuple[Settings, ...]] = ({},)

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        """`settings`: those that differ from the first of each grid."""
        self.seed = seed
        self.settings: Settings = {**self.fit_grid[0], **self.read_grid[0], **settings}

    def fit(self, *, ptr: Any, items: Any, profile: Any, price_rupiah: Any) -> "Peer":
        """Learn; arrays as for `Recommender.fit`. Returns itself."""
        self.learn(Choices.of(ptr, items, profile, price_rupiah))
        self.finish()
        return self

    def learn(self, known: Choices) -> None:
        """Learn, with the settings of `fit_grid`."""
        self._price = known.price_rupiah
        self._share = (known.matrix.sum(axis=0).A1 / max(len(known), 1)).astype(np.float32)
        self._learn(known)

    def read(self, settings: Settings) -> None:
        """Go on with other settings of `read_grid`."""
        self.settings = {**self.settings, **settings}

    def finish(self) -> None:
        """Prepare for many people, where that costs more than it saves while settings are tried out."""

    @property
    def width(self) -> int:
        """Numbers held for one person while they are scored."""
        return len(self._price)

    def score(self, people: Choices) -> NDArray[Any]:
        """(people, trainings): the higher, the sooner."""
        raise NotImplementedError

    def recommend(
        self, *, ptr: Any, items: Any, profile: Any, balance_rupiah: Any = None, n: int = 10
    ) -> tuple[NDArray[np.int32], Scores]:
        """Lists as of `Recommender.recommend`: never what is known, never above the balance; -1 where fewer fit."""
        people = Choices.of(ptr, items, profile, self._price)
        balance = None if balance_rupiah is None else np.asarray(balance_rupiah).astype(np.int64)
        found = np.full((len(people), n), -1, np.int32)
        values = np.full((len(people), n), -np.inf, np.float32)
        step = max(1, CELLS_AT_ONCE // max(self.width, 1))
        for first in range(0, len(people), step):
            part = np.arange(first, min(first + step, len(people)))
            some = people.of_people(part)
            scores = self.score(some).astype(np.float32)
            scores[np.repeat(np.arange(len(part)), np.diff(some.ptr)), some.items] = -np.inf
            if balance is not None:
                scores[self._price[None, :] > balance[part, None]] = -np.inf
            found[part], values[part] = self.order(some, scores, n)
        return found, values

    def order(self, people: Choices, scores: Scores, n: int) -> tuple[NDArray[np.int32], Scores]:
        """Lists of n out of scores that are -inf where a training may not be listed."""
        return best(scores, n)

    def _learn(self, known: Choices) -> None:
        raise NotImplementedError


def best(scores: Scores, n: int) -> tuple[NDArray[np.int32], Scores]:
    """The n best columns of each row and their scores, best first; -1 and -inf where fewer are finite."""
    width = min(n, scores.shape[1])
    columns = np.sort(np.argpartition(-scores, width - 1, axis=1)[:, :width], axis=1)
    picked = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-picked, axis=1, kind="stable")
    columns, picked = np.take_along_axis(columns, order, axis=1), np.take_along_axis(picked, order, axis=1)
    found, values = np.full((len(scores), n), -1, np.int32), np.full((len(scores), n), -np.inf, np.float32)
    found[:, :width], values[:, :width] = np.where(picked > -np.inf, columns, -1), picked
    return found, values


def gram(rows: sparse.csr_matrix, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """rows' diag(weights) rows, summed in float64: float32 becomes singular with many people.

    Sparse where that is less work, otherwise dense a part of the people at a time."""
    if float(np.sum(np.diff(rows.indptr).astype(np.float64) ** 2)) < rows.shape[1] ** 2 * rows.shape[0] / 400:
        return (rows.T @ sparse.diags(weights) @ rows).toarray()
    total = np.zeros((rows.shape[1], rows.shape[1]))
    step = max(1, CELLS_AT_ONCE // rows.shape[1])
    for first in range(0, rows.shape[0], step):
        dense = rows[first : first + step].toarray()
        total += (dense * weights[first : first + step, None]).T @ dense
    return total
