"""`make_calls`: payments that are made by calls, each once, and the asking for what is unknown.

Calls are written as begun and committed before they are made, and what was heard afterwards. A payment whose call was
begun and not answered is never made again before the partner was asked for it, at the earliest ten minutes after it
can have been made.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from bekal.incentives.answers import end_silence, open_exceptions, record, weigh
from bekal.incentives.call_desk import CallDesk
from bekal.incentives.hand_over_files import alone_at
from bekal.incentives.models import PayoutCall
from bekal.incentives.partners.bank_lines import BankLine
from bekal.incentives.partners.csv_rail import Instruction
from bekal.incentives.partners.hours import Amount
from bekal.incentives.partners.rails import Form, Rail
from bekal.incentives.partners.snap_bi import ASK_AFTER, SAID, Heard, Outcome, SnapClient
from bekal.incentives.release import beginning, begun_on, count_begun, give_back
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, new_ids

THREADS = 8
BATCH_COUNT = 200
# A partner that let nobody in is tried again after so long.
AGAIN_AFTER = timedelta(minutes=1)
# A call is made so soon after its intent or not at all: a runner that was held up for longer may have been taken for
# dead, and its payment asked for and made by another.
MADE_WITHIN = timedelta(minutes=5)
Act, Known = PayoutCall.Act, PayoutCall.Outcome
KNOWN = {
    Outcome.SETTLED: Known.SETTLED,
    Outcome.ACCEPTED: Known.ACCEPTED,
    Outcome.REJECTED: Known.REJECTED,
    Outcome.RETURNED: Known.RETURNED,
    Outcome.UNKNOWN: Known.UNKNOWN,
    Outcome.NOT_LET_IN: Known.NOT_LET_IN,
    Outcome.NOT_FOUND: Known.NOT_FOUND,
}
"""What was heard, as it is kept: nothing else can be heard, and the test of it names each."""


@dataclass(slots=True)
class Called:
    """What one round brought: calls by what was heard."""

    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def did_anything(self) -> bool:
        return bool(self.outcomes)


@dataclass(frozen=True, slots=True)
class _Due:
    """One payment and what is to be done, as the newest call has it. `looked_at`: by the machine's clock; `counted_on`:
    the day against whose limits it was begun last, where the partner may not have it."""

    payout_id: int
    instruction: Instruction
    act: PayoutCall.Act
    pay_on: date
    looked_at: datetime
    counted_on: date | None


# Paid again is only what the partner said it had not let in when it was to pay, or does not know (and never took):
# where it did not let in who asked, nothing is known of the payment, and it is asked for again.
DUE_SQL = """
SELECT file_id, payout_id, reference, planned_for, counted_on, amount_rupiah FROM (
SELECT file.id AS file_id, payout.id AS payout_id, payout.reference, payout.amount_rupiah, run.planned_for,
       run.paused_at, newest.outcome, newest.noted_at,
       CASE WHEN newest.outcome IS NULL OR newest.outcome = 'not_let_in' AND newest.act = 'pay' THEN 'pay'
            WHEN newest.outcome = 'not_found'
                 AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus taken
                                 WHERE taken.payout_id = payout.id AND taken.state = 'accepted') THEN 'pay'
            ELSE 'ask' END AS act,
       CASE WHEN newest.outcome IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus taken
                                 WHERE taken.payout_id = payout.id AND taken.state = 'accepted')
            THEN (SELECT begun.counted_on FROM incentives_payoutcall begun
                  WHERE begun.payout_id = payout.id AND begun.outcome = 'begun' ORDER BY begun.id DESC LIMIT 1)
            END AS counted_on
FROM incentives_payoutfile file
JOIN incentives_payoutrun run ON run.id = file.run_id AND run.planned_for <= %(on)s
JOIN incentives_payoutstatus sent ON sent.file_id = file.id AND sent.state = 'sent'
JOIN incentives_payout payout ON payout.id = sent.payout_id AND payout.ended_at IS NULL
LEFT JOIN LATERAL (SELECT act, outcome, noted_at FROM incentives_payoutcall call WHERE call.payout_id = payout.id
                   ORDER BY id DESC LIMIT 1) newest ON true
