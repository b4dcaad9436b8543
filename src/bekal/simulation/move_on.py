"""`move_on`: the clock of a simulated programme goes on to the next day on which money is due, without anybody living
through the days between: the worker then does what falls due, as after a week in which it stood still."""

from datetime import date, datetime, time

from django.db import connection

from bekal.ledger.clock import JAKARTA, is_simulated, programme_day, programme_now, set_programme_clock
from bekal.simulation.walk import SimulationError

OFFICE_OPENS = time(9)
NEXT_DAY_SQL = """
SELECT min(payment_on) FROM incentives_entitlement entitlement
WHERE payment_on > %s AND lapsed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                  WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL)
"""


def move_on(*, day: date | None = None) -> datetime:
    """Set the clock to nine in the morning of `day`, or of the next day of payment; the new instant.

    Raises SimulationError for a programme whose clock no simulation has set, a day that is not to come, and where
    nothing is due any more."""
    if not is_simulated():
        raise SimulationError("This programme was not simulated: its clock is the machine's and is left alone.")
    today = programme_day(programme_now())
    chosen = day or _next_day(today)
    if chosen is None:
        raise SimulationError(f"Nothing is due after {today}: name a day with --day.")
    if chosen <= today:
        raise SimulationError(f"--day is {chosen} and today is {today}: the clock only goes on, name a later day.")
    at = datetime.combine(chosen, OFFICE_OPENS, tzinfo=JAKARTA)
    set_programme_clock(at=at)
    return at


def _next_day(today: date) -> date | None:
    with connection.cursor() as cursor:
        cursor.execute(NEXT_DAY_SQL, [today])
        found: tuple[date | None] = cursor.fetchone()
    return found[0]
