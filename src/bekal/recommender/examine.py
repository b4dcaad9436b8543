"""`examine`: how good, how fair and how hard to game a version is, on people it has not learned from; kept as a fact.

What blocks, what passes and what cannot be told yet is decided in `core.recommend.fairness` and explained in
docs/adr/0017-fairness-gate.md: a version is blocked by what is certain; what cannot be told yet is listed, with how
many more people it needs, and does not block, else a young programme would never have lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from bekal.core.recommend import ndcg_at
from bekal.core.recommend.attack import Attack, cheapest_attack, neighbourhoods
from bekal.core.recommend.exposure import Exposure, capped, exposed
from bekal.core.recommend.fairness import LIMIT, Comparison, Measure, compared
from bekal.core.recommend.flips import flipped, values_to_try
from bekal.core.recommend.gaming import needed_accomplices
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.recommender.completed_choices import completed_choices
from bekal.recommender.examination_reasons import blocking_reasons, untold_reasons
from bekal.recommender.models import ModelExamination, ModelVersion
from bekal.recommender.places import most_of_one_institution
from bekal.recommender.prepared import LIST_LENGTH
from bekal.recommender.profile import COLUMNS, UNKNOWN, coded
from bekal.recommender.trial import (
    CANDIDATES,
    Fold,
    Known,
    People,
    Tried,
    folds,
    in_drawn_order,
    quality_report,
    try_fold,
)

FEWEST_PEOPLE = 100  # with fewer nothing is measured
FLIPPED = 1_000
ADVANCED_QUANTILE = 0.75  # of the prices of a category: above it a training counts as advanced
CHEAP_QUANTILE = 0.05  # of the prices: a difference in what lapses that buys not even such a training is no harm


def examine(*, version: ModelVersion, at: datetime) -> ModelExamination:
    """Try the version on up to 40,000 of the people it was fitted to, fitted without them, and keep what was found.

    Reads the choices completed by the version's own instant; the same version gives the same figures. Some seconds for
    thousands of people, one or two minutes for hundreds of thousands. An earlier examination stays; the newest counts.
    """
    people = _people(version, at)
    if people.count < FEWEST_PEOPLE:
        return _kept(version, at, _report({"people_count": people.count, "cells": {}, "calibration": {}}))
    tried = Tried.nothing(people.count)
    first: Fold | None = None
    for fold in folds(people, _settings(version)):
        try_fold(fold, tried)
        first = first or fold
    assert first is not None
    report = _report(
        quality_report(tried),
        fairness=_comparisons(people, tried),
        flips=list(_flips(first)),
        exposure=_exposure(first),
        attack=_attack(first),
    )
    return _kept(version, at, report)


def _settings(version: ModelVersion) -> dict[str, Any]:
    """What the version was made with, as arguments of `Recommender`."""
    chosen = version.manifest["hyperparameters"]
    return {
        "seed": int(version.manifest["seed"]),
        "history_strength": chosen["kappa_history"],
        "floor": chosen["floor"],
    }


def _kept(version: ModelVersion, at: datetime, report: Mapping[str, Any]) -> ModelExamination:
    return ModelExamination.objects.create(
        model_version=version, examined_at=at, report=report, passes=report["passes"]
    )


def _people(version: ModelVersion, at: datetime) -> People:
    """Everybody the version has learned from, as it knows them."""
    until = datetime.fromisoformat(version.manifest["trained_until"])
    with completed_choices(until=until) as choices:
        blocks = list(choices.blocks())
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, category_id FROM catalogue_training ORDER BY id")
            rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    lengths = [np.diff(block.ptr) for block in blocks]
    ptr = np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]))])
    items = np.concatenate([np.empty(0, np.int64), *(block.items for block in blocks)])
    facts = np.concatenate([np.empty((0, len(COLUMNS)), np.int64), *(block.facts for block in blocks)])
    category = rows[np.searchsorted(rows[:, 0], choices.training_ids), 1]
    return People(
        ptr=ptr,
        items=in_drawn_order(ptr, items),
        profile=coded(facts, int(version.manifest["reference_year"])),
        price_rupiah=choices.price_rupiah,
        institution=np.unique(choices.institution_ids, return_inverse=True)[1].reshape(-1),
        advanced=advanced_trainings(choices.price_rupiah, category),
        grant_rupiah=RULES.scheme(programme_day(at)).training_balance_rupiah,
    )


def advanced_trainings(price_rupiah: NDArray[np.int64], category: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(trainings,) dearer than three quarters of their category: the nearest the catalogue knows to being advanced."""
    advanced = np.zeros(len(price_rupiah), np.bool_)
    for each in np.unique(category):
        own = category == each
        advanced[own] = price_rupiah[own] > np.quantile(price_rupiah[own], ADVANCED_QUANTILE)
    return advanced


