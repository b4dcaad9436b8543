"""`hand_over_files`: files of payments go to their partners, each once, and what is new comes back.

The intent is written and committed before a partner is called, and what it answered afterwards, never in one
transaction with the call. A file whose handing over was begun and not answered is never handed over again before the
partner was asked for it; so a runner may be killed at any instant. Of several runners one is at a partner.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection, transaction
from django.db.models import Max

from bekal.accounts.privacy import decrypt
from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.models import PayoutFetch, PayoutFile, PayoutSending, PayoutStatus
from bekal.incentives.partners.file_exchange import ExchangeError, FileExchange, HandedOver, Told
from bekal.incentives.partners.hours import Amount
from bekal.incentives.partners.rails import Form, Rail
from bekal.incentives.release import beginning, begun_on, count_begun, give_back
from bekal.incentives.settle_payouts import take_in
from bekal.ledger.clock import programme_day

# A partner that had no time is called again after so long.
AGAIN_AFTER = timedelta(minutes=1)
# What was begun, or not answered, is asked for after so long: before, it may still be under way, or waiting to be read.
ASK_AFTER = timedelta(minutes=10)
AT_A_PARTNER = "incentives.hand_over_files "
"""With the partner's name the lock of whoever hands it files, the courier or an officer."""
Act, Outcome = PayoutSending.Act, PayoutSending.Outcome
OUTCOMES = {
    HandedOver.TAKEN: Outcome.TAKEN,
    HandedOver.REFUSED: Outcome.REFUSED,
    HandedOver.UNKNOWN: Outcome.UNKNOWN,
    HandedOver.NOT_THERE: Outcome.NOT_THERE,
}


@dataclass(slots=True)
class Exchanged:
    """What one round brought: files by what came of them, files that came back, partners that cannot be read now."""

    outcomes: dict[str, int] = field(default_factory=dict)
    fetched_count: int = 0
    refused_names: list[str] = field(default_factory=list)
    silent_partners: list[str] = field(default_factory=list)

    @property
    def did_anything(self) -> bool:
        return bool(self.outcomes or self.fetched_count)


# Everything that is out and not known to be there: with the newest that was done about it.
DUE_SQL = """
SELECT file.id, coalesce(newest.outcome, ''), newest.noted_at
FROM incentives_payoutfile file
JOIN incentives_payoutrun run ON run.id = file.run_id AND run.paused_at IS NULL
LEFT JOIN LATERAL (SELECT outcome, noted_at FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                   ORDER BY id DESC LIMIT 1) newest ON true
WHERE file.partner = %s AND file.direction = 'out' AND file.message_id <> '' AND file.form = %s
  AND run.planned_for <= %s
  AND coalesce(newest.outcome, '') NOT IN ('taken', 'refused')
ORDER BY file.id
"""


