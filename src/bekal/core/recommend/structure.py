"""What pairs of trainings have in common: of a table of pair counts, the part that stands out of chance as a whole.

Few people chose any two trainings, but that those who chose one of a kind choose others of it shows in very many pairs
at once. Scaled to a variance of 1 under chance, a table of a rows and b columns without any such structure has no
singular value above sqrt(a) + sqrt(b); what is above is shrunk to where its expected squared error is least (Gavish
and Donoho, Optimal shrinkage of singular values, IEEE Trans. Inf. Theory 63, 2017; Frobenius norm, known noise):

    s  ->  sqrt((s^2 - a - b)^2 - 4 a b) / s

Nothing is to be chosen: where choices are too few to show structure, nothing is above the bound and nothing is found.
"""

import numpy as np

from .mixing import mixed
from .moments import Moments
from .ragged import FloatArray

OWNERS = 3.0  # people by whom every training is supposed to be known besides, so that the rare do not weigh all
RATE_SHARE = 0.3  # of the mean rate that every training is supposed to have besides, likewise
FACTORS_MOST = 128
BLOCK, DEPTH = 64, 8  # of the Krylov space: BLOCK * DEPTH columns, a relative error of 1e-7 on real choices
SMALL = BLOCK * DEPTH  # a table of no more rows is decomposed exactly


def in_common(rest: FloatArray, moments: Moments) -> FloatArray:
    """(M, M) the part of `rest`, people of known by other training less those expected, that has structure."""
    weight = moments.known_weight
    rows, columns = int(np.count_nonzero(weight)), int(np.count_nonzero(moments.profile_rest[-1]))
    if not rows:
        return np.zeros_like(rest)
    unit = moments.mean_weight  # variance over mean of a sum of weights 1/n
    rate = moments.rate + RATE_SHARE * moments.profile_rest[-1].sum() / (columns * moments.people_count)
    left, right = np.sqrt(unit * (weight + OWNERS * unit))[:, None], np.sqrt(rate)
    u, s, v = _largest(rest / left / right)
    bound = np.sqrt(rows) + np.sqrt(columns)
    if len(s) > FACTORS_MOST:  # no step at the last one that is kept
        noise = max(1.0, float(s[FACTORS_MOST]) / bound)
        u, s, v = u[:, :FACTORS_MOST], s[:FACTORS_MOST], v[:FACTORS_MOST]
    else:
        noise = 1.0
    above = s > noise * bound
    s, a, b = s[above], noise**2 * rows, noise**2 * columns
    shrunk = np.sqrt(np.maximum((s**2 - a - b) ** 2 - 4 * a * b, 0.0)) / s
    common: FloatArray = (u[:, above] * shrunk) @ v[above]
    common *= left
    common *= right
    return common


def _largest(table: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Singular vectors and values from the largest down: all of a small table, else those that a block Krylov space
    holds (Musco and Musco, Randomized block Krylov methods, NIPS 2015), begun with signs that are always the same."""
    if len(table) <= SMALL:
        u, s, v = np.linalg.svd(table)
        return u, s, v
    blocks = [np.linalg.qr(table @ _signs(len(table)))[0]]
    for _ in range(DEPTH - 1):
        further = table @ (table.T @ blocks[-1])
        for block in blocks:
            further -= block @ (block.T @ further)
        blocks.append(np.linalg.qr(further)[0])
    space = np.linalg.qr(np.concatenate(blocks, axis=1))[0]
    inside = space.T @ table
    squares, turned = np.linalg.eigh(inside @ inside.T)  # sooner than its singular values, and as exact where large
    s = np.sqrt(np.maximum(squares[::-1], np.finfo(float).tiny))
    u = turned[:, ::-1]
    return space @ u, s, (u.T @ inside) / s[:, None]


def _signs(size: int) -> FloatArray:
    """(size, BLOCK) of 1 and -1 without a pattern; the first rows are the same whatever the size."""
    up = mixed(np.arange(size * BLOCK, dtype=np.uint64)) >> np.uint64(63)
    return np.where(up > 0, 1.0, -1.0).reshape(size, BLOCK)
