"""The counts kept on a training: changed only here, by the verbs that cause them, as the last thing they lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from bekal.ledger.copy_rows import int_array

# Those with a limit of seats come first: `buy` has locked them before it takes money and codes.
LOCK_SQL = """
SELECT id FROM catalogue_training WHERE id = ANY(%s::bigint[]) ORDER BY seat_count IS NULL, id FOR NO KEY UPDATE
"""
INCREASE_SQL = """
UPDATE catalogue_training AS training SET
    bought_count = training.bought_count + change.bought_count,
    completed_count = training.completed_count + change.completed_count,
    rating_count = training.rating_count + change.rating_count,
    rating_sum = training.rating_sum + change.rating_sum,
    last_bought_at = greatest(training.last_bought_at, change.bought_at)
FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[])
    AS change(id, bought_count, completed_count, rating_count, rating_sum, bought_at)
WHERE training.id = change.id
"""


@dataclass(frozen=True, slots=True)
class Increase:
    """What is added to one training's counts. `bought_at`: when it was last bought; no later price begins before it."""

    bought_count: int = 0
    completed_count: int = 0
    rating_count: int = 0
    rating_sum: int = 0
    bought_at: datetime | None = None


def increase(changes: Mapping[int, Increase]) -> None:
    """Add to the counts of trainings by number; locks them until the transaction ends, those with a limit of seats
    before the others, each group in the order of the numbers."""
    if not changes:
        return
    ids, increases = int_array(changes), changes.values()
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [ids])
        cursor.execute(
            INCREASE_SQL,
            [
                ids,
                int_array([change.bought_count for change in increases]),
                int_array([change.completed_count for change in increases]),
                int_array([change.rating_count for change in increases]),
                int_array([change.rating_sum for change in increases]),
                [change.bought_at for change in increases],
            ],
        )
