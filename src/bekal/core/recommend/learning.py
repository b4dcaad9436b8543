"""What a recommender learns: in one go or in parts, from any number of people, and how it forgets them."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_choices, checked_count, checked_profile, checked_rupiah, whole_numbers
from .choosing import Settings, choose
from .colift import Coefficients, solve
from .moments import Moments, count_moments
from .profile_prior import attribute_strengths
from .profiles import ProfileRows
from .ragged import IntArray
from .streaming import Blocks, count_blocks


class Learner:
    """The learning half of `Recommender`, which says what the arrays are."""

    def __init__(self, seed: int = 0, history_strength: float | None = None, floor: float | None = None) -> None:
        """`history_strength`: kappa_h of `colift`, greater than 0; `floor`: the part of its popularity, up to 1, that a
        training keeps in `probabilities` whatever its score. None: `fit` chooses on people it holds out."""
        self.seed = checked_count("seed", seed, minimum=0)
        self._given = Settings.checked(history_strength, floor)
        self._settings = self._given.or_default()
        self._coefficients: Coefficients | None = None
        self._moments: Moments | None = None
        self._people_count = 0  # where it was loaded without its counts

    def fit(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike) -> Self:
        """Learn from completed choices; the length of `price_rupiah` is the number of trainings. Returns itself."""
        return self.fit_stream(blocks=lambda: [(ptr, items, profile)], price_rupiah=price_rupiah)

    def fit_stream(self, *, blocks: Blocks, price_rupiah: ArrayLike, processes: int = 1) -> Self:
        """`fit` to people who come in blocks: `blocks()` gives (ptr, items, profile) of some whole people at a time.

        It is called twice and gives the same people each time; how they are cut into blocks, and how many `processes`
        count them, changes no bit. Memory does not grow with the people (see `streaming`). Returns itself.
        """
        price = checked_rupiah("price_rupiah", price_rupiah)
        counted = count_blocks(blocks, trainings_count=len(price), seed=self.seed, processes=processes)
        held = (counted.held_ptr, counted.held_items, counted.held_rows)
        self._price, self._profiles, self._moments = price, counted.profiles, counted.everybody
        self._row_strengths = attribute_strengths(counted.everybody, counted.profiles.row_attribute)
        self._settings = choose(self._given, counted.seen, self._row_strengths, *held)
        self._coefficients = self._solved(counted.everybody)
        return self

    def partial_fit(
        self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike, price_rupiah: ArrayLike | None = None
    ) -> Self:
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

    def merge(self, other: Self) -> Self:
        """Learn everything that `other` has learned from other people of the same trainings. Returns itself."""
        own, theirs = self._counted, other._counted
        if not np.array_equal(self._price, other._price):
            raise ValueError("The two have learned from other trainings or prices: give both the same price_rupiah.")
        if self._settings != other._settings:
            raise ValueError(f"One has {self._settings}, the other {other._settings}: make both with the same.")
        profiles = self._profiles.union(other._profiles)
        own, theirs = (
            counted.placed(each._profiles.among(profiles), len(profiles.row_attribute), len(self._price))
            for each, counted in ((self, own), (other, theirs))
        )
        self._learned(self._price, profiles, own + theirs)
        return self

    def forget(self, *, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike) -> Self:
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

    @property
    def _fitted(self) -> Coefficients:
        if self._coefficients is None:
            if self._moments is None:
                raise ValueError(
                    "This recommender has learned nothing yet: call fit(...) or Recommender.load(...) first."
                )
            self._row_strengths = attribute_strengths(self._moments, self._profiles.row_attribute)
            self._coefficients = self._solved(self._moments)
        return self._coefficients

    def _solved(self, moments: Moments) -> Coefficients:
        return solve(moments, self._row_strengths, self._settings.history_strength)


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
