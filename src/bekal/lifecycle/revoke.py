"""`revoke`: whoever bought nothing in time loses the place, and the whole envelope returns to the treasury."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import MAX_BIGINT, int_array
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.lifecycle.preview import Listing, Preview

CHUNK_COUNT = 20_000
RETURNS_SQL = f"""
(VALUES ({movement_sql(Movement.REVOKE_TRAINING)}, 'revoke:training'),
        ({movement_sql(Movement.REVOKE_INCENTIVE)}, 'revoke:incentive'),
        ({movement_sql(Movement.REVOKE_SURVEY)}, 'revoke:survey'))
    AS movement(debit_kind, credit_kind, reason, idempotency_key)
"""
BOUGHT_SQL = "SELECT 1 FROM purchases_purchase purchase WHERE purchase.participation_id = participation.id"
REVOCABLE_SQL = f"""
SELECT id FROM participants_participation participation
WHERE revoked_at IS NULL AND first_purchase_due_on < %(day)s AND NOT bought_before AND NOT EXISTS ({BOUGHT_SQL})
"""
LOCK_SQL = f"{REVOCABLE_SQL} AND id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# A second look, in a statement of its own, because the first may have waited for a purchase it does not see.
MARK_SQL = f"""
UPDATE participants_participation participation SET revoked_at = %(at)s
WHERE id = ANY(%(ids)s::bigint[]) AND revoked_at IS NULL AND NOT EXISTS ({BOUGHT_SQL})
RETURNING id
"""


def _unearned(owners: str) -> str:
    """(owner_id, kind, amount) whose sums are what an owner holds and has not earned: every transfer from both sides,
    less what is earned and still committed. One heap of rows to be summed: there is nothing that a planner who knows
    no sizes could join badly."""
    kinds = f"{Kind.TRAINING_BALANCE.value}, {Kind.INCENTIVE_COMMITTED.value}, {Kind.SURVEY_COMMITTED.value}"
    return f"""
    SELECT transfer.owner_id, side.kind, side.amount
    FROM ledger_transfer transfer
    CROSS JOIN LATERAL (VALUES (credit_kind, amount_rupiah), (debit_kind, -amount_rupiah)) AS side(kind, amount)
    WHERE transfer.owner_id {owners} AND side.kind IN ({kinds})
    UNION ALL
    SELECT entitlement.participation_id,
           CASE entitlement.kind WHEN 'incentive' THEN {Kind.INCENTIVE_COMMITTED.value}
                                 ELSE {Kind.SURVEY_COMMITTED.value} END,
           -entitlement.amount_rupiah
    FROM incentives_entitlement entitlement
    WHERE entitlement.participation_id {owners}
      AND NOT EXISTS (SELECT 1 FROM incentives_payout payout
                      JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
                      WHERE payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL)
"""


RETURNED_SQL = f"""
SELECT owner_id, debit_kind, credit_kind, reason, unearned_rupiah AS amount_rupiah, idempotency_key
FROM (SELECT owner_id, kind, sum(amount)::bigint AS unearned_rupiah
      FROM ({_unearned("= ANY(%(ids)s::bigint[])")}) entry GROUP BY owner_id, kind) held
JOIN {RETURNS_SQL} ON movement.debit_kind = held.kind
WHERE unearned_rupiah > 0 ORDER BY owner_id
"""
LISTING_SQL = f"""
WITH candidate AS MATERIALIZED ({REVOCABLE_SQL})
SELECT owner_id AS subject_id, sum(rupiah)::bigint AS amount_rupiah
FROM (SELECT owner_id, kind, greatest(sum(amount), 0) AS rupiah
      FROM ({_unearned("IN (SELECT id FROM candidate)")} UNION ALL SELECT id, NULL, 0 FROM candidate) entry
      GROUP BY owner_id, kind) held
GROUP BY owner_id
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
    if participation_ids is None:
        participation_ids = revocable_ids(at=at)
    participation_count = returned_rupiah = 0
    for ids in chunks_of(participation_ids, CHUNK_COUNT):
        with transaction.atomic():
            revoked_ids = _mark(ids, at)
            returned_rupiah += _return(revoked_ids, at)
            participation_count += len(revoked_ids)
    return Revoked(participation_count, returned_rupiah)


def revocable_ids(*, at: datetime) -> list[int]:
    """The places that `revoke` would take back now, in the order of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(f"{REVOCABLE_SQL} ORDER BY id", {"day": programme_day(at)})
        return [number for (number,) in cursor.fetchall()]


def revoking_listing(*, at: datetime) -> Listing:
    """Whom `revoke` would touch now, with what would return."""
    return Listing(LISTING_SQL, {"day": programme_day(at)})


def revocation_preview(*, at: datetime) -> Preview:
    """How many places `revoke` would take back now, and what would return."""
    return revoking_listing(at=at).preview()


def chunks_of(participation_ids: Collection[int], chunk_count: int) -> list[list[int]]:
    """The numbers that a participation can have, each once, in order, so many at a time."""
    possible = sorted({number for number in participation_ids if 0 < number <= MAX_BIGINT})
    return [possible[start : start + chunk_count] for start in range(0, len(possible), chunk_count)]


def _mark(ids: Collection[int], at: datetime) -> list[int]:
    """Lock those that are to be revoked and mark them; their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, {"day": programme_day(at), "ids": int_array(ids)})
        locked_ids = [number for (number,) in cursor.fetchall()]
        if not locked_ids:
            return []
        cursor.execute(MARK_SQL, {"ids": int_array(locked_ids), "at": at})
        return [number for (number,) in cursor.fetchall()]


def _return(revoked_ids: list[int], at: datetime) -> int:
    """Post the returns of these participations; the sum in rupiah."""
    if not revoked_ids:
        return 0
    posted = post_selected(source=RETURNED_SQL, values={"ids": int_array(revoked_ids)}, at=at)
    if posted.refused_count or posted.repeated_count:
        raise RuntimeError(f"{posted.refused_count + posted.repeated_count} returns did not reach the ledger")
    return posted.total_rupiah
