"""Reads of clawbacks: lists for the office, one with its repayments, and what a participant is told."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.lifecycle.claw_back import withdrawal_seal
from bekal.lifecycle.models import Clawback, Repayment


class ClawbackState(StrEnum):
    """How far a clawback has come."""

    DECIDED = "decided"  # waits for a second person
    DUE = "due"
    OVERDUE = "overdue"
    REPAID = "repaid"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ClawbackLine:
    """One clawback with what was paid back of it. Before its approval nothing is owed, after a withdrawal nothing."""

    clawback_id: int
    participation_id: int
    full_name: str = field(repr=False)
    province: int
    cause: str
    explanation: str = field(repr=False)
    incentive_rupiah: int
    training_rupiah: int
    decided_by_id: int
    decided_by_name: str
    decided_at: datetime
    approved_by_name: str | None
    approved_at: datetime | None
    due_on: date | None
    withdrawal_asked_by_id: int | None
    withdrawal_asked_by_name: str | None
    withdrawal_asked_at: datetime | None
    withdrawn_by_name: str | None
    withdrawn_at: datetime | None
    withdrawn_because: str = field(repr=False)
    repaid_incentive_rupiah: int
    repaid_training_rupiah: int

    @property
    def total_rupiah(self) -> int:
        return self.incentive_rupiah + self.training_rupiah

    @property
    def repaid_rupiah(self) -> int:
        return self.repaid_incentive_rupiah + self.repaid_training_rupiah

    @property
    def outstanding_rupiah(self) -> int:
        is_owed = self.approved_at is not None and self.withdrawn_at is None
        return self.total_rupiah - self.repaid_rupiah if is_owed else 0

    @property
    def outstanding_training_rupiah(self) -> int:
        is_owed = self.approved_at is not None and self.withdrawn_at is None
        return self.training_rupiah - self.repaid_training_rupiah if is_owed else 0

    @property
    def withdrawn_rupiah(self) -> int:
        """What is not owed any more since a withdrawal after the approval."""
        is_let_go = self.approved_at is not None and self.withdrawn_at is not None
        return self.total_rupiah - self.repaid_rupiah if is_let_go else 0

    @property
    def withdrawal_sha256(self) -> str:
        """What an agreement to the withdrawal that is asked for is bound to, in hexadecimal."""
        left = self.outstanding_rupiah - self.outstanding_training_rupiah, self.outstanding_training_rupiah
        return withdrawal_seal(self.clawback_id, self.withdrawn_because, left).hex()

    @property
    def cause_label(self) -> str:
        return str(Clawback.Cause(self.cause).label)

    def state(self, on: date) -> ClawbackState:
        if self.withdrawn_at is not None:
            return ClawbackState.WITHDRAWN
        if self.due_on is None:
            return ClawbackState.DECIDED
        if self.outstanding_rupiah == 0:
            return ClawbackState.REPAID
        return ClawbackState.OVERDUE if on > self.due_on else ClawbackState.DUE


LINES_SQL = """
SELECT clawback.id, clawback.participation_id, participant.full_name, participant.province, clawback.cause,
       clawback.explanation, clawback.incentive_rupiah, clawback.training_rupiah, clawback.decided_by_id,
       decider.display_name, clawback.decided_at, approver.display_name, clawback.approved_at, clawback.due_on,
       clawback.withdrawal_asked_by_id, asker.display_name, clawback.withdrawal_asked_at,
       withdrawer.display_name, clawback.withdrawn_at, clawback.withdrawn_because,
       coalesce(repaid.incentive_rupiah, 0)::bigint, coalesce(repaid.training_rupiah, 0)::bigint
FROM lifecycle_clawback clawback
JOIN participants_participation participation ON participation.id = clawback.participation_id
JOIN participants_participant participant ON participant.id = participation.participant_id
JOIN accounts_user decider ON decider.id = clawback.decided_by_id
LEFT JOIN accounts_user approver ON approver.id = clawback.approved_by_id
LEFT JOIN accounts_user asker ON asker.id = clawback.withdrawal_asked_by_id
LEFT JOIN accounts_user withdrawer ON withdrawer.id = clawback.withdrawn_by_id
LEFT JOIN (SELECT clawback_id, sum(incentive_rupiah) AS incentive_rupiah, sum(training_rupiah) AS training_rupiah
           FROM lifecycle_repayment GROUP BY clawback_id) repaid ON repaid.clawback_id = clawback.id
"""
_OWED = """clawback.approved_at IS NOT NULL AND clawback.withdrawn_at IS NULL
  AND clawback.incentive_rupiah + clawback.training_rupiah
      > coalesce(repaid.incentive_rupiah, 0) + coalesce(repaid.training_rupiah, 0)"""
_WHERE = {
    ClawbackState.DECIDED: "clawback.approved_at IS NULL AND clawback.withdrawn_at IS NULL",
    ClawbackState.DUE: f"{_OWED} AND clawback.due_on >= %(on)s",
    ClawbackState.OVERDUE: f"{_OWED} AND clawback.due_on < %(on)s",
    ClawbackState.REPAID: f"clawback.approved_at IS NOT NULL AND clawback.withdrawn_at IS NULL AND NOT ({_OWED})",
    ClawbackState.WITHDRAWN: "clawback.withdrawn_at IS NOT NULL",
}


def clawbacks(
    *,
    on: date,
    state: ClawbackState | None = None,
    due_from_on: date | None = None,
    due_until_on: date | None = None,
    before_id: int | None = None,
    limit: int | None = None,
) -> tuple[ClawbackLine, ...]:
    """The newest first; the next page is the one before the last number. With days of `due_...` only what is still
    owed and due within them."""
    conditions = ["(%(before_id)s::bigint IS NULL OR clawback.id < %(before_id)s)"]
    if state is not None:
        conditions.append(_WHERE[state])
    if due_from_on is not None or due_until_on is not None:
        conditions.append(_OWED)
        conditions.append("clawback.due_on BETWEEN %(due_from_on)s AND %(due_until_on)s")
    values = {
        "on": on,
        "before_id": before_id,
        "due_from_on": due_from_on or date.min,
        "due_until_on": due_until_on or date.max,
        "limit": limit,
    }
    order = "ORDER BY clawback.id DESC LIMIT %(limit)s"
    return _lines(f"{LINES_SQL} WHERE {' AND '.join(conditions)} {order}", values)


def clawback_detail(*, clawback_id: int) -> tuple[ClawbackLine, tuple[Repayment, ...]] | None:
    """One clawback with its repayments in order; None where there is no such one."""
    lines = _lines(f"{LINES_SQL} WHERE clawback.id = %(id)s", {"id": clawback_id})
    if not lines:
        return None
    repayments = Repayment.objects.filter(clawback_id=clawback_id).select_related("recorded_by").order_by("id")
    return lines[0], tuple(repayments)


def clawback_of(*, participation_id: int) -> ClawbackLine | None:
    """What a participant is told: the newest approved clawback that was not withdrawn before it, owed or let go."""
    lines = _lines(
        f"{LINES_SQL} WHERE clawback.participation_id = %(id)s AND clawback.approved_at IS NOT NULL"
        " ORDER BY clawback.withdrawn_at IS NOT NULL, clawback.id DESC LIMIT 1",
        {"id": participation_id},
    )
    return lines[0] if lines else None


def _lines(sql: str, values: dict[str, Any]) -> tuple[ClawbackLine, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return tuple(ClawbackLine(*row) for row in cursor.fetchall())
