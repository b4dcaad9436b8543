"""Reads of looks: when each detector looked last."""

from dataclasses import dataclass
from datetime import datetime

from bekal.alarms.models import AlarmLook
from bekal.holds.models import Hold


@dataclass(frozen=True, slots=True)
class LatestLook:
    """The newest look of one detector; all None where it has never looked."""

    reason: str
    looked_at: datetime | None
    found_count: int | None
    opened_count: int | None


def latest_looks() -> tuple[LatestLook, ...]:
    """One for each detector, in the order of the reasons."""
    rows = AlarmLook.objects.order_by("reason", "-looked_at", "-pk").distinct("reason")
    newest = {row.reason: row for row in rows}
    return tuple(_latest(reason, newest.get(reason)) for reason in Hold.Reason.values)


def _latest(reason: str, row: AlarmLook | None) -> LatestLook:
    if row is None:
        return LatestLook(reason, None, None, None)
    return LatestLook(reason, row.looked_at, row.found_count, row.opened_count)
