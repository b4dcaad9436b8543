"""A list as it is made: which trainings in which places, and which plans, before prices and reasons are put to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import CONCEDED_SHARE, Spending, plan_spending, ranking
from bekal.recommender.buyers import Buyer
from bekal.recommender.model_store import ServingModel
from bekal.recommender.places import Places, draw_of, places_of
from bekal.recommender.shelf import Shelf
from bekal.recommender.value import values_of

MAX_PLANNED = 8
ROUNDING = 1e-9  # so that a loss of exactly one step is one step on any machine


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """Trainings to spend the balance on; kind best_value, nothing_lapses or one_best. spent + left = balance."""

    kind: str
    training_ids: tuple[int, ...]
    spent_rupiah: int
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class MadeList:
    """One person's list: trainings in their order, the chance of each to be the person's next choice, and of each to
    stand in its place; `explored` is the place that was drawn, from 0 (None: no place was)."""

    participation_id: int
    training_ids: tuple[int, ...]
    scores: tuple[float, ...]
    propensities: tuple[float, ...]
    explored: int | None
    plans: tuple[ShownPlan, ...]


def make_lists(
    model: ServingModel, shelf: Shelf, people: Sequence[Buyer], on: date, n: int, with_plans: bool = True
) -> Iterator[MadeList]:
    """The list of each person for that day; the same whoever else is asked for, and in whichever process."""
    for part in ranking.chunks(len(people), len(shelf.ids)):
        values = values_of(model, shelf, people[part])
        for person, chance, value in zip(people[part], values.chance, values.value, strict=True):
            draw = draw_of(person.participation_id, model.version_id, on.isoformat())
            places = places_of(value, shelf, n, draw)
            fitting = np.flatnonzero(value > 0)
            spending = _spending(person, shelf, value, fitting, places.chosen)
            places = _by_plan(places, value, spending.best_with)
            yield _made(person, shelf, chance, places, _plans(shelf, fitting, spending) if with_plans else ())


def _by_plan(places: Places, value: NDArray[np.float64], best_with: Sequence[float]) -> Places:
    """The places with the fixed ones by the best plan that holds each, in steps of CONCEDED_SHARE of the best plan of
    all, and by value within a step: what would cost the rest of the balance much comes after what would not. The place
    that was drawn stays where it is labelled."""
    fixed = len(places.chosen) if places.explored is None else places.explored
    top = max(best_with, default=0.0)

    def key(at: int) -> tuple[float, float, int]:
        lost = 1.0 - best_with[at] / top if top > 0 else 0.0
        return float(np.floor(lost / CONCEDED_SHARE + ROUNDING)), -value[places.chosen[at]], places.chosen[at]

    order = sorted(range(fixed), key=key)
    return replace(places, chosen=(*(places.chosen[at] for at in order), *places.chosen[fixed:]))


def _made(
    person: Buyer, shelf: Shelf, chance: NDArray[np.float32], places: Places, plans: tuple[ShownPlan, ...]
) -> MadeList:
    chosen = np.array(places.chosen, dtype=np.int64)
    return MadeList(
        participation_id=person.participation_id,
        training_ids=tuple(shelf.ids[chosen].tolist()),
        scores=tuple(chance[chosen].tolist()),
        propensities=places.propensities,
        explored=places.explored,
        plans=plans,
    )


def _spending(
    person: Buyer,
    shelf: Shelf,
    value: NDArray[np.float64],
    fitting: NDArray[np.intp],
    listed: Sequence[int],
) -> Spending:
    """How the balance can be used, with at most one of equivalents; what is worth nothing after its seat is left out
    (`best_with` of a listed one then is -inf)."""
    at = np.searchsorted(fitting, np.array(listed, dtype=np.int64))
    is_planned = np.isin(listed, fitting)
    spending = plan_spending(
        value[fitting],
        shelf.price_rupiah[fitting],
        person.balance_rupiah,
        MAX_PLANNED,
        group=shelf.group[fitting],
        ranked=at[is_planned],
    )
    best_with = np.full(len(listed), -np.inf)
    best_with[is_planned] = spending.best_with
    return replace(spending, best_with=tuple(best_with.tolist()))


def _plans(shelf: Shelf, fitting: NDArray[np.intp], spending: Spending) -> tuple[ShownPlan, ...]:
    return tuple(
        ShownPlan(p.kind, tuple(int(shelf.ids[fitting[i]]) for i in p.trainings), p.spent_rupiah, p.left_rupiah)
        for p in spending.plans
    )
