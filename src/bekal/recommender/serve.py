"""`recommend_for`: lists and spending plans that fit who a person is and what is left, each training with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import ranking, spending_plans
from bekal.ledger.clock import programme_day
from bekal.ledger.queries import remaining
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.recommender.model_store import ServingModel, newest_model
from bekal.recommender.profile import coded
from bekal.recommender.reasons import ShownReason, shown_reasons
from bekal.recommender.shelf import Shelf, shelf_today, with_cold_trainings

MAX_LENGTH = 50
MAX_PLANNED = 8
# From this length on a list has a fresh training where one fits, else nothing new is ever tried; more than two only
# where nothing else fits, so that a large import does not crowd out what is known to be good.
LENGTH_WITH_FRESH = 5
FRESH_PLACES = 2


class ListState(StrEnum):
    READY = "ready"  # the items are what fits; there may be none
    NO_MODEL = "no_model"  # no model was fitted yet
    CLOSED = "closed"  # this participation cannot buy any more: revoked, ended, or past its last day


@dataclass(frozen=True, slots=True)
class Recommended:
    """One training on a list: `score` estimates the chance that the person takes it, `left_rupiah` after buying."""

    training_id: int
    price_rupiah: int
    left_rupiah: int
    score: float
    reason: ShownReason


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """Trainings to spend the balance on; kind best_value, nothing_lapses or one_best. spent + left = balance."""

    kind: str
    training_ids: tuple[int, ...]
    spent_rupiah: int
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class RecommendedList:
    """What one participation is shown. Empty `items` and `plans` unless `state` is READY."""

    participation_id: int
    state: ListState
    balance_rupiah: int
    model_version_id: int | None = None
    items: tuple[Recommended, ...] = ()
    plans: tuple[ShownPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class _Person:
    participation_id: int
    balance_rupiah: int
    is_open: bool
    facts: tuple[int, ...]
    bought_ids: tuple[int, ...]


def recommend_for(
    *, participation_ids: Sequence[int], at: datetime, n: int = 10, with_plans: bool = True
) -> tuple[RecommendedList, ...]:
    """The list of at most `n` (1-50) trainings for each participation, in the order asked; six queries for any number.

    Every training is on sale, was not bought before, and costs no more than the balance of this moment. Where no model
    was fitted, or the participation can buy nothing any more, the list is empty and `state` says which.
    Raises ValueError for an unknown participation or a length out of bounds.
    """
    if not 1 <= n <= MAX_LENGTH:
        raise ValueError(f"n must be 1 to {MAX_LENGTH}, not {n}")
    people = _people(participation_ids, programme_day(at))
    model = newest_model()
    if model is None:
        return tuple(_empty(person, ListState.NO_MODEL) for person in people)
    served = [person for person in people if person.is_open]
    lists: dict[int, RecommendedList] = {}
    if served:
        shelf = shelf_today(model, at)
        for part in ranking.chunks(len(served), len(shelf.ids)):
            lists |= _lists(model, shelf, served[part], n, with_plans)
    return tuple(lists.get(p.participation_id) or _empty(p, ListState.CLOSED) for p in people)


def _empty(person: _Person, state: ListState) -> RecommendedList:
    return RecommendedList(
        person.participation_id, state if person.is_open else ListState.CLOSED, person.balance_rupiah
    )


def _people(participation_ids: Sequence[int], on: date) -> list[_Person]:
    ids = list(dict.fromkeys(participation_ids))
    balances = remaining(owner_ids=ids)
    bought: dict[int, list[int]] = {}
    purchases = Purchase.objects.filter(participation_id__in=ids).order_by("participation_id", "ordinal")
    for participation_id, training_id in purchases.values_list("participation_id", "training_id"):
        bought.setdefault(participation_id, []).append(training_id)
    found = {p.pk: p for p in Participation.objects.filter(pk__in=ids).select_related("participant")}
    missing = [number for number in ids if number not in found]
    if missing:
        raise ValueError(f"there is no participation {missing[0]}")
    return [
        _person(found[number], balances.get(number, 0), tuple(bought.get(number, ())), on)
        for number in participation_ids
    ]


def _person(participation: Participation, balance_rupiah: int, bought_ids: tuple[int, ...], on: date) -> _Person:
    person = participation.participant
    has_bought = bool(bought_ids) or participation.bought_before
    last_day = participation.balance_ends_on if has_bought else participation.first_purchase_due_on
    ended = participation.revoked_at is not None or participation.balance_ended_at is not None
    return _Person(
        participation_id=participation.pk,
        balance_rupiah=balance_rupiah,
        is_open=not ended and on <= min(last_day, participation.balance_ends_on),
        facts=(int(person.sex == "M"), person.born_on.year, person.education, person.employment, person.province),
        bought_ids=bought_ids,
    )


def _lists(
    model: ServingModel, shelf: Shelf, people: Sequence[_Person], n: int, with_plans: bool
) -> dict[int, RecommendedList]:
    profile = coded(np.array([person.facts for person in people], dtype=np.int64), model.reference_year)
    known = [_places(model.training_ids, person.bought_ids) for person in people]
    raw = model.recommender.scores(ptr=_starts(known), items=_joined(known), profile=profile)
    scores = with_cold_trainings(raw, shelf)
    taken = [_places(shelf.ids, person.bought_ids) for person in people]
    balance = np.array([person.balance_rupiah for person in people], dtype=np.int64)
    ranking.forbid(
        scores,
        _starts(taken),
        _joined(taken),
        price_rupiah=shelf.price_rupiah,
        balance_rupiah=balance,
        on_sale=shelf.on_sale,
    )
    others, _ = ranking.best(np.where(shelf.is_fresh, np.float32(-np.inf), scores), n)
    lists: dict[int, RecommendedList] = {}
    for row, person in enumerate(people):
        chosen = _with_fresh_ones(others[row][others[row] >= 0], scores[row], shelf, n, person.participation_id)
        reasons = shown_reasons(model, shelf, profile[row], known[row], chosen)
        items = tuple(
            _recommended(person, shelf, int(place), float(scores[row, place]), reason)
            for place, reason in zip(chosen, reasons, strict=True)
        )
        plans = _plans(person, shelf, scores[row]) if with_plans else ()
        lists[person.participation_id] = RecommendedList(
            person.participation_id, ListState.READY, person.balance_rupiah, model.version_id, items, plans
        )
    return lists


def _recommended(person: _Person, shelf: Shelf, place: int, score: float, reason: ShownReason) -> Recommended:
    price = int(shelf.price_rupiah[place])
    return Recommended(int(shelf.ids[place]), price, person.balance_rupiah - price, score, reason)


def _places(ids: NDArray[np.int64], wanted: Sequence[int]) -> NDArray[np.int64]:
    """Positions of the wanted ids in the ascending `ids`; those that are not there are left out."""
    asked = np.array(wanted, dtype=np.int64)
    return np.flatnonzero(np.isin(ids, asked))


def _starts(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(part) for part in parts)])


def _joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts])


def _with_fresh_ones(
    others: NDArray[np.int32], scores: NDArray[np.float32], shelf: Shelf, n: int, participation_id: int
) -> NDArray[np.int32]:
    """The n best of `others` and of the best fresh trainings, with at least one fresh in a long list, best first.

    Fresh trainings without any completion score alike within a category; which of them a person sees is drawn by a hash
    of both numbers, so that each is tried by some and everybody keeps the same one.
    """
    fresh = np.flatnonzero(shelf.is_fresh & np.isfinite(scores))
    drawn = (shelf.ids[fresh] * 2_654_435_761 + participation_id * 40_503) % 4_294_967_291
    fresh = fresh[np.lexsort((drawn, -scores[fresh]))][: max(FRESH_PLACES, n - len(others))]
    candidates = np.concatenate([others, fresh]).astype(np.int32)
    chosen = candidates[np.argsort(-scores[candidates], kind="stable")][:n]
    if n >= LENGTH_WITH_FRESH and len(fresh) and not shelf.is_fresh[chosen].any():
        chosen[-1] = fresh[0]
    return chosen


def _plans(person: _Person, shelf: Shelf, scores: NDArray[np.float32]) -> tuple[ShownPlan, ...]:
    """Sets that use the balance: value is the score (never below 0) times the training's rating and completion odds."""
    fitting = np.flatnonzero(np.isfinite(scores))
    value = np.maximum(scores[fitting], 0).astype(np.float64) * shelf.quality[fitting]
    plans = spending_plans(value, shelf.price_rupiah[fitting], person.balance_rupiah, MAX_PLANNED)
    return tuple(
        ShownPlan(p.kind, tuple(int(shelf.ids[fitting[i]]) for i in p.trainings), p.spent_rupiah, p.left_rupiah)
        for p in plans
    )
