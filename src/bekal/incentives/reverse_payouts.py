"""`reverse_payouts`: the programme takes back payouts that should not have been made; each is due again.

It takes two people: one officer asks, another agrees to exactly the reason they saw. Until then nothing has moved.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.incentives.answers import ClawedBack, clawed_back_of
from bekal.incentives.models import Entitlement, PayoutReversal, PayoutStatus
from bekal.incentives.refusals import PayoutRefusal
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
    """What became of one payout. `repeated`: this was done, or asked for, before and nothing changed."""

    reference: str
    amount_rupiah: int = 0
    refusal: Refusal | None = None
    repeated: bool = False


class _Paid(NamedTuple):
    """One payout as the books have it, and the request to take it back that waits for a second person, if one does."""

    payout_id: int
    participation_id: int
    kind: str
    amount_rupiah: int
    was_settled: bool
    end_state: str | None
    end_reason: str
    asked_id: int | None
    asked_reason: str
    asked_by_id: int | None


# A status file of one of these runs waits here, as this waits for it.
LOCK_RUNS_SQL = """
SELECT id FROM incentives_payoutrun
WHERE id IN (SELECT run_id FROM incentives_payout WHERE reference = ANY(%s::text[])) ORDER BY id FOR NO KEY UPDATE
"""
PAID_SQL = """
SELECT payout.reference, payout.id, entitlement.participation_id, entitlement.kind, payout.amount_rupiah,
       settled.id IS NOT NULL, ended.state, coalesce(ended.reason_code, ''),
       asked.id, coalesce(asked.reason_code, ''), asked.asked_by_id
FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
LEFT JOIN incentives_payoutstatus settled ON settled.payout_id = payout.id AND settled.state = 'settled'
LEFT JOIN incentives_payoutstatus ended
    ON ended.payout_id = payout.id AND ended.state IN ('rejected', 'returned', 'reversed')
LEFT JOIN incentives_payoutreversal asked
    ON asked.payout_id = payout.id AND asked.agreed_at IS NULL AND asked.dropped_at IS NULL
