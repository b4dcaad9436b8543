"""CoLift: how much more often a training is chosen by people of one profile, and after one known choice, than by
everybody.

Additive in the person's profile rows x and known choices H:

    score_j(x, H) = constant_j + sum over x of profile_xj + sum over g in H of history_gj

in closed form from `Moments` (G: people by profile; R: rest by profile; d: known weight; A: known by profile; c: known
with rest; p_j: rate of the training, p: of that of a random choice; w: mean known weight). The profile first, then what
it leaves open of the rest:

    b_j        = (G + S^-1 / p_j)^-1 R_j
    r_gj       = c_gj - sum_x A_gx b_xj
    history_gj = s_gj / (d_g + OWNERS w + u_gj e_gj) + (r_gj - s_gj) / (d_g + max(kappa_h w / p, e_gj))

S is the covariance of lifts b_j / p_j over profile rows (`profile_prior`); s is the part of r that many pairs of
trainings have in common (`structure`); what a pair has of its own is shrunk by kappa_h; e is as much as it takes that
no few people can push a training into others' lists (`gaming`), u is 1 where hardly anybody has chosen j, less where
more have.

kappa_h comes from held-out people (`choosing`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gaming import least_history_strengths, needed_of_owners
from .moments import Moments
from .profile_prior import profile_table
from .ragged import Float32Array, FloatArray, IntArray
from .structure import OWNERS, in_common

LISTED = 10  # trainings of a list that accomplices would push one into


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Tables to be summed for a person: the last row of `profile` (A+1, M) is the constant; `history` is (M, M), known
    training by recommended training; `rate` (M,) the share of people who chose each training."""

    profile: Float32Array
    history: Float32Array
    rate: FloatArray


def solve(
    moments: Moments, row_strengths: FloatArray, history_strength: float, *, is_guarded: bool = True
) -> Coefficients:
    """The coefficients above. `row_strengths` (A,): kappa_x of every profile row.

    Not `is_guarded`: without the least priors of `gaming`, to show what they are good for.
    """
    parts = Parts.of(moments, row_strengths, is_guarded=is_guarded)
    history = parts.history(history_strength, np.arange(len(moments.rate)))
    return Coefficients(parts.profile.astype(np.float32), history, moments.rate)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the coefficients are made of whatever kappa_h is: `profile` b (A+1, M), `open` r and `common` s (M, M)."""

    moments: Moments
    profile: FloatArray
    open: Float32Array
    common: Float32Array
    is_guarded: bool = True

    @classmethod
    def of(cls, moments: Moments, row_strengths: FloatArray, *, is_guarded: bool = True) -> "Parts":
        """The costly half of `solve`."""
        if moments.people_count == 0:
            nothing = np.zeros_like(moments.known_rest, dtype=np.float32)
            return cls(moments, np.zeros_like(moments.profile_rest), nothing, nothing, is_guarded)
        table = profile_table(moments, row_strengths)
        rest = moments.known_rest - moments.known_profile @ table
        np.fill_diagonal(rest, 0.0)
        common = in_common(rest, moments)
        return cls(moments, table, rest.astype(np.float32), common.astype(np.float32), is_guarded)

    def history(self, strength: float, known: IntArray) -> Float32Array:
        """(known, M) the rows of `history` of the trainings `known`, by kappa_h."""
        moments = self.moments
        if moments.mean_weight == 0.0:
            return np.zeros((len(known), len(moments.rate)), np.float32)
        rows = self._rows(strength, known, np.zeros(len(known)))
        if not self.is_guarded:
            return rows
        usual = self._usual
        listed = np.repeat(_last_listed(usual[None, :]), len(moments.rate))
        listed[known] = np.minimum(listed[known], _last_listed(usual.astype(np.float32) + rows))
        least = least_history_strengths(moments, listed)[known]
        risky = np.flatnonzero(least)
        rows[risky] = self._rows(strength, known[risky], least[risky])
        return rows

    def _rows(self, strength: float, known: IntArray, least: FloatArray) -> Float32Array:
        """`history`, with priors of at least `least` (known,)."""
        moments, unit = self.moments, self.moments.mean_weight
        weight = moments.known_weight[known, None].astype(np.float32)
        common, rows = self.common[known], self.open[known]
        rows -= common
        own = np.float32(strength * unit / moments.usual_rate)
        few = np.float32(OWNERS * unit)
        if least.any():
            guard = least[:, None].astype(np.float32) * (unit / moments.rate).astype(np.float32)
            rows /= np.maximum(guard, own) + weight
            pushed = needed_of_owners(moments)[known, None] / moments.people_count  # the rate of what accomplices push
            guard *= np.minimum(pushed / moments.rate, 1.0).astype(np.float32)
            common /= guard + (weight + few)
        else:
            rows /= weight + own
            common /= weight + few
        rows += common
        rows[np.arange(len(known)), known] = 0.0
        return rows

    @property
    def _usual(self) -> FloatArray:
        """(M,) the mean over people of the score without history."""
        carried = np.diag(self.moments.profile_gram) / max(self.moments.people_count, 1)
        usual: FloatArray = np.einsum("a,am->m", carried, self.profile)
        return usual


def _last_listed(scores: NDArray[np.floating[Any]]) -> FloatArray:
    """(rows,) the score that stands last on a list of LISTED."""
    last = max(scores.shape[1] - LISTED, 0)
    found: FloatArray = np.partition(scores, last, axis=1)[:, last].astype(np.float64)
    return found


def add_up(coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray) -> Float32Array:
    """(people, trainings) scores: constant, profile rows, then known choices in the order given, added elementwise.

    No matrix product: its rounding would depend on a person's place in the batch.
    """
    if len(ptr) == 2:
        return _sum_of_one(coefficients, items, rows[0])
    lengths = np.diff(ptr)
    scores = np.repeat(coefficients.profile[-1:], len(lengths), axis=0)
    for row in rows.T:
        known = row >= 0
        scores[known] += coefficients.profile[row[known]]
    for position in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > position)
        scores[longer] += coefficients.history[items[ptr[longer] + position]]
    return scores


def _sum_of_one(coefficients: Coefficients, items: IntArray, rows: IntArray) -> Float32Array:
    """The same sum for one person, the set that a page asks for, without the cost of sorting people."""
    scores: Float32Array = coefficients.profile[-1].copy()
    for row in rows.tolist():
        if row >= 0:
            scores += coefficients.profile[row]
    for item in items.tolist():
        scores += coefficients.history[item]
    return scores.reshape(1, -1)
