"""What our books and a partner's statements do not have in common by the end of a day, each with its name.

Both directions: what we have booked as paid or returned and no statement shows, and what a statement shows and we have
not booked, in that amount, to that account. A line stands for one payment once: what is said again stands for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from bekal.incentives.models import PayoutException
from bekal.ledger.clock import JAKARTA
from bekal.ledger.copy_rows import text_array

Kind = PayoutException.Kind
NAMING = (
    Kind.UNKNOWN_REFERENCE,
    Kind.OTHER_PARTNER,
    Kind.AMOUNT_MISMATCH,
    Kind.OTHER_ACCOUNT,
    Kind.CONTRADICTION,
    Kind.CLAWED_BACK,
    Kind.PAID_TWICE,
    Kind.NOT_ON_STATEMENT,
)
"""The exceptions that say why the two sides differ by a payment."""

# What was sent before the first statement is not held against statements: nobody knows on which it stood.
IS_COVERED = f"""greatest(run.planned_for, (sent.recorded_at AT TIME ZONE '{JAKARTA.key}')::date) >= %(first_on)s"""
_SAME = """line.reference = {0}.reference AND line.amount_rupiah = {0}.amount_rupiah
    AND (line.account_hash IS NULL OR {0}.account_hash IS NULL OR line.account_hash = {0}.account_hash)"""
_NEWEST = """
LEFT JOIN LATERAL (SELECT kind, owner, resolved_at IS NOT NULL AS is_cleared FROM incentives_payoutexception
                   WHERE partner = %(partner)s AND {0} AND kind = ANY(%(naming)s::text[])
                   ORDER BY resolved_at IS NULL DESC, id DESC LIMIT 1) asked ON true
"""
# Everything up to `checked_id` has its line or an exception already: only those are looked at again.
BOOKED_SQL = f"""
WITH candidate AS (
    SELECT status.id FROM incentives_payoutstatus status
    WHERE status.id > %(checked_id)s AND status.id <= %(until_id)s AND status.state IN ('settled', 'returned')
    UNION
    SELECT status.id FROM incentives_payoutexception asked
    JOIN incentives_payoutstatus status ON status.payout_id = asked.payout_id AND status.id <= %(until_id)s
         AND status.id > %(after_id)s AND status.state IN ('settled', 'returned')
    WHERE asked.partner = %(partner)s AND asked.kind = ANY(%(naming)s::text[])
), booked AS (
    SELECT status.id, status.state, status.recorded_at, payout.id AS payout_id, payout.reference,
           payout.amount_rupiah, payout.account_hash
    FROM candidate JOIN incentives_payoutstatus status ON status.id = candidate.id
    JOIN incentives_payout payout ON payout.id = status.payout_id AND payout.partner = %(partner)s
    JOIN incentives_payoutrun run ON run.id = payout.run_id
    JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
    WHERE {IS_COVERED}
)
SELECT booked.payout_id, booked.reference, booked.state, booked.amount_rupiah,
       (booked.recorded_at AT TIME ZONE '{JAKARTA.key}')::date, coalesce(asked.kind, ''), coalesce(asked.owner, ''),
       coalesce(asked.is_cleared, false)
FROM booked {_NEWEST.format("payout_id = booked.payout_id")}
WHERE NOT EXISTS (
    SELECT 1 FROM incentives_statementline line
    JOIN incentives_statement statement ON statement.id = line.statement_id
         AND statement.partner = %(partner)s AND statement.stated_on <= %(day)s
    WHERE {_SAME.format("booked")} AND line.said = booked.state)
