"""Payers as somebody writes them who marks first and pays then, or pays first and marks then. They walk the same path,
are killed at the same boundaries, and must be noticed: where they are not, `prove crash` is blind."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.accounts.privacy import decrypt
from bekal.incentives.call_desk import CallDesk
from bekal.incentives.models import PayoutCall, PayoutFile, PayoutSending
from bekal.proofs.crash_bank import BANK, CALLED
from bekal.proofs.crash_ends import held_against_the_bank
from bekal.proofs.crash_kills import run_to
from bekal.proofs.crash_payers import PayBase, Site, Step, approve, plan, site_of, write_out
from bekal.proofs.crash_payouts import let_the_dead_go, work_off
from bekal.proofs.crash_runs import looking
from bekal.proofs.workers import Killed

# What calls, hands over and books; the verbs that do it in the right order are not asked.
calls: Any = import_module("bekal.incentives.make_calls")
files: Any = import_module("bekal.incentives.hand_over_files")
answers: Any = import_module("bekal.incentives.answers")
DUE_CALL_SQL = """
SELECT file.id, payout.id, payout.reference, payout.amount_rupiah, run.planned_for
FROM incentives_payoutfile file
JOIN incentives_payoutrun run ON run.id = file.run_id
JOIN incentives_payoutstatus sent ON sent.file_id = file.id AND sent.state = 'sent'
JOIN incentives_payout payout ON payout.id = sent.payout_id AND payout.ended_at IS NULL
WHERE file.form = 'calls' AND NOT EXISTS (SELECT 1 FROM incentives_payoutstatus paid
                                          WHERE paid.payout_id = payout.id AND paid.state = 'settled')
ORDER BY payout.id LIMIT 1
"""
POINTS_LIMIT = 100
"""More boundaries than one of their payments has."""


def _call(site: Site, *, marks_first: bool) -> bool:
    """Make the first payment that is not marked as paid."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_CALL_SQL)
        row = cursor.fetchone()
    if row is None:
        return False
    file_id, payout_id, reference, amount_rupiah, pay_on = row
    if marks_first:
        _mark_paid(site, payout_id, reference, amount_rupiah)
    client = calls.SnapClient(site.rails[CALLED].snap, now=site.clock.instant)
    heard = client.pay(CallDesk().instructions([(file_id, reference)])[reference], on=pay_on)
    client.close()
    if not marks_first and heard.outcome == "settled":
        _mark_paid(site, payout_id, reference, amount_rupiah)
    return True


@transaction.atomic
def _mark_paid(site: Site, payout_id: int, reference: str, amount_rupiah: int) -> None:
    at = site.clock.instant()
    said = PayoutCall.objects.create(payout_id=payout_id, act="pay", outcome="settled", noted_at=at)
    line = answers.BankLine(1, reference, amount_rupiah, answers.Said.SETTLED)
    answers.record(answers.weigh([line], partner=CALLED).news, at=at, call_ids={reference: said.pk})


def _hand_over(site: Site, *, marks_first: bool) -> bool:
    """Hand the first file over that is not marked as taken."""
    waiting = PayoutFile.objects.filter(direction="out", partner=BANK).exclude(sendings__outcome="taken")
    file = waiting.order_by("id").first()
    if file is None:
        return False
    if marks_first:
        _mark_taken(site, file)
    bank = files.FileExchange(site.rails[BANK].files)
    told = bank.hand_over(file.name, decrypt(bytes(file.content_encrypted)).encode())
    bank.close()
    if not marks_first and told.outcome == "taken":
        _mark_taken(site, file)
    return True


def _mark_taken(site: Site, file: PayoutFile) -> None:
    PayoutSending.objects.create(file=file, act="hand_over", outcome="taken", noted_at=site.clock.instant())


CARELESS: Mapping[str, Step] = {
    "mark, then call": lambda site: _call(site, marks_first=True),
    "call, then mark": lambda site: _call(site, marks_first=False),
    "mark, then hand over": lambda site: _hand_over(site, marks_first=True),
    "hand over, then mark": lambda site: _hand_over(site, marks_first=False),
}


def careless_is_noticed(base: PayBase, name: str) -> str | None:
    """Kill the careless payer a step later each time; the first thing that the bank's books give away, if any does."""
    with site_of(base) as site, looking() as look:
        for first in (plan, approve, write_out):
            work_off(site, first)
        return next(_faults(site, look, CARELESS[name]), None)


def _faults(site: Site, look: BaseDatabaseWrapper, step: Step) -> Iterator[str]:
    for point in range(1, POINTS_LIMIT):
        ended = run_to(lambda: step(site), point)
        let_the_dead_go(site, look)
        site.bank.work()
        yield from held_against_the_bank(site, look, is_over=False).faults
        if not isinstance(ended, Killed) and not ended:
            return
