"""What of a run waits for its partners' windows and limits, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from bekal.incentives.house_rails import Rail
from bekal.incentives.waiting import Waiting, WaitReason, waiting
from bekal.ui.display import clock, weekday

WHY: dict[WaitReason, Promise] = {
    WaitReason.TURN: gettext_lazy("Begun now, one after the other."),
    WaitReason.DAY: gettext_lazy("Leaves on its day of payment: %(when)s."),
    WaitReason.WINDOW: gettext_lazy("Waits for the partner's window: %(when)s."),
    WaitReason.DAY_LIMIT: gettext_lazy("Over what the partner takes on a day: goes on by itself, %(when)s."),
    WaitReason.TOO_LARGE: gettext_lazy("More than the partner takes at all: raise the limit of its rail."),
    WaitReason.PAUSED: gettext_lazy("Paused by an officer."),
}


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """So much of a run at one partner, and why it has not been begun."""

    waiting: Waiting
    why: str


def waiting_lines(*, run_id: int, rails: Mapping[str, Rail], at: datetime) -> list[WaitingLine]:
    """By partner and reason, in the language of the page."""
    return [
        WaitingLine(one, str(WHY[one.reason]) % {"when": instant_words(one.goes_at) if one.goes_at else ""})
        for one in waiting(run_id=run_id, rails=rails, at=at)
    ]


def instant_words(at: datetime) -> str:
    """`Senin, 27 April 2020, 08.00 WIB`."""
    return f"{weekday(at)}, {clock(at)}"
