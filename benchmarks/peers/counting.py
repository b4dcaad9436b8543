"""Peers that count: popularity by segment, neighbours by profile, neighbours by profile and shared choices."""

from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.peers.peer import Choices, OneHot, Peer, Settings

NONE_IN_COMMON = 0.1


class ProfileRidge(Peer):
    """Linear regression of every training on the profile."""

    name = "profile ridge"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"ridge": ridge} for ridge in (10.0, 100.0, 1000.0, 3000.0, 10000.0)
    )

    def _learn(self, known: Choices) -> None:
        self._one_hot = OneHot(known.profile)
        rows = self._one_hot.matrix(known.profile)
        penalty = np.diag(self._one_hot.penalty(self.settings["ridge"]) + 1e-9)
        self._table = np.linalg.solve((rows.T @ rows).toarray() + penalty, (rows.T @ known.matrix).toarray())

    def score(self, people: Choices) -> NDArray[np.float64]:
        return self._one_hot.matrix(people.profile) @ self._table


class ProfileKnn(Peer):
    """Everybody is a neighbour, with weight (attributes in common)^kernel; who shares none counts next to nothing."""

    name = "profile kNN"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple({"kernel": kernel} for kernel in (1.0, 2.0, 3.0, 4.0))

    def _learn(self, known: Choices) -> None:
        self._profiles, member = np.unique(known.profile, axis=0, return_inverse=True)
        shape = (len(self._profiles), len(known))
        inside = sparse.csr_matrix((np.ones(len(known)), (member.reshape(-1), np.arange(len(known)))), shape)
        self._counts, self._people = (inside @ known.matrix).toarray(), inside.sum(axis=1).A1

    def score(self, people: Choices) -> NDArray[np.float64]:
        asked, place = np.unique(people.profile, axis=0, return_inverse=True)
        weight = nearness(asked, self._profiles, self.settings["kernel"])
        return ((weight @ self._counts) / (weight @ self._people)[:, None])[place.reshape(-1)]


class UserKnn(Peer):
    """Everybody is a neighbour, with weight (attributes in common)^kernel, times (1 + shared choices / step)^power /
    (number of the neighbour's choices + 10) where there is a history."""

    name = "user kNN"
    read_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"kernel": kernel, "step": step, "power": power}
        for kernel, (step, power) in product((1.0, 2.0, 3.0), ((0.1, 3.0), (0.3, 3.0), (0.1, 2.0), (1.0, 2.0)))
    )

    def _learn(self, known: Choices) -> None:
        self._known = known
        self._columns = known.matrix.T.tocsr()
        self._matrix = known.matrix.astype(np.float32)

    @property
    def width(self) -> int:
        return max(len(self._known), len(self._price))

    def score(self, people: Choices) -> NDArray[np.float32]:
        shared = (people.matrix @ self._columns).toarray()
        near = (1.0 + shared / self.settings["step"]) ** self.settings["power"] / (self._known.counts + 10.0)
        near[people.counts == 0] = 1.0
        weight = near * nearness(people.profile, self._known.profile, self.settings["kernel"])
        weight /= weight.sum(axis=1, keepdims=True)
        scores: NDArray[np.float32] = (self._matrix.T @ weight.T.astype(np.float32)).T
        return scores


def nearness(left: NDArray[np.int64], right: NDArray[np.int64], kernel: float) -> NDArray[np.float64]:
    """(left, right) attributes in common, to the power of `kernel`; NONE_IN_COMMON where there are none."""
    agree = np.zeros((len(left), len(right)))
    for mine, theirs in zip(left.T, right.T, strict=True):
        agree += (mine[:, None] == theirs[None, :]) & (mine[:, None] >= 0)
    weight: NDArray[np.float64] = np.where(agree > 0, agree, NONE_IN_COMMON) ** kernel
    return weight
