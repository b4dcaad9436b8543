"""`fetch_statements`: the statement of the last working day of each partner that gives one, taken like any other file.

What nobody spoke of stands there at the latest: it ends a partner's silence, and what is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection

from bekal.core.schedule import is_working_day
from bekal.incentives.hand_over_files import alone_at
from bekal.incentives.models import PayoutFile
from bekal.incentives.partners.file_exchange import ExchangeError, FileExchange
from bekal.incentives.partners.rails import Rail
from bekal.incentives.settle_payouts import take_in
from bekal.ledger.clock import programme_day


@dataclass(slots=True)
class FetchedStatements:
    """Statements taken now, those that are no whole file, and partners that have none yet or cannot be read now."""

    taken_count: int = 0
    refused_names: list[str] = field(default_factory=list)
    silent_partners: list[str] = field(default_factory=list)


def fetch_statements(*, rails: Mapping[str, Rail], at: datetime) -> FetchedStatements:
    """Fetch what was not fetched yet, each partner's once. One that is cut or does not add up opens an exception of the
    partner, and is asked for again. Not in a transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("a partner is never called within a transaction")
    done = FetchedStatements()
    day = last_working_day(programme_day(at))
    for partner, rail in sorted(rails.items()):
        name = f"statement-{day}.{rail.statement}"
        if rail.files is None or not rail.statement or _is_there(partner, name):
            continue
        with alone_at(partner) as alone:
            if alone:
                _fetch(rail, FileExchange(rail.files), name, day, at, done)
    return done


def last_working_day(today: date) -> date:
    """The newest working day that is over."""
    day = today - timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def _is_there(partner: str, name: str) -> bool:
    return PayoutFile.objects.filter(direction=PayoutFile.Direction.BACK, partner=partner, name=name).exists()


def _fetch(rail: Rail, exchange: FileExchange, name: str, day: date, at: datetime, done: FetchedStatements) -> None:
    try:
        content = exchange.statement(day.isoformat(), rail.statement)
    except ExchangeError:
        done.silent_partners.append(rail.partner)
        return
    finally:
        exchange.close()
    if take_in(partner=rail.partner, name=name, content=content, at=at).refusal is None:
        done.taken_count += 1
    else:
        done.refused_names.append(name)
