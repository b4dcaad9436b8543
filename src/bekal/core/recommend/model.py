"""The recommender: fit once on completed choices, then lists for any number of people, with or without a history."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import ranking
from .checks import checked_choices, checked_count, checked_flags, checked_profile, checked_rupiah, whole_numbers
from .choosing import DEFAULT_FLOOR, DEFAULT_HISTORY_STRENGTH, choose_floor, choose_history_strength, held_out
from .colift import Coefficients, add_up, attribute_strengths, solve
from .contributions import Explanation, explanation
from .moments import Moments, count_moments
from .plan import Plan, spending_plans
from .profiles import ProfileRows
from .ragged import IntArray, owners, take
from .store import checked_arrays, content_hash

FORMAT = "bekal-colift"
FORMAT_VERSION = 2
COUNTS = "counted_"  # before the names of the arrays of `Moments` in a file


class Recommender:
    """CoLift (see `colift`): shrunken popularity by profile plus item-to-item from history.

    Arrays as in every function of this package: `ptr` (people + 1) and `items`: the distinct trainings of person u are
    `items[ptr[u]:ptr[u+1]]`; `profile` (people, attributes) integer codes, negative = unknown; `price_rupiah`
    (trainings); `balance_rupiah` (people). Each may be a list, a numpy array, or a column of pandas, Polars or Arrow.
    Bad arrays raise ValueError naming array, position and mend. The same input gives the same answer; the order of
    people does not matter.
    """

    def __init__(self, seed: int = 0, history_strength: float | None = None, floor: float | None = None) -> None:
        """`history_strength`: kappa_h of `colift`, greater than 0; `floor`: the part of its popularity, up to 1, that a
        training keeps in `probabilities` whatever its score. None: `fit` chooses on people it holds out."""
        self.seed = checked_count("seed", seed, minimum=0)
        self._given_strength = None if history_strength is None else _checked_strength(history_strength)
        self._given_floor = None if floor is None else _checked_floor(floor)
        self._coefficients: Coefficients | None = None
        self._moments: Moments | None = None
        self._people_count = 0  # where it was loaded without its counts

    def fit(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike) -> "Recommender":
        """Learn from completed choices; the length of `price_rupiah` is the number of trainings. Returns itself."""
        price = checked_rupiah("price_rupiah", price_rupiah)
        starts, chosen = checked_choices(ptr, items, len(price))
        codes = checked_profile(profile, len(starts) - 1)
        profiles = ProfileRows.learn(codes)
        rows = profiles.rows(codes)
        held = held_out(starts, chosen, rows, len(price), self.seed)
        seen, others = (
            count_moments(*take(starts, chosen, keep), rows[keep], len(profiles.row_attribute), len(price))
            for keep in (~held, held)
        )
        self._price, self._profiles, self._moments = price, profiles, seen + others
        strengths = attribute_strengths(self._moments, profiles.row_attribute)
        if self._given_strength is None:
            self._history_strength = choose_history_strength(seen, strengths, *take(starts, chosen, held), rows[held])
        else:
            self._history_strength = self._given_strength
        self._row_strengths = strengths
        if self._given_floor is None:
            self._floor = choose_floor(seen, strengths, self._history_strength, *take(starts, chosen, held), rows[held])
        else:
            self._floor = self._given_floor
        self._coefficients = solve(self._moments, strengths, self._history_strength)
        return self

    def partial_fit(
        self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike | None = None
    ) -> "Recommender":
        """Learn from further people, as of `fit`; what was learned stays. Returns itself.

        All at once or in any parts and any order, the same people give the same bits. `price_rupiah`, where given, is
        that of all trainings from now on: those known before in their places, new ones after them. What `fit` has
        chosen stays (the defaults where nothing was fitted before and none was given).
        """
        if self._moments is None and self._coefficients is None:
            if price_rupiah is None:
                raise ValueError("price_rupiah is needed the first time: give the price of every training.")
            codes = checked_profile(profile, len(whole_numbers("ptr", ptr)) - 1)
            price = checked_rupiah("price_rupiah", price_rupiah)
            profiles, counted = ProfileRows.learn(codes[:0]), Moments.nobody(0, len(price))
            self._history_strength = self._given_strength or DEFAULT_HISTORY_STRENGTH
            self._floor = DEFAULT_FLOOR if self._given_floor is None else self._given_floor
        else:
            profiles, counted = self._profiles, self._counted
            price = self._price if price_rupiah is None else checked_rupiah("price_rupiah", price_rupiah)
            if len(price) < len(self._price):
                raise ValueError(
                    f"price_rupiah has {len(price)} entries but {len(self._price)} trainings are known: a training "
                    "is never taken out, only put off sale."
                )
        profiles, counted, added = _beside(profiles, counted, ptr, items, profile, len(price))
        self._learned(price, profiles, counted + added)
        return self

    def merge(self, other: "Recommender") -> "Recommender":
        """Learn everything that `other` has learned from other people of the same trainings. Returns itself."""
        own, theirs = self._counted, other._counted
        if not np.array_equal(self._price, other._price):
            raise ValueError("The two have learned from other trainings or prices: give both the same price_rupiah.")
        for name, here, there in (
            ("history_strength", self._history_strength, other._history_strength),
            ("floor", self._floor, other._floor),
        ):
            if here != there:
                raise ValueError(f"{name} is {here} here and {there} there: make both with the same.")
        profiles = self._profiles.union(other._profiles)
        own, theirs = (
            counted.placed(each._profiles.among(profiles), len(profiles.row_attribute), len(self._price))
            for each, counted in ((self, own), (other, theirs))
        )
        self._learned(self._price, profiles, own + theirs)
        return self

    def forget(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike) -> "Recommender":
        """Unlearn people exactly, as if they had never been added; arrays as they were given. Returns itself.

        Raises ValueError, and forgets nobody, where they cannot have been learned from. Lists that are stored
        elsewhere, and what `fit` has chosen on held-out people, stay as they are.
        """
        counted = self._counted
        profiles, counted, added = _beside(self._profiles, counted, ptr, items, profile, len(self._price))
        rest = counted - added
        if not rest.is_possible:
            raise ValueError("These people were not learned from: give choices and profile as they were added.")
        self._learned(self._price, profiles, rest)
        return self

    def _learned(self, price: IntArray, profiles: ProfileRows, moments: Moments) -> None:
        """Keep what is known; a profile row that nobody carries is as if it had never been seen."""
        carried = np.diag(moments.profile_gram)[:-1] > 0
        self._price, self._profiles, self._moments = price, profiles.only(carried), moments.only(carried)
        self._coefficients = None  # solved when it is asked for: many shards may follow one another

    @property
    def people_count(self) -> int:
        """How many people it has learned from."""
        return self._people_count if self._moments is None else self._moments.people_count

    @property
    def _counted(self) -> Moments:
        if self._moments is None:
            raise ValueError(
                "This recommender was loaded without its counts, so it can only answer: save it with counts=True."
                if self._coefficients is not None
                else "This recommender has learned nothing yet: call fit(...) or partial_fit(...) first."
            )
        return self._moments

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

    def probabilities(
        self,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        balance_rupiah: ArrayLike | None = None,
        price_rupiah: ArrayLike | None = None,
        on_sale: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Chance of each training to be the person's next choice, out of what may be chosen: (people, trainings).

        Every row sums to 1 over the trainings that the person has not taken, can pay and that are on sale, and is 0
        elsewhere; a row is all 0 where there is none. Arguments as of `recommend`. A training that the score says
        nothing good of still has a part of its popularity; which part, `fit` learns.
        """
        starts, chosen, rows = self._checked_people(ptr, items, profile)
        price = self._price if price_rupiah is None else checked_rupiah("price_rupiah", price_rupiah, len(self._price))
        people_count = len(starts) - 1
        balance = None if balance_rupiah is None else checked_rupiah("balance_rupiah", balance_rupiah, people_count)
        flags = None if on_sale is None else checked_flags("on_sale", on_sale, len(price))
        fitted = self._fitted
        scores = np.maximum(add_up(fitted, starts, chosen, rows), (self._floor * fitted.rate).astype(np.float32))
        ranking.forbid(scores, starts, chosen, price_rupiah=price, balance_rupiah=balance, on_sale=flags)
        scores[~np.isfinite(scores)] = 0.0
        total = scores.sum(axis=1, dtype=np.float64)
        scores /= np.where(total > 0, total, 1.0).astype(np.float32)[:, None]
        return scores

    def plan(
        self,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        balance_rupiah: ArrayLike,
        worth: ArrayLike | None = None,
        max_count: int = 8,
        price_rupiah: ArrayLike | None = None,
        on_sale: ArrayLike | None = None,
    ) -> list[tuple[Plan, Plan, Plan]]:
        """Three ways to spend each person's balance, as of `spending_plans`: value is probability times `worth`.

        `worth` (trainings), 1 by default: what a training is good for whoever takes it, as its rating times the odds
        of its completion; finite and not negative.
        """
        price = self._price if price_rupiah is None else checked_rupiah("price_rupiah", price_rupiah, len(self._price))
        balance = checked_rupiah("balance_rupiah", balance_rupiah)
        each = np.ones(len(price)) if worth is None else np.asarray(worth, dtype=np.float64)
        if each.shape != price.shape or not np.isfinite(each).all() or (each < 0).any():
            raise ValueError(f"worth must be {len(price)} finite numbers of 0 or more, one for each training.")
        chances = self.probabilities(
            ptr=ptr, items=items, profile=profile, balance_rupiah=balance, price_rupiah=price, on_sale=on_sale
        )
        return [
            spending_plans(chance * each, price, int(left), max_count)
            for chance, left in zip(chances.astype(np.float64), balance, strict=True)
        ]

    def explain(
        self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, trainings: ArrayLike
    ) -> list[list[Explanation]]:
        """What each score is made of: for each person and each of their `trainings` (people, n; -1 for none), in order.

        For whoever examines the model. What a participant may read is made from counts of groups (`ReasonTables`).
        """
        starts, chosen, rows = self._checked_people(ptr, items, profile)
        asked = whole_numbers("trainings", trainings, dimensions=2)
        if len(asked) != len(rows) or asked.max(initial=-1) >= len(self._price) or asked.min(initial=-1) < -1:
            raise ValueError(
                f"trainings must have one row for each of the {len(rows)} people, of numbers from -1 to "
                f"{len(self._price) - 1}."
            )
        return [
            [
                explanation(self._fitted, chosen[starts[person] : starts[person + 1]], rows[person], int(training))
                for training in asked[person]
                if training >= 0
            ]
            for person in range(len(rows))
        ]

    @property
    def _fitted(self) -> Coefficients:
        if self._coefficients is None:
            if self._moments is None:
                raise ValueError(
                    "This recommender has learned nothing yet: call fit(...) or Recommender.load(...) first."
                )
            self._row_strengths = attribute_strengths(self._moments, self._profiles.row_attribute)
            self._coefficients = solve(self._moments, self._row_strengths, self._history_strength)
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
        self, *, extra: Mapping[str, NDArray[Any]] | None = None, counts: bool = False
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and a JSON-able manifest with their hash. `extra` arrays (as of `ReasonTables.save`) travel along.

        With `counts` the loaded recommender can go on learning and forget; it is then about five times as large.
        """
        fitted = self._fitted
        arrays: dict[str, NDArray[Any]] = {
            "alone": fitted.alone,
            "base": fitted.base,
            "history": fitted.history,
            "price_rupiah": self._price,
            "row_attribute": self._profiles.row_attribute,
            "row_code": self._profiles.row_code,
            "row_strengths": self._row_strengths,
            "rate": fitted.rate,
        }
        if counts:
            arrays.update(self._counted.arrays(COUNTS))
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
                "floor": self._floor,
                "kappa_profile": self._profiles.per_attribute(self._row_strengths),
            },
            "sha256": content_hash(arrays),
            "people_count": self.people_count,
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
        model._coefficients = Coefficients(arrays["alone"], arrays["base"], arrays["history"], arrays["rate"])
        model._price = arrays["price_rupiah"]
        model._people_count = int(manifest["people_count"])
        model._profiles = ProfileRows(arrays["row_attribute"], arrays["row_code"], int(manifest["attributes_count"]))
        model._row_strengths = arrays["row_strengths"]
        if f"{COUNTS}people_count" in arrays:
            model._moments = Moments.of_arrays(COUNTS, arrays)
        model._history_strength = float(manifest["hyperparameters"]["kappa_history"])
        model._floor = float(manifest["hyperparameters"]["floor"])
        return model


def _beside(
    profiles: ProfileRows, counted: Moments, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, trainings_count: int
) -> tuple[ProfileRows, Moments, Moments]:
    """What is counted already and the counts of these people, in tables of the same profile rows and trainings."""
    starts, chosen = checked_choices(ptr, items, trainings_count)
    codes = checked_profile(profile, len(starts) - 1)
    wider = ProfileRows.learn(codes) if counted.people_count == 0 else profiles.union(ProfileRows.learn(codes))
    rows_count = len(wider.row_attribute)
    placed = counted.placed(profiles.among(wider), rows_count, trainings_count)
    return wider, placed, count_moments(starts, chosen, wider.rows(codes), rows_count, trainings_count)


def _checked_strength(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"history_strength is {value!r}: give a finite number greater than 0.")
    return float(value)


def _checked_floor(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"floor is {value!r}: give a number from 0 to 1.")
    return float(value)
