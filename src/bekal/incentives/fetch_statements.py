"""`fetch_statements`: the statements of the days that are over, of each partner that gives them, taken like any file.

What nobody spoke of stands there at the latest: it ends a partner's silence, and what is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection

from bekal.core.schedule import is_working_day
from bekal.incentives.hand_over_files import alone_at
from bekal.incentives.partners.file_exchange import ExchangeError, FileExchange, NotThereError
from bekal.incentives.partners.rails import Rail
from bekal.incentives.settle_payouts import take_in
from bekal.incentives.statements import DAY, Awaited, awaited_statements
from bekal.ledger.clock import programme_day


@dataclass(slots=True)
class FetchedStatements:
    """Statements taken now, those that are no whole file, and partners that owe one of a working day, or cannot be read
    now."""

    taken_count: int = 0
    refused_names: list[str] = field(default_factory=list)
    silent_partners: list[str] = field(default_factory=list)


def fetch_statements(*, rails: Mapping[str, Rail], at: datetime) -> FetchedStatements:
    """Fetch what was not fetched yet, each partner's day once, in the order of the days. A partner may have none of a
    day on which banks are closed. One that is cut or does not add up opens an exception of the partner, and is asked
    for again. Not in a transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("a partner is never called within a transaction")
    done = FetchedStatements()
    today = programme_day(at)
    awaited = awaited_statements(rails=rails, today=today)
    for partner, rail in sorted(rails.items()):
        if rail.files is None or not rail.statement:
            continue
        span = awaited.get(partner)
        days = {last_working_day(today)} if span is None else _wanted(span) | {last_working_day(today)} - span.there
        with alone_at(partner) as alone:
            if alone:
                _fetch(rail, sorted(days), at, done)
    return done


def _wanted(span: Awaited) -> set[date]:
    """Every working day that is missing; of days on which banks are closed those that may still be needed."""
    newest = max(span.there, default=span.first - DAY)
    tail = {newest + timedelta(days=number) for number in range(1, (span.last - newest).days + 1)}
    return set(span.missing) | tail


def last_working_day(today: date) -> date:
    """The newest working day that is over."""
    day = today - timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def _fetch(rail: Rail, days: list[date], at: datetime, done: FetchedStatements) -> None:
    if rail.files is None:
        return
    exchange = FileExchange(rail.files)
    try:
        for day in days:
            name = f"statement-{day}.{rail.statement}"
            try:
                content = exchange.statement(day.isoformat(), rail.statement)
            except NotThereError:
                if is_working_day(day) and rail.partner not in done.silent_partners:
                    done.silent_partners.append(rail.partner)
                continue
            settled = take_in(partner=rail.partner, name=name, content=content, at=at)
            if settled.refusal is None:
                done.taken_count += not settled.repeated
            else:
                done.refused_names.append(name)
    except ExchangeError:
        if rail.partner not in done.silent_partners:
            done.silent_partners.append(rail.partner)
    finally:
        exchange.close()
