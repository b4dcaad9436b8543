"""How strong the priors of `colift` have to be, so that no few people can push a training into others' lists."""

import numpy as np
from numpy.typing import NDArray

from .moments import Moments
from .ragged import FloatArray, IntArray

NEEDED_MOST = 100
NEEDED_SHARE = 0.05  # of the group
FEWEST_PEOPLE = 100  # a smaller group is no neighbourhood ...
LARGEST_SHARE = 0.1  # ... nor is a larger part of everybody: what many of them complete is popular, and rightly listed
GUARDED_SHARE = 0.2  # so that accomplices cannot lift the guard by making the group too large
SAFETY = 0.8
LEAST_LISTED = 1e-6  # of everybody; a list whose last score is lower has room for anything


def needed_accomplices(group_count: int) -> int:
    """How many it must take at least, for a neighbourhood of so many people: min(100, 5 %)."""
    return int(min(NEEDED_MOST, np.ceil(NEEDED_SHARE * group_count)))


def is_neighbourhood(group_count: IntArray | FloatArray, people_count: int) -> NDArray[np.bool_]:
    """Which groups of so many, out of so many people, are neither too small nor too large to be one."""
    is_one: NDArray[np.bool_] = (group_count >= FEWEST_PEOPLE) & (group_count <= LARGEST_SHARE * people_count)
    return is_one


def needed_of_owners(moments: Moments) -> FloatArray:
    """(M,) how many accomplices it must take among the people who share each training; 0 where they are too few to be a
    neighbourhood, or far too many."""
    owner_count = moments.profile_choices[-1]
    needed = np.minimum(NEEDED_MOST, np.ceil(NEEDED_SHARE * owner_count))
    is_guarded = (owner_count >= FEWEST_PEOPLE) & (owner_count <= GUARDED_SHARE * moments.people_count)
    return np.where(is_guarded, needed, 0.0)


def least_history_strengths(moments: Moments, listed: FloatArray) -> FloatArray:
    """(M,) how strong the guard has to be of what each training g, once known, adds to another: e_gj = strength w / p_j
    of `colift` (d: known weight, w: mean known weight, p_j: rate of the other).

    N accomplices who complete g and an unknown training j give it a rate of N/2P among P people, and, for everybody who
    knows g,

        history_gj = N/2 / (d_g + N/2 + strength w 2P/N)

    It stays below what stands last on the list of those who know g, t = `listed` (M,), from

        strength = N (N/2 (1/t - 1) - d_g) / (2 w P)

    on; 0 where those who share g are no neighbourhood. t is taken lower by SAFETY, because the profile of the
    accomplices says something too, and by the rate of j.
    """
    needed = needed_of_owners(moments)
    if not moments.known_count:
        return np.zeros(len(needed))
    own_rate = needed / (2.0 * moments.people_count)
    last = np.clip(SAFETY * listed - own_rate, LEAST_LISTED, 1.0)
    strength = needed * (needed / 2.0 * (1.0 / last - 1.0) - moments.known_weight)
    least: FloatArray = np.maximum(strength, 0.0) / (2.0 * moments.mean_weight * moments.people_count)
    return least
