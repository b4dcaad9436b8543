"""`spend_call`: a key may make so many calls at once and so many a second, whichever worker answers."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

BURST_COUNT = 120
"""So many calls may come at once."""
CALLS_A_SECOND = 20
"""And so many a second without end: with batches of 500 that is 10,000 lines a second."""

# One statement, a transaction of its own: a bucket never waits for the verb that follows, and no crash of the server
# costs more than a few calls' count, so the commit need not wait for the disk.
SPEND_SQL = f"""
WITH hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting)
INSERT INTO partners_callbudget AS budget ("key_id", "left", "counted_at")
SELECT %(key_id)s, {BURST_COUNT} - 1, %(now)s FROM hurried
ON CONFLICT ("key_id") DO UPDATE SET
    "left" = least({BURST_COUNT}, budget."left" + {CALLS_A_SECOND} * greatest(
        extract(epoch FROM excluded."counted_at" - budget."counted_at"), 0)) - 1,
    "counted_at" = greatest(budget."counted_at", excluded."counted_at")
WHERE least({BURST_COUNT}, budget."left" + {CALLS_A_SECOND} * greatest(
        extract(epoch FROM excluded."counted_at" - budget."counted_at"), 0)) >= 1
RETURNING "left"
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """`left_count` calls may follow at once; `wait_seconds`: refused, and so long until the next is answered."""

    left_count: int
    wait_seconds: int = 0


def spend_call(*, key_id: int, now: datetime) -> Budget:
    """Count one call of this key at the machine's instant `now`; a refused one is not counted."""
    with connection.cursor() as cursor:
        cursor.execute(SPEND_SQL, {"key_id": key_id, "now": now})
        row = cursor.fetchone()
    if row is None:
        return Budget(0, wait_seconds=math.ceil(1 / CALLS_A_SECOND))
    return Budget(math.floor(row[0]))
