"""What each training is worth to each person: the one number that lists, plans and seat prices are made of.

    value = chance x quality - seat price

chance: of being the person's next choice, out of everything they may buy today (sums to 1); quality: shrunken rating
times shrunken completion odds of the training; seat price: what a scarce seat is worth (`SeatPrice`), 0 for most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import ranking
from bekal.recommender.buyers import Buyer
from bekal.recommender.model_store import ServingModel
from bekal.recommender.profile import coded
from bekal.recommender.shelf import Shelf, positions
from bekal.recommender.shelf_model import shelf_model


@dataclass(frozen=True, slots=True)
class Values:
    """For P people and the T trainings of a shelf. What a person may not be shown (not on sale, taken, above the
    balance, beginning too late) has chance 0 and value -inf."""

    chance: NDArray[np.float32]  # (P, T)
    worth: NDArray[np.float64]  # (P, T) chance times quality: the value before the seat price
    value: NDArray[np.float64]  # (P, T)


def values_of(model: ServingModel, shelf: Shelf, people: Sequence[Buyer]) -> Values:
    """The values of each person; who else is asked for changes no bit."""
    profile = coded(np.array([person.facts for person in people], dtype=np.int64), model.reference_year)
    taken = [positions(shelf.ids, person.bought_ids) for person in people]
    wide = shelf_model(model, shelf)
    raw = wide.scores(ptr=_starts(taken), items=_joined(taken), profile=profile)
    chance = np.maximum(raw, wide.least_scores)
    balance = np.array([person.balance_rupiah for person in people], dtype=np.int64)
    ranking.Limits(shelf.price_rupiah, balance, shelf.on_sale).forbid(chance, _starts(taken), _joined(taken))
    last_day = np.array([person.last_day for person in people], dtype=np.int64)
    chance[shelf.begins_day[None, :] > last_day[:, None]] = -np.inf
    barred = ~np.isfinite(chance)
    chance[barred] = 0.0
    total = chance.sum(axis=1, dtype=np.float64)
    chance /= np.where(total > 0, total, 1.0).astype(np.float32)[:, None]
    worth = chance * shelf.quality
    return Values(chance, worth, np.where(barred, -np.inf, worth - shelf.seat_price))


def _starts(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(part) for part in parts)])


def _joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts])
