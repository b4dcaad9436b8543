"""Payers as somebody writes them who marks first and pays then, or pays first and marks then. They walk the same path,
are killed at the same boundaries, and must be noticed: where they are not, `prove crash` is blind."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.ledger.clock import programme_day
from bekal.proofs.crash_bank import BANK
from bekal.proofs.crash_ends import held_against_the_bank
from bekal.proofs.crash_kills import run_to
from bekal.proofs.crash_payers import PayBase, Site, Step, approve, call, exchange, plan, site_of, write_out
from bekal.proofs.crash_payouts import let_the_dead_go, work_off
from bekal.proofs.crash_runs import looking
from bekal.proofs.workers import Killed

# They take what is behind the verbs: what the verbs themselves do cannot be done so.
calls: Any = import_module("bekal.incentives.make_calls")
files: Any = import_module("bekal.incentives.hand_over_files")


@contextmanager
def marks_then_calls() -> Iterator[None]:
    """A payment is in the books as paid before it is made."""

    def careless(partner: str, client: Any, desk: Any, at: Any, now: Any, limit: int, called: Any) -> None:
        due = calls._due(partner, desk, programme_day(at), now(), limit)
        if due:
            calls._note_heard(partner, [(one, calls.Heard(calls.Outcome.SETTLED)) for one in due], at, now())
            for one in due:
                calls._call(client, one, now)
            called.outcomes["settled"] = len(due)

    with mock.patch.object(calls, "_round", careless):
        yield


@contextmanager
def calls_then_marks() -> Iterator[None]:
    """A payment is made before anything of it is in the books."""
    with mock.patch.object(calls, "_note_begun", lambda due: None):
        yield


@contextmanager
def _hands_over(*, marks_first: bool) -> Iterator[None]:
    def careless(rail: Any, bank: Any, at: Any, now: Any, limit: int, done: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(files.DUE_SQL, [rail.partner, rail.form.value, programme_day(at)])
            due = cursor.fetchall()[:limit]
        for file_id, *_ in due:
            file = files.PayoutFile.objects.get(id=file_id)
            content = files.decrypt(bytes(file.content_encrypted)).encode()
            taken = files.Told(files.HandedOver.TAKEN)
            told = taken if marks_first else bank.hand_over(file.name, content)
            files._note(file, files.Act.HAND_OVER, told, at, now())
            if marks_first:
                bank.hand_over(file.name, content)
            done.outcomes["taken"] = 1

    with mock.patch.object(files, "_hand_over", careless):
        yield


CARELESS: Mapping[str, tuple[Callable[[], Any], Step]] = {
    "mark, then call": (marks_then_calls, call),
    "call, then mark": (calls_then_marks, call),
    "mark, then hand over": (lambda: _hands_over(marks_first=True), lambda site: exchange(site, BANK)),
    "hand over, then mark": (lambda: _hands_over(marks_first=False), lambda site: exchange(site, BANK)),
}


def careless_is_noticed(base: PayBase, name: str) -> str | None:
    """Kill the careless payer a step later each time; the first thing that the bank's books give away, if any does."""
    careless, step = CARELESS[name]
    with site_of(base) as site, looking() as look:
        for first in (plan, approve, write_out):
            work_off(site, first)
        with careless():
            return next(_faults(site, look, step), None)


def _faults(site: Site, look: BaseDatabaseWrapper, step: Step) -> Iterator[str]:
    point = 1
    while isinstance(run_to(lambda: step(site), point), Killed):
        let_the_dead_go(site, look)
        site.bank.work()
        yield from held_against_the_bank(site, look, is_over=False).faults
        point += 1
