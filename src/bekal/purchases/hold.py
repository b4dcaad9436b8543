"""The hold: an institution is paid some days after the proof, so that a false one can be found first."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day

_RULE = "settlement_hold_days"
# When its sessions were proven: with the evidence of both sides, or by ending early. NULL: nothing is proven (yet).
PROVEN_AT_SQL = (
    """coalesce(purchase.reconciled_at, CASE WHEN purchase.ending <> 'refunded' THEN purchase.ended_at END)"""
)


def payable_from_on(proven_at: datetime) -> date:
    """The first day on which what was proven then can be settled; the rule is that of the day of the proof."""
    on = programme_day(proven_at)
    return on + timedelta(days=RULES.value(_RULE, on))


def held_out_sql(at: datetime) -> tuple[str, dict[str, datetime]]:
    """A condition on `purchase`, with its values: it is proven, and its hold has passed on the day of `at`. Says in
    windows of instants, one for each value the rule ever had, what `payable_from_on` says of one purchase."""
    on = programme_day(at)
    history = [(value.since_on, value.value) for value in RULES.history(_RULE)]
    windows: list[str] = []
    values: dict[str, datetime] = {"at": at}
    for number, ((since_on, days), (until_on, _)) in enumerate(pairwise([*history, (date.max, 0)])):
        values[f"held_from_{number}"] = _midnight(since_on)
        values[f"held_until_{number}"] = _midnight(min(until_on, on - timedelta(days=days - 1)))
        windows.append(f"{PROVEN_AT_SQL} >= %(held_from_{number})s AND {PROVEN_AT_SQL} < %(held_until_{number})s")
    return f"({PROVEN_AT_SQL} <= %(at)s AND ({' OR '.join(windows)}))", values


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=JAKARTA)