ORDER BY booked.id
"""
LINES_SQL = f"""
WITH line AS (
    SELECT line.*, statement.stated_on FROM incentives_statement statement
    JOIN incentives_statementline line ON line.statement_id = statement.id
    WHERE statement.partner = %(partner)s AND statement.stated_on = %(day)s
    UNION
    SELECT line.*, statement.stated_on FROM incentives_payoutexception asked
    JOIN incentives_statementline line ON line.reference = asked.reference
    JOIN incentives_statement statement ON statement.id = line.statement_id AND statement.partner = %(partner)s
         AND statement.stated_on < %(day)s
    WHERE asked.partner = %(partner)s AND asked.kind = ANY(%(naming)s::text[])
), told AS (
    SELECT line.id, line.reference, line.said, line.amount_rupiah, line.account_hash, line.stated_on,
           payout.id IS NOT NULL AND coalesce({IS_COVERED}, false) AS is_covered,
           payout.id IS NOT NULL AND NOT coalesce({IS_COVERED}, false) AS is_earlier,
           coalesce(payout.amount_rupiah = line.amount_rupiah AND status.id <= %(until_id)s
                    AND (line.account_hash IS NULL OR payout.account_hash IS NULL
                         OR line.account_hash = payout.account_hash), false) AS is_booked
    FROM line
    LEFT JOIN (incentives_payout payout JOIN incentives_payoutrun run ON run.id = payout.run_id
               JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent')
         ON payout.reference = line.reference AND payout.partner = %(partner)s
    LEFT JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state = line.said
)
SELECT told.reference, told.said, told.amount_rupiah, told.stated_on, told.is_earlier, coalesce(asked.kind, ''),
       coalesce(asked.owner, ''), coalesce(asked.is_cleared, false)
FROM told {_NEWEST.format("reference = told.reference")}
WHERE told.is_earlier AND told.stated_on = %(day)s
   OR NOT told.is_earlier AND NOT (told.is_covered AND told.is_booked AND NOT EXISTS (
       SELECT 1 FROM incentives_statementline line
       JOIN incentives_statement statement ON statement.id = line.statement_id
            AND statement.partner = %(partner)s AND statement.stated_on <= %(day)s
       WHERE {_SAME.format("told")} AND line.said = told.said AND line.id < told.id))
ORDER BY told.id
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What one closing looks at: statuses up to `until_id`, of which those up to `checked_id` have been held against
    the statements; payments sent on `first_on` or later; statements up to `day`."""

    partner: str
    day: date
    first_on: date
    after_id: int
    checked_id: int
    until_id: int

    @property
    def values(self) -> dict[str, Any]:
        return {
            "partner": self.partner,
            "day": self.day,
            "first_on": self.first_on,
            "after_id": self.after_id,
            "checked_id": self.checked_id,
            "until_id": self.until_id,
            "naming": text_array([kind.value for kind in NAMING]),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One payment on one side only. `rupiah`: by how much the statement's balance is above ours because of it.

    `kind`: the exception that names it; empty where there is none. `since_on`: the day it was booked or stated."""

    payout_id: int | None
    reference: str
    said: str
    rupiah: int
    since_on: date
    kind: str
    owner: str
    is_cleared: bool


def not_stated(window: Window) -> list[Difference]:
    """What we have booked and no statement shows."""
    with connection.cursor() as cursor:
        cursor.execute(BOOKED_SQL, window.values)
        return [
            Difference(payout_id, reference, state, _above(state, rupiah, ours=True), on, *named)
            for payout_id, reference, state, rupiah, on, *named in cursor.fetchall()
        ]


def not_booked(window: Window) -> tuple[list[Difference], list[Difference]]:
    """What statements show and we have not booked; and of that day what was sent before the first statement."""
    with connection.cursor() as cursor:
        cursor.execute(LINES_SQL, window.values)
        rows = cursor.fetchall()
    found: tuple[list[Difference], list[Difference]] = ([], [])
    for reference, said, rupiah, on, is_earlier, *named in rows:
        above = _above(said, rupiah, ours=False)
        found[is_earlier].append(Difference(None, reference, said, above, on, *named))
    return found


def _above(said: str, rupiah: int, *, ours: bool) -> int:
    """What left is missing on the side that has it, what came back is there."""
    return rupiah if (said == "settled") == ours else -rupiah


def total_of(differences: Iterable[Difference]) -> int:
    return sum(one.rupiah for one in differences)
