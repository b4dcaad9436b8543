"""Whether one group of people is served worse than another: figures a group, their gap with its interval, a verdict.

A *measure* is a figure of each person at each number of known choices (a *stratum*), so that groups are compared at
equal history: a group's figure is the mean over strata of (sum of numerators / sum of denominators). The *gap* of two
groups is (higher - lower) / higher. The limit is 10 % with a tolerance of 2 points on either side:

    blocked      the gap is above the limit, and its interval lies wholly above limit - tolerance
    passes       the gap is within the limit, and its interval lies wholly below limit + tolerance
    cannot_tell  otherwise; where the half-width of the interval is at most the tolerance this cannot happen

So with 95 % intervals a gap of 12 % passes in about 1 of 40 examinations, one of 8 % is blocked in about 1 of 40,
however few people there are; with enough of them every gap is told (docs/adr/0017-fairness-gate.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import first_position, whole_numbers
from .ragged import FloatArray, IntArray

LIMIT = 0.10  # of the gap, relative
TOLERANCE = 0.02  # how near to the limit a gap may be taken for the other side of it
LEVEL = 0.95  # of the intervals, simultaneous over all groups of an attribute
MINIMUM_PEOPLE = 100  # a group of fewer is not looked at by itself
MINIMUM_IN_STRATUM = 30  # nor one that has fewer with a number of known choices that others are compared at
EVER_PEOPLE = 40_000  # as many as are ever compared: a group too small among so many is never told by itself
OTHERS = -2  # the pool, among the codes of groups; None in what is told


class Verdict(StrEnum):
    PASSES = "passes"
    BLOCKED = "blocked"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Measure:
    """`numerator` and `denominator`, (people, strata); a denominator of 0 where a person is not measured.

    `floor`: figures below it are compared as if the higher one were the floor, since a tenth of next to nothing is no
    harm (the amount that lapses, in rupiah).
    """

    name: str
    numerator: FloatArray
    denominator: FloatArray
    floor: float = 0.0

    @classmethod
    def of(cls, name: str, values: ArrayLike, floor: float = 0.0) -> "Measure":
        """A plain figure a person and stratum, NaN where not measured; (people,) is one stratum."""
        given = np.asarray(values, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        known = ~np.isnan(given)
        return cls(name, np.where(known, given, 0.0), known.astype(np.float64), floor)


@dataclass(frozen=True, slots=True)
class Group:
    """One group's figure with its interval; `value` is its code, None for all groups too small to stand alone."""

    value: int | None
    people_count: int
    figure: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The groups of one attribute by one measure. `gap` is relative, None where there are not two groups.

    `pooled`: values that so few people have that they could never be told from the others by themselves; together they
    are compared, unless one of them is certainly behind or ahead. `needed_people_count`: how many more people would
    tell, where the verdict is cannot_tell.
    """

    attribute: str
    measure: str
    groups: tuple[Group, ...]
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    limit: float
    verdict: Verdict
    pooled: tuple[int, ...]
    needed_people_count: int | None

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and text, no NaN."""
        return {
            "attribute": self.attribute,
            "measure": self.measure,
            "groups": [
                {"value": g.value, "people_count": g.people_count, "figure": g.figure, "low": g.low, "high": g.high}
                for g in self.groups
            ],
            "gap": self.gap,
            "gap_low": self.gap_low,
            "gap_high": self.gap_high,
            "limit": self.limit,
            "verdict": str(self.verdict),
            "pooled": list(self.pooled),
            "needed_people_count": self.needed_people_count,
        }


