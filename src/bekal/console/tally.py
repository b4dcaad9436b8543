"""Figures over everybody on a page: counted at once while the programme is small, else by the worker, with their
instant, how long counting took, and whether they are being counted anew."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from bekal.ledger.queries import estimated_transfer_count
from bekal.lifecycle.tallies import Count, Parameters, Waiting, ask, counted, waiting

# Passing over the people and the money of a quarter of a million transfers takes some 300 ms.
COUNTED_AT_ONCE = 250_000
# What is shown of now is no older than this, or it is being counted anew.
STALE_AFTER = timedelta(minutes=15)
ANEW_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures that a page shows, by the name under which the worker counts them."""

    name: str
    count: Count


@dataclass(frozen=True, slots=True)
class Figures:
    """What a page has to show: `values` None: they are being counted for the first time. `duration_ms` None: they were
    counted at once, and need no word about it."""

    values: Any
    at: datetime
    duration_ms: int | None = None
    waiting: Waiting | None = None
    address: str = "?"
    is_still: bool = False

    @property
    def seconds(self) -> int:
        """How long counting took, and will take again."""
        return -(-(self.duration_ms or 0) // 1_000)

    @property
    def refresh(self) -> bool:
        """Whether the page comes anew by itself."""
        return self.waiting is not None and not self.is_still


def is_large() -> bool:
    """Whether counting everybody would keep somebody waiting."""
    return estimated_transfer_count() > COUNTED_AT_ONCE


def figures(
    report: Report,
    request: HttpRequest,
    *,
    at: datetime,
    as_of: datetime | None = None,
    parameters: Parameters | None = None,
) -> Figures:
    """The report's figures of now (`at`) or as of an instant; `?anew=1` asks for them to be counted anew."""
    wanted = dict(parameters or {})
    if not is_large():
        return Figures(report.count(at=at, as_of=as_of, parameters=wanted), as_of or at)
    found = counted(report.name, as_of=as_of, parameters=wanted)
    open_request = waiting(report.name, as_of=as_of, parameters=wanted)
    if open_request is None and (found is None or _is_due(found.at, at, as_of, "anew" in request.GET)):
        ask(report.name, at=at, as_of=as_of, parameters=wanted)
        open_request = Waiting(at, None)
    query = request.GET.copy()
    is_still = "still" in query
    for name in ("anew", "still"):
        query.pop(name, None)
    address = f"?{query.urlencode()}&" if query else "?"
    if found is None:
        return Figures(None, as_of or at, None, open_request, address, is_still)
    return Figures(found.figures, found.at, found.duration_ms, open_request, address, is_still)


def _is_due(counted_at: datetime, at: datetime, as_of: datetime | None, is_asked: bool) -> bool:
    """What was once is counted once. The clock of a simulated programme may be set back: either way is far."""
    if as_of is not None:
        return is_asked
    return abs(at - counted_at) > (ANEW_AFTER if is_asked else STALE_AFTER)
