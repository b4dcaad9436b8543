"""Shared attributes: one device, phone number, e-mail address or account for more people than any family has.

Statistic: the buyers of the last 180 days who share one value. Threshold: more than 12 for a phone number, e-mail
address or account (two families), more than 60 for a device, because internet cafés are open to everybody. A helper who
left the own number for a whole village rings here, too: the hold is lifted for all of them at once, and stays lifted.
"""

from collections.abc import Sequence
from datetime import datetime

from bekal.alarms.findings import FAMILY_COUNT, Detector
from bekal.alarms.links import shared_cells
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

DEVICE = "device"
MOST = {DEVICE: 10 * FAMILY_COUNT}
MOST_OF_NUMBERS = 2 * FAMILY_COUNT


def find_shared(at: datetime) -> Sequence[NewHold]:
    """A hold on the incentives of everybody around such a value; of several values the most shared counts."""
    found: dict[int, NewHold] = {}
    cells = [cell for cell in shared_cells(at) if len(cell.people) > MOST.get(cell.kind, MOST_OF_NUMBERS)]
    for cell in sorted(cells, key=lambda cell: (-len(cell.people), cell.people)):
        for person in cell.people:
            hold = NewHold(
                subject=Hold.Subject.INCENTIVE,
                reason=Hold.Reason.SHARED,
                participation_id=person,
                case=f"{cell.kind}:{cell.people[0]}",
                found=cell.kind,
                figures={"shared_kind": cell.kind, "group_count": len(cell.people)},
            )
            found.setdefault(person, hold)
    return [found[person] for person in sorted(found)]


SHARED = Detector(Hold.Reason.SHARED, find_shared)
