"""The history of prices: one row for each price a training ever had, written by the verbs that set it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection

from bekal.catalogue.models import Training, TrainingPrice
from bekal.ledger.copy_rows import copy_rows

_TICK = timedelta(microseconds=1)
LAST_SQL = """
SELECT training_id, max(since_at) FROM catalogue_trainingprice WHERE training_id = ANY(%s::bigint[]) GROUP BY 1
"""


class Past(Protocol):
    """A price as it stood from an instant on."""

    @property
    def since_at(self) -> datetime: ...
    @property
    def price_rupiah(self) -> int: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One price, from `since_at` on; `set_by` is a name, empty where a system or an import set it."""

    price_rupiah: int
    source: str
    source_label: str
    set_by: str
    since_at: datetime


def write_prices(
    trainings: Sequence[Training], *, source: str, at: datetime, by_id: int | None = None, is_new: bool = False
) -> None:
    """Add the price that each of these has from now on. The caller holds the shelf's lock and has locked the rows.

    A price stands from `at`, or from just after the last purchase where one was made after `at` before this verb got
    its turn: so a purchase's price is always the one that stood at its instant. New trainings (`is_new`) have their
    price from when they are listed.
    """
    last = {} if is_new else _last_rows([training.pk for training in trainings])
    rows = []
    for training in trainings:
        since_at = min(at, training.listed_at) if is_new else at
        for known_at in (last.get(training.pk), None if is_new else training.last_bought_at):
            if known_at is not None and since_at <= known_at:
                since_at = known_at + _TICK
        rows.append((training.pk, training.price_rupiah, source, by_id, since_at))
    copy_rows(TrainingPrice, ("training_id", "price_rupiah", "source", "set_by_id", "since_at"), rows)


def write_history(prices: Mapping[int, Sequence[Past]]) -> None:
    """Add every price that new trainings, by number, have had elsewhere."""
    rows = [
        (training_id, past.price_rupiah, past.source, past.since_at)
        for training_id, history in prices.items()
        for past in history
    ]
    copy_rows(TrainingPrice, ("training_id", "price_rupiah", "source", "since_at"), rows)


def _last_rows(training_ids: Sequence[int]) -> dict[int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(LAST_SQL, [list(training_ids)])
        return dict(cursor.fetchall())


def price_history(*, training_id: int) -> tuple[PriceLine, ...]:
    """Every price of a training, the newest first. One query."""
    rows = TrainingPrice.objects.filter(training_id=training_id).select_related("set_by").order_by("-since_at")
    return tuple(
        PriceLine(
            row.price_rupiah,
            row.source,
            row.get_source_display(),
            row.set_by.display_name if row.set_by else "",
            row.since_at,
        )
        for row in rows
    )


def price_at(*, training_id: int, at: datetime) -> int | None:
    """The price that stood at an instant; None before the first."""
    rows = TrainingPrice.objects.filter(training_id=training_id, since_at__lte=at).order_by("-since_at")
    return rows.values_list("price_rupiah", flat=True).first()


def price_since(*, training_id: int) -> datetime | None:
    """Since when the price of now stands; None where no history is known. One query."""
    rows = TrainingPrice.objects.filter(training_id=training_id).order_by("-since_at")
    return rows.values_list("since_at", flat=True).first()
