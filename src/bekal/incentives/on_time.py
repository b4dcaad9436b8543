"""How many instalments were paid on their promised day: the one definition, for the pages and what they stand on.

The promised day is the calendar's day of payment (`payment_on`). An instalment counts from the day after it, or once
it is paid. On time: the payout that stands reached its account on that day or before, by the Jakarta day on which the
partner's word was recorded. Everything else is late, whatever the reason, and what is not paid yet is late and not
paid. Nobody is promised what lapsed with a clawback, nor what was earned after a revocation.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from bekal.incentives.models import Entitlement
from bekal.ledger.clock import JAKARTA, programme_day

# One row for each instalment that counts by %(today)s, with who it is for, by whom it is or was last to be paid (''
# before any list), where the person lives (the district's number, or less the province's where none is known), and
# the day on which the payout that stands was settled.
COUNTED_INSTALMENTS_SQL = f"""
SELECT entitlement.participation_id, entitlement.payment_on, standing.settled_on,
       CASE WHEN standing.partner IS NULL
            THEN coalesce((SELECT ended.partner FROM incentives_payout ended
                           WHERE ended.entitlement_id = entitlement.id ORDER BY ended.attempt DESC LIMIT 1), '')
            ELSE standing.partner END AS partner,
       coalesce(person.district_id::integer, -person.province) AS place
FROM incentives_entitlement entitlement
JOIN participants_participation participation ON participation.id = entitlement.participation_id
JOIN participants_participant person ON person.id = participation.participant_id
LEFT JOIN (
    SELECT payout.entitlement_id, payout.partner,
           (status.recorded_at AT TIME ZONE '{JAKARTA.key}')::date AS settled_on
    FROM incentives_payout payout
    LEFT JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state = 'settled'
    WHERE payout.ended_at IS NULL
) standing ON standing.entitlement_id = entitlement.id
WHERE (entitlement.payment_on < %(today)s OR standing.settled_on IS NOT NULL)
  AND (entitlement.lapsed_at IS NULL OR standing.settled_on IS NOT NULL)
  AND coalesce(participation.revoked_at >= entitlement.entitled_at, true)
  AND (%(kind)s::text IS NULL OR entitlement.kind = %(kind)s)
"""
TOTAL_SQL = f"""
SELECT count(*), count(*) FILTER (WHERE settled_on <= payment_on), count(*) FILTER (WHERE settled_on > payment_on)
FROM ({COUNTED_INSTALMENTS_SQL}) instalment
"""


@dataclass(frozen=True, slots=True)
class OnTimeShare:
    """Instalments that count, those paid by their promised day, those paid after it; the rest is not paid."""

    counted_count: int
    on_time_count: int
    late_count: int

    @property
    def unpaid_count(self) -> int:
        return self.counted_count - self.on_time_count - self.late_count

    @property
    def share(self) -> float | None:
        return self.on_time_count / self.counted_count if self.counted_count else None


def on_time_share(*, at: datetime) -> OnTimeShare:
    """Over everybody, of the incentive alone: what the survey asks about."""
    values: dict[str, date | str] = {"today": programme_day(at), "kind": Entitlement.Kind.INCENTIVE.value}
    with connection.cursor() as cursor:
        cursor.execute(TOTAL_SQL, values)
        return OnTimeShare(*cursor.fetchone())


def promised_months(*, at: datetime) -> tuple[date, ...]:
    """The first of every month from that of the first promised day to that of today, by the index alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(payment_on) FROM incentives_entitlement")
        (first,) = cursor.fetchone()
    if first is None:
        return ()
    last = programme_day(at)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return tuple(date(number // 12, number % 12 + 1, 1) for number in numbers)
