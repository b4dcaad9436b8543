"""The recommender: fit once on completed choices, then lists for any number of people, with or without a history."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import compiled, ranking
from .checks import (
    checked_choices,
    checked_count,
    checked_flags,
    checked_profile,
    checked_rupiah,
    real_numbers,
    rises,
    whole_numbers,
)
from .choosing import Settings
from .colift import Coefficients, add_up
from .contributions import Explanation, explanation
from .learning import Learner
from .moments import Moments
from .new_trainings import extended
from .plan import Spending, plan_spending
from .profiles import ProfileRows
from .ragged import IntArray, owners
from .store import checked_arrays, content_hash

FORMAT = "bekal-colift"
FORMAT_VERSION = 4
MANIFEST = ("seed", "hyperparameters", "sha256", "people_count", "attributes_count")  # what `load` reads of it
COUNTS = "counted_"  # before the names of the arrays of `Moments` in a file


class Recommender(Learner):
    """CoLift (see `colift`): shrunken popularity by profile plus item-to-item from history.

    Arrays as in every function of this package: `ptr` (people + 1) and `items`: the distinct trainings of person u are
    `items[ptr[u]:ptr[u+1]]`; `profile` (people, attributes) integer codes, negative = unknown; `price_rupiah`
    (trainings); `balance_rupiah` (people). Each may be a list, a numpy array, or a column of pandas, Polars or Arrow.
    Bad arrays raise ValueError naming array, position and mend. The same input gives the same answer; the order of
    people does not matter.
    """

    _laid_out: tuple[Coefficients, compiled.Layout] | None = None

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
        limits = ranking.Limits.checked(len(starts) - 1, price, balance_rupiah, on_sale)
        count = checked_count("n", n)
        if compiled.is_worth_it(len(starts) - 1, len(price)):
            return compiled.lists(self._layout(), starts, chosen, rows, limits, count)
        return ranking.lists(
            lambda people, part_ptr, part_items: add_up(self._fitted, part_ptr, part_items, rows[people]),
            starts,
            chosen,
            limits,
            count,
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
        limits = ranking.Limits.checked(len(starts) - 1, price, balance_rupiah, on_sale)
        scores = np.maximum(add_up(self._fitted, starts, chosen, rows), self.least_scores)
        limits.forbid(scores, starts, chosen)
        scores[~np.isfinite(scores)] = 0.0
        total = scores.sum(axis=1, dtype=np.float64)
        scores /= np.where(total > 0, total, 1.0).astype(np.float32)[:, None]
        return scores

    @property
    def least_scores(self) -> NDArray[np.float32]:
        """(trainings,) what a score counts for at least in `probabilities`: a part of the training's popularity."""
        least: NDArray[np.float32] = (self._settings.floor * self._fitted.rate).astype(np.float32)
        return least

    def plan(
        self,
        *,
        ptr: ArrayLike,
        items: ArrayLike,
        profile: ArrayLike,
        balance_rupiah: ArrayLike,
        worth: ArrayLike | None = None,
        max_count: int = 8,
        group: ArrayLike | None = None,
        hours: ArrayLike | None = None,
        max_hours: int | None = None,
        price_rupiah: ArrayLike | None = None,
        on_sale: ArrayLike | None = None,
    ) -> list[Spending]:
        """What each person's balance can do, as of `plan_spending`: value is probability times `worth`.

        `worth` (trainings), 1 by default: what a training is good for whoever takes it, as its rating times the odds
        of its completion; finite and not negative. Limits and groups are the same for everybody.
        """
        price = self._price if price_rupiah is None else checked_rupiah("price_rupiah", price_rupiah, len(self._price))
        balance = checked_rupiah("balance_rupiah", balance_rupiah)
        each = np.ones(len(price)) if worth is None else real_numbers("worth", worth)
        if each.shape != price.shape or not np.isfinite(each).all() or (each < 0).any():
            raise ValueError(f"worth must be {len(price)} finite numbers of 0 or more, one for each training.")
        chances = self.probabilities(
            ptr=ptr, items=items, profile=profile, balance_rupiah=balance, price_rupiah=price, on_sale=on_sale
        )
        return [
            plan_spending(chance * each, price, int(left), max_count, group=group, hours=hours, max_hours=max_hours)
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

    def with_trainings(
        self,
        *,
        place: ArrayLike,
        features: ArrayLike,
        price_rupiah: ArrayLike,
        chosen_count: ArrayLike,
        is_cold: ArrayLike,
    ) -> Self:
        """A recommender for T trainings of today, new ones among them, that answers as this one and does not learn.

        `place` (T,) the position of each in this one, -1 for those it has never seen; `features` (T, F) whole numbers
        such as category, institution, price band and mode; `chosen_count` (T,) by how many each was chosen; `is_cold`
        (T,) True for trainings too new for their record to count alone. What is expected of the new and the cold ones
        is said in `new_trainings`; all others keep their scores. Raises ValueError naming what is wrong.
        """
        price = checked_rupiah("price_rupiah", price_rupiah)
        places, counts = (whole_numbers(name, v) for name, v in (("place", place), ("chosen_count", chosen_count)))
        codes = whole_numbers("features", features, dimensions=2)
        flags = checked_flags("is_cold", is_cold, len(price))
        for name, given in (("place", places), ("features", codes), ("chosen_count", counts)):
            if len(given) != len(price):
                raise ValueError(f"{name} has {len(given)} rows where {len(price)} are needed: give one a training.")
        if counts.min(initial=0) < 0:
            raise ValueError(f"chosen_count[{int(counts.argmin())}] is {counts.min()}: a count is 0 or more.")
        known = places[places >= 0]
        if places.min(initial=-1) < -1 or known.max(initial=-1) >= len(self._price) or len(set(known)) < len(known):
            raise ValueError(f"place must hold each of 0 to {len(self._price) - 1} at most once, and -1 for new ones.")
        wider = type(self)(self.seed)
        wider._coefficients, _ = extended(
            self._fitted, place=places, features=codes, is_cold=flags, chosen_count=counts
        )
        wider._price, wider._profiles, wider._people_count = price, self._profiles, self.people_count
        wider._settings, wider._row_strengths = self._settings, self._row_strengths
        return wider

    def _layout(self) -> compiled.Layout:
        """Of the coefficients there are now; made once for them."""
        fitted = self._fitted
        if self._laid_out is None or self._laid_out[0] is not fitted:
            self._laid_out = (fitted, compiled.Layout.of(fitted))
        return self._laid_out[1]

    def _checked_people(
        self, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Checked choices, sorted within each person (the order of a history adds nothing), and profile rows."""
        width = self._fitted.profile.shape[1]
        starts, chosen = checked_choices(ptr, items, width)
        codes = checked_profile(profile, len(starts) - 1, self._profiles.attributes_count)
        key = owners(starts) * max(width, 1) + chosen
        if not rises(key):
            chosen = chosen[np.argsort(key, kind="stable")]
        return starts, chosen, self._profiles.rows(codes)

    def save(
        self, *, extra: Mapping[str, NDArray[Any]] | None = None, counts: bool = False
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and a JSON-able manifest with their hash. `extra` arrays (as of `ReasonTables.save`) travel along.

        With `counts` the loaded recommender can go on learning and forget; it is then about five times as large.
        """
        fitted = self._fitted
        arrays: dict[str, NDArray[Any]] = {
            "profile": fitted.profile,
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
                "kappa_history": self._settings.history_strength,
                "floor": self._settings.floor,
                "kappa_profile": self._profiles.per_attribute(self._row_strengths),
            },
            "sha256": content_hash(arrays),
            "people_count": self.people_count,
            "trainings_count": len(self._price),
            "attributes_count": self._profiles.attributes_count,
        }
        return arrays, manifest

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> Self:
        """The recommender that `save` gave; ValueError when the arrays are not those the manifest was written for."""
        if (manifest.get("format"), manifest.get("format_version")) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"The manifest is not of {FORMAT} version {FORMAT_VERSION}: fit and save the model anew.")
        lacking = [name for name in MANIFEST if name not in manifest]
        if lacking:
            raise ValueError(f"The manifest lacks {', '.join(lacking)}: load the pair that was saved together.")
        arrays = checked_arrays(arrays, str(manifest["sha256"]))
        model = cls(seed=manifest["seed"])
        model._coefficients = Coefficients(arrays["profile"], arrays["history"], arrays["rate"])
        model._price = arrays["price_rupiah"]
        model._people_count = int(manifest["people_count"])
        model._profiles = ProfileRows(arrays["row_attribute"], arrays["row_code"], int(manifest["attributes_count"]))
        model._row_strengths = arrays["row_strengths"]
        if f"{COUNTS}people_count" in arrays:
            model._moments = Moments.of_arrays(COUNTS, arrays)
        chosen = manifest["hyperparameters"]
        model._settings = Settings.checked(chosen["kappa_history"], chosen["floor"])
        return model
