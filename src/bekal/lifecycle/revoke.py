"""`revoke`: whoever bought nothing in time loses the place, and the whole envelope returns to the treasury."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.incentives.queries import earned_unpaid
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of

CHUNK_COUNT = 20_000
RETURNS = (
    (Kind.TRAINING_BALANCE, Movement.REVOKE_TRAINING, "revoke:training"),
    (Kind.INCENTIVE_COMMITTED, Movement.REVOKE_INCENTIVE, "revoke:incentive"),
    (Kind.SURVEY_COMMITTED, Movement.REVOKE_SURVEY, "revoke:survey"),
)
BOUGHT_SQL = "SELECT 1 FROM purchases_purchase purchase WHERE purchase.participation_id = participation.id"
LOCK_SQL = f"""
SELECT id FROM participants_participation participation
WHERE revoked_at IS NULL AND first_purchase_due_on < %(day)s AND id > %(after_id)s
  AND (%(participation_ids)s::bigint[] IS NULL OR id = ANY(%(participation_ids)s::bigint[]))
  AND NOT bought_before AND NOT EXISTS ({BOUGHT_SQL})
ORDER BY id LIMIT %(chunk_count)s FOR NO KEY UPDATE
"""
# A second look, in a statement of its own, because the first may have waited for a purchase it does not see.
MARK_SQL = f"""
UPDATE participants_participation participation SET revoked_at = %(at)s
WHERE id = ANY(%(locked_ids)s::bigint[]) AND revoked_at IS NULL AND NOT EXISTS ({BOUGHT_SQL})
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many places were revoked, and what returned to the treasury in whole rupiah."""

    participation_count: int
    returned_rupiah: int


def revoke(*, at: datetime, participation_ids: Collection[int] | None = None) -> Revoked:
    """Revoke every place without a purchase whose `first_purchase_due_on` is before the day of `at`, or of those only
    the named ones; return training balance, incentive and survey pay whole, apart from what was earned already.

    Works in chunks of 20,000, each a transaction of its own: stopped anywhere and called again it ends the same.
    Who bought before being taken over with opening balances has bought. Decides as `core.entitlement.refusal_to_revoke`
    does (a test compares). Lock order: participations by id, then balances.
    """
    programme_day(at)
    participation_count = returned_rupiah = after_id = 0
    while True:
        with transaction.atomic():
            locked_ids = _lock_candidates(at, participation_ids, after_id)
            if not locked_ids:
                return Revoked(participation_count, returned_rupiah)
            revoked_ids = _mark(locked_ids, at)
            returned_rupiah += _return(revoked_ids, at)
            participation_count += len(revoked_ids)
            after_id = locked_ids[-1]


def _lock_candidates(at: datetime, participation_ids: Collection[int] | None, after_id: int) -> list[int]:
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


def _mark(locked_ids: list[int], at: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(MARK_SQL, {"locked_ids": int_array(locked_ids), "at": at})
        return sorted(row[0] for row in cursor.fetchall())


def _return(revoked_ids: list[int], at: datetime) -> int:
    """Post the returns of these participations; the sum in rupiah."""
    held, earned = balances_of(owner_ids=revoked_ids), earned_unpaid(participation_ids=revoked_ids)
    postings = [
        Posting(owner_id, movement, amount_rupiah, key)
        for owner_id in revoked_ids
        for kind, movement, key in RETURNS
        if (amount_rupiah := held[owner_id].get(kind, 0) - earned.get((owner_id, kind), 0)) > 0
    ]
    posted = post(postings=postings, at=at)
    if len(posted.posted) != len(postings):
        raise RuntimeError(f"{len(postings) - len(posted.posted)} returns of revoked places did not reach the ledger")
    return sum(posting.amount_rupiah for posting in postings)
