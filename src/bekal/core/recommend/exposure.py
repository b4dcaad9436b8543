"""Whether small institutions still have a place in the lists, and whether one institution fills them.

Small are the institutions with the fewest choices that together hold at most SMALL_SHARE of all choices. Lists of ten
favour what many choose: even a list of the most popular trainings gives small institutions less than their share of
choices. So the limit is half of that share, or half of what lists by popularity give them, whichever is less: a model
may follow what people choose, it may not starve who is small.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import checked_count, checked_flags, whole_numbers
from .fairness import Verdict, worst
from .ragged import IntArray

SMALL_SHARE = 0.2
STARVED = 0.5
Z = 1.96


@dataclass(frozen=True, slots=True)
class Exposure:
    """Shares are of all places in lists, or of all choices; `ratio` is list share over choice share, `ratio_high` the
    upper end of its interval over people; both are None where no small institution has any choice. `most_in_a_list`:
    of one institution, in lists that could have kept to the cap."""

    people_count: int
    small_institution_count: int
    small_share_of_lists: float
    small_share_of_choices: float
    ratio: float | None
    ratio_high: float | None
    popularity_ratio: float | None
    limit: float
    largest_institution_share: float
    most_in_a_list: int
    cap: int
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {
            "people_count": self.people_count,
            "small_institution_count": self.small_institution_count,
            "small_institution_share_of_lists": self.small_share_of_lists,
            "small_institution_share_of_choices": self.small_share_of_choices,
            "ratio": self.ratio,
            "ratio_high": self.ratio_high,
            "popularity_ratio": self.popularity_ratio,
            "limit": self.limit,
            "largest_institution_share": self.largest_institution_share,
            "most_of_one_institution_in_a_list": self.most_in_a_list,
            "cap": self.cap,
            "verdict": str(self.verdict),
        }


def exposed(
    lists: ArrayLike,
    popular_lists: ArrayLike,
    *,
    institution: ArrayLike,
    choice_count: ArrayLike,
    cap: int,
    can_keep: ArrayLike,
) -> Exposure:
    """From the (people, n) lists of trainings (-1 for none), lists by popularity for the same people, the institution
    code 0.. of each training, how often each training was chosen (trainings), and how many places of a list one
    institution may have where the person's other trainings suffice, as `can_keep` (people,) says."""
    shown, popular = whole_numbers("lists", lists, 2), whole_numbers("popular_lists", popular_lists, 2)
    code, chosen = whole_numbers("institution", institution), whole_numbers("choice_count", choice_count)
    if len(code) != len(chosen):
        raise ValueError(f"institution has {len(code)} entries, choice_count {len(chosen)}: give one each a training.")
    count = np.bincount(code, weights=chosen.astype(np.float64)).astype(np.float64)
    small = _small(count)
    share = float(count[small].sum() / max(count.sum(), 1.0))
    places = np.bincount(code[shown[shown >= 0]], minlength=len(count))
    most = _most(shown[checked_flags("can_keep", can_keep, len(shown))], code, len(count))
    listed, error = _share(shown, small[code])
    by_popularity, _ = _share(popular, small[code])
    limit = STARVED if share == 0.0 else STARVED * min(1.0, by_popularity / share)
    fed = Verdict.PASSES
    if share > 0.0 and listed / share < limit:
        fed = Verdict.BLOCKED if (listed + Z * error) / share < limit else Verdict.CANNOT_TELL
    return Exposure(
        people_count=len(shown),
        small_institution_count=int(small.sum()),
        small_share_of_lists=listed,
        small_share_of_choices=share,
        ratio=listed / share if share else None,
        ratio_high=(listed + Z * error) / share if share else None,
        popularity_ratio=by_popularity / share if share else None,
        limit=limit,
        largest_institution_share=float(places.max(initial=0) / max(int(places.sum()), 1)),
        most_in_a_list=most,
        cap=checked_count("cap", cap),
        verdict=worst([fed, Verdict.PASSES if most <= cap else Verdict.BLOCKED]),
    )


def capped(lists: ArrayLike, institution: ArrayLike, n: int, cap: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The first n of each list (people, more than n, best first), at most `cap` of one institution unless nothing else
    is left; in their order. And (people,) whether the cap could be kept."""
    longer, code = whole_numbers("lists", lists, 2), whole_numbers("institution", institution)
    own = np.where(longer >= 0, code[np.maximum(longer, 0)], -1)
    before = np.stack([(own[:, :place] == own[:, [place]]).sum(axis=1) for place in range(longer.shape[1])], axis=1)
    within = (longer >= 0) & (before < cap)
    # Those within the cap first, then the others, each best first; of the n that remain the order is as it was.
    place = np.arange(longer.shape[1])
    rank = np.where(within, 0, np.where(longer >= 0, 1, 2)) * longer.shape[1] + place
    first = np.sort(np.argsort(rank, axis=1, kind="stable")[:, :n], axis=1)
    enough = within.sum(axis=1) >= np.minimum(n, (longer >= 0).sum(axis=1))
    return np.take_along_axis(longer, first, axis=1), enough


def _small(count: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(institutions,) the smallest ones up to SMALL_SHARE of all choices, at least one of several."""
    small = np.zeros(len(count), np.bool_)
    if len(count) > 1:
        order = np.argsort(count, kind="stable")
        small[order[np.cumsum(count[order]) <= SMALL_SHARE * count.sum()]] = True
        small[order[0]] = True
    return small


def _most(lists: IntArray, code: IntArray, institutions: int) -> int:
    """The most places that one institution holds in one list."""
    there = lists >= 0
    keys = np.nonzero(there)[0] * institutions + code[lists[there]]
    return int(np.unique(keys, return_counts=True)[1].max(initial=0))


def _share(lists: IntArray, flagged: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of all places that the flagged trainings hold, and its standard error over people."""
    there = lists >= 0
    held, length = (there & flagged[np.maximum(lists, 0)]).sum(axis=1), there.sum(axis=1)
    total = max(int(length.sum()), 1)
    share = float(held.sum() / total)
    return share, float(np.sqrt(np.sum((held - share * length) ** 2))) / total
