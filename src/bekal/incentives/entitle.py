"""`entitle`: whoever has a first training reconciled earns every instalment of the incentive, each with its day."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.core.entitlement import InstalmentKind, instalments_owed
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day


@dataclass(frozen=True, slots=True)
class Entitled:
    """How many instalments were earned now, by how many participations."""

    entitlement_count: int
    participation_count: int


# A participation that was revoked earns nothing afterwards.
EARNERS_SQL = f"""
SELECT participation.id AS participation_id, participation.accepted_on,
       min(purchase.reconciled_at AT TIME ZONE '{JAKARTA.key}')::date AS reconciled_on
FROM purchases_purchase purchase
JOIN participants_participation participation ON participation.id = purchase.participation_id
WHERE purchase.reconciled_at <= %(at)s AND participation.revoked_at IS NULL
  AND (%(participation_ids)s::bigint[] IS NULL OR participation.id = ANY(%(participation_ids)s))
  AND NOT EXISTS (SELECT 1 FROM incentives_entitlement earned
                  WHERE earned.participation_id = participation.id AND earned.kind = %(kind)s)
GROUP BY participation.id
"""

# In the order of the participations, as every lock is taken; a rival that was quicker leaves nothing to insert.
INSERT_SQL = f"""
WITH earner AS ({EARNERS_SQL}), owed AS (
    SELECT * FROM unnest(%(accepted_on)s::date[], %(reconciled_on)s::date[], %(instalments)s::smallint[],
                         %(amounts)s::bigint[], %(scheduled_on)s::date[], %(payment_on)s::date[])
        AS o(accepted_on, reconciled_on, instalment, amount_rupiah, scheduled_on, payment_on)
), inserted AS (
    INSERT INTO incentives_entitlement
        (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)
    SELECT participation_id, %(kind)s, instalment, amount_rupiah, scheduled_on, payment_on, %(at)s
    FROM earner JOIN owed USING (accepted_on, reconciled_on)
    ORDER BY participation_id, instalment
    ON CONFLICT (participation_id, kind, instalment) DO NOTHING
    RETURNING participation_id
)
SELECT count(*), count(DISTINCT participation_id) FROM inserted
"""


@transaction.atomic
def entitle(*, at: datetime, participation_ids: Collection[int] | None = None) -> Entitled:
    """Write what has been earned up to `at`: amounts and number of instalments by the rules of the day of acceptance,
    days of payment by those of their own month.

    Everyone with a reconciled purchase who has no incentive yet, or only those named. The same again writes nothing.
    """
    programme_day(at)  # refuses a naive instant
    values: dict[str, Any] = {
        "at": at,
        "kind": InstalmentKind.INCENTIVE.value,
        "participation_ids": None if participation_ids is None else list(participation_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT accepted_on, reconciled_on FROM ({EARNERS_SQL}) earner", values)
        days = cursor.fetchall()
        if not days:
            return Entitled(0, 0)
        cursor.execute(INSERT_SQL, {**values, **_columns_owed(days)})
        entitlement_count, participation_count = cursor.fetchone()
    return Entitled(entitlement_count, participation_count)


def _columns_owed(days: Iterable[tuple[date, date]]) -> dict[str, list[Any]]:
    """What the rules give for each pair (accepted on, first reconciled on), as columns."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("accepted_on", "reconciled_on", "instalments", "amounts", "scheduled_on", "payment_on")
    }
    for accepted_on, reconciled_on in days:
        for owed in instalments_owed(RULES.scheme(accepted_on), reconciled_on):
            row = (accepted_on, reconciled_on, owed.number, owed.amount_rupiah, owed.scheduled_on, owed.payment_on)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns
