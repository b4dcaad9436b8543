"""Clawbacks as an office makes them; every step is its verb."""

from datetime import date, datetime

from bekal.lifecycle.claw_back import (
    ApprovedClawback,
    WithdrawnClawback,
    agree_to_withdrawal,
    approve_clawback,
    decide_clawback,
    withdraw_clawback,
)
from bekal.lifecycle.clawbacks import clawback_detail
from bekal.lifecycle.record_repayment import RecordedRepayment, record_repayment
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey

DECIDED_AT, APPROVED_AT, REPAID_AT = jakarta(2020, 5, 4, 9), jakarta(2020, 5, 4, 15), jakarta(2020, 5, 20)
DUE_ON = date(2020, 7, 3)
EXPLANATION = "Terdaftar sebagai pegawai negeri pada hari penerimaan."


def paid(number: int = 1) -> tuple[int, ...]:
    """People who have received their first instalment."""
    ids = journey.earners(number)
    journey.settled(journey.exported())
    return ids


def decided(participation_id: int, *, cause: str = "ineligible", at: datetime = DECIDED_AT) -> int:
    """A clawback that waits for a second person, by its number."""
    outcome = decide_clawback(
        participation_id=participation_id,
        cause=cause,
        explanation=EXPLANATION,
        officer_id=factories.officer().pk,
        at=at,
    )
    assert outcome.clawback_id is not None, outcome
    return outcome.clawback_id


def withdraw(clawback_id: int, because: str = "Banding benar.", *, at: datetime = REPAID_AT) -> WithdrawnClawback:
    """It is let go: one officer is enough before its approval, afterwards another agrees."""
    outcome = withdraw_clawback(clawback_id=clawback_id, officer_id=factories.officer().pk, because=because, at=at)
    return agree(clawback_id, at=at) if outcome.waits else outcome


def agree(clawback_id: int, *, at: datetime = REPAID_AT) -> WithdrawnClawback:
    """Another officer agrees to the withdrawal as it is shown."""
    detail = clawback_detail(clawback_id=clawback_id)
    assert detail is not None
    return agree_to_withdrawal(
        clawback_id=clawback_id,
        officer_id=factories.officer().pk,
        seen_sha256=bytes.fromhex(detail[0].withdrawal_sha256),
        at=at,
    )


def approve(clawback_id: int, *, at: datetime = APPROVED_AT) -> ApprovedClawback:
    """Another officer agrees."""
    return approve_clawback(clawback_id=clawback_id, officer_id=factories.officer().pk, at=at)


def approved(participation_id: int, *, cause: str = "ineligible", at: datetime = APPROVED_AT) -> int:
    """A clawback that is owed, by its number."""
    clawback_id = decided(participation_id, cause=cause, at=at)
    outcome = approve(clawback_id, at=at)
    assert outcome.refusal is None, outcome
    return clawback_id


def repay(
    clawback_id: int, amount_rupiah: int, reference: str = "NTPN-1", *, at: datetime = REPAID_AT
) -> RecordedRepayment:
    """One receipt, received on the day it is recorded."""
    return record_repayment(
        clawback_id=clawback_id,
        reference=reference,
        amount_rupiah=amount_rupiah,
        received_on=at.date(),
        officer_id=factories.officer().pk,
        at=at,
    )
