"""`reverse_payouts`: the programme takes back payouts that should not have been made; each is due again."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.models import Entitlement, PayoutStatus
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payout_run import clawed_back_ids
from bekal.ledger.copy_rows import copy_rows, int_array, text_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post

REVERSE = {
    Entitlement.Kind.INCENTIVE.value: Movement.REVERSE_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.REVERSE_SURVEY,
}
_REASON = re.compile(r"[A-Z0-9]{1,8}")
_STATE = PayoutStatus.State.REVERSED.value


@dataclass(frozen=True, slots=True)
class ReverseOutcome:
    """What became of one payout. `repeated`: it was reversed for this reason before and nothing changed."""

    reference: str
    amount_rupiah: int = 0
    refusal: Refusal | None = None
    repeated: bool = False


class _Paid(NamedTuple):
    """One payout as the books have it."""

    payout_id: int
    participation_id: int
    kind: str
    amount_rupiah: int
    was_settled: bool
    end_state: str | None
    end_reason: str


# A status file of one of these runs waits here, as this waits for it.
LOCK_RUNS_SQL = """
SELECT id FROM incentives_payoutrun
WHERE id IN (SELECT run_id FROM incentives_payout WHERE reference = ANY(%s::text[])) ORDER BY id FOR NO KEY UPDATE
"""
PAID_SQL = """
SELECT payout.reference, payout.id, entitlement.participation_id, entitlement.kind, payout.amount_rupiah,
       settled.id IS NOT NULL, ended.state, coalesce(ended.reason_code, '')
FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
LEFT JOIN incentives_payoutstatus settled ON settled.payout_id = payout.id AND settled.state = 'settled'
LEFT JOIN incentives_payoutstatus ended
    ON ended.payout_id = payout.id AND ended.state IN ('rejected', 'returned', 'reversed')
WHERE payout.reference = ANY(%s::text[])
"""
END_SQL = "UPDATE incentives_payout SET ended_at = %s WHERE id = ANY(%s::bigint[])"


def reverse_payouts(*, references: Sequence[str], reason_code: str, at: datetime) -> tuple[ReverseOutcome, ...]:
    """Take back payouts that were paid, for one reason (1 to 8 of `A-Z 0-9`); outcomes in the order of `references`.

    An officer's act, without a file: the money is back with the programme. Each payout ends, its amount is committed
    again, and its instalment is due with the next attempt. Refused: an unknown reference, one that was not paid, one
    that came back already (`repeated`, if for this very reason), one of somebody whose money is being clawed back: that
    comes in as a repayment. Lock order: the runs, then the participations.
    """
    if not _REASON.fullmatch(reason_code):
        malformed = Refusal(PayoutRefusal.REVERSAL_REASON, {"value": shown(reason_code)})
        return tuple(ReverseOutcome(reference, refusal=malformed) for reference in references)
    with transaction.atomic():
        paid = _locked(references)
        clawed_back = clawed_back_ids({each.participation_id for each in paid.values()}) if paid else frozenset()
        outcomes: list[ReverseOutcome] = []
        new: dict[str, _Paid] = {}
        for reference in references:
            each = paid.get(reference)
            refusal, repeated = _standing(reference, each, reason_code, clawed_back)
            repeated = repeated or reference in new
            if each is not None and refusal is None and not repeated:
                new[reference] = each
            amount_rupiah = each.amount_rupiah if each is not None and refusal is None else 0
            outcomes.append(ReverseOutcome(reference, amount_rupiah, refusal, repeated))
        _write(new, reason_code, at)
    return tuple(outcomes)


def _locked(references: Sequence[str]) -> dict[str, _Paid]:
    """The payouts there are by reference; nobody answers for their runs until the commit."""
    with connection.cursor() as cursor:
        # A reference is capital letters and digits: what cannot be one is looked for in vain, not with.
        wanted = text_array([reference for reference in references if reference.isascii() and reference.isalnum()])
        cursor.execute(LOCK_RUNS_SQL, [wanted])
        cursor.execute(PAID_SQL, [wanted])
        return {reference: _Paid(*rest) for reference, *rest in cursor.fetchall()}


def _standing(
    reference: str, paid: _Paid | None, reason_code: str, clawed_back: Set[int]
) -> tuple[Refusal | None, bool]:
    """Why this payout cannot be taken back, and whether it was already."""
    values: dict[str, str] = {"reference": shown(reference)}
    if paid is None:
        return Refusal(PayoutRefusal.PAYOUT_NOT_FOUND, values), False
    if not paid.was_settled:
        return Refusal(PayoutRefusal.PAYOUT_NOT_PAID, values), False
    if paid.end_state is not None:
        if (paid.end_state, paid.end_reason) == (_STATE, reason_code):
            return None, True
        known = f"{paid.end_state} {paid.end_reason}"
        return Refusal(PayoutRefusal.PAYOUT_BACK_ALREADY, {**values, "known": known}), False
    if paid.participation_id in clawed_back:
        return Refusal(PayoutRefusal.PAYOUT_CLAWED_BACK, values), False
    return None, False


def _write(new: Mapping[str, _Paid], reason_code: str, at: datetime) -> None:
    if not new:
        return
    columns = ("payout_id", "state", "reason_code", "recorded_at")
    copy_rows(PayoutStatus, columns, ((each.payout_id, _STATE, reason_code, at) for each in new.values()))
    with connection.cursor() as cursor:
        cursor.execute(END_SQL, [at, int_array(each.payout_id for each in new.values())])
    postings = [
        Posting(each.participation_id, REVERSE[each.kind], each.amount_rupiah, f"reversed:{reference}")
        for reference, each in new.items()
    ]
    posted = post(postings=postings, at=at)
    if len(posted.posted) != len(postings):
        raise RuntimeError(f"{len(postings) - len(posted.posted)} reversals did not reach the ledger")
