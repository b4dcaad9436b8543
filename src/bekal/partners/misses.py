"""Misses: codes asked for that are nobody's or another institution's. Twenty suspend the key."""

from datetime import datetime

from django.db import connection

MISS_LIMIT_COUNT = 20

# One statement decides and counts, and rivals wait for each other at the key's row: the budget is never overrun.
MISS_SQL = """
UPDATE partners_partnerkey
SET miss_count = miss_count + 1, suspended_at = CASE WHEN miss_count + 1 >= %(limit)s THEN %(at)s END
WHERE id = %(key_id)s AND suspended_at IS NULL AND miss_count < %(limit)s
"""


def record_miss(*, key_id: int, at: datetime) -> bool:
    """Take one miss from the key's budget; the last one suspends the key until an officer lifts it.

    False where nothing was left: then the caller must not be told how its code stood. Locks the key's row until the
    transaction ends, so it comes after every other lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(MISS_SQL, {"limit": MISS_LIMIT_COUNT, "key_id": key_id, "at": at})
        return bool(cursor.rowcount)
