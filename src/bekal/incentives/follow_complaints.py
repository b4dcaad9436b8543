"""`close_moved_complaints`, `pass_complaints_on`: what has moved ends its complaint by itself; the others are
given to whose turn it is."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.incentives.complaint_lines import LINES_SQL
from bekal.incentives.complaint_models import Complaint, ComplaintEvent
from bekal.incentives.models import Entitlement
from bekal.incentives.open_complaints import TEMPLATE, record_events, turn_of
from bekal.incentives.reasons import sentence_of
from bekal.incentives.timeline import timelines_of
from bekal.ledger.clock import programme_day
from bekal.participants.models import PaymentPartner
from bekal.participants.notify import Notice, notify

BATCH_COUNT = 500
MovedTo = Complaint.MovedTo
# What is told to whoever complained, by what it has come to.
MOVED: Mapping[str, Promise] = {
    MovedTo.EARNED: _(
        "Your complaint about %(kind)s %(number)s is closed: it is earned now. On the page Insentif you see its day."
    ),
    MovedTo.LISTED: _(
        "Your complaint about %(kind)s %(number)s is closed: it is on the list of payments for %(planned_for)s."
    ),
    MovedTo.SENT: _(
        "Your complaint about %(kind)s %(number)s is closed: it was given out for %(partner)s %(account)s."
    ),
    MovedTo.SETTLED: _(
        "Your complaint about %(kind)s %(number)s is closed: %(partner)s has confirmed that it paid it into "
        "%(account)s."
    ),
    MovedTo.REJECTED: _(
        "Your complaint about %(kind)s %(number)s is closed: %(partner)s could not pay it. %(reason)s "
        "Nothing is lost: it is paid again."
    ),
    MovedTo.RETURNED: _(
        "Your complaint about %(kind)s %(number)s is closed: %(partner)s sent it back to the programme. %(reason)s "
        "Nothing is lost: it is paid again."
    ),
    MovedTo.REVERSED: _(
        "Your complaint about %(kind)s %(number)s is closed: the programme took it back and will pay it again."
    ),
    MovedTo.LOST: _(
        "Your complaint about %(kind)s %(number)s is closed: it is not paid, its money returned to the state treasury."
    ),
}


class _Moved(NamedTuple):
    """One complaint whose instalment has come further than it had."""

    complaint_id: int
    called: str
    partner: str
    masked_account: str
    reason_code: str
    planned_for: date | None
    participant_id: int


# Rows that somebody holds (an answer is being written) are looked at the next time.
MOVED_SQL = f"""
WITH wanted AS MATERIALIZED (
    SELECT participation_id, kind, instalment, position, id FROM incentives_complaint WHERE closed_at IS NULL
)
SELECT held.id, line.called, line.partner, line.masked_account, line.reason_code, line.planned_for, line.participant_id
FROM ({LINES_SQL}) line
JOIN incentives_complaint held ON held.id = line.id
WHERE line.position_now > line.position AND held.closed_at IS NULL
ORDER BY held.id LIMIT %s FOR NO KEY UPDATE OF held SKIP LOCKED
"""


def close_moved_complaints(*, at: datetime) -> int:
    """Close every open complaint whose instalment has come further since it was opened, with what it has come to as
    the reason and a message; how many.

    In batches, each of which commits by itself; again, it finds nothing. Locks complaints alone, and waits for nobody.
    """
    closed_count = 0
    while batch_count := _close_batch(at):
        closed_count += batch_count
    return closed_count


@transaction.atomic
def _close_batch(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(MOVED_SQL, [BATCH_COUNT])
        moved = {row[0]: _Moved(*row) for row in cursor.fetchall()}
    if not moved:
        return 0
    rows = list(Complaint.objects.filter(pk__in=moved).order_by("pk"))
    for row in rows:
        row.closed_at, row.ending, row.moved_to = at, Complaint.Ending.MOVED, moved[row.pk].called
    Complaint.objects.bulk_update(rows, ["closed_at", "ending", "moved_to"])
    record_events(rows, ComplaintEvent.Kind.CLOSED, at=at)
    notify(notices=[_notice(row, moved[row.pk]) for row in rows], at=at)
    return len(rows)


def _notice(row: Complaint, moved: _Moved) -> Notice:
    values = {
        "kind": Entitlement.Kind(row.kind).label,
        "number": row.instalment,
        "partner": PaymentPartner(moved.partner).label if moved.partner else "",
        "account": moved.masked_account,
        "reason": sentence_of(moved.reason_code) if moved.reason_code else "",
        "planned_for": f"{moved.planned_for:%d-%m-%Y}" if moved.planned_for else "",
    }
    return Notice(moved.participant_id, TEMPLATE, MOVED[moved.called], values)


def pass_complaints_on(*, at: datetime) -> int:
    """Give each open complaint to whose turn its instalment is now; how many changed hands."""
    passed_on_count, after_id = 0, 0
    while True:
        with transaction.atomic():
            left = Complaint.objects.select_for_update(no_key=True, skip_locked=True)
            rows = list(left.filter(closed_at=None, pk__gt=after_id).order_by("pk")[:BATCH_COUNT])
            if not rows:
                return passed_on_count
            after_id = rows[-1].pk
            passed_on_count += _pass_batch_on(rows, at)


def _pass_batch_on(rows: list[Complaint], at: datetime) -> int:
    told = timelines_of(participation_ids={row.participation_id for row in rows}, on=programme_day(at))
    turns = {
        (owner_id, line.kind.value, line.instalment): turn_of(line)
        for owner_id, lines in told.items()
        for line in lines
    }
    changed = []
    for row in rows:
        turn = turns.get((row.participation_id, row.kind, row.instalment), Complaint.Turn.OFFICE)
        if turn != row.turn:
            row.turn = turn
            changed.append(row)
    if changed:
        Complaint.objects.bulk_update(changed, ["turn"])
        record_events(changed, ComplaintEvent.Kind.PASSED_ON, at=at)
    return len(changed)