def _comparisons(people: People, tried: Tried) -> list[Comparison]:
    """Every attribute by every measure, at equal history."""
    told = ~np.isnan(tried.observed)
    calibration = Measure("calibration", np.nan_to_num(tried.expected), np.where(told, tried.observed, 0.0))
    measures = (
        Measure.of("quality", tried.quality),
        calibration,
        Measure.of("mean_price", tried.mean_price),
        Measure.of("lapsing", tried.lapsing, floor=float(np.quantile(people.price_rupiah, CHEAP_QUANTILE)) / LIMIT),
        Measure.of("advanced", tried.advanced, floor=float(people.advanced.mean())),
    )
    return [
        compared(name, people.profile[:, column], measure)
        for column, name in enumerate(COLUMNS)
        for measure in measures
    ]


def _as_they_begin(fold: Fold) -> tuple[Known, Known]:
    """Some of the fold's people with nothing known, others with one choice."""
    return fold.known(0, FLIPPED), fold.known(1, FLIPPED)


def _flips(fold: Fold) -> Iterator[dict[str, Any]]:
    """Everybody's lists under each value of one attribute; and what quality remains where it is not known at all."""
    for column, name in enumerate(COLUMNS):
        values = values_to_try(fold.people.profile[:, column])
        if len(values) < 2:
            continue
        groups = [known for known in _as_they_begin(fold) if len(known.people)]
        lists = [np.concatenate([_lists_as(fold, known, column, value) for known in groups]) for value in values]
        flip = flipped(name, values, lists, price_rupiah=fold.people.price_rupiah, advanced=fold.people.advanced)
        quality = [
            np.concatenate([ndcg_at(found, known.later_ptr, known.later_items) for found, known in pairs])
            for pairs in (
                [(fold.lists(known)[0], known) for known in groups],
                [(_lists_as(fold, known, column, UNKNOWN), known) for known in groups],
            )
        ]
        with_it, without = (float(np.nanmean(each)) for each in quality)
        yield {**flip.as_json(), "quality": with_it, "quality_without": without}


def _lists_as(fold: Fold, known: Known, column: int, value: int) -> NDArray[np.int64]:
    changed = known.profile.copy()
    changed[:, column] = value
    return fold.lists(known, changed)[0]


def _exposure(fold: Fold) -> Exposure:
    shown, popular, kept = [], [], []
    cap = most_of_one_institution(LIST_LENGTH)
    for known in _as_they_begin(fold):
        lists, can_keep = fold.lists(known)
        by_popularity, _ = fold.popularity.recommend(
            ptr=known.ptr,
            items=known.items,
            profile=known.profile,
            balance_rupiah=known.balance_rupiah,
            n=CANDIDATES,
        )
        shown.append(lists)
        kept.append(can_keep)
        popular.append(capped(by_popularity, fold.people.institution, LIST_LENGTH, cap)[0])
    return exposed(
        np.concatenate(shown),
        np.concatenate(popular),
        institution=fold.people.institution,
        choice_count=np.bincount(fold.people.items, minlength=len(fold.people.price_rupiah)),
        cap=cap,
        can_keep=np.concatenate(kept),
    )


def _attack(fold: Fold) -> Attack | None:
    """The neighbourhood that is cheapest to reach, beside what it has to cost; one less than that is tried first."""
    found: Attack | None = None
    learned = {name: fold.rest[name] for name in ("ptr", "items", "profile")}
    for group in neighbourhoods(**learned):
        most = needed_accomplices(group.people_count)
        one = cheapest_attack(fold.recommender, group, price_rupiah=fold.people.price_rupiah, n=LIST_LENGTH, most=most)
        if found is None or _cost(one) < _cost(found):
            found = one
    return found


def _cost(attack: Attack) -> float:
    """Beside what it has to be; below 1 is too cheap."""
    return (attack.tried + 1 if attack.accomplices is None else attack.accomplices) / attack.needed


def _report(
    quality: Mapping[str, Any],
    *,
    fairness: Sequence[Comparison] = (),
    flips: Sequence[Mapping[str, Any]] = (),
    exposure: Exposure | None = None,
    attack: Attack | None = None,
) -> dict[str, Any]:
    """What is kept. It passes unless something certain blocks."""
    blocked = list(blocking_reasons(fairness, flips, exposure, attack))
    return {
        "quality": quality,
        "fairness": [one.as_json() for one in fairness],
        "flips": list(flips),
        "exposure": exposure.as_json() if exposure else {},
        "attack": attack.as_json() if attack else {},
        "passes": not blocked,
        "reasons": [*blocked, *untold_reasons(quality["people_count"], fairness)],
    }
