"""`open_holds`: a payment waits for a person's decision, for a reason, until a day."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from bekal.core.rules import RULES
from bekal.holds.models import Hold, HoldEvent
from bekal.holds.steps import record_events, tell_people
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array
from bekal.participants.models import Participation

Figure = int | str


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is to wait and why. `figures`: counts and instants (ISO) behind it, shown to officers; `found`: what was
    found, in a form that is the same when it is found again; `case`: what holds of one finding share.

    Of a purchase its buyer and its institution are named, too; `purchase_id` stays None otherwise."""

    subject: Hold.Subject
    reason: Hold.Reason
    case: str
    found: str = field(repr=False)
    figures: Mapping[str, Figure]
    participation_id: int | None = None
    purchase_id: int | None = None
    institution_id: int | None = None


@dataclass(frozen=True, slots=True)
class OpenedHold:
    """`hold_id` None: it waits already for this reason, or this very finding was decided before."""

    hold_id: int | None


# Who pays shares it, so payers never wait for each other; who opens holds waits for those who are paying, and the next
# payers see the hold. Without it a payment could leave after its hold was open.
_LOCK = "SELECT pg_advisory_xact_lock{shared}(hashtext('holds.open_holds'))"
# What waits already, or was decided, stops neither the others nor the call.
OPEN_SQL = """
INSERT INTO holds_hold (subject, reason, participation_id, purchase_id, institution_id, figures, fingerprint, case_key,
                        opened_at, due_on)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
KNOWN_SQL = """
SELECT id FROM participants_participation WHERE id = ANY(%s::bigint[]) ORDER BY id FOR KEY SHARE
"""


@transaction.atomic
def open_holds(*, holds: Sequence[NewHold], at: datetime) -> tuple[OpenedHold, ...]:
    """Open every hold that does not stand and was not decided before; outcomes in the order of `holds`.

    Who is paid less by it is told in the same transaction, once for a call. Two callers at once open each hold once:
    the unique keys of the table decide. Whoever is paying is waited for. Raises ValueError for a naive instant.
    """
    due_on = hold_due_on(programme_day(at))
    opened: list[OpenedHold] = []
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(shared=""))
        cursor.execute(KNOWN_SQL, [id_array({h.participation_id for h in holds if h.participation_id is not None})])
        for hold in holds:
            values: list[int | str | bytes | date | None] = [*_row(hold), at, due_on]
            cursor.execute(OPEN_SQL, values)
            row = cursor.fetchone()
            opened.append(OpenedHold(row[0] if row else None))
    record_events([(o.hold_id, due_on) for o in opened if o.hold_id is not None], HoldEvent.Kind.OPENED, at=at)
    held_ids = {h.participation_id for h, o in zip(holds, opened, strict=True) if o.hold_id is not None}
    people = Participation.objects.filter(pk__in=[number for number in held_ids if number is not None])
    tell_people(
        list(people.order_by("pk").values_list("participant_id", flat=True)),
        HoldEvent.Kind.OPENED,
        due_on=due_on,
        at=at,
    )
    return tuple(opened)


def keep_holds() -> None:
    """Until this transaction ends no hold opens. Whoever pays takes it before asking what is held."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(shared="_shared"))


def hold_due_on(day: date) -> date:
    """The last day on which a hold opened on that day may be undecided."""
    return day + timedelta(days=RULES.value("hold_decision_days", day))


def _row(hold: NewHold) -> list[int | str | bytes | None]:
    fingerprint = hashlib.sha256(f"{hold.reason.value}\0{hold.found}".encode()).digest()
    case_key = hashlib.sha256(f"{hold.reason.value}\0{hold.case}".encode()).hexdigest()[:16]
    return [
        hold.subject.value,
        hold.reason.value,
        hold.participation_id,
        hold.purchase_id,
        hold.institution_id,
        json.dumps(dict(hold.figures), sort_keys=True),
        fingerprint,
        case_key,
    ]
