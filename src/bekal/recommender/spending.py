"""`spending_for`: what one balance can do, from nothing of it to all of it, within limits a person sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bekal.catalogue.models import Training
from bekal.core.recommend import plan_spending
from bekal.ledger.clock import programme_day
from bekal.recommender.buyers import Buyer, buyers
from bekal.recommender.made import MAX_PLANNED, ShownPlan
from bekal.recommender.model_store import serving_model
from bekal.recommender.serve import ListState
from bekal.recommender.shelf import Shelf, shelf_today
from bekal.recommender.value import values_of

MOST_CELLS = 4_000_000  # of a table with hours, so that a page takes some tenths of a second at most


@dataclass(frozen=True, slots=True)
class Step:
    """One set on the front: no other that costs as little suits the person better. `share` is its value as a part of
    the best one's (0-1); `training_ids` is None where the set was not asked for."""

    spent_rupiah: int
    left_rupiah: int
    share: float
    training_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class SpendingOptions:
    """Three plans, each with its value as a part of the best one's, and the whole front, the costliest step first.
    All are empty unless `state` is READY."""

    state: ListState
    balance_rupiah: int
    plans: tuple[ShownPlan, ...] = ()
    plan_shares: tuple[float, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class _Offers:
    """What fits one person, by position; a training of unknown length has no value under a limit on hours."""

    ids: NDArray[np.int64]
    value: NDArray[np.float64]
    price_rupiah: NDArray[np.int64]
    group: NDArray[np.int64]
    hours: NDArray[np.int64]


def spending_for(
    *,
    participation_id: int,
    at: datetime,
    max_count: int = MAX_PLANNED,
    max_hours: int | None = None,
    open_from: int = 0,
    open_count: int = 0,
) -> SpendingOptions:
    """The plans and the front for one participation; of `open_count` steps from `open_from` on the sets, too.

    At most `max_count` trainings (1 to MAX_PLANNED), one of each group of equivalents; with `max_hours` as many hours
    in all, of trainings that say how many they take. Spends nothing and keeps nothing. ValueError for an unknown
    participation or a limit out of bounds."""
    if not 1 <= max_count <= MAX_PLANNED:
        raise ValueError(f"max_count must be 1 to {MAX_PLANNED}, not {max_count}")
    (person,) = buyers([participation_id], programme_day(at))
    model = serving_model()
    state = _state(person, has_model=model is not None)
    if model is None or state is not ListState.READY:
        return SpendingOptions(state, person.balance_rupiah)
    shelf = shelf_today(model, at)
    offers = _offers(shelf, values_of(model, shelf, [person]).value[0], with_hours=max_hours is not None)
    spending = plan_spending(
        offers.value,
        offers.price_rupiah,
        person.balance_rupiah,
        max_count,
        group=offers.group,
        hours=offers.hours,
        max_hours=max_hours,
        opened=slice(-1 - open_from, -1 - open_from - open_count, -1),  # the front is the other way round
        most_cells=MOST_CELLS,
    )
    top = spending.best_value.value or 1.0
    opened = {open_from + place: _ids(offers, chosen) for place, chosen in enumerate(spending.front_sets)}
    steps = [
        Step(spent, person.balance_rupiah - spent, value / top, opened.get(place))
        for place, (spent, value) in enumerate(reversed(spending.front))
        if value > 0
    ]
    plans = tuple(
        ShownPlan(plan.kind, _ids(offers, plan.trainings), plan.spent_rupiah, plan.left_rupiah)
        for plan in spending.plans
    )
    shares = tuple(plan.value / top for plan in spending.plans)
    return SpendingOptions(state, person.balance_rupiah, plans, shares, tuple(steps))


def _state(person: Buyer, *, has_model: bool) -> ListState:
    if not person.is_open:
        return ListState.CLOSED
    if not person.is_personal:
        return ListState.OFF
    return ListState.READY if has_model else ListState.NO_MODEL


def _offers(shelf: Shelf, value: NDArray[np.float64], *, with_hours: bool) -> _Offers:
    fitting = np.flatnonzero(np.isfinite(value))
    worth, hours = value[fitting], np.zeros(len(fitting), np.int64)
    ids = shelf.ids[fitting]
    if with_hours:
        told = dict(Training.objects.filter(pk__in=ids.tolist()).order_by().values_list("pk", "hours"))
        hours = np.array([told[number] or 0 for number in ids.tolist()], np.int64)
        worth = np.where([told[number] is None for number in ids.tolist()], 0.0, worth)
    return _Offers(ids, worth, shelf.price_rupiah[fitting], shelf.group[fitting], hours)


def _ids(offers: _Offers, places: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(offers.ids[place]) for place in places)
