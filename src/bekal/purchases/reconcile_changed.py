"""`reconcile_changed`: the continuous reconciliation. What new messages were about is released where it is complete,
its cases are kept, and where it stands is written down; once a programme day everything that waits is swept."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import int_array
from bekal.purchases.models import ReconciliationMark, ReconciliationStanding
from bekal.purchases.reconcile import reconcile
from bekal.purchases.standing_sql import DAY_OF, REFRESH_SQL

# So many messages a round, and so many purchases in one statement of the sweep: a second or two of work.
MESSAGES_LIMIT = 20_000
PURCHASES_LIMIT = 20_000
TREND_DAYS = 30
# For more purchases than these every join of their statement goes by hash: of what it has just made the planner knows
# no sizes, takes it for a few rows, and would compare all with all.
NESTED_LIMIT = 50
MARK_ID = 1

UNTIL_SQL = "SELECT coalesce(max(id), 0) FROM purchases_evidence"
CHANGED_SQL = """
SELECT DISTINCT purchase_id FROM purchases_evidence WHERE id > %s AND id <= %s ORDER BY purchase_id
"""
# Whatever waits, and whatever is told of some that do not wait any more.
WAITING_SQL = """
SELECT id FROM purchases_purchase
WHERE redeemed_at IS NOT NULL AND reconciled_at IS NULL AND ended_at IS NULL
UNION SELECT purchase_id FROM purchases_reconciliationstanding
UNION SELECT purchase_id FROM purchases_evidencecase WHERE closed_at IS NULL
ORDER BY 1
"""
# The kind is that of the first piece in the order in which people see them, as the intake has it.
OPEN_CASES_SQL = """
INSERT INTO purchases_evidencecase (purchase_id, kind, opened_at, due_on, owner_role, resolution)
SELECT DISTINCT ON (purchase_id) purchase_id, kind, %(at)s, %(due_on)s, 'officer', ''
FROM purchases_reconciliationstanding WHERE purchase_id = ANY(%(ids)s::bigint[]) AND standing = 'conflicting'
ORDER BY purchase_id, array_position(ARRAY['attendance', 'completion', 'certificate', 'rating', 'review'], piece::text)
ON CONFLICT DO NOTHING
"""
# A clock that was set back must not close a case before it was opened.
CLOSE_CASES_SQL = """
UPDATE purchases_evidencecase contested
SET closed_at = greatest(%(at)s, contested.opened_at), resolution = CASE
    WHEN purchase.ended_at IS NOT NULL THEN 'ended'
    WHEN EXISTS (SELECT FROM purchases_evidence decided WHERE decided.purchase_id = purchase.id
                 AND decided.source = 'programme') THEN 'decided' ELSE 'agreed' END
FROM purchases_purchase purchase
WHERE contested.purchase_id = ANY(%(ids)s::bigint[]) AND contested.closed_at IS NULL
  AND purchase.id = contested.purchase_id AND purchase.reconciled_at IS NULL
  AND NOT EXISTS (SELECT FROM purchases_reconciliationstanding stood
                  WHERE stood.purchase_id = purchase.id AND stood.standing = 'conflicting')
"""
# Days whose releases may still be counted anew; an evening's release can come after the sweep of its day.
MATCHED_SQL = f"""
INSERT INTO purchases_reconciliationday AS day
    (counted_on, matched_count, institution_count, participant_count, conflicting_count, overdue_count)
