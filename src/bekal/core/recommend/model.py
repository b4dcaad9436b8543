"""The recommender: fit once on completed choices, then lists for any number of people, with or without a history."""

from collections.abc import Mapping
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import ranking
from .checks import checked_choices, checked_count, checked_profile, checked_rupiah
from .colift import Coefficients, attribute_strengths, rates, solve
from .moments import Moments, count_moments
from .profiles import ProfileRows
from .ragged import Float32Array, FloatArray, IntArray, owners, take
from .store import checked_arrays, content_hash

FORMAT = "bekal-colift"
FORMAT_VERSION = 1
HISTORY_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
DEFAULT_HISTORY_STRENGTH = 30.0
HELD_OUT_SHARE = 5  # one person in five ...
HELD_OUT_LIMIT = 1500  # ... up to this many chooses kappa_h
HELD_OUT_MINIMUM = 50  # with fewer the default stands
FLOOR = 0.1  # a held-out likelihood never takes a training for less than this part of its rate


class Recommender:
    """CoLift (see `colift`): shrunken popularity by profile plus item-to-item from history.

    Arrays as in every function of this package: `ptr` (people + 1) and `items`: the distinct trainings of person u are
    `items[ptr[u]:ptr[u+1]]`; `profile` (people, attributes) integer codes, negative = unknown; `price_rupiah`
    (trainings); `balance_rupiah` (people). Bad arrays raise ValueError naming array, position and mend. The same input
    gives the same answer; the order of people does not matter.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = checked_count("seed", seed, minimum=0)
        self._coefficients: Coefficients | None = None

    def fit(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike) -> "Recommender":
        """Learn from completed choices; the length of `price_rupiah` is the number of trainings. Returns itself."""
        price = checked_rupiah("price_rupiah", price_rupiah)
        starts, chosen = checked_choices(ptr, items, len(price))
        people_count = len(starts) - 1
        self._price = price
        self._people_count = people_count
        codes = checked_profile(profile, people_count)
        self._profiles = ProfileRows.learn(codes)
        rows = self._profiles.rows(codes)
        held = held_out(starts, chosen, rows, len(price), self.seed)
        seen_moments = self._count(starts, chosen, rows, ~held)
        moments = seen_moments + self._count(starts, chosen, rows, held)
        self._row_strengths = attribute_strengths(moments, self._profiles.row_attribute)
        self._history_strength = self._choose_history_strength(seen_moments, *take(starts, chosen, held), rows[held])
        self._coefficients = solve(moments, self._row_strengths, self._history_strength)
        return self

    def _count(self, ptr: IntArray, items: IntArray, rows: IntArray, keep: NDArray[np.bool_]) -> Moments:
        return count_moments(*take(ptr, items, keep), rows[keep], len(self._profiles.row_attribute), len(self._price))

    def _choose_history_strength(self, seen: Moments, ptr: IntArray, items: IntArray, rows: IntArray) -> float:
        """kappa_h that makes most likely what people not counted in `seen` chose after their first 1, 2 and 3."""
        if int(np.sum(np.diff(ptr) >= 2)) < HELD_OUT_MINIMUM:
            return DEFAULT_HISTORY_STRENGTH
        rate = rates(seen)
        likelihoods = []
        for strength in HISTORY_STRENGTHS:
            coefficients = solve(seen, self._row_strengths, strength)
            likelihoods.append(
                sum(mean_log_likelihood(coefficients, rate, ptr, items, rows, known) for known in (1, 2, 3))
            )
        return HISTORY_STRENGTHS[int(np.argmax(likelihoods))]

    def recommend(
        self,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        balance_rupiah: ArrayLike | None = None,
        n: int = 10,
        price_rupiah: ArrayLike | None = None,
        on_sale: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The n best trainings of each person and their scores, best first: (people, n) int32 and float32.

        Never one in the person's own `items`, never above `balance_rupiah` (None: no limit), never one not `on_sale`
        (None: all are). `price_rupiah`: today's prices, by default those of the fit. Where fewer fit, training -1 and
        score -inf. A tie goes to the lower training index.
        """
        starts, chosen, rows = self._checked_people(ptr, items, profile)
        price = self._price if price_rupiah is None else checked_rupiah("price_rupiah", price_rupiah, len(self._price))
        return ranking.lists(
            lambda people, part_ptr, part_items: add_up(self._fitted, part_ptr, part_items, rows[people]),
            starts,
            chosen,
            price_rupiah=price,
            balance_rupiah=balance_rupiah,
            on_sale=on_sale,
            n=n,
        )

    def scores(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike) -> NDArray[np.float32]:
        """Score of every training for each person (people, trainings), taken and unaffordable ones included.

        A score estimates the probability that the training is among the person's further choices; it can be slightly
        negative.
        """
        return add_up(self._fitted, *self._checked_people(ptr, items, profile))

    @property
    def _fitted(self) -> Coefficients:
        if self._coefficients is None:
            raise ValueError("This recommender has learned nothing yet: call fit(...) or Recommender.load(...) first.")
        return self._coefficients

    def _checked_people(
        self, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Checked choices, sorted within each person (the order of a history adds nothing), and profile rows."""
        width = self._fitted.base.shape[1]
        starts, chosen = checked_choices(ptr, items, width)
        codes = checked_profile(profile, len(starts) - 1, self._profiles.attributes_count)
        order = np.argsort(owners(starts) * max(width, 1) + chosen, kind="stable")
        return starts, chosen[order], self._profiles.rows(codes)

    def save(
        self, *, extra: Mapping[str, NDArray[Any]] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and a JSON-able manifest with their hash. `extra` arrays (as of `ReasonTables.save`) travel along."""
        fitted = self._fitted
        arrays: dict[str, NDArray[Any]] = {
            "alone": fitted.alone,
            "base": fitted.base,
            "history": fitted.history,
            "price_rupiah": self._price,
            "row_attribute": self._profiles.row_attribute,
            "row_code": self._profiles.row_code,
            "row_strengths": self._row_strengths,
        }
        clash = sorted(set(arrays) & set(extra or {}))
        if clash:
            raise ValueError(f"extra names {clash[0]}, which is an array of the model itself: rename it.")
        arrays.update(extra or {})
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "seed": self.seed,
            "hyperparameters": {
                "kappa_history": self._history_strength,
                "kappa_profile": self._profiles.per_attribute(self._row_strengths),
            },
            "sha256": content_hash(arrays),
            "people_count": self._people_count,
            "trainings_count": len(self._price),
            "attributes_count": self._profiles.attributes_count,
        }
        return arrays, manifest

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> "Recommender":
        """The recommender that `save` gave; ValueError when the arrays are not those the manifest was written for."""
        if (manifest.get("format"), manifest.get("format_version")) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"The manifest is not of {FORMAT} version {FORMAT_VERSION}: fit and save the model anew.")
        arrays = checked_arrays(arrays, str(manifest.get("sha256")))
        model = cls(seed=manifest["seed"])
        model._coefficients = Coefficients(arrays["alone"], arrays["base"], arrays["history"])
        model._price = arrays["price_rupiah"]
        model._people_count = int(manifest["people_count"])
        model._profiles = ProfileRows(arrays["row_attribute"], arrays["row_code"], int(manifest["attributes_count"]))
        model._row_strengths = arrays["row_strengths"]
        model._history_strength = float(manifest["hyperparameters"]["kappa_history"])
        return model


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
    coefficients: Coefficients, rate: FloatArray, ptr: IntArray, items: IntArray, rows: IntArray, known: int
) -> float:
    """Mean over people with more than `known` choices of the mean log share their later choices hold of all scores."""
    people = np.flatnonzero(np.diff(ptr) > known)
    if len(people) == 0:
        return 0.0
    means: list[float] = []
    floor = (FLOOR * rate).astype(np.float32)
    for part in ranking.chunks(len(people), len(rate)):
        chosen = people[part]
        first = items[ptr[chosen][:, None] + np.arange(known)]
        scores = add_up(coefficients, np.arange(len(chosen) + 1) * known, first.ravel(), rows[chosen])
        scores = np.maximum(scores, floor)
        np.put_along_axis(scores, first, 0.0, axis=1)
        totals = scores.sum(axis=1, dtype=np.float64)
        for place, person in enumerate(chosen):
            later = items[ptr[person] + known : ptr[person + 1]]
            means.append(float(np.mean(np.log(np.sort(scores[place, later]) / totals[place]))))
    return fsum(means) / len(means)