WHERE payout.reference = ANY(%s::text[])
"""
END_SQL = "UPDATE incentives_payout SET ended_at = %s WHERE id = ANY(%s::bigint[])"


def ask_to_reverse_payouts(
    *, references: Sequence[str], reason_code: str, officer_id: int, at: datetime
) -> tuple[ReverseOutcome, ...]:
    """Ask that payouts be taken back, for one reason (1 to 8 of `A-Z 0-9`); outcomes in the order of `references`.

    Refused: an unknown reference, one that was not paid, one that came back already, one whose money is being clawed
    back or was paid back (that comes in as a repayment), one that is asked for with another reason. The same again, or
    what was taken back for this very reason, is `repeated`. Lock order: the runs, then the participations.
    """

    def ask(paid: _Paid) -> Refusal | bool:
        if paid.asked_id is None:
            return True
        if paid.asked_reason == reason_code:
            return False
        return Refusal(PayoutRefusal.REVERSAL_ASKED, {"known": paid.asked_reason})

    malformed = _malformed(references, reason_code)
    if malformed:
        return malformed
    with transaction.atomic():
        outcomes, new = _look(references, reason_code, ask)
        PayoutReversal.objects.bulk_create(
            PayoutReversal(payout_id=each.payout_id, reason_code=reason_code, asked_by_id=officer_id, asked_at=at)
            for each in new.values()
        )
    return outcomes


def reverse_payouts(
    *, references: Sequence[str], reason_code: str, officer_id: int, at: datetime
) -> tuple[ReverseOutcome, ...]:
    """A second officer agrees, for the reason they saw: the money is back with the programme. Each payout ends, its
    amount is committed again, and its instalment is due with the next attempt. Outcomes in the order of `references`.

    Refused as `ask_to_reverse_payouts` does, and where nobody asks, where the reason asked for is another, and by the
    one who asked (a constraint guards that, too).
    """

    def agree(paid: _Paid) -> Refusal | bool:
        if paid.asked_id is None:
            return Refusal(PayoutRefusal.REVERSAL_NOT_ASKED)
        if paid.asked_reason != reason_code:
            return Refusal(PayoutRefusal.REVERSAL_CHANGED, {"known": paid.asked_reason})
        return Refusal(PayoutRefusal.REVERSAL_SAME_PERSON) if paid.asked_by_id == officer_id else True

    malformed = _malformed(references, reason_code)
    if malformed:
        return malformed
    with transaction.atomic():
        outcomes, new = _look(references, reason_code, agree)
        asked = PayoutReversal.objects.filter(id__in=[each.asked_id for each in new.values()])
        asked.update(agreed_by_id=officer_id, agreed_at=at)
        _write(new, reason_code, at)
    return outcomes


@transaction.atomic
def drop_reversals(*, references: Sequence[str], officer_id: int, at: datetime) -> tuple[ReverseOutcome, ...]:
    """Drop the requests to take these payouts back: they stay paid. Refused where there is no such payout, and where
    nobody asks (any more)."""
    paid = _locked(references)
    outcomes: list[ReverseOutcome] = []
    for reference in references:
        each = paid.get(reference)
        code = PayoutRefusal.PAYOUT_NOT_FOUND if each is None else PayoutRefusal.REVERSAL_NOT_ASKED
        refusal = None if each is not None and each.asked_id else Refusal(code, {"reference": shown(reference)})
        outcomes.append(ReverseOutcome(reference, refusal=refusal))
    asked_ids = [each.asked_id for each in paid.values() if each.asked_id is not None]
    PayoutReversal.objects.filter(id__in=asked_ids).update(dropped_by_id=officer_id, dropped_at=at)
    return tuple(outcomes)


def _malformed(references: Iterable[str], reason_code: str) -> tuple[ReverseOutcome, ...]:
    if _REASON.fullmatch(reason_code):
        return ()
    refusal = Refusal(PayoutRefusal.REVERSAL_REASON, {"value": shown(reason_code)})
    return tuple(ReverseOutcome(reference, refusal=refusal) for reference in references)


def _look(
    references: Sequence[str], reason_code: str, may: Callable[[_Paid], Refusal | bool]
) -> tuple[tuple[ReverseOutcome, ...], dict[str, _Paid]]:
    """The outcome of each, and those to go on with: `may` says of one that stays paid whether it is the turn for it,
    was it before (False), or why not."""
    paid = _locked(references)
    clawed_back = clawed_back_of({each.participation_id for each in paid.values()}) if paid else {}
    outcomes: list[ReverseOutcome] = []
    new: dict[str, _Paid] = {}
    for reference in references:
        if reference in new:
            outcomes.append(ReverseOutcome(reference, new[reference].amount_rupiah, repeated=True))
            continue
        each = paid.get(reference)
        answer = _standing(each, reason_code)
        if answer is True and each is not None:
            answer = may(each)
        if answer is True and each is not None:
            answer = _still_there(each, clawed_back.get(each.participation_id))
        if isinstance(answer, Refusal):
            values = {"reference": shown(reference), **answer.values}
            outcomes.append(ReverseOutcome(reference, refusal=Refusal(answer.code, values)))
            continue
        assert each is not None
        if answer:
            new[reference] = each
        outcomes.append(ReverseOutcome(reference, each.amount_rupiah, repeated=not answer))
    return tuple(outcomes), new


def _locked(references: Sequence[str]) -> dict[str, _Paid]:
    """The payouts there are by reference; nobody answers for their runs until the commit."""
    with connection.cursor() as cursor:
        # A reference is capital letters and digits: what cannot be one is looked for in vain, not with.
        wanted = text_array([reference for reference in references if reference.isascii() and reference.isalnum()])
        cursor.execute(LOCK_RUNS_SQL, [wanted])
        cursor.execute(PAID_SQL, [wanted])
        return {reference: _Paid(*rest) for reference, *rest in cursor.fetchall()}


def _standing(paid: _Paid | None, reason_code: str) -> Refusal | bool:
    """Whether this payout is paid and stays so; False where it was taken back for this very reason."""
    if paid is None:
        return Refusal(PayoutRefusal.PAYOUT_NOT_FOUND)
    if not paid.was_settled:
        return Refusal(PayoutRefusal.PAYOUT_NOT_PAID)
    if (paid.end_state, paid.end_reason) == (_STATE, reason_code):
        return False
    if paid.end_state is not None:
        return Refusal(PayoutRefusal.PAYOUT_BACK_ALREADY, {"known": f"{paid.end_state} {paid.end_reason}"})
    return True


def _still_there(paid: _Paid, clawed_back: ClawedBack | None) -> Refusal | bool:
    if clawed_back is None or clawed_back.takes(paid.amount_rupiah):
        return True
    return Refusal(PayoutRefusal.PAYOUT_CLAWED_BACK)


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
