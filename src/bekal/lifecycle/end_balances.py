"""`end_balances`: after the last day of a training balance what is left, even Rp50, returns to the treasury."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.lifecycle.preview import Listing, Preview
from bekal.lifecycle.revoke import BOUGHT_SQL, chunks_of

CHUNK_COUNT = 20_000
# A place without a purchase (here or before it was taken over) is not ended but revoked: more than its balance has to
# return. Purchases are never undone, so that one look is enough.
ENDING_SQL = f"""
SELECT participation.id FROM participants_participation participation
WHERE balance_ended_at IS NULL AND revoked_at IS NULL AND balance_ends_on < %(day)s
  AND (bought_before OR EXISTS ({BOUGHT_SQL}))
"""
LOCK_SQL = f"{ENDING_SQL} AND id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
MARK_SQL = "UPDATE participants_participation SET balance_ended_at = %(at)s WHERE id = ANY(%(ids)s::bigint[])"
LEFT_SQL = f"""
SELECT owner_id, {movement_sql(Movement.END_TRAINING)}, remaining_rupiah, 'end:training'
FROM ledger_trainingbalance WHERE owner_id = ANY(%(ids)s::bigint[]) AND remaining_rupiah > 0 ORDER BY owner_id
"""
LISTING_SQL = f"""
SELECT ending.id AS subject_id,
       coalesce((SELECT remaining_rupiah FROM ledger_trainingbalance balance WHERE balance.owner_id = ending.id), 0)
           AS amount_rupiah
FROM ({ENDING_SQL}) ending
"""


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
    if participation_ids is None:
        participation_ids = ending_ids(at=at)
    participation_count = returned_rupiah = 0
    for ids in chunks_of(participation_ids, CHUNK_COUNT):
        with transaction.atomic():
            ended_ids = _mark(ids, at)
            returned_rupiah += _return(ended_ids, at)
            participation_count += len(ended_ids)
    return Ended(participation_count, returned_rupiah)


def ending_ids(*, at: datetime) -> list[int]:
    """Whose balance `end_balances` would end now, in the order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(f"{ENDING_SQL} ORDER BY id", {"day": programme_day(at)})
        return [number for (number,) in cursor.fetchall()]


def ending_listing(*, at: datetime) -> Listing:
    """Whom `end_balances` would touch now, with what would return."""
    return Listing(LISTING_SQL, {"day": programme_day(at)})


def ending_preview(*, at: datetime) -> Preview:
    """How many balances `end_balances` would end now, and what would return."""
    return ending_listing(at=at).preview()


def _mark(ids: Collection[int], at: datetime) -> list[int]:
    """Lock those whose balance ends and mark them; their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, {"day": programme_day(at), "ids": int_array(ids)})
        ended_ids = [number for (number,) in cursor.fetchall()]
        if ended_ids:
            cursor.execute(MARK_SQL, {"at": at, "ids": int_array(ended_ids)})
        return ended_ids


def _return(ended_ids: list[int], at: datetime) -> int:
    """Post what is left of these balances; the sum in rupiah."""
    if not ended_ids:
        return 0
    posted = post_selected(source=LEFT_SQL, values={"ids": int_array(ended_ids)}, at=at)
    if posted.refused_count or posted.repeated_count:
        raise RuntimeError(f"{posted.refused_count + posted.repeated_count} balances did not return to the treasury")
    return posted.total_rupiah
