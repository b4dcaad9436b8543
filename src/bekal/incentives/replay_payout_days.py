"""What another payout calendar would have meant for the instalments there are: read from the rows, once."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from bekal.core.replay_payments import Replay, Scheduled, replay_payments
from bekal.core.rules import RULES
from bekal.core.schedule import payment_on
from bekal.ledger.clock import JAKARTA

PARAMETER = "front_loading"


@dataclass(frozen=True, slots=True)
class ScheduledGroup:
    """Instalments that are alike, with the day of payment that they were given."""

    payment_on: date
    scheduled: Scheduled


# What lapsed with a clawback, or was earned after a revocation, is promised to nobody.
SCHEDULED_SQL = f"""
SELECT payment_on, scheduled_on, (entitled_at AT TIME ZONE '{JAKARTA.key}')::date, count(*),
       sum(amount_rupiah)::bigint
FROM incentives_entitlement entitlement
JOIN participants_participation participation ON participation.id = entitlement.participation_id
WHERE scheduled_on BETWEEN %s AND %s AND lapsed_at IS NULL
  AND coalesce(participation.revoked_at >= entitlement.entitled_at, true) AND entitled_at <= %s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def first_front_loaded_on() -> date:
    """The first day from which the rules load the newest way: the rule that earlier months are replayed under."""
    return RULES.history(PARAMETER)[-1].since_on


def scheduled_in(*, year: int, at: datetime) -> tuple[ScheduledGroup, ...]:
    """Everything earned by `at` that is scheduled for a month of that year, as groups of what is alike: some thousand
    rows, however many people."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEDULED_SQL, [date(year, 1, 1), date(year, 12, 31), at])
        return tuple(ScheduledGroup(paid_on, Scheduled(*rest)) for paid_on, *rest in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class ReplayedYear:
    """The replay of a year under the value that `front_loading` has on `under_on`. `differing_count`: instalments whose
    day of payment in the books is not the one that the schedule gives today; they are replayed by the schedule."""

    year: int
    under_on: date
    replay: Replay
    differing_count: int


def replay_year(groups: tuple[ScheduledGroup, ...], *, year: int) -> ReplayedYear:
    """The days of payment of a year as its rule sets them, and as the newest rule would have."""
    under_on = first_front_loaded_on()
    replay = replay_payments((group.scheduled for group in groups), other=RULES.throughout(PARAMETER, under_on))
    differing_count = sum(
        group.scheduled.instalment_count
        for group in groups
        if group.payment_on != payment_on(group.scheduled.scheduled_on, group.scheduled.entitled_on)
    )
    return ReplayedYear(year, under_on, replay, differing_count)
