"""The year of acceptance an address asks for, `?year=2020`: the money of those accepted in it; without one, of all."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

from bekal.console.as_of import AsOf
from bekal.ledger.movements import Kind
from bekal.ledger.queries import Holders, Holding, OwnedTransfer, holders
from bekal.lifecycle.treasury import years
from bekal.participants.models import Participation

ROWS_AT_ONCE = 2_000
Owned = TypeVar("Owned", Holding, OwnedTransfer)


def asked_year(request: HttpRequest) -> tuple[int | None, tuple[int, ...]]:
    """The year (None: all, or nobody was accepted in it), and once one is asked for the years to choose from."""
    text = request.GET.get("year", "")
    known = years() if text else ()
    return next((each for each in known if str(each) == text), None), known


def query_of(asked: AsOf, year: int | None) -> str:
    """What a link to a page of a year carries on: empty for now and all."""
    return asked.query if year is None else f"?year={year}" + asked.query.replace("?", "&", 1)


def accepted_in(year: int) -> QuerySet[Participation, int]:
    """The numbers of the participations of a year."""
    return Participation.objects.filter(accepted_on__year=year).order_by("pk").values_list("pk", flat=True)


def of_year(found: Iterable[Owned], year: int | None) -> Iterator[Owned]:
    """What belongs to people accepted in the year, read a few thousand at a time."""
    if year is None:
        yield from found
        return
    rows = iter(found)
    while part := list(islice(rows, ROWS_AT_ONCE)):
        among = set(accepted_in(year).filter(pk__in={each.owner_id for each in part}))
        yield from (each for each in part if each.owner_id in among)


def holders_of_year(*, kind: Kind, year: int | None, as_of: datetime | None, limit: int, after_id: int) -> Holders:
    """A page of those whose money a kind holds: of a year it begins with its next person, and ends with its last."""
    if year is None:
        return holders(kind=kind, as_of=as_of, limit=limit, after_id=after_id)
    next_id = accepted_in(year).filter(pk__gt=after_id).first()
    if next_id is None:
        return Holders((), None)
    found = holders(kind=kind, as_of=as_of, limit=limit, after_id=next_id - 1)
    is_more = found.looked_until is not None and accepted_in(year).filter(pk__gt=found.looked_until).exists()
    return Holders(tuple(of_year(found.holdings, year)), found.looked_until if is_more else None)
