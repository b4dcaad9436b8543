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

Where catalogues are made of small fields (courses, not films), a known choice says more than its least squares: then a
power of the pair's own lift, shrunken by PAIR_PRIOR, goes with it (m: mean over people of the score without history):

    history_gj <- history_gj F_gj + m_j (F_gj - 1),    F_gj = ((c_gj + PAIR_PRIOR) / (e_gj + PAIR_PRIOR))^power

with e_gj = (sum of c_g) x (share of j among all choices); a product written as a sum, so that scores stay additive.

Both priors are at least so strong that no few people can push a training into others' lists (`gaming`).

`kappa_x`, one a profile attribute, comes from the evidence of a beta-binomial; `kappa_h` and the power (0: as above)
from held-out people (`choosing`).
"""

from dataclasses import dataclass, replace

import numpy as np

from .gaming import least_history_strengths, needed_of_owners
from .moments import Moments
from .ragged import Float32Array, FloatArray, IntArray

STRENGTHS = 10.0 ** np.arange(5.0, -1.05, -0.1)  # strongest first, so that a tie (no evidence) shrinks most
PAIR_PRIOR = 0.1  # people, each weighted 1/n
LEAST_MEAN = 0.1  # of a training's rate
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


def solve(
    moments: Moments,
    row_strengths: FloatArray,
    history_strength: float,
    lift_power: float = 0.0,
    *,
    is_guarded: bool = True,
) -> Coefficients:
    """The coefficients above. Trainings of like popularity share D and Lambda: one small solve for each bucket.

    Not `is_guarded`: without the least priors of `gaming`, to show what they are good for.
    """
    rate = rates(moments)
    if moments.people_count == 0:
        empty = np.zeros_like(moments.profile_rest, dtype=np.float32)
        return Coefficients(empty, empty, np.zeros_like(moments.known_rest, dtype=np.float32), rate)
    mean_weight = moments.known_weight.sum() / moments.known_count if moments.known_count else 0.0
    least = least_history_strengths(moments, rate, lift_power) if is_guarded else np.zeros(len(rate))
    prior = np.maximum(history_strength, least) * mean_weight  # (M,) by known training
    alone, base = np.zeros_like(moments.profile_rest), np.zeros_like(moments.profile_rest)
    for members in _buckets(rate):
        shared = float(np.exp(np.log(rate[members]).mean()))
        gram = moments.profile_gram + np.diag(row_strengths / shared)
        gram[np.diag_indices(len(gram))] += 1e-9 * moments.people_count
        alone[:, members] = np.linalg.solve(gram, moments.profile_rest[:, members])
        if mean_weight == 0.0:
            base[:, members] = alone[:, members]
            continue
        scaled = (moments.known_profile / (moments.known_weight + prior / shared)[:, None]).T
        target = moments.profile_rest[:, members] - scaled @ moments.known_rest[:, members]
        base[:, members] = np.linalg.solve(gram - scaled @ moments.known_profile, target)
    history = _history(moments, base, rate, prior)
    solved = Coefficients(alone.astype(np.float32), base.astype(np.float32), history, rate)
    if lift_power == 0.0:
        return solved
    return replace(solved, history=lifted(history, moments, solved, lift_power, np.arange(len(rate))))


def lifted(
    history: Float32Array, moments: Moments, coefficients: Coefficients, power: float, known: IntArray
) -> Float32Array:
    """The `history` rows of the trainings `known`, with a power of the pairs' lifts (see above)."""
    together = moments.known_rest[known]
    share = moments.profile_rest[-1] / max(float(moments.profile_rest[-1].sum()), 1.0)
    expected = together.sum(axis=1)[:, None] * share
    prior = np.maximum(PAIR_PRIOR, needed_of_owners(moments)[known, None] / 2.0)
    factor = ((together + prior) / (expected + prior)) ** power
    carried = np.diag(moments.profile_gram) / max(moments.people_count, 1)
    mean = np.maximum(np.einsum("a,am->m", carried, coefficients.base), LEAST_MEAN * coefficients.rate)
    rows: FloatArray = history * factor + mean * (factor - 1.0)
    rows[np.arange(len(known)), known] = 0.0
    result: Float32Array = rows.astype(np.float32)
    return result


def _history(moments: Moments, base: FloatArray, rate: FloatArray, prior: FloatArray) -> Float32Array:
    if not prior.any():
        return np.zeros_like(moments.known_rest, dtype=np.float32)
    history = moments.known_rest - moments.known_profile @ base
    history /= moments.known_weight[:, None] + prior[:, None] / rate
    np.fill_diagonal(history, 0.0)
    return history.astype(np.float32)


def add_up(coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray) -> Float32Array:
    """(people, trainings) scores: constant, profile rows, then known choices in the order given, added elementwise.

    No matrix product: its rounding would depend on a person's place in the batch.
    """
    if len(ptr) == 2:
        return _sum_of_one(coefficients, items, rows[0])
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


def _sum_of_one(coefficients: Coefficients, items: IntArray, rows: IntArray) -> Float32Array:
    """The same sum for one person, the set that a page asks for, without the cost of sorting people."""
    table = coefficients.base if len(items) else coefficients.alone
    scores: Float32Array = table[-1].copy()
    for row in rows.tolist():
        if row >= 0:
            scores += table[row]
    for item in items.tolist():
        scores += coefficients.history[item]
    return scores.reshape(1, -1)


def _buckets(rate: FloatArray) -> list[IntArray]:
    """Trainings of like rate: fixed steps of its logarithm, so that a new training does not move the others."""
    bucket = np.floor(np.log(rate) / BUCKET_WIDTH).astype(np.int64)
    return [np.flatnonzero(bucket == b) for b in np.unique(bucket)]