def hand_over_files(
    *, rails: Mapping[str, Rail], at: datetime, now: Callable[[], datetime], limit: int = 20
) -> Exchanged:
    """Hand over what is due, ask for what is unknown, take in what came back; at most `limit` files each way and
    partner. `at` is the programme's instant, by which windows and days are meant, `now` the machine's clock. No file
    leaves before its day of payment, outside the partner's windows or over what it takes on a day; none of a run that
    is paused. Not in a transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("a partner is never called within a transaction")
    done = Exchanged()
    for partner, rail in sorted(rails.items()):
        if rail.files is None or rail.form is Form.CALLS:
            continue
        with alone_at(partner) as alone:
            if not alone:
                continue
            exchange = FileExchange(rail.files)
            try:
                _hand_over(rail, exchange, at, now, limit, done)
                _take_in(partner, exchange, at, limit, done)
            except ExchangeError:
                done.silent_partners.append(partner)
            finally:
                exchange.close()
    return done


@contextmanager
def alone_at(partner: str) -> Iterator[bool]:
    """Whether this connection alone deals with that partner while the block runs; a dead one lets go."""
    key = AT_A_PARTNER + partner
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [key])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [key])


def _hand_over(
    rail: Rail, exchange: FileExchange, at: datetime, now: Callable[[], datetime], limit: int, done: Exchanged
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DUE_SQL, [rail.partner, rail.form.value, programme_day(at)])
        due = cursor.fetchall()
    # What was begun, and what is unknown, may be there: it is asked for.
    tried = [
        (file_id, Act.ASK if outcome in (Outcome.BEGUN, Outcome.UNKNOWN) else Act.HAND_OVER, tried_at)
        for file_id, outcome, tried_at in due
    ]
    # Those that were tried a moment ago take nobody's turn.
    waits, looked_at = {Act.ASK: ASK_AFTER, Act.HAND_OVER: AGAIN_AFTER}, now()
    ripe = [(file_id, act) for file_id, act, tried_at in tried if not tried_at or looked_at - tried_at >= waits[act]]
    for file_id in [file_id for file_id, act in ripe if act is Act.ASK][:limit]:
        file = PayoutFile.objects.get(id=file_id)
        _note(file, Act.ASK, exchange.ask(file.message_id), at, now(), done)
    waiting = [file_id for file_id, act in ripe if act is Act.HAND_OVER] if rail.hours.is_open(at) else []
    for file in islice(filter(None, (_begun(rail, file_id, at, now()) for file_id in waiting)), limit):
        told = exchange.hand_over(file.name, decrypt(bytes(file.content_encrypted)).encode())
        _note(file, Act.HAND_OVER, told, at, now(), done)


def _begun(rail: Rail, file_id: int, at: datetime, now: datetime) -> PayoutFile | None:
    """Write down that the file is handed over now, committed before it is; None where it waits for another day, or for
    an officer, or another courier has begun it."""
    on = programme_day(at)
    with beginning(rail.partner):
        file = PayoutFile.objects.get(id=file_id)
        newest = file.sendings.order_by("-id").values_list("outcome", flat=True).first() or ""
        amount = Amount(file.line_count, file.total_rupiah)
        if newest not in ("", Outcome.NOT_THERE) or not amount.fits(rail.limits.room(begun_on(rail.partner, on))):
            return None
        largest = file.statuses.filter(state=PayoutStatus.State.SENT).aggregate(most=Max("payout__amount_rupiah"))
        if largest["most"] > rail.limits.largest_rupiah:
            return None
        PayoutSending.objects.create(file=file, act=Act.HAND_OVER, outcome=Outcome.BEGUN, noted_at=now, counted_on=on)
        count_begun(rail.partner, on, amount)
    return file


@transaction.atomic
def _note(file: PayoutFile, act: PayoutSending.Act, told: Told, at: datetime, now: datetime, done: Exchanged) -> None:
    outcome = OUTCOMES[told.outcome]
    PayoutSending.objects.create(file=file, act=act, outcome=outcome, words=told.words[:200], noted_at=now)
    if outcome is Outcome.REFUSED:
        opened = Opened(Trouble.FILE_REFUSED, 0, file.message_id, said_rupiah=file.total_rupiah)
        open_exceptions([opened], partner=file.partner, at=at, file_id=file.id)
    if outcome in (Outcome.REFUSED, Outcome.NOT_THERE):
        begun = file.sendings.filter(outcome=Outcome.BEGUN).order_by("-id").first()
        if begun is not None and begun.counted_on is not None:
            give_back(file.partner, {begun.counted_on: Amount(file.line_count, file.total_rupiah)})
    done.outcomes[told.outcome.value] = done.outcomes.get(told.outcome.value, 0) + 1


def _take_in(partner: str, exchange: FileExchange, at: datetime, limit: int, done: Exchanged) -> None:
    """What the partner has put out since: each file is taken, or refused as a whole, once."""
    newest = PayoutFetch.objects.filter(partner=partner).aggregate(newest=Max("number"))["newest"] or 0
    for fetched in islice(exchange.new_files(newest), limit):
        settled = take_in(partner=partner, name=fetched.name, content=fetched.content, at=at)
        refusal = "" if settled.refusal is None else settled.refusal.code.value
        if refusal:
            done.refused_names.append(fetched.name)
        PayoutFetch.objects.create(
            partner=partner,
            number=fetched.number,
            name=fetched.name[:120],
            file_id=settled.file_id,
            refusal=refusal,
            fetched_at=at,
        )
        done.fetched_count += 1
