"""`mark_unreachable`: a message did not arrive, so this way to the person works no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from bekal.participants.models import ContactPoint

# The rows are taken in the order of their numbers, so that two calls that share people never wait in a circle.
MARK_SQL = """
WITH failed AS MATERIALIZED (
    SELECT point.id
    FROM participants_contactpoint point
    JOIN (SELECT DISTINCT * FROM unnest(%s::bigint[], %s::text[]) AS named (participant_id, kind)) named
      USING (participant_id, kind)
    WHERE point.unreachable_since_at IS NULL
    ORDER BY point.id
    FOR UPDATE OF point
)
UPDATE participants_contactpoint point SET unreachable_since_at = %s FROM failed WHERE point.id = failed.id
"""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A delivery that failed: to whom, and which of their contact points (`ContactPoint.Kind`)."""

    participant_id: int
    kind: str


def mark_unreachable(*, points: Sequence[Unreachable], at: datetime) -> int:
    """Note that these contact points do not work since `at`; returns how many worked until then.

    The first failure stays: a point that is known not to work keeps its instant. Points that nobody has are ignored."""
    known = [point for point in points if point.kind in ContactPoint.Kind.values]
    if not known:
        return 0
    with connection.cursor() as cursor:
        people, kinds = [point.participant_id for point in known], [point.kind for point in known]
        cursor.execute(MARK_SQL, [people, kinds, at])
        return int(cursor.rowcount)
