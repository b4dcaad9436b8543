"""How the two numbers that the counts cannot tell are chosen: by what people who were held out chose next."""

from math import fsum

import numpy as np
from numpy.typing import NDArray

from . import ranking
from .colift import Coefficients, add_up, rates, solve
from .moments import Moments
from .ragged import FloatArray, IntArray

HISTORY_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
DEFAULT_HISTORY_STRENGTH = 30.0
HELD_OUT_SHARE = 5  # one person in five ...
HELD_OUT_LIMIT = 1500  # ... up to this many chooses kappa_h
HELD_OUT_MINIMUM = 50  # with fewer the default stands
LIKELIHOOD_FLOOR = 0.1  # while kappa_h is chosen, no training counts for less than this part of its rate
FLOORS = (0.1, 0.2, 0.3, 0.6, 0.8)
DEFAULT_FLOOR = 0.3


def choose_history_strength(
    seen: Moments, row_strengths: FloatArray, ptr: IntArray, items: IntArray, rows: IntArray
) -> float:
    """kappa_h that makes most likely what people not counted in `seen` chose after their first 1, 2 and 3."""
    if int(np.sum(np.diff(ptr) >= 2)) < HELD_OUT_MINIMUM:
        return DEFAULT_HISTORY_STRENGTH
    rate = rates(seen)
    likelihoods = []
    for strength in HISTORY_STRENGTHS:
        coefficients = solve(seen, row_strengths, strength)
        likelihoods.append(sum(mean_log_likelihood(coefficients, rate, ptr, items, rows, known) for known in (1, 2, 3)))
    return HISTORY_STRENGTHS[int(np.argmax(likelihoods))]


def choose_floor(
    seen: Moments, row_strengths: FloatArray, strength: float, ptr: IntArray, items: IntArray, rows: IntArray
) -> float:
    """The floor of `probabilities` that makes most likely what people not counted in `seen` chose."""
    if len(ptr) - 1 < HELD_OUT_MINIMUM:
        return DEFAULT_FLOOR
    coefficients, rate = solve(seen, row_strengths, strength), rates(seen)
    likelihoods = [
        sum(mean_log_likelihood(coefficients, rate, ptr, items, rows, known, floor) for known in (0, 1, 2, 3))
        for floor in FLOORS
    ]
    return FLOORS[int(np.argmax(likelihoods))]


def held_out(ptr: IntArray, items: IntArray, rows: IntArray, trainings_count: int, seed: int) -> NDArray[np.bool_]:
    """(people,) who chooses kappa_h: drawn by a hash of profile and popularity of the choices.

    So the draw does not depend on the order of people or the numbering of trainings; people who are alike are drawn
    together.
    """
    popularity = np.bincount(items, minlength=trainings_count).astype(np.uint64)
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mix(popularity[items]), dtype=np.uint64)])
    drawn = running[ptr[1:]] - running[ptr[:-1]]
    for column, codes in enumerate(rows.T):
        drawn = _mix(drawn + (codes + 2).astype(np.uint64) + np.uint64(column))
    drawn = _mix(drawn + np.uint64(seed))
    limit = min(len(drawn) // HELD_OUT_SHARE, HELD_OUT_LIMIT)
    if limit == 0:
        return np.zeros(len(drawn), np.bool_)
    held: NDArray[np.bool_] = drawn <= np.partition(drawn, limit - 1)[limit - 1]
    return held


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: close numbers in, unrelated numbers out."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def mean_log_likelihood(
    coefficients: Coefficients,
    rate: FloatArray,
    ptr: IntArray,
    items: IntArray,
    rows: IntArray,
    known: int,
    floor: float = LIKELIHOOD_FLOOR,
) -> float:
    """Mean over people with more than `known` choices of the mean log share their later choices hold of all scores."""
    people = np.flatnonzero(np.diff(ptr) > known)
    if len(people) == 0:
        return 0.0
    means: list[float] = []
    least = (floor * rate).astype(np.float32)
    for part in ranking.chunks(len(people), len(rate)):
        chosen = people[part]
        first = items[ptr[chosen][:, None] + np.arange(known)]
        scores = add_up(coefficients, np.arange(len(chosen) + 1) * known, first.ravel(), rows[chosen])
        scores = np.maximum(scores, least)
        np.put_along_axis(scores, first, 0.0, axis=1)
        totals = scores.sum(axis=1, dtype=np.float64)
        for place, person in enumerate(chosen):
            later = items[ptr[person] + known : ptr[person + 1]]
            means.append(float(np.mean(np.log(np.sort(scores[place, later]) / totals[place]))))
    return fsum(means) / len(means)
