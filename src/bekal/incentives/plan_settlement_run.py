"""`plan_settlement_run`: one list of every settlement that is owed to an institution, for a second person to approve.

From here on it is a payout run like any other: approved, exported, handed over, answered by the same verbs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.incentives.list_seal import SEAL_SQL
from bekal.incentives.models import Payout, PayoutRun
from bekal.incentives.plan_payout_run import (
    PLAN_TEMPLATE,
    LeftOutReason,
    PlannedRun,
    refusal_to_plan,
    wait_for_planners,
    write_list,
)
from bekal.ledger.clock import programme_day
from bekal.purchases.answer_settlements import list_settlements
from bekal.purchases.settle_institutions import WAITS_SQL

# Owed and without a live attempt. Who was stopped or suspended, and what is held since it was ordered, waits.
DUE_SQL = f"""
SELECT settlement.id AS settlement_id, settlement.total_rupiah AS amount_rupiah, account.id AS account_id,
       account.partner, account.masked, account.account_hash,
       coalesce({WAITS_SQL},
                CASE WHEN settlement.id IN (
                         SELECT earlier.settlement_id FROM incentives_payoutexception asked
                         JOIN incentives_payout earlier ON earlier.id = asked.payout_id
                         WHERE asked.kind = 'contradiction' AND asked.resolved_at IS NULL
                           AND earlier.settlement_id IS NOT NULL
                     ) THEN '{LeftOutReason.IN_QUESTION.value}'
                     WHEN account.id IS NULL THEN '{LeftOutReason.NO_ACCOUNT.value}'
                     WHEN account.pays_from_at > %(at)s THEN '{LeftOutReason.ACCOUNT_CHANGED.value}' END) AS left_out
FROM purchases_institutionsettlement settlement
JOIN catalogue_institution institution ON institution.id = settlement.institution_id
LEFT JOIN incentives_institutionaccount account
    ON account.institution_id = institution.id AND account.agreed_at IS NOT NULL AND account.ended_at IS NULL
WHERE settlement.settled_at IS NULL AND settlement.total_rupiah > 0
  AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                  WHERE live.settlement_id = settlement.id AND live.ended_at IS NULL)
"""
PLAN_SQL = PLAN_TEMPLATE.format(
    due=DUE_SQL,
    subject="settlement_id",
    account="institution_account_id",
    letters="BKS",
    payee=PayoutRun.Payee.INSTITUTIONS.value,
    seal=SEAL_SQL,
)
# Who is stopped at this moment, or gets another purchase ordered, waits for the list or is seen by it.
LOCK_SQL = """
SELECT id FROM catalogue_institution
WHERE id IN (SELECT institution_id FROM purchases_institutionsettlement WHERE settled_at IS NULL)
ORDER BY id FOR NO KEY UPDATE
"""
OWED_SQL = f"""
SELECT due.settlement_id, institution.id, institution.name, settlement.ordered_at, settlement.purchase_count,
       due.amount_rupiah, due.left_out, coalesce(due.partner, ''), coalesce(due.masked, ''),
       coalesce(failure.reason_code, ''), failure.failed_at, failure.paid_at IS NOT NULL
FROM ({DUE_SQL}) due
JOIN purchases_institutionsettlement settlement ON settlement.id = due.settlement_id
JOIN catalogue_institution institution ON institution.id = settlement.institution_id
LEFT JOIN LATERAL (SELECT reason_code, failed_at, paid_at FROM purchases_settlementfailure each
                   WHERE each.settlement_id = due.settlement_id ORDER BY id DESC LIMIT 1) failure ON true
WHERE due.settlement_id > %(after)s ORDER BY due.settlement_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class OwedSettlement:
    """One settlement that is owed and on no list: what stands against paying it now, and how its last payment failed,
    if one did (`came_back`: after it had been paid)."""

    settlement_id: int
    institution_id: int
    name: str
    ordered_at: datetime
    purchase_count: int
    total_rupiah: int
    left_out: LeftOutReason | None
    partner: str
    masked_account: str
    reason_code: str
    failed_at: datetime | None
    came_back: bool


@transaction.atomic
def plan_settlement_run(*, planned_for: date, officer_id: int, at: datetime) -> PlannedRun:
    """Put every settlement that is owed and not under way on one list, to be paid on `planned_for`.

    Left out, with their reasons: institutions that are stopped, suspended or held by an alarm, those without an account
    that two officers have agreed on or with one that was changed a moment ago, and what a partner has contradicted
    itself on. The reference follows from settlement and attempt alone. Nothing is added to a settlement that was on a
    list. Refusals: TOO_FAR_AHEAD, CALENDAR_NOT_PUBLISHED, NOTHING_DUE. Locks the planners, then the institutions.
    """
    refusal = refusal_to_plan(planned_for, programme_day(at))
    if refusal is not None:
        return PlannedRun(None, 0, 0, None, (), refusal)
    wait_for_planners()
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL)
    planned = write_list(PLAN_SQL, {"planned_for": planned_for, "officer_id": officer_id, "at": at}, planned_for)
    if planned.run_id is not None:
        listed = Payout.objects.filter(run_id=planned.run_id, settlement__isnull=False).order_by("settlement_id")
        list_settlements([number for number in listed.values_list("settlement_id", flat=True) if number], at=at)
    return planned


def owed_settlements(*, at: datetime, after: int = 0, limit: int = 50) -> tuple[OwedSettlement, ...]:
    """What a list planned now would pay, and what it would leave out and why, in the order of the numbers."""
    with connection.cursor() as cursor:
        cursor.execute(OWED_SQL, {"at": at, "after": after, "limit": limit})
        rows = cursor.fetchall()
    return tuple(_owed(row) for row in rows)


def _owed(row: Sequence[Any]) -> OwedSettlement:
    values = list(row)
    values[6] = None if values[6] is None else LeftOutReason(values[6])
    return OwedSettlement(*values)
