"""The last days of reconciliation as lines, drawn on the server; the table below them has the same figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from bekal.purchases.models import ReconciliationDay

# SVG units of one line: its words stand beside it as text, so that a phone can put them above.
WIDTH, HEIGHT, ROOM = 300, 40, 4


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One figure over the days: its path, and its last value."""

    label: str
    path: str
    last_count: int
    width: int = WIDTH
    height: int = HEIGHT


def trend_lines(days: Sequence[ReconciliationDay]) -> list[TrendLine]:
    """Four lines on one scale; none before the second day."""
    if len(days) < 2:
        return []
    named = {
        "matched_count": _("Released"),
        "institution_count": _("Wait for an institution"),
        "participant_count": _("Wait for a participant"),
        "conflicting_count": _("Contested"),
    }
    most = max(getattr(day, name) for day in days for name in named) or 1
    return [
        TrendLine(label, _path([getattr(day, name) for day in days], most), getattr(days[-1], name))
        for name, label in named.items()
    ]


def _path(counts: Sequence[int], most: int) -> str:
    step = (WIDTH - 2 * ROOM) / (len(counts) - 1)
    points = [
        f"{ROOM + place * step:.1f} {HEIGHT - ROOM - (HEIGHT - 2 * ROOM) * number / most:.1f}"
        for place, number in enumerate(counts)
    ]
    return "M" + "L".join(points)
