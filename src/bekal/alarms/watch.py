"""`watch`: every detector looks at everything once, and what it finds and nobody has decided on waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from bekal.accounts.note_devices import forget_devices
from bekal.alarms.burst import BURST
from bekal.alarms.findings import Detector
from bekal.alarms.models import AlarmLook
from bekal.alarms.ownership import OWNERSHIP
from bekal.alarms.redemptions import REDEMPTIONS
from bekal.alarms.ring import RING
from bekal.alarms.shared import SHARED
from bekal.alarms.timing import TIMING
from bekal.alarms.volume import VOLUME
from bekal.holds.models import Hold
from bekal.holds.open_holds import open_holds
from bekal.participants.note_attributes import note_attributes

DETECTORS: Sequence[Detector] = (RING, BURST, SHARED, OWNERSHIP, TIMING, REDEMPTIONS, VOLUME)
# A detector that went mad must not stop the programme's payments: the rest is opened by the next look, after somebody
# has seen these.
MOST_OPENED = 5_000
CHUNK_COUNT = 500


@dataclass(frozen=True, slots=True)
class Looked:
    """What one detector found, and how much of it was new and waits since."""

    reason: Hold.Reason
    found_count: int
    opened_count: int


def watch(*, at: datetime, detectors: Sequence[Detector] = DETECTORS) -> tuple[Looked, ...]:
    """Note what people share, forget what is too old, look with each detector, and open holds on what is new.

    Each detector and each chunk of holds commits by itself: stopped anywhere and called again it ends the same, and the
    same finding never holds twice.
    """
    note_attributes(at=at)
    forget_devices(at=at)
    return tuple(_look(detector, at) for detector in detectors)


def _look(detector: Detector, at: datetime) -> Looked:
    started = perf_counter()
    found = list(detector.find(at))
    opened_count = 0
    for start in range(0, len(found), CHUNK_COUNT):
        if opened_count >= MOST_OPENED:
            break
        opened = open_holds(holds=found[start : start + CHUNK_COUNT], at=at)
        opened_count += sum(one.hold_id is not None for one in opened)
    AlarmLook.objects.create(
        reason=detector.reason,
        looked_at=at,
        found_count=len(found),
        opened_count=opened_count,
        duration_ms=round((perf_counter() - started) * 1000),
    )
    return Looked(detector.reason, len(found), opened_count)
