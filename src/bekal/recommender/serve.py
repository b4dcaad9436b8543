"""`recommend_for`: lists and spending plans that fit who a person is and what is left, each training with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from bekal.ledger.clock import programme_day
from bekal.recommender.buyers import Buyer, buyers
from bekal.recommender.made import MadeList, ShownPlan, make_lists
from bekal.recommender.model_store import ServingModel, serving_model
from bekal.recommender.prepared import LIST_LENGTH, prepared_lists
from bekal.recommender.profile import coded
from bekal.recommender.reasons import ShownReason, WhyThis, why_these
from bekal.recommender.shelf import Shelf, positions, shelf_today

__all__ = ["LIST_LENGTH", "ListState", "Recommended", "RecommendedList", "ShownPlan", "recommend_for"]

MAX_LENGTH = 50


class ListState(StrEnum):
    READY = "ready"  # the items are what fits; there may be none
    NO_MODEL = "no_model"  # no model serves, or the one that does cannot be read
    CLOSED = "closed"  # this participation cannot buy any more: revoked, ended, or past its last day
    OFF = "off"  # the participant has switched off what is made from who they are


@dataclass(frozen=True, slots=True)
class Recommended:
    """One training on a list: `score` is the chance that it is the person's next choice, `left_rupiah` after buying.

    `propensity`: the chance of standing in this place, over the draws of exploration; below 1 only for the one place
    that is drawn and has to be labelled so, `is_explored`."""

    training_id: int
    price_rupiah: int
    left_rupiah: int
    score: float
    propensity: float
    why: WhyThis

    @property
    def reason(self) -> ShownReason:
        return self.why.reason

    @property
    def is_explored(self) -> bool:
        return self.why.is_explored


@dataclass(frozen=True, slots=True)
class RecommendedList:
    """What one participation is shown. Empty `items` and `plans` unless `state` is READY."""

    participation_id: int
    state: ListState
    balance_rupiah: int
    model_version_id: int | None = None
    items: tuple[Recommended, ...] = ()
    plans: tuple[ShownPlan, ...] = ()


def recommend_for(
    *, participation_ids: Sequence[int], at: datetime, n: int = LIST_LENGTH, with_plans: bool = True
) -> tuple[RecommendedList, ...]:
    """The list of at most `n` (1-50) trainings for each participation, in the order asked; eight queries for any
    number.

    Every training is on sale, was not bought before, costs no more than the balance of this moment, and begins while
    the balance can be used. The list made in the night is given while nothing that it was made from has changed; else
    it is made now. Where no model serves, the participation can buy nothing any more, or the participant has switched
    lists off, the list is empty and `state` says which. Raises ValueError for an unknown participation or a length out
    of bounds.
    """
    if not 1 <= n <= MAX_LENGTH:
        raise ValueError(f"n must be 1 to {MAX_LENGTH}, not {n}")
    on = programme_day(at)
    people = buyers(participation_ids, on)
    model = serving_model()
    if model is None:
        return tuple(_empty(person) for person in people)
    served = {p.participation_id: p for p in people if p.is_open and p.is_personal}
    lists: dict[int, RecommendedList] = {}
    if served:
        shelf = shelf_today(model, at)
        made = prepared_lists(model, shelf, list(served.values()), on) if n == LIST_LENGTH else {}
        missing = [person for number, person in served.items() if number not in made]
        made |= {one.participation_id: one for one in make_lists(model, shelf, missing, on, n, with_plans)}
        lists = {number: _shown(model, shelf, served[number], one, with_plans) for number, one in made.items()}
    return tuple(lists.get(person.participation_id) or _empty(person) for person in people)


def _empty(person: Buyer) -> RecommendedList:
    personal = ListState.NO_MODEL if person.is_personal else ListState.OFF
    return RecommendedList(
        person.participation_id, personal if person.is_open else ListState.CLOSED, person.balance_rupiah
    )


def _shown(model: ServingModel, shelf: Shelf, person: Buyer, made: MadeList, with_plans: bool) -> RecommendedList:
    """With today's prices, which are those it was made from, and the reasons."""
    places = np.searchsorted(shelf.ids, np.array(made.training_ids, dtype=np.int64))
    profile = coded(np.array([person.facts], dtype=np.int64), model.reference_year)[0]
    known = positions(model.training_ids, person.bought_ids)
    whys = why_these(model, shelf, profile, known, places.astype(np.int32), made.explored)
    prices = shelf.price_rupiah[places].tolist()
    items = tuple(
        Recommended(number, price, person.balance_rupiah - price, score, propensity, why)
        for number, price, score, propensity, why in zip(
            made.training_ids, prices, made.scores, made.propensities, whys, strict=True
        )
    )
    plans = made.plans if with_plans else ()
    return RecommendedList(
        person.participation_id, ListState.READY, person.balance_rupiah, model.version_id, items, plans
    )
