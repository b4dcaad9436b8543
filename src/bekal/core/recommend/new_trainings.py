"""What to expect of a training that (almost) nobody has chosen yet: what trainings like it are to the same people.

Like in category, institution, price band, mode, or whatever columns `features` has. Lifts (coefficients over the
training's own rate) are what can be carried over from one training to another: the popularity of another is not.

    lift_j = mean + sum over features f of theta_f (mean of f's trainings of the same value - mean),   theta_f >= 0

theta is fitted on the trainings with a record, each predicted from the others of its values (least squares, weighted by
how many chose it), so a feature that says nothing about taste gets nothing. Rates are expected in the same way, in
logarithms. What few have chosen is judged
n parts by its own record and PSEUDO_COUNT parts by this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from .colift import Coefficients
from .ragged import Float32Array, FloatArray, IntArray

PSEUDO_COUNT = 10


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much each feature says: of taste (`theta`, by column of `features`) and of popularity (`phi`)."""

    theta: FloatArray
    phi: FloatArray


def extended(
    coefficients: Coefficients,
    *,
    place: IntArray,
    features: IntArray,
    is_cold: NDArray[np.bool_],
    chosen_count: IntArray,
) -> tuple[Coefficients, Likeness]:
    """Coefficients for T trainings: position `place` (-1: new since the fit) of those given, `features` (T, F) codes,
    `is_cold` (T,) which of them lean on others (all new ones do), `chosen_count` (T,) people who chose each."""
    cold = is_cold | (place < 0)
    groups = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in features.T]
    record = np.where(cold, 0, chosen_count).astype(np.float64)
    seen = place >= 0
    rate = np.where(seen, coefficients.rate[place], coefficients.rate.min(initial=1.0))
    lifts = np.where(seen, coefficients.profile[:, place], 0.0) / rate
    taste = _Expectation.learn(lifts, groups, record)
    popularity = _Expectation.learn(np.log(rate)[None, :], groups, np.minimum(record, 1.0))
    trust = np.where(cold, chosen_count / (chosen_count + PSEUDO_COUNT), 1.0)
    trust[~seen] = 0.0
    rate = np.where(cold, trust * rate + (1.0 - trust) * np.exp(popularity.expected[0]), rate)
    columns = rate * np.where(cold, trust * lifts + (1.0 - trust) * taste.expected, lifts)
    columns[:, ~cold] = coefficients.profile[:, place[~cold]]  # what has a record stays as it was, to the bit
    return (
        Coefficients(
            profile=columns.astype(np.float32),
            history=_history(coefficients, place, cold, taste, rate, trust),
            rate=rate,
        ),
        Likeness(taste.weights, popularity.weights),
    )


def _history(
    coefficients: Coefficients,
    place: IntArray,
    cold: NDArray[np.bool_],
    taste: "_Expectation",
    rate: FloatArray,
    trust: FloatArray,
) -> Float32Array:
    """(T, T): what a known choice adds to a cold training is expected like its lifts; a new known choice adds what
    those like it add."""
    seen, count = place >= 0, len(place)
    history = np.zeros((count, count), np.float32)
    history[np.ix_(seen, seen)] = coefficients.history[np.ix_(place[seen], place[seen])]
    usual = rate.copy()
    usual[seen] = coefficients.rate[place[seen]]
    mean = taste.mean_of(history / usual)
    for column in np.flatnonzero(cold).tolist():
        expected = mean + taste.beside(column, lambda members: (history[:, members] / usual[members]).T - mean)
        own = history[:, column] / usual[column]
        history[:, column] = rate[column] * (trust[column] * own + (1.0 - trust[column]) * expected)
    mean = taste.mean_of(history.T)
    for row in np.flatnonzero(~seen).tolist():
        history[row] = mean + taste.beside(row, lambda members: history[members] - mean)
    np.fill_diagonal(history, 0.0)
    return history


@dataclass(frozen=True, slots=True)
class _Expectation:
    """What to expect of each training from the others of its values: `expected` (rows, T)."""

    expected: FloatArray
    weights: FloatArray  # (F,)
    shares: FloatArray  # (T,) of each training in the mean over all
    groups: list[IntArray]

    @classmethod
    def learn(cls, values: FloatArray, groups: list[IntArray], record: FloatArray) -> "_Expectation":
        shares = record / record.sum() if record.any() else np.full(len(record), 1.0 / max(len(record), 1))
        mean = (values * shares).sum(axis=1)
        beside = values - mean[:, None]
        others = [_mean_of_others(beside, group, record) for group in groups]
        scale = np.sqrt(record)
        if not (record.any() and groups):
            return cls(np.repeat(mean[:, None], len(record), axis=1), np.zeros(len(groups)), shares, groups)
        asked = np.stack([(other * scale).reshape(-1) for other in others], axis=1)
        weights = nnls(asked, (beside * scale).reshape(-1))[0]
        expected = mean[:, None] + sum(weight * other for weight, other in zip(weights, others, strict=True))
        return cls(expected, weights, shares, groups)

    def mean_of(self, values: NDArray[Any]) -> FloatArray:
        """(rows,) mean over the trainings with a record of (rows, T) values."""
        mean: FloatArray = np.einsum("rt,t->r", values, self.shares)
        return mean

    def beside(self, training: int, values: Callable[[IntArray], NDArray[Any]]) -> FloatArray | float:
        """What is to be added to the mean for one training without a record; `values(members)` (members, rows) tells
        how its members differ from it."""
        added: FloatArray | float = 0.0
        for weight, group in zip(self.weights, self.groups, strict=True):
            members = np.flatnonzero((group == group[training]) & (self.shares > 0))
            if weight > 0 and len(members):
                added = added + weight * np.average(values(members), axis=0, weights=self.shares[members])
        return added


def _mean_of_others(values: FloatArray, group: IntArray, record: FloatArray) -> FloatArray:
    """(rows, T) for each training the mean of the others of its group, weighted by record; 0 where there is none."""
    size = int(group.max(initial=-1)) + 1
    weighted = values * record
    sums = np.stack([np.bincount(group, weights=row, minlength=size) for row in weighted])
    total = np.bincount(group, weights=record, minlength=size)[group] - record
    rest = sums[:, group] - weighted
    return np.divide(rest, total, out=np.zeros_like(rest), where=total > 1e-9)