WHERE file.partner = %(partner)s AND file.direction = 'out' AND file.form = 'calls'
  AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid
                  WHERE paid.payout_id = payout.id AND paid.state = 'settled')
) open
"""
END_SQL = "ORDER BY payout_id LIMIT %(limit)s"
ASK_SQL = f"""{DUE_SQL}
WHERE act = 'ask' AND CASE WHEN outcome = 'begun' THEN noted_at <= %(begun_before)s
                           WHEN outcome = 'not_let_in' THEN noted_at <= %(again_before)s
                           ELSE noted_at <= %(ask_before)s END
{END_SQL}"""
PAY_SQL = f"""{DUE_SQL}
WHERE act = 'pay' AND paused_at IS NULL AND amount_rupiah <= %(most_rupiah)s
  AND (outcome IS NULL OR noted_at <= %(again_before)s)
{END_SQL}"""


def make_calls(
    *,
    rails: Mapping[str, Rail],
    at: datetime,
    now: Callable[[], datetime],
    limit: int = BATCH_COUNT,
    desk: CallDesk | None = None,
) -> Called:
    """Pay what is due over rails that are called, in the windows and within the limits of each partner; ask for what is
    unknown or still under way; at most `limit` of each a partner. `at` is the programme's instant, by which windows and
    days are meant, `now` the machine's clock. `desk`: what a courier keeps from round to round; without one the token
    is asked for and the list read anew. Not in a transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("a partner is never called within a transaction")
    called, desk = Called(), desk or CallDesk()
    for partner, rail in sorted(rails.items()):
        if rail.form is not Form.CALLS or rail.snap is None:
            continue
        with alone_at(partner) as alone:
            if not alone:
                continue
            client = SnapClient(rail.snap, now=now, token=desk.token(partner))
            try:
                for one in _round(rail, client, desk, at, now, limit):
                    called.outcomes[one.outcome.value] = called.outcomes.get(one.outcome.value, 0) + 1
            finally:
                client.close()
    return called


def _round(
    rail: Rail, client: SnapClient, desk: CallDesk, at: datetime, now: Callable[[], datetime], limit: int
) -> list[Heard]:
    on = programme_day(at)
    # Payments first: one is made soon after its intent or not at all.
    due = _begin(rail, desk, on, now(), limit) if rail.hours.is_open(at) else []
    due += _to_ask(rail.partner, desk, on, now(), limit)
    if not due:
        return []
    with ThreadPoolExecutor(THREADS) as threads:
        heard = list(threads.map(lambda one: _call(client, one, now), due))
    _note_heard(rail.partner, list(zip(due, heard, strict=True)), at, now())
    return heard


