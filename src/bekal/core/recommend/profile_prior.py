"""What a profile says of the taste for a training: lifts shrunken by how far such lifts go, and go together.

    b_j = (G + S^-1 / p_j)^-1 R_j        (A+1,) for training j; the last, the constant, is free

G: people by profile rows, R: their choices, p_j: rate of the training (`Moments`). S (A, A) is the covariance of lifts
b_j / p_j over the profile rows. It begins as a diagonal, one strength kappa_x for each attribute from the evidence of a
beta-binomial, and takes STEPS steps of the EM algorithm, each training counted by its rate, as lists count it. Where
choices are many, that is as good as convergence, and what women, the young and a profession have in common is learned
from all of them; where they are few, S hardly moves from the evidence.
"""

import numpy as np

from .moments import Moments
from .ragged import FloatArray, IntArray

STRENGTHS = 10.0 ** np.arange(5.0, -1.05, -0.1)  # strongest first, so that a tie (no evidence) shrinks most
STEPS = 2
BUCKET_WIDTH = 0.25  # in natural logarithms of the rate


def attribute_strengths(moments: Moments, row_attribute: IntArray) -> FloatArray:
    """(A,) prior strength kappa_x of every profile row, equal within an attribute."""
    strengths = np.zeros(len(row_attribute))
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


def profile_table(moments: Moments, strengths: FloatArray, steps: int = STEPS) -> FloatArray:
    """(A+1, M) the b of every training, from the strengths kappa_x (A,) and `steps` towards the covariance S."""
    covariance = np.diag(1.0 / strengths)
    for _ in range(steps):
        covariance = _step(moments, covariance)
    table = np.zeros_like(moments.profile_rest)
    for members, rate in _buckets(moments.rate):
        table[:, members] = np.linalg.solve(_precision(moments, covariance, rate), moments.profile_rest[:, members])
    return table


def _step(moments: Moments, covariance: FloatArray) -> FloatArray:
    """The mean over trainings, each as often as it is chosen, of lifts times lifts, with what is uncertain of them."""
    size = len(covariance)
    chosen = moments.profile_choices[-1] > 0
    together, weight = np.zeros_like(covariance), 0.0
    for members, rate in _buckets(moments.rate):
        known = members[chosen[members]]
        uncertain = np.linalg.inv(_precision(moments, covariance, rate))
        lifts = (uncertain @ moments.profile_rest[:, known])[:size] / moments.rate[known]
        counted = moments.rate[known]
        together += (lifts * counted) @ lifts.T + counted.sum() * uncertain[:size, :size] / rate
        weight += counted.sum()
    return together / weight if weight > 0 else covariance


def _precision(moments: Moments, covariance: FloatArray, rate: float) -> FloatArray:
    """G + S^-1 / p, with a hair's breadth more on the diagonal, so that it can always be inverted."""
    size = len(covariance)
    precision = moments.profile_gram + 1e-9 * moments.people_count * np.eye(size + 1)
    precision[:size, :size] += np.linalg.inv(covariance) / rate
    return precision


def _buckets(rate: FloatArray) -> list[tuple[IntArray, float]]:
    """Trainings of like rate, which share it here: fixed steps of its logarithm, so that a new training does not move
    the others."""
    bucket = np.floor(np.log(rate) / BUCKET_WIDTH).astype(np.int64)
    groups = [np.flatnonzero(bucket == each) for each in np.unique(bucket)]
    return [(members, float(np.exp(np.log(rate[members]).mean()))) for members in groups]
