"""`stop_settlement`, `resume_settlement`: the switch that keeps one institution from being paid."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.catalogue.models import Institution
from bekal.catalogue.refusals import SettlementStopRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import programme_day

REASON_LIMIT_COUNT = 300
MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    institution_id: int
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def stop_settlement(*, institution_id: int, reason: str, at: datetime) -> StopOutcome:
    """Nothing more is settled to this institution, until `resume_settlement`; what is owed stays owed. A settlement
    under way is waited for.

    The same reason again is `repeated`. Refused: an unknown institution, a reason that is empty, longer than 300
    characters or unreadable, and one that is stopped for another reason.
    """
    programme_day(at)  # refuses a naive instant
    reason = tidy(reason)
    refusal = _refusal_of_reason(reason)
    if refusal is not None:
        return StopOutcome(institution_id, refusal)
    institution = _locked(institution_id)
    if institution is None:
        return StopOutcome(institution_id, Refusal(SettlementStopRefusal.UNKNOWN_INSTITUTION))
    if institution.settlement_stopped_at is not None:
        if institution.settlement_stop_reason == reason:
            return StopOutcome(institution_id, repeated=True)
        stopped_on, why = programme_day(institution.settlement_stopped_at), institution.settlement_stop_reason
        refusal = Refusal(SettlementStopRefusal.ALREADY_STOPPED, {"stopped_on": stopped_on, "reason": why})
        return StopOutcome(institution_id, refusal)
    _set(institution, at, reason)
    return StopOutcome(institution_id)


@transaction.atomic
def resume_settlement(*, institution_id: int, at: datetime) -> StopOutcome:
    """What is owed to this institution is settled again with the next run; `repeated` where nothing was stopped.

    Refused: an unknown institution."""
    programme_day(at)  # refuses a naive instant
    institution = _locked(institution_id)
    if institution is None:
        return StopOutcome(institution_id, Refusal(SettlementStopRefusal.UNKNOWN_INSTITUTION))
    if institution.settlement_stopped_at is None:
        return StopOutcome(institution_id, repeated=True)
    _set(institution, None, "")
    return StopOutcome(institution_id)


def _locked(institution_id: int) -> Institution | None:
    rows = Institution.objects.select_for_update(no_key=True).order_by("pk")
    return rows.filter(pk=min(institution_id, MAX_BIGINT)).first()


def _refusal_of_reason(reason: str) -> Refusal | None:
    if not reason:
        return Refusal(SettlementStopRefusal.STOP_REASON_EMPTY)
    if len(reason) > REASON_LIMIT_COUNT:
        values = {"length_count": len(reason), "limit_count": REASON_LIMIT_COUNT}
        return Refusal(SettlementStopRefusal.STOP_REASON_TOO_LONG, values)
    return None if is_readable(reason) else Refusal(SettlementStopRefusal.STOP_REASON_UNREADABLE)


def _set(institution: Institution, stopped_at: datetime | None, reason: str) -> None:
    Institution.objects.filter(pk=institution.pk).update(
        settlement_stopped_at=stopped_at, settlement_stop_reason=reason
    )
