"""CoLift: how much more often a training is chosen by people of one profile, and after one known choice, than by
everybody.

Additive in the person's profile rows x and known choices H, with coefficients whose prior variance is proportional to
the square of the training's own rate, that is, with shrunken *lifts*:

    score_j(x, H) = constant_j + sum over x of profile_xj + sum over g in H of history_gj

It is the ridge regression from [profile, one random known choice] to the rest of a person's choices, solved in closed
form from `Moments` (d: known weight, A: known by profile, c: known with rest, p: rate of the training, w: mean known
weight):

    history_gj = (c_gj - sum_x A_gx b_xj) / (d_g + kappa_h w / p_j)
    b_j        = (G + Lambda_j - A' D_j A)^-1 (R_j - A' D_j c_j)
    D_j        = diag 1 / (d_g + kappa_h w / p_j),   Lambda_j = kappa_x / p_j

`kappa_x`, one a profile attribute, comes from the evidence of a beta-binomial; `kappa_h` from the likelihood of
held-out people.
"""

from dataclasses import dataclass

import numpy as np

from .moments import Moments
from .ragged import Float32Array, FloatArray, IntArray

STRENGTHS = 10.0 ** np.arange(5.0, -1.05, -0.1)  # strongest first, so that a tie (no evidence) shrinks most
BUCKET_WIDTH = 0.25  # in natural logarithms of the rate


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Tables to be summed for a person: `alone` with no known choice, `base` plus `history` rows with one or more.

    The last row of `alone` and `base` (A+1, M) is the constant; `history` is (M, M), known training by recommended
    training; `rate` (M,) the share of people who chose each training.
    """

    alone: Float32Array
    base: Float32Array
    history: Float32Array
    rate: FloatArray


def rates(moments: Moments) -> FloatArray:
    """(M,) share of people who chose each training, kept away from 0."""
    share: FloatArray = (moments.profile_rest[-1] + 0.5) / (moments.people_count + 1.0)
    return share


def attribute_strengths(moments: Moments, row_attribute: IntArray) -> FloatArray:
    """(A+1,) prior strength kappa_x of every profile row, equal within an attribute; 0 for the constant."""
    strengths = np.zeros(len(row_attribute) + 1)
    for attribute in np.unique(row_attribute):
        rows = np.flatnonzero(row_attribute == attribute)
        carried = np.diag(moments.profile_gram)[rows]
        strengths[rows] = lift_strength(moments.profile_choices[rows], carried / carried.sum())
    return strengths


def lift_strength(counts: FloatArray, share: FloatArray) -> float:
    """Strength kappa of the lifts (n + kappa) / (E + kappa) of a count table (rows, trainings), by marginal likelihood.

    One against the rest: given a training's total, the count in a row of share s is beta-binomial with parameters kappa
    and kappa (1-s)/s, whose posterior mean is exactly that lift.
    """
    if len(share) < 2:
        return float(STRENGTHS[0])
    total = counts.sum(axis=0)
    inside = np.repeat(share[:, None], counts.shape[1], axis=1).ravel()
    cells = np.stack([counts.ravel(), np.tile(total, len(share)), inside])
    cells = cells[:, cells[1] > 0]
    distinct, times = np.unique(cells, axis=1, return_counts=True)
    count, whole, part = distinct
    odds = (1.0 - part) / part
    evidence = [
        float(np.sum(times * (_log_beta(count + k, whole - count + k * odds) - _log_beta(k, k * odds))))
        for k in STRENGTHS
    ]
    return float(STRENGTHS[int(np.argmax(evidence))])


def _log_beta(a: FloatArray | float, b: FloatArray) -> FloatArray:
    return _log_gamma(np.asarray(a)) + _log_gamma(b) - _log_gamma(a + b)


def _log_gamma(x: FloatArray) -> FloatArray:
    """log Gamma(x), x > 0, to 1e-10: Stirling's series after a shift by eight (numpy has none of its own)."""
    shift = np.ones_like(x, dtype=np.float64)
    for step in range(8):
        shift = shift * (x + step)
    y = x + 8.0
    inverse = 1.0 / (y * y)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / y
    result: FloatArray = (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(shift)
    return result


def solve(moments: Moments, row_strengths: FloatArray, history_strength: float) -> Coefficients:
    """The coefficients above. Trainings of like popularity share D and Lambda: one small solve for each bucket."""
    rate = rates(moments)
    if moments.people_count == 0:
        empty = np.zeros_like(moments.profile_rest, dtype=np.float32)
        return Coefficients(empty, empty, np.zeros_like(moments.known_rest, dtype=np.float32), rate)
    mean_weight = moments.known_weight.sum() / moments.known_count if moments.known_count else 0.0
    alone, base = np.zeros_like(moments.profile_rest), np.zeros_like(moments.profile_rest)
    for members in _buckets(rate):
        shared = float(np.exp(np.log(rate[members]).mean()))
        gram = moments.profile_gram + np.diag(row_strengths / shared)
        gram[np.diag_indices(len(gram))] += 1e-9 * moments.people_count
        alone[:, members] = np.linalg.solve(gram, moments.profile_rest[:, members])
        if mean_weight == 0.0:
            base[:, members] = alone[:, members]
            continue
        scaled = (moments.known_profile / (moments.known_weight + history_strength * mean_weight / shared)[:, None]).T
        target = moments.profile_rest[:, members] - scaled @ moments.known_rest[:, members]
        base[:, members] = np.linalg.solve(gram - scaled @ moments.known_profile, target)
    history = _history(moments, base, rate, history_strength * mean_weight)
    return Coefficients(alone.astype(np.float32), base.astype(np.float32), history, rate)


def _history(moments: Moments, base: FloatArray, rate: FloatArray, strength: float) -> Float32Array:
    if strength == 0.0:
        return np.zeros_like(moments.known_rest, dtype=np.float32)
    history = moments.known_rest - moments.known_profile @ base
    history /= moments.known_weight[:, None] + strength / rate
    np.fill_diagonal(history, 0.0)
    return history.astype(np.float32)


def add_up(coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray) -> Float32Array:
    """(people, trainings) scores: constant, profile rows, then known choices in the order given, added elementwise.

    No matrix product: its rounding would depend on a person's place in the batch.
    """
    lengths = np.diff(ptr)
    scores = np.empty((len(lengths), coefficients.base.shape[1]), np.float32)
    for people, table in ((lengths == 0, coefficients.alone), (lengths > 0, coefficients.base)):
        part = np.repeat(table[-1:], int(people.sum()), axis=0)
        for row in rows[people].T:
            known = row >= 0
            part[known] += table[row[known]]
        scores[people] = part
    for position in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > position)
        scores[longer] += coefficients.history[items[ptr[longer] + position]]
    return scores


def _buckets(rate: FloatArray) -> list[IntArray]:
    """Trainings of like rate: fixed steps of its logarithm, so that a new training does not move the others."""
    bucket = np.floor(np.log(rate) / BUCKET_WIDTH).astype(np.int64)
    return [np.flatnonzero(bucket == b) for b in np.unique(bucket)]