def judged(gap: float, low: float, high: float, *, limit: float = LIMIT, tolerance: float = TOLERANCE) -> Verdict:
    """The rule of this module for a gap with its interval."""
    if gap > limit and low > limit - tolerance:
        return Verdict.BLOCKED
    if gap <= limit and high < limit + tolerance:
        return Verdict.PASSES
    return Verdict.CANNOT_TELL


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Blocked before cannot_tell before passes; passes where there is none."""
    found = set(verdicts)
    return next((v for v in (Verdict.BLOCKED, Verdict.CANNOT_TELL) if v in found), Verdict.PASSES)


def compared(
    attribute: str, codes: ArrayLike, measure: Measure, *, limit: float = LIMIT, tolerance: float = TOLERANCE
) -> Comparison:
    """Compare the groups of `codes` (people,), negative where unknown (those people are left out).

    Groups of fewer than MINIMUM_PEOPLE measured people are pooled at once. Each of the others is tried for a gap that
    is certain in spite of their number (interval simultaneous over all pairs). To pass, those are pooled whose gap to
    one like them could not be told even among EVER_PEOPLE; the largest group stands by itself.
    Raises ValueError for arrays of different length or figures that are negative or not finite.
    """
    group = _checked_groups(attribute, codes, measure)
    strata = _strata(group, measure)
    named = _estimates(group, measure, strata)
    pooled_group, pooled = _pool(group, named, measure.floor, tolerance)
    together = _estimates(pooled_group, measure, strata)
    alone, all_told = _pairs(named, measure.floor), _pairs(together, measure.floor)
    if not strata or all_told is None:
        return Comparison(
            attribute, measure.name, _told(named), None, None, None, limit, Verdict.CANNOT_TELL, pooled, None
        )
    certain = None if alone is None else alone.most_certain()
    if certain is not None and judged(*certain, limit=limit, tolerance=tolerance) is Verdict.BLOCKED:
        gap, low, high, verdict = *certain, Verdict.BLOCKED
    else:
        gap, low, high = all_told.widest()
        verdict = judged(gap, low, high, limit=limit, tolerance=tolerance)
    needed = all_told.factor(tolerance) if verdict is Verdict.CANNOT_TELL else None
    more = None if needed is None else max(1, ceil(sum(together.people_count) * (needed - 1.0)))
    return Comparison(attribute, measure.name, _told(named), gap, low, high, limit, verdict, pooled, more)


def _checked_groups(attribute: str, codes: ArrayLike, measure: Measure) -> IntArray:
    """The group of each person: the code, OTHERS where too few have it, -1 for nobody's."""
    group = whole_numbers(f"codes of {attribute}", codes).copy()
    for name, part in (("numerator", measure.numerator), ("denominator", measure.denominator)):
        if part.ndim != 2 or len(part) != len(group):
            raise ValueError(
                f"{name} of {measure.name} has the shape {part.shape}, but {attribute} has {len(group)} codes: give "
                "one row a person."
            )
        bad: NDArray[np.bool_] = np.any(~(np.isfinite(part) & (part >= 0)), axis=1)
        if bad.any():
            raise ValueError(
                f"{name}[{first_position(bad)}] of {measure.name} is {part[first_position(bad)].tolist()}: give finite "
                "numbers of 0 or more, and denominator 0 where a person is not measured."
            )
    group[(group < 0) | ~(measure.denominator > 0).any(axis=1)] = -1
    values, counts = np.unique(group[group >= 0], return_counts=True)
    group[np.isin(group, values[counts < MINIMUM_PEOPLE])] = OTHERS
    return group


def _strata(group: IntArray, measure: Measure) -> list[int]:
    """Where the two largest groups have enough people to be compared at equal history."""
    values, counts = np.unique(group[group >= 0], return_counts=True)
    largest = values[np.argsort(-counts, kind="stable")][:2]
    if len(largest) < 2:
        largest = np.array([*largest, OTHERS])
    return [
        stratum
        for stratum in range(measure.denominator.shape[1])
        if all(np.sum(measure.denominator[group == value, stratum] > 0) >= MINIMUM_IN_STRATUM for value in largest)
    ]


@dataclass(frozen=True, slots=True)
class _Estimates:
    """Figure and standard error of each group, ascending by code."""

    value: IntArray
    people_count: IntArray
    figure: FloatArray
    error: FloatArray


