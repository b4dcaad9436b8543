"""A version tried on people it has not learned from: the same model, fitted without them, makes their lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import (
    Popularity,
    Recommender,
    SegmentPopularity,
    affordable_choices,
    first_choices,
    mean_and_error,
    ndcg_at,
    plan_spending,
    ranking,
)
from bekal.core.recommend.exposure import capped
from bekal.recommender.made import MAX_PLANNED
from bekal.recommender.places import most_of_one_institution
from bekal.recommender.prepared import LIST_LENGTH

Numbers = NDArray[np.int64]
Figures = NDArray[np.float64]

HISTORIES = (0, 1, 2, 3)  # known choices
FOLDS = 6  # people are tried in turn, a sixth at a time, until there are enough
MOST_TRIED = 40_000
COMPARED = 5_000  # of a fold, for the figures beside those of popularity
PLANNED = 600  # of a history, over all folds: a plan takes milliseconds
TEMPERED = 500  # of a fold and history, for the temperature
SEGMENT_COLUMNS = 3  # sex, age band, education: more make segments of one person each
CANDIDATES = 40  # a list is the best of so many, with a cap for each institution
SEGMENTS = "segment_popularity"
TEMPERATURES = tuple(round(0.6 + 0.1 * step, 1) for step in range(15))


@dataclass(frozen=True, slots=True)
class People:
    """Choices in the order in which they are taken as known; prices and institutions (codes from 0) of the trainings,
    which of them are advanced, and the balance everybody began with."""

    ptr: Numbers
    items: Numbers
    profile: Numbers
    price_rupiah: Numbers
    institution: Numbers
    advanced: NDArray[np.bool_]
    grant_rupiah: int

    @property
    def count(self) -> int:
        return len(self.ptr) - 1


@dataclass(frozen=True)
class Known:
    """Some people with so many known choices: what is known, what they chose later, and what they can spend."""

    people: Numbers  # positions in `People`
    ptr: Numbers
    items: Numbers
    later_ptr: Numbers
    later_items: Numbers
    profile: Numbers
    balance_rupiah: Numbers

    def of(self, part: slice) -> "Known":
        """Some of them."""
        rows = np.arange(len(self.people))[part]
        first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        cut, later = self.ptr[first : last + 1], self.later_ptr[first : last + 1]
        return Known(
            self.people[part],
            cut - cut[0],
            self.items[cut[0] : cut[-1]],
            later - later[0],
            self.later_items[later[0] : later[-1]],
            self.profile[part],
            self.balance_rupiah[part],
        )


@dataclass(frozen=True)
class Fold:
    """The model, and its yardsticks, fitted to everybody but those who are tried."""

    people: People
    tried: Numbers
    recommender: Recommender
    rest: dict[str, Numbers]
    planned: int  # how many are given a plan at each history

    @cached_property
    def popularity(self) -> Popularity:
        return Popularity().fit(**self.rest)

    @cached_property
    def segments(self) -> SegmentPopularity:
        narrow = self.rest["profile"][:, :SEGMENT_COLUMNS]
        segments = SegmentPopularity()
        segments.fit(**{**self.rest, "profile": narrow})
        return segments

    def known(self, history: int, most: int | None = None) -> Known:
        """Those tried (the first `most`) who have chosen more than so many."""
        lengths = np.diff(self.people.ptr)[self.tried]
        who = self.tried[lengths > history][:most]
        ptr, items = first_choices(self.people.ptr, self.people.items, who, history)
        later_ptr, later_items = first_choices(
            self.people.ptr, self.people.items, who, int(lengths.max(initial=0)), start=history
        )
        spent = np.add.reduceat(np.append(self.people.price_rupiah[items], 0), ptr[:-1]) if len(who) else ptr[:-1]
        spent = np.where(np.diff(ptr) > 0, spent, 0)
        balance = np.maximum(self.people.grant_rupiah - spent, 0)
        return Known(who, ptr, items, later_ptr, later_items, self.people.profile[who], balance)

    def lists(self, known: Known, profile: Numbers | None = None) -> tuple[Numbers, NDArray[np.bool_]]:
        """As they would be served: within the balance, few of one institution; and whether that could be kept to."""
        found, _ = self.recommender.recommend(
            ptr=known.ptr,
            items=known.items,
            profile=known.profile if profile is None else profile,
            balance_rupiah=known.balance_rupiah,
            n=CANDIDATES,
        )
        return capped(found, self.people.institution, LIST_LENGTH, most_of_one_institution(LIST_LENGTH))


def folds(people: People, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """As many as it takes to try MOST_TRIED people, or everybody; `settings` are those of `Recommender`."""
    count = max(FOLDS, -(-people.count // MOST_TRIED))
    drawn = _hashed(np.arange(people.count)) % np.uint64(count)
    used = min(FOLDS, max(1, round(MOST_TRIED * count / people.count)))
    for fold in range(used):
        held = drawn == fold
        rest = np.flatnonzero(~held)
        ptr, items = first_choices(people.ptr, people.items, rest, int(np.diff(people.ptr).max(initial=0)))
        arrays = {"ptr": ptr, "items": items, "profile": people.profile[rest], "price_rupiah": people.price_rupiah}
        recommender = Recommender(**settings).fit(**arrays)
        yield Fold(people, np.flatnonzero(held), recommender, arrays, PLANNED // used)


def _hashed(numbers: Numbers) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: who is tried together does not depend on anything but the number."""
    mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def in_drawn_order(ptr: Numbers, items: Numbers) -> Numbers:
    """Each person's choices in an order drawn by a hash of person and training, the same on every machine."""
    person = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
    return items[np.lexsort((_hashed(person * np.int64(1_000_003) + items), person))]


