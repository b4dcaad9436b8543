"""What can be bought today, as arrays beside the model's own trainings."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from bekal.catalogue.ratings import rating_prior
from bekal.core.recommend import MINIMUM_PEOPLE
from bekal.recommender.model_store import ServingModel

FRESH_FOR = timedelta(days=90)
# Completion odds of a training with few buyers lean on the catalogue's, at the weight of so many buyers.
COMPLETION_STRENGTH = 20.0

SHELF_SQL = """
SELECT id, category_id, price_rupiah, (on_sale AND (seat_count IS NULL OR bought_count < seat_count))::int,
       (listed_at > %(fresh_since)s)::int, rating_sum, rating_count, completed_count, bought_count
FROM catalogue_training ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every training there is today, T of them by ascending id; `model_place` is its position in the model or -1."""

    ids: NDArray[np.int64]
    category: NDArray[np.int64]  # 0..C-1
    category_ids: NDArray[np.int64]
    price_rupiah: NDArray[np.int64]
    on_sale: NDArray[np.bool_]  # and not full
    model_place: NDArray[np.int64]
    completed_count: NDArray[np.int64]  # as the model knows it, 0 for trainings it does not know
    is_fresh: NDArray[np.bool_]  # listed within 90 days, completed by fewer than ten
    quality: NDArray[np.float64]  # shrunken rating (0.2-1) times shrunken completion odds (0-1)


def shelf_today(model: ServingModel, at: datetime) -> Shelf:
    """Today's prices and offers (two queries)."""
    prior = rating_prior()
    with connection.cursor() as cursor:
        cursor.execute(SHELF_SQL, {"fresh_since": at - FRESH_FOR})
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 9)
    ids, categories, price, on_sale, listed_lately, rating_sum, rating_count, completed, bought = rows.T
    place = np.searchsorted(model.training_ids, ids)
    place[place == len(model.training_ids)] = 0
    model_place = np.where(model.training_ids[place] == ids, place, -1)
    known_count = np.where(model_place >= 0, model.completed_count[model_place], 0)
    category_ids, category = np.unique(categories, return_inverse=True)
    rating = (rating_sum + prior.mean * prior.strength) / (rating_count + prior.strength)
    usual = completed.sum() / bought.sum() if bought.sum() else 1.0
    odds = (completed + usual * COMPLETION_STRENGTH) / (bought + COMPLETION_STRENGTH)
    return Shelf(
        ids=ids,
        category=category.reshape(-1),
        category_ids=category_ids,
        price_rupiah=price,
        on_sale=on_sale.astype(np.bool_),
        model_place=model_place,
        completed_count=known_count,
        is_fresh=listed_lately.astype(np.bool_) & (known_count < MINIMUM_PEOPLE),
        quality=rating / 5 * odds,
    )


def with_cold_trainings(scores: NDArray[np.float32], shelf: Shelf) -> NDArray[np.float32]:
    """(people, T) scores of today's trainings from the model's (people, M).

    A fresh training that n < 10 people completed, or one the model has never seen (n = 0), is judged n parts of ten by
    its own score and the rest by what the person's better-known trainings of its category score on average (of all
    categories where its own has none). So a training imported today has a place where its category fits the person, and
    needs no popularity; and it takes nothing from the others, whose scores stay the model's. Few completions of a
    training that was there for long are not ignorance but a record.
    """
    own = np.where(shelf.model_place >= 0, scores[:, shelf.model_place], np.float32(0))
    warm = shelf.completed_count >= MINIMUM_PEOPLE
    overall = _mean_of(own, np.flatnonzero(warm), np.zeros(len(own), np.float32))
    means = [
        _mean_of(own, np.flatnonzero(warm & (shelf.category == c)), overall) for c in range(len(shelf.category_ids))
    ]
    of_category = np.stack(means, axis=1)
    is_cold = shelf.is_fresh | (shelf.model_place < 0)
    trust = np.where(is_cold, shelf.completed_count / MINIMUM_PEOPLE, 1).astype(np.float32)
    blended = trust * own + (1 - trust) * of_category[:, shelf.category]
    return np.where(trust >= 1, own, blended).astype(np.float32)


def _mean_of(
    scores: NDArray[np.float32], places: NDArray[np.intp], otherwise: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(people,) mean over some trainings; `take` keeps rows together: a person's mean does not depend on the batch."""
    return np.take(scores, places, axis=1).mean(axis=1) if len(places) else otherwise
