"""How the two numbers that the counts cannot tell are chosen: by what people who were held out chose next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import fsum, sqrt
from typing import Any

import numpy as np

from . import ranking
from .colift import Coefficients, Parts, add_up
from .metrics import ndcg_at
from .moments import Moments
from .ragged import FloatArray, IntArray, gather

HISTORY_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
DEFAULT_HISTORY_STRENGTH = 3.0  # usual with real choices
HELD_OUT_MINIMUM = 50  # with fewer the default stands
LIKELIHOOD_FLOOR = 0.1  # while kappa_h is chosen, no training counts for less than this part of its rate
KNOWN = (1, 2, 3)  # first choices of a held-out person that are taken as known
SURE = 2.0  # standard errors that are more than chance
FLOORS = (0.1, 0.2, 0.3, 0.6, 0.8)
DEFAULT_FLOOR = 0.3


@dataclass(frozen=True, slots=True)
class Settings:
    """What `Recommender` is made with; None, in what a caller gives: to be chosen."""

    history_strength: Any = DEFAULT_HISTORY_STRENGTH  # kappa_h of `colift`, greater than 0
    floor: Any = DEFAULT_FLOOR  # part of its popularity, up to 1, that a training keeps in `probabilities`

    @classmethod
    def checked(cls, history_strength: Any, floor: Any) -> "Settings":
        """Each a number in its bounds, or None; ValueError naming it."""
        _refuse("history_strength", history_strength, lambda n: 0 < n < np.inf, "a finite number greater than 0")
        _refuse("floor", floor, lambda n: 0 <= n <= 1, "a number from 0 to 1")
        return cls(*(each if each is None else float(each) for each in (history_strength, floor)))

    def or_default(self) -> "Settings":
        """With the defaults for what is to be chosen, where there is nobody to choose by."""
        usual = Settings()
        return Settings(
            usual.history_strength if self.history_strength is None else self.history_strength,
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

    kappa_h and the floor make later choices likely; where that cannot tell, kappa_h stays near the usual. But the top
    of a list is hardly seen by a likelihood over the whole catalogue, so another kappa_h is taken where lists get
    better by it by more than chance.
    """
    found = given.or_default()
    if len(ptr) - 1 < HELD_OUT_MINIMUM:
        return found
    people = _HeldOut(Parts.of(seen, row_strengths), ptr, items, rows)
    if given.history_strength is None and int(np.sum(np.diff(ptr) >= 2)) >= HELD_OUT_MINIMUM:
        found = replace(found, history_strength=people.best_strength())
    if given.floor is None:
        found = replace(found, floor=people.likeliest_floor(found.history_strength))
    return found


class _HeldOut:
    """People who were held out, and what the others teach of them."""

    def __init__(self, parts: Parts, ptr: IntArray, items: IntArray, rows: IntArray) -> None:
        self._parts = parts
        self._held = (ptr, items, rows)
        first = np.arange(len(items)) - np.repeat(ptr[:-1], np.diff(ptr)) < max(KNOWN)
        self._known = np.unique(items[first])
        self._profile = parts.profile.astype(np.float32)

    def best_strength(self) -> float:
        """Of the kappa_h under which later choices are as likely as under the best, but for chance, the one nearest to
        what is usual; another where lists, by NDCG@10, are better than its lists by more than chance."""
        likelihoods, qualities = {}, {}
        for strength in HISTORY_STRENGTHS:
            coefficients = self._coefficients(strength)
            each = [_log_likelihoods(coefficients, *self._held, known, LIKELIHOOD_FLOOR) for known in KNOWN]
            likelihoods[strength] = _mean_of_known(np.array(each))
            qualities[strength] = _list_quality(coefficients, *self._held)
        best = max(HISTORY_STRENGTHS, key=lambda strength: (_mean_and_error(likelihoods[strength])[0], strength))
        as_likely = [s for s in HISTORY_STRENGTHS if not _is_sure(likelihoods[best] - likelihoods[s])]
        usual = min(as_likely, key=lambda strength: abs(np.log(strength / DEFAULT_HISTORY_STRENGTH)))
        better = [s for s in HISTORY_STRENGTHS if _is_sure(qualities[s] - qualities[usual])]
        return max(better, key=lambda s: _mean_and_error(qualities[s] - qualities[usual])[0], default=usual)

    def likeliest_floor(self, strength: float) -> float:
        """The part of its popularity that a training keeps, under which later choices are likeliest."""
        coefficients = self._coefficients(strength)
        likelihoods = [
            sum(
                _mean_and_error(_log_likelihoods(coefficients, *self._held, known, floor))[0]
                for known in (0, *KNOWN)
                if (np.diff(self._held[0]) > known).any()
            )
            for floor in FLOORS
        ]
        return FLOORS[int(np.argmax(likelihoods))]

    def _coefficients(self, strength: float) -> Coefficients:
        """Those that are asked for: of the first choices of these people."""
        parts = self._parts
        history = np.zeros(parts.open.shape, np.float32)
        history[self._known] = parts.history(strength, self._known)
        return Coefficients(self._profile, history, parts.moments.rate)


def _is_sure(gains: FloatArray) -> bool:
    """Whether the mean is above 0 by more than chance."""
    mean, error = _mean_and_error(gains)
    return mean > SURE * error


def _mean_and_error(values: FloatArray) -> tuple[float, float]:
    """Of those that are numbers; exact sums, so that the order of people does not matter."""
    found = values[np.isfinite(values)]
    mean = fsum(found.tolist()) / len(found)
    return mean, sqrt(fsum(((found - mean) ** 2).tolist())) / len(found)


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
