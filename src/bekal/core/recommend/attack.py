"""How many made-up people it takes to push a training nobody knows into the lists of a neighbourhood.

A neighbourhood is a group of people who share a training and have just completed it, or who share a value of their
profile and have completed nothing yet. Its accomplices do what anybody can who pays for it: they look like its members,
complete what the members have completed, and with it the pushed training. The model learns from them (`partial_fit`)
and is asked for the members' lists; the smallest number that puts the training into the lists of at least half of them
is what the attack costs. It must be at least min(100, 5 % of the group).
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import checked_choices, checked_count, checked_profile, checked_rupiah
from .colift import Coefficients, solve
from .fairness import Verdict
from .gaming import is_neighbourhood, needed_accomplices
from .model import Recommender
from .moments import Moments
from .ragged import IntArray, gather

PUSHED_SHARE = 0.5  # of the group that must see the training for the attack to have worked
GROUP_SIZES = (100, 400, 2000)
ASKED = 1000  # members whose lists are looked at


class CarelessRecommender(Recommender):
    """The recommender without the least priors of `gaming`: what an attack on it costs shows what they are good for."""

    def _solved(self, moments: Moments) -> Coefficients:
        return solve(moments, self._row_strengths, self._settings.history_strength, is_guarded=False)


@dataclass(frozen=True, slots=True)
class Attack:
    """What the cheapest strategy cost. `accomplices` None: not even `tried` of them were enough."""

    group_count: int
    accomplices: int | None
    tried: int
    needed: int
    strategy: str

    @property
    def verdict(self) -> Verdict:
        enough = self.accomplices is None or self.accomplices >= self.needed
        return Verdict.PASSES if enough else Verdict.BLOCKED

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and text; where no number tried was enough, it takes at least one more: `is_at_least`."""
        return {
            "group_count": self.group_count,
            "accomplices": self.tried + 1 if self.accomplices is None else self.accomplices,
            "is_at_least": self.accomplices is None,
            "needed": self.needed,
            "strategy": self.strategy,
            "verdict": str(self.verdict),
        }


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Its people with all their choices, a training that many of them have chosen, and whether their lists know it
    (else nothing is known of them but their profile)."""

    ptr: IntArray
    items: IntArray
    profile: IntArray
    bait: int
    knows_bait: bool

    @property
    def people_count(self) -> int:
        return len(self.ptr) - 1

    @property
    def known(self) -> tuple[IntArray, IntArray]:
        """(ptr, items) that their lists are made from."""
        each = int(self.knows_bait)
        return np.arange(self.people_count + 1) * each, np.full(self.people_count * each, self.bait, np.int64)


def sharing(training: int, *, ptr: IntArray, items: IntArray, profile: IntArray) -> Neighbourhood:
    """The people who have chosen one training."""
    owner = np.searchsorted(ptr, np.flatnonzero(items == training), side="right") - 1
    return _neighbourhood(owner, ptr, items, profile, training, True)


def alike(column: int, code: int, *, ptr: IntArray, items: IntArray, profile: IntArray) -> Neighbourhood:
    """The people of one code in one column of the profile; the bait is what most of them have chosen."""
    people = np.flatnonzero(profile[:, column] == code)
    theirs = gather(ptr, items, people)[1]
    bait = int(np.argmax(np.bincount(theirs))) if len(theirs) else 0
    return _neighbourhood(people, ptr, items, profile, bait, False)


def _neighbourhood(
    people: IntArray, ptr: IntArray, items: IntArray, profile: IntArray, bait: int, knows_bait: bool
) -> Neighbourhood:
    lengths, theirs = gather(ptr, items, people)
    return Neighbourhood(np.concatenate([[0], np.cumsum(lengths)]), theirs, profile[people], bait, knows_bait)


def neighbourhoods(*, ptr: ArrayLike, items: ArrayLike, profile: ArrayLike) -> list[Neighbourhood]:
    """The groups worth attacking among these people: by a shared training the ones nearest to GROUP_SIZES people, by
    profile the smallest and the largest. None where no group is a neighbourhood (`gaming.is_neighbourhood`)."""
    starts, codes = np.asarray(ptr, dtype=np.int64), np.asarray(profile, dtype=np.int64)
    chosen = np.asarray(items, dtype=np.int64)
    count = np.bincount(chosen)
    whole = len(starts) - 1
    able = np.flatnonzero(is_neighbourhood(count, whole))
    nearest = [int(able[np.argmin(np.abs(count[able] - size))]) for size in GROUP_SIZES if len(able)]
    found = [sharing(g, ptr=starts, items=chosen, profile=codes) for g in dict.fromkeys(nearest)]
    groups = [
        (int(people), column, int(code))
        for column in range(codes.shape[1])
        for code, people in zip(*np.unique(codes[:, column], return_counts=True), strict=True)
        if code >= 0 and is_neighbourhood(people, whole)
    ]
    ends = dict.fromkeys([min(groups), max(groups)]) if groups else {}
    return found + [alike(column, code, ptr=starts, items=chosen, profile=codes) for _, column, code in ends]


# What the i-th accomplice completes besides the pushed training.
Choosing = Callable[[Neighbourhood, int], list[int]]


def _the_bait(group: Neighbourhood, number: int) -> list[int]:
    return [group.bait]


def _a_members_choices(group: Neighbourhood, number: int) -> list[int]:
    member = number % group.people_count
    return [int(item) for item in group.items[group.ptr[member] : group.ptr[member + 1]]]


def _nothing_else(group: Neighbourhood, number: int) -> list[int]:
    return []


STRATEGIES: Mapping[str, Choosing] = {
    "the training they share": _the_bait,
    "all that a member has chosen": _a_members_choices,
    "the pushed one alone": _nothing_else,
}


def cheapest_attack(
    model: Recommender, group: Neighbourhood, *, price_rupiah: ArrayLike, n: int = 10, most: int | None = None
) -> Attack:
    """The strategy that needs fewest accomplices to push a new training into the lists (of n) of half the group.

    `model` has learned and kept its counts; it is left as it is. `price_rupiah`: of its trainings. No more than `most`
    accomplices are tried (by default four times what is needed). Raises ValueError for an empty group.
    """
    if group.people_count == 0:
        raise ValueError("The neighbourhood is empty: choose a training that somebody has chosen.")
    needed = needed_accomplices(group.people_count)
    tried = checked_count("most", 4 * needed if most is None else most)
    price = checked_rupiah("price_rupiah", price_rupiah)
    checked_choices(group.ptr, group.items, len(price))
    checked_profile(group.profile, group.people_count)
    best, found = None, next(iter(STRATEGIES))
    for strategy, choosing in STRATEGIES.items():
        limit = tried if best is None else best - 1
        fewer = _fewest(partial(_is_pushed, model, group, choosing, price, n), limit)
        if fewer is not None:
            best, found = fewer, strategy
    return Attack(group.people_count, best, tried, needed, found)


def _fewest(works: Callable[[int], bool], most: int) -> int | None:
    """The smallest count up to `most` that works, by bisection: more accomplices never push less."""
    if most < 1 or not works(most):
        return None
    fails, enough = 0, most
    while enough - fails > 1:
        middle = (fails + enough) // 2
        fails, enough = (fails, middle) if works(middle) else (middle, enough)
    return enough


def _is_pushed(
    model: Recommender, group: Neighbourhood, choosing: Choosing, price: IntArray, n: int, count: int
) -> bool:
    """Whether `count` accomplices bring the new training into the lists of half of the group."""
    pushed = len(price)
    choices = [[*choosing(group, number), pushed] for number in range(count)]
    attacked = copy(model).partial_fit(
        ptr=np.concatenate([[0], np.cumsum([len(taken) for taken in choices])]),
        items=np.array([item for taken in choices for item in taken], dtype=np.int64),
        profile=group.profile[np.arange(count) % group.people_count],
        price_rupiah=np.append(price, 0),
    )
    ptr, items = group.known
    asked = min(group.people_count, ASKED)
    lists, _ = attacked.recommend(ptr=ptr[: asked + 1], items=items[: ptr[asked]], profile=group.profile[:asked], n=n)
    return float(np.mean((lists == pushed).any(axis=1))) >= PUSHED_SHARE
