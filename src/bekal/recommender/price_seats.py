"""`price_seats` in the night and `reprice_seats` every hour: what a scarce seat is worth, so that lists spread people.

A seat price is in units of a list's value and moves lists alone. It is never shown, and never any part of what is paid.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import fsum
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from bekal.core.recommend import NO_LIMIT, contested, ranking, reprice, seat_prices
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation
from bekal.recommender.buyers import Buyer, buyers
from bekal.recommender.model_store import serving_model
from bekal.recommender.models import SeatPrice
from bekal.recommender.shelf import shelf_today
from bekal.recommender.value import values_of

CHUNK_COUNT = 2_000
# Seats that are priced well last as long as people may take to their first purchase, or until the first session.
SEATS_LAST_FOR = timedelta(days=30)
STEP_SHARE = 0.2  # of the mean price: how far sales of e times what was expected move a price
HOUR = timedelta(hours=1)

LIMITED_SQL = """
SELECT id, greatest(seat_count - bought_count, 0) FROM catalogue_training
WHERE seat_count IS NOT NULL AND on_sale ORDER BY id
"""
# A training without seats keeps the price it had, as nobody's list can tell one.
KEEP_SQL = """
INSERT INTO recommender_seatprice (training_id, price, priced_at, is_nightly, seats_left)
SELECT training_id, price, %(at)s, true, seats_left
FROM unnest(%(ids)s::bigint[], %(prices)s::float8[], %(seats)s::bigint[]) AS priced (training_id, price, seats_left)
ON CONFLICT (training_id) DO UPDATE SET priced_at = excluded.priced_at, is_nightly = true,
    price = CASE excluded.seats_left WHEN 0 THEN recommender_seatprice.price ELSE excluded.price END,
    seats_left = excluded.seats_left
"""
SALES_SQL = """
SELECT seat.training_id, seat.price, extract(epoch FROM %(at)s - seat.priced_at)::float8 / 3600, seat.seats_left,
       greatest(training.seat_count - training.bought_count, 0),
       extract(epoch FROM (SELECT min(starts_at) FROM catalogue_session WHERE training_id = training.id
                           AND starts_at > %(at)s) - %(at)s)::float8 / 3600