def _to_ask(partner: str, desk: CallDesk, on: date, now: datetime, limit: int) -> list[_Due]:
    values: dict[str, str | date | datetime | int] = {
        "partner": partner,
        "on": on,
        "begun_before": now - MADE_WITHIN - ASK_AFTER,
        "again_before": now - AGAIN_AFTER,
        "ask_before": now - ASK_AFTER,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(ASK_SQL, values)
        rows = cursor.fetchall()
    listed = desk.instructions([(file_id, reference) for file_id, _, reference, *_ in rows])
    return [
        _Due(payout_id, listed[reference], Act.ASK, pay_on, now, counted_on)
        for _, payout_id, reference, pay_on, counted_on, _ in rows
    ]


def _begin(rail: Rail, desk: CallDesk, on: date, now: datetime, limit: int) -> list[_Due]:
    """Write down which payments are made now, as many as the partner still takes that day: committed before any of them
    can be made. Asking moves nothing and needs no intent."""
    with beginning(rail.partner):
        begun = _to_pay(rail, desk, on, now, limit)
        if begun:
            _note_begun(begun)
            count_begun(rail.partner, on, sum((Amount(1, one.instruction.amount_rupiah) for one in begun), Amount()))
    return begun


def _to_pay(rail: Rail, desk: CallDesk, on: date, now: datetime, limit: int) -> list[_Due]:
    room = rail.limits.room(begun_on(rail.partner, on))
    values: dict[str, str | date | datetime | int] = {
        "partner": rail.partner,
        "on": on,
        "again_before": now - AGAIN_AFTER,
        "most_rupiah": min(rail.limits.largest_rupiah, room.total_rupiah),
        "limit": min(limit, room.payment_count),
    }
    with connection.cursor() as cursor:
        cursor.execute(PAY_SQL, values)
        rows = cursor.fetchall()
    taken, chosen = Amount(), []
    for row in rows:
        more = taken + Amount(1, row[-1])
        if more.fits(room):
            chosen.append(row)
            taken = more
    listed = desk.instructions([(file_id, reference) for file_id, _, reference, *_ in chosen])
    return [
        _Due(payout_id, listed[reference], Act.PAY, pay_on, now, on) for _, payout_id, reference, pay_on, *_ in chosen
    ]


def _note_begun(begun: Sequence[_Due]) -> None:
    rows = ((one.payout_id, Act.PAY.value, Known.BEGUN.value, "", "", one.looked_at, one.counted_on) for one in begun)
    columns = ("payout_id", "act", "outcome", "reason_code", "partner_code", "noted_at", "counted_on")
    copy_rows(PayoutCall, columns, rows)


def _call(client: SnapClient, one: _Due, now: Callable[[], datetime]) -> Heard:
    if one.act is Act.ASK:
        return client.ask(one.instruction.reference, one.instruction.amount_rupiah)
    if now() - one.looked_at > MADE_WITHIN:
        return Heard(Outcome.NOT_LET_IN)
    return client.pay(one.instruction, on=one.pay_on)


@transaction.atomic
def _note_heard(partner: str, heard: Sequence[tuple[_Due, Heard]], at: datetime, now: datetime) -> None:
    numbers = new_ids(PayoutCall, len(heard))
    rows = (
        (number, due.payout_id, due.act.value, KNOWN[one.outcome].value, one.reason_code, one.partner_code[:40], now)
        for number, (due, one) in zip(numbers, heard, strict=True)
    )
    copy_rows(PayoutCall, ("id", "payout_id", "act", "outcome", "reason_code", "partner_code", "noted_at"), rows)
    lines = [
        BankLine(
            place,
            due.instruction.reference,
            one.amount_rupiah,
            SAID[one.outcome],
            one.reason_code,
            one.partner_code,
            one.account,
        )
        for place, (due, one) in enumerate(heard, start=1)
        if one.outcome in SAID
    ]
    weighed = weigh(lines, partner=partner)
    call_ids = {due.instruction.reference: number for number, (due, _) in zip(numbers, heard, strict=True)}
    record(weighed.news, at=at, call_ids=call_ids)
    end_silence([sent.payout_id for _, sent in weighed.news], at=at)
    open_exceptions(weighed.opened, partner=partner, at=at)
    give_back(partner, _not_there(heard))


def _not_there(heard: Sequence[tuple[_Due, Heard]]) -> dict[date, Amount]:
    """What was begun and is known not to have reached the partner, by the day against whose limits it counted."""
    amounts: dict[date, Amount] = {}
    for due, one in heard:
        # Where it was not let in who asked, nothing is known of the payment.
        is_away = one.outcome is Outcome.NOT_FOUND or (one.outcome is Outcome.NOT_LET_IN and due.act is Act.PAY)
        if is_away and due.counted_on is not None:
            before = amounts.get(due.counted_on, Amount())
            amounts[due.counted_on] = before + Amount(1, due.instruction.amount_rupiah)
    return amounts
