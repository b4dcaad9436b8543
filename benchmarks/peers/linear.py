"""Peers that solve one linear system: EASE, EASE with profile columns, k-shot linear with profile."""

from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from benchmarks.peers.peer import Choices, OneHot, Peer, Settings, gram

PROFILE_RIDGE = 100.0
Table = NDArray[np.float64]
LAST_HISTORY = 3  # longer histories are read by the table of this length


class Ease(Peer):
    """Item to item without its own diagonal (Steck 2019): B = I - P diag(1 / diag P), P = (X'WX + ridge)^-1,
    W = n^-weight. Popularity where nothing is known of a person."""

    name = "EASE"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"ridge": ridge, "weight": weight} for weight, ridge in product((0.0, 0.5), (100.0, 300.0, 1500.0, 10000.0))
    )

    def _learn(self, known: Choices) -> None:
        total = gram(known.matrix, user_weights(known, self.settings["weight"]))
        total[np.diag_indices(len(total))] += self.settings["ridge"]
        inverse = np.linalg.inv(total)
        self._table = -inverse / np.diag(inverse)
        np.fill_diagonal(self._table, 0.0)

    def score(self, people: Choices) -> NDArray[np.float64]:
        return np.where(people.counts[:, None] > 0, people.matrix @ self._table, self._share)


class EaseProfile(Peer):
    """EASE on [choices, profile, 1] with the ridge that dropping each known choice with probability `dropout` amounts
    to (Steck 2020): keep^2 G off the diagonal, keep G on it. When it is read, the history counts `scale` times."""

    name = "EASE + profile"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple(
        {"dropout": dropout, "weight": weight, "ridge": ridge}
        for weight, (dropout, ridge) in product(
            (0.0, 0.5), ((0.7, 100.0), (0.9, 100.0), (0.95, 100.0), (0.99, 100.0), (0.99, 1000.0))
        )
    )
    read_grid: ClassVar[tuple[Settings, ...]] = tuple({"scale": scale} for scale in (1.0, 3.0, 10.0, 30.0))

    def _learn(self, known: Choices) -> None:
        weights, keep = user_weights(known, self.settings["weight"]), 1.0 - self.settings["dropout"]
        ridge = self.settings["ridge"]  # of the profile
        self._one_hot = OneHot(known.profile)
        width = len(known.price_rupiah)
        columns = self._one_hot.matrix(known.profile)
        whole = gram(sparse.hstack([known.matrix, columns], format="csr"), weights)
        inputs = whole.copy()
        inputs[:width, :width] *= keep * keep
        inputs[:width, width:] *= keep
        inputs[width:, :width] *= keep
        inputs[np.arange(width), np.arange(width)] = keep * np.diag(whole)[:width] + 1.0
        inputs[np.arange(width, len(inputs)), np.arange(width, len(inputs))] += self._one_hot.penalty(ridge)
        wanted = whole[:, :width].copy()
        wanted[:width] *= keep
        inverse = np.linalg.inv(inputs)
        table = inverse @ wanted
        table -= inverse[:, :width] * (np.diag(table) / np.diag(inverse)[:width])
        self._history, self._profile = table[:width], table[width:]

    def score(self, people: Choices) -> NDArray[np.float64]:
        profile = self._one_hot.matrix(people.profile) @ self._profile
        scores: Table = self.settings["scale"] * (people.matrix @ self._history) + profile
        return scores


class KShot(Peer):
    """For each number k of known choices the ridge regression from [k known, profile, 1] to the person's other choices,
    the expectation over which k of their n are known taken exactly. Rows weigh (n - k)^-weight, 1 on average."""

    name = "k-shot linear + profile"
    fit_grid: ClassVar[tuple[Settings, ...]] = tuple({"weight": weight} for weight in (0.0, 0.5, 1.0))
    read_grid: ClassVar[tuple[Settings, ...]] = tuple(  # of the choices; the profile has at least PROFILE_RIDGE
        {"ridge": ridge} for ridge in (0.3, 1.0, 5.0, 30.0, 200.0, 1000.0)
    )

    def _learn(self, known: Choices) -> None:
        self._one_hot = OneHot(known.profile)
        some = known.of_people(np.flatnonzero(known.counts > 0))
        self._sums = [_k_shot_sums(some, self._one_hot, k, self.settings["weight"]) for k in range(LAST_HISTORY + 1)]
        self.read({})

    def read(self, settings: Settings) -> None:
        super().read(settings)
        ridge, width = self.settings["ridge"], len(self._price)
        penalty = np.append(np.full(width, ridge), self._one_hot.penalty(max(PROFILE_RIDGE, ridge)) + 1e-9)
        self._tables: list[Table] | None = None
        self._factors = []
        for inputs, _ in self._sums:
            whole = inputs.copy()
            whole[np.diag_indices(len(whole))] += penalty[-len(whole) :]
            self._factors.append(cho_factor(whole, overwrite_a=True))

    def finish(self) -> None:
        solved = zip(self._factors, self._sums, strict=True)
        self._tables = [np.ascontiguousarray(cho_solve(factor, wanted)) for factor, (_, wanted) in solved]

    def score(self, people: Choices) -> Table:
        scores = np.empty((len(people), len(people.price_rupiah)))
        profile = self._one_hot.matrix(people.profile)
        both = sparse.hstack([people.matrix, profile], format="csr")
        known = np.minimum(people.counts, LAST_HISTORY)
        for k, (_, wanted) in enumerate(self._sums):
            who = np.flatnonzero(known == k)
            rows = both[who] if k else profile[who]
            if self._tables is not None:
                scores[who] = rows @ self._tables[k]
            elif len(who):
                scores[who] = cho_solve(self._factors[k], rows.toarray().T).T @ wanted
        return scores


def _k_shot_sums(known: Choices, one_hot: OneHot, k: int, weight: float) -> tuple[Table, Table]:
    """(inputs, inputs) and (inputs, trainings) sums of k known choices and the profile; of the profile alone for 0."""
    n = known.counts
    drawn = np.minimum(k, n - 1.0)
    per_person = np.maximum(n - drawn, 1.0) ** -weight
    per_person /= per_person.mean() if len(per_person) else 1.0
    profile = one_hot.matrix(known.profile)
    rest = (profile.T @ sparse.diags(per_person * (n - drawn) / n) @ known.matrix).toarray()
    alike = (profile.T @ sparse.diags(per_person) @ profile).toarray()
    if k == 0:
        return alike, rest
    pairs = np.maximum(n * (n - 1.0), 1.0)
    both_known = gram(known.matrix, per_person * drawn * (drawn - 1.0) / pairs)
    np.fill_diagonal(both_known, known.matrix.T @ (per_person * drawn / n))
    known_rest = gram(known.matrix, per_person * drawn * (n - drawn) / pairs)
    np.fill_diagonal(known_rest, 0.0)
    across = (known.matrix.T @ sparse.diags(per_person * drawn / n) @ profile).toarray()
    return np.block([[both_known, across], [across.T, alike]]), np.concatenate([known_rest, rest])


def user_weights(known: Choices, power: float) -> Table:
    """(people,) n^-power, 0 for who has chosen nothing."""
    weights: Table = np.where(known.counts > 0, np.maximum(known.counts, 1.0) ** -power, 0.0)
    return weights
