"""Builders of holds, through the verb that opens them."""

from datetime import datetime
from typing import Any

from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold, open_holds
from tests.factories import RECONCILED_AT


def new_hold(**changes: Any) -> NewHold:
    """What an alarm asks for: the incentives of one participation wait because of a ring."""
    fields: dict[str, Any] = {
        "subject": Hold.Subject.INCENTIVE,
        "reason": Hold.Reason.RING,
        "case": "one finding",
        "found": "one device",
        "figures": {"people_count": 200},
    }
    return NewHold(**fields | changes)


def held(participation_id: int, *, at: datetime = RECONCILED_AT, **changes: Any) -> int:
    """A hold on the incentives of this participation, by its number."""
    (opened,) = open_holds(holds=[new_hold(participation_id=participation_id, **changes)], at=at)
    assert opened.hold_id is not None
    return opened.hold_id


def held_institution(institution_id: int, *, at: datetime = RECONCILED_AT, **changes: Any) -> int:
    """A hold on everything that an institution is owed, by its number."""
    fields = {"subject": Hold.Subject.SETTLEMENT, "reason": Hold.Reason.VOLUME, "institution_id": institution_id}
    (opened,) = open_holds(holds=[new_hold(**fields | changes)], at=at)
    assert opened.hold_id is not None
    return opened.hold_id
