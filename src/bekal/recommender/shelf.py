"""What can be bought today, as arrays beside the model's own trainings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from hashlib import sha256

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from bekal.catalogue.models import Training
from bekal.catalogue.ratings import rating_prior
from bekal.core.recommend import MINIMUM_PEOPLE
from bekal.recommender.model_store import ServingModel

FRESH_FOR = timedelta(days=90)
# How much more often than the catalogue a training is completed: believed to be 1 at the weight of so many completions.
COMPLETION_STRENGTH = 16.0

# Equivalents are trainings of one category whose titles differ in case, blanks and punctuation at most.
SHELF_SQL = """
WITH dated AS (
    SELECT training_id, min(starts_at) AS first_at, max(coalesce(ends_at, starts_at)) AS over_at,
           count(*) AS session_count
    FROM catalogue_session GROUP BY training_id
)
SELECT training.id, category_id, institution_id, price_rupiah,
       (on_sale AND (seat_count IS NULL OR bought_count < seat_count)
        AND (dated.over_at IS NULL OR dated.over_at > %(at)s OR dated.session_count < training.session_count))::int,
       (listed_at > %(fresh_since)s)::int, rating_sum, rating_count, completed_count, bought_count,
       coalesce((dated.first_at AT TIME ZONE 'Asia/Jakarta')::date - DATE '1970-01-01', 0),
       dense_rank() OVER (ORDER BY category_id, lower(translate(title, %(blanks)s, ''))),
       array_position(%(modes)s::text[], mode::text), coalesce(seat.price, 0)
FROM catalogue_training training
LEFT JOIN dated ON dated.training_id = training.id
LEFT JOIN recommender_seatprice seat ON seat.training_id = training.id
ORDER BY training.id
"""
MODES = Training.Mode.values
# Where a price band ends, in rupiah: new trainings are expected to do as others of theirs (`features`).
BAND_ENDS_RUPIAH = (0, 100_000, 200_000, 300_000, 500_000, 750_000, 1_000_000)
BLANKS = " \t-–—_.,;:!?'\"()/&+"


@dataclass(frozen=True)
class Shelf:
    """Every training there is today, T of them by ascending id; `model_place` is its position in the model or -1."""

    ids: NDArray[np.int64]
    category: NDArray[np.int64]  # 0..C-1
    category_ids: NDArray[np.int64]
    institution: NDArray[np.int64]  # their numbers
    group: NDArray[np.int64]  # the same for equivalents: trainings of one category and, but for punctuation, one title
    mode: NDArray[np.int64]
    price_rupiah: NDArray[np.int64]
    on_sale: NDArray[np.bool_]  # and neither full nor over
    begins_day: NDArray[np.int64]  # of the first dated session, as of `day_number`; 0 where none has a date
    model_place: NDArray[np.int64]
    completed_count: NDArray[np.int64]  # as the model knows it, 0 for trainings it does not know
    is_fresh: NDArray[np.bool_]  # listed within 90 days, completed by fewer than ten
    quality: NDArray[np.float64]  # shrunken rating (0.2-1) times shrunken completion odds, relative to the catalogue's
    seat_price: NDArray[np.float64]  # what a scarce seat is worth, in units of value

    @property
    def features(self) -> NDArray[np.int64]:
        """(T, 4) what trainings can be alike in: category, institution, price band, mode."""
        band = np.searchsorted(np.array(BAND_ENDS_RUPIAH), self.price_rupiah)
        return np.stack([self.category, self.institution, band, self.mode], axis=1)

    @cached_property
    def sha256(self) -> bytes:
        """Of what there is, when it begins and what it costs. What is sold out or has another seat price by now is
        looked up for each list; ratings and completions move a little with every review, and count from the next night
        on."""
        digest = sha256()
        for part in (self.ids, self.category, self.institution, self.group, self.price_rupiah, self.begins_day):
            digest.update(part.astype("<i8").tobytes())
        return digest.digest()


def day_number(on: date) -> int:
    """Days since 1 January 1970."""
    return (on - date(1970, 1, 1)).days


def positions(ids: NDArray[np.int64], wanted: Sequence[int]) -> NDArray[np.int64]:
    """Positions of the wanted ids in the ascending `ids`; those that are not there are left out."""
    return np.flatnonzero(np.isin(ids, np.array(wanted, dtype=np.int64)))


def shelf_today(model: ServingModel, at: datetime) -> Shelf:
    """Today's prices and offers (two queries)."""
    prior = rating_prior()
    with connection.cursor() as cursor:
        cursor.execute(SHELF_SQL, {"at": at, "fresh_since": at - FRESH_FOR, "blanks": BLANKS, "modes": MODES})
        rows = cursor.fetchall()
    numbers = np.array([row[:-1] for row in rows], dtype=np.int64).reshape(-1, 13)
    ids, categories, institution, price, on_sale, listed_lately, rating_sum, rating_count = numbers.T[:8]
    completed, bought, begins_day, group, mode = numbers.T[8:]
    place = np.searchsorted(model.training_ids, ids)
    place[place == len(model.training_ids)] = 0
    is_known = model.training_ids[place] == ids
    known_count = np.where(is_known, model.completed_count[place], 0)
    category_ids, category = np.unique(categories, return_inverse=True)
    rating = (rating_sum + prior.mean * prior.strength) / (rating_count + prior.strength)
    # Expected as if each were completed as often as all together: what was bought lately, and cannot be completed yet,
    # weighs on none of them, not even while nobody has completed anything.
    expected = bought * (completed.sum() / max(bought.sum(), 1))
    odds = (completed + COMPLETION_STRENGTH) / (expected + COMPLETION_STRENGTH)
    return Shelf(
        ids=ids,
        category=category.reshape(-1),
        category_ids=category_ids,
        institution=institution,
        group=group,
        price_rupiah=price,
        on_sale=on_sale.astype(np.bool_),
        begins_day=begins_day,
        model_place=np.where(is_known, place, -1),
        completed_count=known_count,
        is_fresh=listed_lately.astype(np.bool_) & (known_count < MINIMUM_PEOPLE),
        quality=rating / 5 * odds,
        mode=mode,
        seat_price=np.array([row[-1] for row in rows], dtype=np.float64),
    )
