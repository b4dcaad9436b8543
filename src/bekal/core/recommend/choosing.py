"""How the three numbers that the counts cannot tell are chosen: by what people who were held out chose next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import fsum, sqrt
from typing import Any

import numpy as np

from . import ranking
from .colift import Coefficients, add_up, lifted, solve
from .metrics import ndcg_at
from .moments import Moments
from .ragged import FloatArray, IntArray, gather

HISTORY_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
DEFAULT_HISTORY_STRENGTH = 10.0
HELD_OUT_MINIMUM = 50  # with fewer the default stands
LIKELIHOOD_FLOOR = 0.1  # while kappa_h is chosen, no training counts for less than this part of its rate
KNOWN = (1, 2, 3)  # first choices of a held-out person that are taken as known
LIFT_POWERS = (0.2, 0.4, 0.8)
SURE = 2.0  # standard errors that are more than chance
FLOORS = (0.1, 0.2, 0.3, 0.6, 0.8)
DEFAULT_FLOOR = 0.3


@dataclass(frozen=True, slots=True)
class Settings:
    """What `Recommender` is made with; None, in what a caller gives: to be chosen."""

    history_strength: Any = DEFAULT_HISTORY_STRENGTH  # kappa_h of `colift`, greater than 0
    lift_power: Any = 0.0  # w of `colift`, 0 to 1
    floor: Any = DEFAULT_FLOOR  # part of its popularity, up to 1, that a training keeps in `probabilities`

    @classmethod
    def checked(cls, history_strength: Any, lift_power: Any, floor: Any) -> "Settings":
        """Each a number in its bounds, or None; ValueError naming it."""
        _refuse("history_strength", history_strength, lambda n: 0 < n < np.inf, "a finite number greater than 0")
        _refuse("lift_power", lift_power, lambda n: 0 <= n <= 1, "a number from 0 to 1")
        _refuse("floor", floor, lambda n: 0 <= n <= 1, "a number from 0 to 1")
        return cls(*(each if each is None else float(each) for each in (history_strength, lift_power, floor)))

    def or_default(self) -> "Settings":
        """With the defaults for what is to be chosen, where there is nobody to choose by."""
        usual = Settings()
        return Settings(
            usual.history_strength if self.history_strength is None else self.history_strength,
            usual.lift_power if self.lift_power is None else self.lift_power,
            usual.floor if self.floor is None else self.floor,
        )


def _refuse(name: str, value: Any, is_allowed: Callable[[float], bool], wanted: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_allowed(value):
        raise ValueError(f"{name} is {value!r}: give {wanted}.")


def choose(
    given: Settings, seen: Moments, row_strengths: FloatArray, ptr: IntArray, items: IntArray, rows: IntArray
) -> Settings:
    """`given` with its gaps filled: by what people not counted in `seen` chose, as far as there are enough of them.

    kappa_h and the floor make later choices likely. The power of lifts is one about the top of a list, which a
    likelihood over the whole catalogue hardly sees, so it is chosen by lists. Neither is to trust a known choice more
    than held-out people bear out by more than chance.
    """
    found = given.or_default()
    if len(ptr) - 1 < HELD_OUT_MINIMUM:
        return found
    held = (ptr, items, rows)
    with_history = int(np.sum(np.diff(ptr) >= 2)) >= HELD_OUT_MINIMUM
    if given.history_strength is None and with_history:
        found = replace(found, history_strength=_sound_strength(seen, row_strengths, *held))
    coefficients = solve(seen, row_strengths, found.history_strength)
    if given.lift_power is None and with_history:
        found = replace(found, lift_power=_better_power(coefficients, seen, *held))
    if found.lift_power:
        coefficients = solve(seen, row_strengths, found.history_strength, found.lift_power)
    if given.floor is None:
        found = replace(found, floor=_likeliest_floor(coefficients, *held))
    return found


def _sound_strength(seen: Moments, row_strengths: FloatArray, ptr: IntArray, items: IntArray, rows: IntArray) -> float:
    """The strongest kappa_h under which later choices are as likely as under the best, but for chance: a known choice
    is trusted as far as it has proved itself."""
    likelihoods = {}
    for strength in HISTORY_STRENGTHS:
        coefficients = solve(seen, row_strengths, strength)
        each = [_log_likelihoods(coefficients, ptr, items, rows, known, LIKELIHOOD_FLOOR) for known in KNOWN]
        likelihoods[strength] = _mean_of_known(np.array(each))
    best = max(HISTORY_STRENGTHS, key=lambda strength: (_mean_and_error(likelihoods[strength])[0], strength))
    for strength in reversed(HISTORY_STRENGTHS):
        lost, error = _mean_and_error(likelihoods[best] - likelihoods[strength])
        if lost <= SURE * error:
            return strength
    return best


def _mean_and_error(values: FloatArray) -> tuple[float, float]:
    """Of those that are numbers; exact sums, so that the order of people does not matter."""
    found = values[np.isfinite(values)]
    mean = fsum(found.tolist()) / len(found)
    return mean, sqrt(fsum(((found - mean) ** 2).tolist())) / len(found)


def _likeliest_floor(coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray) -> float:
    likelihoods = [
        sum(
            _mean_and_error(_log_likelihoods(coefficients, ptr, items, rows, known, floor))[0]
            for known in (0, *KNOWN)
            if (np.diff(ptr) > known).any()
        )
        for floor in FLOORS
    ]
    return FLOORS[int(np.argmax(likelihoods))]


def _better_power(coefficients: Coefficients, seen: Moments, ptr: IntArray, items: IntArray, rows: IntArray) -> float:
    """The power whose lists are best, NDCG@10, where they are better than without lifts by SURE standard errors."""
    lengths = np.diff(ptr)
    first = np.arange(len(items)) - np.repeat(ptr[:-1], lengths) < max(KNOWN)
    known = np.unique(items[first])
    plain = _list_quality(coefficients, ptr, items, rows)
    best, best_gain = 0.0, 0.0
    for power in LIFT_POWERS:
        history = coefficients.history.copy()
        history[known] = lifted(coefficients.history[known], seen, coefficients, power, known)
        gains = _list_quality(replace(coefficients, history=history), ptr, items, rows) - plain
        mean, error = _mean_and_error(gains)
        if mean > SURE * error and mean > best_gain:
            best, best_gain = power, mean
    return best


def _list_quality(coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray) -> FloatArray:
    """(people,) mean NDCG@10 of the lists after the first choices of each; NaN for people with one choice alone."""
    found = np.full((len(KNOWN), len(rows)), np.nan)
    for place, known in enumerate(KNOWN):
        people = np.flatnonzero(np.diff(ptr) > known)
        for part in ranking.chunks(len(people), len(coefficients.rate)):
            chosen = people[part]
            first = items[ptr[chosen][:, None] + np.arange(known)]
            scores = add_up(coefficients, np.arange(len(chosen) + 1) * known, np.sort(first).ravel(), rows[chosen])
            np.put_along_axis(scores, first, -np.inf, axis=1)
            lists, _ = ranking.best(scores, 10)
            lengths, later = gather(
                np.stack([ptr[chosen] + known, ptr[chosen + 1]], 1).ravel(), items, 2 * np.arange(len(chosen))
            )
            found[place, chosen] = ndcg_at(lists, np.concatenate([[0], np.cumsum(lengths)]), later, n=10)
    return _mean_of_known(found)


def _mean_of_known(found: FloatArray) -> FloatArray:
    """(people,) mean over the first axis of what is a number; NaN for people of whom nothing is."""
    reached = np.isfinite(found)
    total = np.where(reached, found, 0.0).sum(axis=0)
    mean: FloatArray = np.divide(total, reached.sum(axis=0), out=np.full(len(total), np.nan), where=reached.any(axis=0))
    return mean


def _log_likelihoods(
    coefficients: Coefficients, ptr: IntArray, items: IntArray, rows: IntArray, known: int, floor: float
) -> FloatArray:
    """(people,) mean log share that choices after the first `known` in all scores; NaN where there are none."""
    found = np.full(len(rows), np.nan)
    people = np.flatnonzero(np.diff(ptr) > known)
    least = (floor * coefficients.rate).astype(np.float32)
    for part in ranking.chunks(len(people), len(coefficients.rate)):
        chosen = people[part]
        first = items[ptr[chosen][:, None] + np.arange(known)]
        scores = add_up(coefficients, np.arange(len(chosen) + 1) * known, np.sort(first).ravel(), rows[chosen])
        scores = np.maximum(scores, least)
        np.put_along_axis(scores, first, 0.0, axis=1)
        totals = scores.sum(axis=1, dtype=np.float64)
        for place, person in enumerate(chosen):
            later = items[ptr[person] + known : ptr[person + 1]]
            found[person] = np.mean(np.log(np.sort(scores[place, later]) / totals[place]))
    return found
