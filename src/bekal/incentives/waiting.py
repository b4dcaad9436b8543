"""What of a run has not been begun at its partners yet: why, and when it goes on by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from django.db import connection

from bekal.incentives.models import PayoutRun
from bekal.incentives.partners.hours import Amount
from bekal.incentives.partners.rails import Form, Rail
from bekal.incentives.release import begun_on
from bekal.incentives.under_way import HEARD_SQL
from bekal.ledger.clock import programme_day

# By file and amount: calls go one by one, a file goes whole. What an officer hands over has no name at the partner.
WAITING_SQL = f"""
SELECT file.partner, file.id, payout.amount_rupiah, count(*)
FROM incentives_payoutfile file
JOIN incentives_payoutstatus sent ON sent.file_id = file.id AND sent.state = 'sent'
JOIN incentives_payout payout ON payout.id = sent.payout_id AND payout.ended_at IS NULL
LEFT JOIN LATERAL (SELECT {HEARD_SQL} AS outcome
                   FROM incentives_payoutcall call WHERE call.payout_id = payout.id
                   ORDER BY id DESC LIMIT 1) called ON file.form = 'calls'
LEFT JOIN LATERAL (SELECT outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                   ORDER BY id DESC LIMIT 1) handed_over ON file.form <> 'calls'
WHERE file.run_id = %s AND file.direction = 'out' AND file.message_id <> ''
  AND coalesce(called.outcome, handed_over.outcome, 'not_there') IN ('not_let_in', 'not_found', 'not_there')
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus said WHERE said.payout_id = payout.id AND said.state <> 'sent')
GROUP BY file.partner, file.id, payout.amount_rupiah ORDER BY file.partner, file.id, payout.amount_rupiah
"""


class WaitReason(StrEnum):
    """Why a payment has not been begun."""

    PAUSED = "paused"
    DAY = "day"
    WINDOW = "window"
    DAY_LIMIT = "day_limit"
    TOO_LARGE = "too_large"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Waiting:
    """So much at one partner waits for one reason, and is begun at `goes_at` at the earliest; None: when an officer has
    done something (let the run go on, raised the partner's limit)."""

    partner: str
    reason: WaitReason
    amount: Amount
    goes_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Unit:
    """So many payments of one amount of one file."""

    partner: str
    file_id: int
    amount_rupiah: int
    payment_count: int

    @property
    def amount(self) -> Amount:
        return Amount(self.payment_count, self.payment_count * self.amount_rupiah)


def waiting(*, run_id: int, rails: Mapping[str, Rail], at: datetime) -> tuple[Waiting, ...]:
    """By partner and reason, for the partners whose rail is known; empty where everything was begun. Other runs may
    take their turn before: `goes_at` is the earliest instant."""
    run = PayoutRun.objects.get(id=run_id)
    with connection.cursor() as cursor:
        cursor.execute(WAITING_SQL, [run_id])
        units = [_Unit(*row) for row in cursor.fetchall()]
    return tuple(
        one
        for partner, group in groupby(units, key=attrgetter("partner"))
        if partner in rails
        for one in _waiting_at(rails[partner], run, list(group), at)
    )


def _waiting_at(rail: Rail, run: PayoutRun, units: Sequence[_Unit], at: datetime) -> list[Waiting]:
    whole = sum((unit.amount for unit in units), Amount())
    opens_at, today = rail.hours.opens_at(at), programme_day(at)
    if run.paused_at is not None:
        return [Waiting(rail.partner, WaitReason.PAUSED, whole, None)]
    if run.planned_for > today:
        return [Waiting(rail.partner, WaitReason.DAY, whole, rail.hours.opens_on(run.planned_for))]
    if opens_at > at:
        return [Waiting(rail.partner, WaitReason.WINDOW, whole, opens_at)]
    goes, too_large = _room_for(rail, units, rail.limits.room(begun_on(rail.partner, today)))
    later = Amount(
        whole.payment_count - goes.payment_count - too_large.payment_count,
        whole.total_rupiah - goes.total_rupiah - too_large.total_rupiah,
    )
    tomorrow = rail.hours.opens_on(today + timedelta(days=1))
    found = [
        Waiting(rail.partner, WaitReason.TURN, goes, at),
        Waiting(rail.partner, WaitReason.DAY_LIMIT, later, tomorrow),
        Waiting(rail.partner, WaitReason.TOO_LARGE, too_large, None),
    ]
    return [one for one in found if one.amount.payment_count]


def _room_for(rail: Rail, units: Sequence[_Unit], room: Amount) -> tuple[Amount, Amount]:
    """How much of it still goes that day, and how much can go on no day."""
    goes = too_large = Amount()
    for _, group in groupby(units, key=attrgetter("file_id")):
        lines = list(group)
        whole = sum((line.amount for line in lines), Amount())
        if rail.form is Form.CALLS:
            for line in lines:
                if line.amount_rupiah > rail.limits.largest_rupiah:
                    too_large += line.amount
                    continue
                left_rupiah = room.total_rupiah - goes.total_rupiah
                count = min(
                    line.payment_count, room.payment_count - goes.payment_count, left_rupiah // line.amount_rupiah
                )
                goes += Amount(count, count * line.amount_rupiah)
        elif lines[-1].amount_rupiah > rail.limits.largest_rupiah or not whole.fits(rail.limits.room(Amount())):
            too_large += whole
        elif (goes + whole).fits(room):
            goes += whole
    return goes, too_large