SELECT (reconciled_at {DAY_OF}, count(*), 0, 0, 0, 0
FROM purchases_purchase WHERE reconciled_at >= %(from_at)s GROUP BY 1
ON CONFLICT (counted_on) DO UPDATE SET matched_count = excluded.matched_count
"""
STOOD_SQL = """
INSERT INTO purchases_reconciliationday AS day
    (counted_on, matched_count, institution_count, participant_count, conflicting_count, overdue_count)
SELECT %(on)s, 0, count(DISTINCT purchase_id) FILTER (WHERE owed_by = 'institution'),
       count(DISTINCT purchase_id) FILTER (WHERE owed_by = 'participant'),
       count(DISTINCT purchase_id) FILTER (WHERE owed_by = 'programme'),
       count(DISTINCT purchase_id) FILTER (WHERE due_on < %(on)s)
FROM purchases_reconciliationstanding
ON CONFLICT (counted_on) DO UPDATE
SET institution_count = excluded.institution_count, participant_count = excluded.participant_count,
    conflicting_count = excluded.conflicting_count, overdue_count = excluded.overdue_count
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one round has done: purchases looked at, those released, in order, and whether the day was swept."""

    purchase_count: int
    released_ids: tuple[int, ...]
    swept: bool = False

    @property
    def did_anything(self) -> bool:
        return self.purchase_count > 0 or self.swept


def reconcile_changed(*, at: datetime) -> Looked:
    """One round: the purchases of at most 20,000 new messages; before the first of a programme day, everything that
    waits (what was redeemed, moved or brought in by a file has no new message).

    Stopped anywhere and called again it ends the same: the mark moves on with what it marks. A message that became
    visible more than two rounds after others with higher numbers is found by the day's sweep.
    """
    mark, _ = ReconciliationMark.objects.get_or_create(pk=MARK_ID)
    if mark.swept_on != programme_day(at):
        return _sweep(at)
    with connection.cursor() as cursor:
        cursor.execute(UNTIL_SQL)
        until_id = min(cursor.fetchone()[0], mark.until_id + MESSAGES_LIMIT)
        cursor.execute(CHANGED_SQL, [mark.from_id, until_id])
        ids = [number for (number,) in cursor.fetchall()]
    if not ids:
        return Looked(0, ())
    released = _look_at(ids, at)
    moved = ReconciliationMark.objects.filter(pk=MARK_ID)
    moved.update(from_id=max(mark.from_id, mark.until_id), until_id=until_id, looked_at=at)
    return Looked(len(ids), released)


@transaction.atomic
def refresh_standings(*, purchase_ids: Collection[int]) -> int:
    """Write down where each of these purchases stands by all that is said of it, in one statement; what does not wait
    any more is taken out. How many rows were new or different."""
    with connection.cursor() as cursor:
        if len(purchase_ids) > NESTED_LIMIT:
            cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(REFRESH_SQL, {"ids": int_array(purchase_ids)})
        written_count = int(cursor.rowcount)
        cursor.execute("SET LOCAL enable_nestloop = on")
    return written_count


@transaction.atomic
def forget_standings() -> None:
    """Throw away what is written down: the next round sweeps everything and makes it anew from the statements."""
    ReconciliationStanding.objects.all().delete()
    ReconciliationMark.objects.filter(pk=MARK_ID).update(swept_on=None)


def _sweep(at: datetime) -> Looked:
    on = programme_day(at)
    with connection.cursor() as cursor:
        cursor.execute(UNTIL_SQL)
        (until_id,) = cursor.fetchone()
        cursor.execute(WAITING_SQL)
        ids = [number for (number,) in cursor.fetchall()]
    released: list[int] = []
    for some in _parts(ids):
        released += _look_at(some, at)
    _count_day(on)
    moved = ReconciliationMark.objects.filter(pk=MARK_ID)
    moved.update(from_id=until_id, until_id=until_id, swept_on=on, looked_at=at)
    return Looked(len(ids), tuple(released), swept=True)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), PURCHASES_LIMIT):
        yield ids[first : first + PURCHASES_LIMIT]


@transaction.atomic
def _look_at(ids: Sequence[int], at: datetime) -> tuple[int, ...]:
    """Release what is complete, write down where the rest stands, and keep the cases; those that were released."""
    released = reconcile(at=at, purchase_ids=ids).purchase_ids
    refresh_standings(purchase_ids=ids)
    on = programme_day(at)
    due_on = on + timedelta(days=RULES.value("case_days", on))
    with connection.cursor() as cursor:
        cursor.execute(CLOSE_CASES_SQL, {"ids": int_array(ids), "at": at})
        cursor.execute(OPEN_CASES_SQL, {"ids": int_array(ids), "at": at, "due_on": due_on})
    return released


def _count_day(on: date) -> None:
    from_on = on - timedelta(days=TREND_DAYS)
    from_at = datetime(from_on.year, from_on.month, from_on.day, tzinfo=JAKARTA)
    with connection.cursor() as cursor:
        cursor.execute(MATCHED_SQL, {"from_at": from_at})
        cursor.execute(STOOD_SQL, {"on": on})