@dataclass
class Tried:
    """(people, histories) what the lists were worth to each person tried; NaN where there is nothing to measure."""

    quality: Figures
    expected: Figures  # chance that the model gives to what will be chosen, were it right
    observed: Figures  # chance that it gave to what was chosen
    mean_price: Figures
    lapsing: Figures  # by the plan of best value
    advanced: Figures
    tempered: dict[str, list[Figures]] = field(default_factory=dict)
    cells: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)

    @classmethod
    def nothing(cls, people_count: int) -> "Tried":
        one, two, three, four, five, six = (np.full((people_count, len(HISTORIES)), np.nan) for _ in range(6))
        return cls(one, two, three, four, five, six)


def try_fold(fold: Fold, tried: Tried) -> None:
    """Measure the fold's people at every history; their rows of `tried` are filled."""
    for place, history in enumerate(HISTORIES):
        known = fold.known(history)
        if not len(known.people):
            continue
        _compare_with_popularity(fold, fold.known(history, COMPARED), f"k{history}", tried)
        lists, _ = fold.lists(known)
        later = affordable_choices(known.later_ptr, known.later_items, fold.people.price_rupiah, known.balance_rupiah)
        tried.quality[known.people, place] = ndcg_at(lists, *later)
        tried.mean_price[known.people, place] = _mean_of(lists, fold.people.price_rupiah.astype(np.float64))
        tried.advanced[known.people, place] = _mean_of(lists, fold.people.advanced.astype(np.float64))
        for part in ranking.chunks(len(known.people), len(fold.people.price_rupiah)):
            _try_chances(fold, known.of(part), part.start, place, later, tried)


def _compare_with_popularity(fold: Fold, known: Known, name: str, tried: Tried) -> None:
    """NDCG beside the yardsticks', over the whole shelf and within the balance ("b")."""
    for suffix, balance in (("", None), ("b", known.balance_rupiah)):
        later = known.later_ptr, known.later_items
        if balance is not None:
            later = affordable_choices(*later, fold.people.price_rupiah, balance)
        cell = tried.cells.setdefault(name + suffix, {"ndcg": [], "popularity": [], SEGMENTS: []})
        for model, kind in ((fold.recommender, "ndcg"), (fold.popularity, "popularity"), (fold.segments, SEGMENTS)):
            profile = known.profile[:, :SEGMENT_COLUMNS] if kind == SEGMENTS else known.profile
            lists, _ = model.recommend(ptr=known.ptr, items=known.items, profile=profile, balance_rupiah=balance)
            cell[kind].append(ndcg_at(lists, *later))


