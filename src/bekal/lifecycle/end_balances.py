"""`end_balances`: after the last day of a training balance what is left, even Rp50, returns to the treasury."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import remaining

CHUNK_COUNT = 20_000
# A place without a purchase (here or before it was taken over) is not ended but revoked: more than its balance has to
# return. Purchases are never undone, so that one look is enough.
LOCK_SQL = """
SELECT id FROM participants_participation participation
WHERE balance_ended_at IS NULL AND revoked_at IS NULL AND balance_ends_on < %(day)s AND id > %(after_id)s
  AND (%(participation_ids)s::bigint[] IS NULL OR id = ANY(%(participation_ids)s::bigint[]))
  AND (bought_before
       OR EXISTS (SELECT 1 FROM purchases_purchase purchase WHERE purchase.participation_id = participation.id))
ORDER BY id LIMIT %(chunk_count)s FOR NO KEY UPDATE
"""
MARK_SQL = "UPDATE participants_participation SET balance_ended_at = %(at)s WHERE id = ANY(%(ids)s::bigint[])"


@dataclass(frozen=True, slots=True)
class Ended:
    """How many balances ended (those at Rp0 included), and what returned to the treasury in whole rupiah."""

    participation_count: int
    returned_rupiah: int


def end_balances(*, at: datetime, participation_ids: Collection[int] | None = None) -> Ended:
    """End every balance whose `balance_ends_on` is before the day of `at` in Jakarta, or of those only the named ones.

    Incentives and survey pay are not touched: what was earned stays owed, what is not yet earned can still be. Works in
    chunks of 20,000, each a transaction of its own: stopped anywhere and called again it ends the same. Lock order:
    participations by id, then balances.
    """
    programme_day(at)
    participation_count = returned_rupiah = after_id = 0
    while True:
        with transaction.atomic():
            ended_ids = _lock_ended(at, participation_ids, after_id)
            if not ended_ids:
                return Ended(participation_count, returned_rupiah)
            returned_rupiah += _return(ended_ids, at)
            participation_count += len(ended_ids)
            after_id = ended_ids[-1]


def _lock_ended(at: datetime, participation_ids: Collection[int] | None, after_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            LOCK_SQL,
            {
                "day": programme_day(at),
                "after_id": after_id,
                "participation_ids": None if participation_ids is None else id_array(participation_ids),
                "chunk_count": CHUNK_COUNT,
            },
        )
        return [row[0] for row in cursor.fetchall()]


def _return(ended_ids: list[int], at: datetime) -> int:
    """Mark the balances ended and post what is left of them; the sum in rupiah."""
    with connection.cursor() as cursor:
        cursor.execute(MARK_SQL, {"at": at, "ids": int_array(ended_ids)})
    left = remaining(owner_ids=ended_ids)
    postings = [Posting(i, Movement.END_TRAINING, left[i], "end:training") for i in ended_ids if left[i] > 0]
    posted = post(postings=postings, at=at)
    if len(posted.posted) != len(postings):
        raise RuntimeError(f"{len(postings) - len(posted.posted)} balances did not return to the treasury")
    return sum(posting.amount_rupiah for posting in postings)
