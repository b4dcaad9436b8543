"""The days of a partner as the office sees them: closed, open, or waiting for their statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.db.models import Sum

from bekal.incentives.models import DayClosing, Statement
from bekal.incentives.partners.rails import Rail
from bekal.incentives.statements import awaited_statements


class DayState(StrEnum):
    """How far a day is: its certificate is made; its statement is here; neither is."""

    CLOSED = "closed"
    OPEN = "open"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day of one partner, in rupiah; the ledger's side is known once it is closed."""

    day: date
    state: DayState
    closing_id: int | None = None
    statement_rupiah: int | None = None
    ledger_rupiah: int | None = None

    @property
    def difference_rupiah(self) -> int | None:
        """By how much the statement is above our ledger."""
        if self.statement_rupiah is None or self.ledger_rupiah is None:
            return None
        return self.statement_rupiah - self.ledger_rupiah


def day_lines(
    *, partner: str, rails: Mapping[str, Rail], today: date, before: date | None = None, limit: int = 31
) -> list[DayLine]:
    """The newest days of one partner, from before that day on backwards; at most `limit`."""
    closings, statements = DayClosing.objects.filter(partner=partner), Statement.objects.filter(partner=partner)
    if before is not None:
        closings, statements = closings.filter(stated_on__lt=before), statements.filter(stated_on__lt=before)
    columns = ("id", "stated_on", "statement_rupiah", "ledger_rupiah")
    found = {
        day: DayLine(day, DayState.CLOSED, number, statement_rupiah, ledger_rupiah)
        for number, day, statement_rupiah, ledger_rupiah in closings.order_by("-stated_on").values_list(*columns)[
            :limit
        ]
    }
    open_days = statements.order_by("-stated_on").values_list("stated_on").annotate(Sum("closing_rupiah"))[:limit]
    for day, rupiah in open_days:
        found.setdefault(day, DayLine(day, DayState.OPEN, statement_rupiah=rupiah))
    span = awaited_statements(rails=rails, today=today).get(partner)
    for day in span.missing if span is not None else ():
        if before is None or day < before:
            found.setdefault(day, DayLine(day, DayState.WAITING))
    return [found[day] for day in sorted(found, reverse=True)[:limit]]