def _estimates(group: IntArray, measure: Measure, strata: list[int]) -> _Estimates:
    """Of every group that has enough people in all strata.

    The error is that of the linearised ratio, a person's strata added up first. It is the larger one of the group's
    own and of everybody's spread: a small group in which by chance nobody differs is not certain for that.
    """
    codes = [value for value in np.unique(group) if value != -1]
    codes = [value for value in codes if strata and _is_measured(measure, group == value, strata)]
    figure, spread, count = [], [], []
    squares, people = 0.0, 0
    for value in codes:
        members = group == value
        top, bottom = measure.numerator[members][:, strata], measure.denominator[members][:, strata]
        weight = bottom.sum(axis=0)
        ratio = top.sum(axis=0) / weight
        residual = ((top - ratio * bottom) / weight).mean(axis=1) * len(top)
        figure.append(float(ratio.mean()))
        spread.append(float(np.mean(residual**2)))
        count.append(len(top))
        squares, people = squares + float(np.sum(residual**2)), people + len(top)
    counts = np.array(count, dtype=np.int64)
    error = np.sqrt(np.maximum(np.array(spread), squares / max(people, 1)) / np.maximum(counts, 1))
    return _Estimates(np.array(codes, dtype=np.int64), counts, np.array(figure), error)


def _is_measured(measure: Measure, members: NDArray[np.bool_], strata: list[int]) -> bool:
    known = measure.denominator[members][:, strata] > 0
    return len(known) >= MINIMUM_PEOPLE and bool((known.sum(axis=0) >= MINIMUM_IN_STRATUM).all())


def _pool(group: IntArray, named: _Estimates, floor: float, tolerance: float) -> tuple[IntArray, tuple[int, ...]]:
    """The groups with all that could never be told by themselves in one, and which values those are."""
    own = named.value >= 0
    scale = np.maximum(np.maximum(named.figure, floor), np.finfo(np.float64).tiny)
    growth = min(1.0, float(named.people_count.sum()) / EVER_PEOPLE)
    told = own & (_quantile(1) * named.error * np.sqrt(2.0 * growth) / scale <= tolerance)
    if own.any():
        told[int(np.argmax(np.where(own, named.people_count, -1)))] = True
    pooled = sorted(set(np.unique(group[group >= 0]).tolist()) - set(named.value[told].tolist()))
    joined = group.copy()
    joined[np.isin(group, [*pooled, OTHERS])] = OTHERS
    return joined, tuple(pooled)


def _quantile(count: int) -> float:
    """Half-width in standard errors of an interval that holds for `count` of them at once (Bonferroni)."""
    return NormalDist().inv_cdf(1.0 - (1.0 - LEVEL) / 2.0 / max(count, 1))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Gap of every pair of groups (higher first) and its standard error."""

    gap: FloatArray
    error: FloatArray

    @property
    def together(self) -> float:
        return _quantile(len(self.gap))

    def most_certain(self) -> tuple[float, float, float]:
        """Gap and interval of the pair whose gap is surely the largest."""
        low = self.gap - self.together * self.error
        at = int(np.argmax(low))
        return float(self.gap[at]), max(0.0, float(low[at])), float(self.gap[at] + self.together * self.error[at])

    def widest(self) -> tuple[float, float, float]:
        """The largest gap; what it is at least, for all pairs at once; what the largest true one is at most.

        For the last every pair has to be within the limit, so none needs a wider interval because of the others.
        """
        low, high = self.gap - self.together * self.error, self.gap + _quantile(1) * self.error
        return float(self.gap.max()), max(0.0, float(low.max())), float(high.max())

    def factor(self, tolerance: float) -> float:
        """How many times as many people make every interval as narrow as the tolerance."""
        return float((_quantile(1) * self.error.max() / tolerance) ** 2)


def _pairs(estimates: _Estimates, floor: float) -> _Pairs | None:
    """None where there are not two groups to compare."""
    if len(estimates.value) < 2:
        return None
    order = np.argsort(-estimates.figure, kind="stable")
    high, low = np.triu_indices(len(order), 1)
    high, low = order[high], order[low]
    figure, error = estimates.figure, estimates.error
    base = np.maximum(np.maximum(figure[high], floor), np.finfo(np.float64).tiny)
    share = np.where(figure[high] >= floor, figure[low] / base, 1.0)
    gap = (figure[high] - figure[low]) / base
    return _Pairs(gap, np.sqrt(error[low] ** 2 + (share * error[high]) ** 2) / base)


def _told(estimates: _Estimates) -> tuple[Group, ...]:
    width = _quantile(len(estimates.value)) * estimates.error
    rows = zip(estimates.value, estimates.people_count, estimates.figure, width, strict=True)
    return tuple(
        Group(None if value == OTHERS else int(value), int(n), float(x), float(x - w), float(x + w))
        for value, n, x, w in rows
    )