FROM recommender_seatprice seat JOIN catalogue_training training ON training.id = seat.training_id
WHERE training.seat_count IS NOT NULL AND seat.priced_at < %(at)s
ORDER BY seat.training_id FOR UPDATE OF seat
"""
CHANGE_SQL = """
UPDATE recommender_seatprice seat
SET price = changed.price, seats_left = changed.seats_left, priced_at = %(at)s, is_nightly = false
FROM unnest(%(ids)s::bigint[], %(prices)s::float8[], %(seats)s::bigint[]) AS changed (training_id, price, seats_left)
WHERE seat.training_id = changed.training_id
"""


@dataclass(frozen=True, slots=True)
class PricedSeats:
    """Of `training_count` trainings with a limit `priced_count` have a price above 0, found from `people_count` people
    who can buy; `misfit`: seats wanted too much or left over at these prices, as a part of all seats."""

    training_count: int
    priced_count: int
    people_count: int
    misfit: float


@dataclass(frozen=True, slots=True)
class RepricedSeats:
    """How many of the trainings with a limit got another price."""

    training_count: int
    changed_count: int


def price_seats(
    *, at: datetime, chunk_count: int = CHUNK_COUNT, progress: Callable[[int], None] | None = None
) -> PricedSeats | None:
    """Price the seats of every training on sale that has a limit, from the values of everybody who can buy on the day
    of `at` and has not switched lists off; None, and nothing is changed, where no model serves.

    People are read `chunk_count` at a time; what of them the prices depend on waits in a temporary file, so that memory
    does not grow with people. All prices are written at once. Run twice it finds the same: a value does not contain a
    seat price. `progress` is told after each chunk how many people it held. ValueError for a chunk of nobody.
    """
    if chunk_count < 1:
        raise ValueError(f"chunk_count is {chunk_count}: a chunk holds one participation at least")
    model = serving_model()
    if model is None:
        return None
    shelf = shelf_today(model, at)
    ids, left = _limited(shelf.ids)
    seats = np.full(len(shelf.ids), NO_LIMIT, np.int64)
    place = np.searchsorted(shelf.ids, ids)
    seats[place] = left
    people_count = 0
    with TemporaryFile(prefix="bekal-seats-") as file:
        spool = _Spool(file)
        for people in _open_buyers(programme_day(at), chunk_count) if len(ids) else ():
            for part in ranking.chunks(len(people), len(shelf.ids)):
                spool.keep(contested(values_of(model, shelf, people[part]).worth, seats))
            people_count += len(people)
            if progress is not None:
                progress(len(people))
        found = seat_prices(spool.blocks, seats)
    prices = found.price[place]
    _keep(ids, prices, left, at)
    return PricedSeats(len(ids), int((prices > 0).sum()), people_count, found.misfit)


@transaction.atomic
def reprice_seats(*, at: datetime) -> RepricedSeats:
    """Move each price by what was really sold since it was made (`core.recommend.reprice`), in steps of a fifth of the
    mean price. A training that sold about as expected keeps its price, and is asked again with more hours behind it;
    so a second run at the same instant changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(SALES_SQL, {"at": at})
        rows = cursor.fetchall()
    prices = list(SeatPrice.objects.filter(price__gt=0).order_by("pk").values_list("price", flat=True))
    mean = fsum(prices) / max(len(prices), 1)
    if not rows or mean == 0.0:
        return RepricedSeats(len(rows), 0)
    longest = SEATS_LAST_FOR / HOUR
    ids, old, hours, before, now = (np.array([row[column] for row in rows]) for column in range(5))
    to_last = np.array([longest if row[5] is None else min(max(row[5], 1.0), longest) for row in rows])
    new = reprice(
        old,
        seats_left_before=before,
        seats_left_now=now,
        hours=hours,
        hours_to_last=to_last,
        step=STEP_SHARE * mean,
    )
    moved = new != old
    with connection.cursor() as cursor:
        changed = {"ids": ids[moved].tolist(), "prices": new[moved].tolist(), "seats": now[moved].tolist(), "at": at}
        cursor.execute(CHANGE_SQL, changed)
    return RepricedSeats(len(rows), int(moved.sum()))


class _Spool:
    """Blocks of numbers, one after the other in a file, to be read again and again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._count = 0

    def keep(self, block: NDArray[np.float32]) -> None:
        """Add a block at the end, unless it is empty."""
        if len(block):
            np.save(self._file, block, allow_pickle=False)
            self._count += 1

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All of them from the start."""
        self._file.seek(0)
        for _ in range(self._count):
            yield np.load(self._file, allow_pickle=False)


def _limited(known_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those of the trainings that are on sale and have a limit of seats, ascending, and the seats left of each."""
    with connection.cursor() as cursor:
        cursor.execute(LIMITED_SQL)
        ids, left = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2).T
    is_known = np.isin(ids, known_ids)
    return ids[is_known], left[is_known]


def _open_buyers(on: date, chunk_count: int) -> Iterator[list[Buyer]]:
    """Everybody who can buy and has lists, by their numbers, in chunks of `chunk_count` participations."""
    open_ones = Participation.objects.filter(revoked_at=None, balance_ended_at=None, balance_ends_on__gte=on)
    numbers = open_ones.order_by("pk").values_list("pk", flat=True)
    last = 0
    while ids := list(numbers.filter(pk__gt=last)[:chunk_count]):
        last = ids[-1]
        yield [person for person in buyers(ids, on) if person.is_open and person.is_personal]


@transaction.atomic
def _keep(ids: NDArray[np.int64], prices: NDArray[np.float64], left: NDArray[np.int64], at: datetime) -> None:
    """These prices in the place of all others."""
    SeatPrice.objects.exclude(pk__in=ids.tolist()).delete()
    with connection.cursor() as cursor:
        priced = {"ids": ids.tolist(), "prices": prices.tolist(), "seats": left.tolist(), "at": at}
        cursor.execute(KEEP_SQL, priced)