def _try_chances(
    fold: Fold, known: Known, start: int, place: int, later: tuple[Numbers, Numbers], tried: Tried
) -> None:
    """Calibration and plans, from the chances of what each person can pay."""
    chances = fold.recommender.probabilities(
        ptr=known.ptr, items=known.items, profile=known.profile, balance_rupiah=known.balance_rupiah
    )
    ptr = later[0][start : start + len(known.people) + 1]
    chosen = later[1][ptr[0] : ptr[-1]]
    lengths = np.diff(ptr)
    person = np.repeat(np.arange(len(lengths)), lengths)
    told = lengths > 0
    given = chances[person, chosen].astype(np.float64)
    mean = np.bincount(person, weights=given, minlength=len(lengths)) / np.maximum(lengths, 1)
    tried.observed[known.people[told], place] = mean[told]
    tried.expected[known.people[told], place] = np.einsum("ij,ij->i", chances, chances, dtype=np.float64)[told]
    if start == 0:
        first = chosen[(ptr[:-1] - ptr[0])[told]]
        tried.tempered.setdefault(f"k{HISTORIES[place]}", []).append(_log_likelihoods(chances[told], first))
    for row in range(max(0, min(fold.planned - start, len(known.people)))):
        balance = int(known.balance_rupiah[row])
        plan = plan_spending(chances[row].astype(np.float64), fold.people.price_rupiah, balance, MAX_PLANNED)
        tried.lapsing[known.people[row], place] = plan.best_value.left_rupiah


def _log_likelihoods(chances: NDArray[np.float32], chosen: Numbers) -> Figures:
    """(people, temperatures) log chance of the choice were all chances raised to 1 / temperature."""
    some = chances[:TEMPERED]
    log = np.log(np.maximum(some.astype(np.float64), 1e-300))
    log[some <= 0] = -np.inf
    found = np.empty((len(log), len(TEMPERATURES)))
    for column, temperature in enumerate(TEMPERATURES):
        scaled = log / temperature
        top = scaled.max(axis=1)
        total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        found[:, column] = scaled[np.arange(len(log)), chosen[:TEMPERED]] - total
    return found


def _mean_of(lists: Numbers, figure: Figures) -> Figures:
    """(people,) mean of a figure of the trainings over each list; NaN for an empty one."""
    there = lists >= 0
    length = there.sum(axis=1)
    total = np.where(there, figure[np.maximum(lists, 0)], 0.0).sum(axis=1)
    return np.where(length > 0, total / np.maximum(length, 1), np.nan)


def quality_report(tried: Tried) -> dict[str, object]:
    """The `quality` part of a report."""
    cells = {}
    for name, kinds in tried.cells.items():
        mean, error = mean_and_error(np.concatenate(kinds["ndcg"]))
        if np.isnan(mean):
            continue
        cells[name] = {"ndcg": mean, "error": error} | {
            kind: mean_and_error(np.concatenate(kinds[kind]))[0] for kind in ("popularity", SEGMENTS)
        }
    calibration = {}
    for place, history in enumerate(HISTORIES):
        observed = np.nansum(tried.observed[:, place])
        if observed > 0:
            likelihood = np.concatenate(tried.tempered[f"k{history}"]).mean(axis=0)
            calibration[f"k{history}"] = {
                "expected_over_observed": float(np.nansum(tried.expected[:, place]) / observed),
                "temperature": TEMPERATURES[int(np.argmax(likelihood))],
            }
    people_count = int((~np.isnan(tried.mean_price)).any(axis=1).sum())
    return {"people_count": people_count, "cells": cells, "calibration": calibration}
