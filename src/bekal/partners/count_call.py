"""`count_call`: how often a day each key was used and was refused, by operation and outcome."""

from datetime import datetime

from django.db import connection

from bekal.ledger.clock import programme_day

# A crash of the server may cost a few counts; no caller waits for the disk for them.
COUNT_SQL = """
WITH hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting)
INSERT INTO partners_callcounter AS counter (key_id, counted_on, operation, outcome, call_count)
SELECT %s, %s, %s, %s, 1 FROM hurried
ON CONFLICT (key_id, counted_on, operation, outcome) DO UPDATE SET call_count = counter.call_count + 1
"""


def count_call(*, key_id: int | None, operation: str, outcome: str, at: datetime) -> None:
    """Count one call; `key_id` None where it is certainly nobody's. All that a refused call leaves behind."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_SQL, [key_id, programme_day(at), operation, outcome])
