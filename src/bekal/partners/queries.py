"""Reads of partners' counters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from bekal.partners.models import CallCounter


@dataclass(frozen=True, slots=True)
class Counted:
    """So many calls of one operation ended so on one day; `outcome` is `answered`, `repeated` or a refusal's code."""

    key_id: int | None
    counted_on: date
    operation: str
    outcome: str
    call_count: int


def counts_of(*, key_ids: Collection[int], since_on: date) -> tuple[Counted, ...]:
    """What was counted for these keys from that day on, the newest day first."""
    rows = CallCounter.objects.filter(key__in=key_ids, counted_on__gte=since_on)
    ordered = rows.order_by("-counted_on", "key_id", "operation", "outcome")
    columns = ("key_id", "counted_on", "operation", "outcome", "call_count")
    return tuple(Counted(*row) for row in ordered.values_list(*columns))
