"""What purchases, entitlements, payouts and clawbacks say of the treasury's money, counted without the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.purchases.settlement_models import PAID_AT_SQL

_OF_YEAR = "participation.accepted_on >= %(first_on)s AND participation.accepted_on <= %(last_on)s"
# What is earned and neither paid nor on its way: entitlements less what was sent and did not come back. What lapsed
# with a clawback is owed to nobody any more.
RECORDS_SQL = """
WITH place AS MATERIALIZED (
    SELECT id FROM participants_participation participation WHERE participation.accepted_at <= %(as_of)s {and_of_year}
), bought AS (
    SELECT coalesce(sum(price) FILTER (WHERE NOT is_over), 0)::bigint AS escrow,
           coalesce(sum(price - refunded) FILTER (WHERE is_over AND NOT is_settled), 0)::bigint AS owed,
           coalesce(sum(price - refunded) FILTER (WHERE is_settled), 0)::bigint AS settled
    FROM (
        SELECT purchase.price_rupiah AS price, purchase.refunded_rupiah AS refunded,
               coalesce(least(purchase.reconciled_at, purchase.ended_at) <= %(as_of)s, false) AS is_over,
               ({paid_at}) IS NOT NULL AS is_settled
        FROM purchases_purchase purchase
        JOIN place ON place.id = purchase.participation_id
        LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
        WHERE purchase.bought_at <= %(as_of)s
    ) purchase
), answered AS (
    SELECT coalesce(sum(amount) FILTER (WHERE state = 'sent'), 0)::bigint AS sent,
           coalesce(sum(amount) FILTER (WHERE state = 'settled'), 0)::bigint AS settled,
           coalesce(sum(amount) FILTER (WHERE state = 'rejected'), 0)::bigint AS rejected,
           coalesce(sum(amount) FILTER (WHERE state IN ('returned', 'reversed')), 0)::bigint AS came_back,
           (coalesce(sum(amount) FILTER (WHERE state = 'sent' AND is_owed), 0)
            - coalesce(sum(amount) FILTER (WHERE state IN ('rejected', 'returned', 'reversed') AND is_owed), 0))::bigint
               AS sent_of_owed
    FROM (
        SELECT status.state, payout.amount_rupiah AS amount,
               entitlement.lapsed_at IS NULL OR entitlement.lapsed_at > %(as_of)s AS is_owed
        FROM incentives_payoutstatus status
        JOIN incentives_payout payout ON payout.id = status.payout_id
        JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
        JOIN place ON place.id = entitlement.participation_id
        WHERE status.recorded_at <= %(as_of)s
    ) status
), earned AS (
    SELECT coalesce(sum(entitlement.amount_rupiah), 0)::bigint AS rupiah
    FROM incentives_entitlement entitlement JOIN place ON place.id = entitlement.participation_id
    WHERE entitlement.entitled_at <= %(as_of)s
      AND (entitlement.lapsed_at IS NULL OR entitlement.lapsed_at > %(as_of)s)
), owed_back AS (
    SELECT coalesce(sum(CASE WHEN stands THEN incentive_rupiah ELSE repaid_incentive END), 0)::bigint
               AS asked_incentive,
           coalesce(sum(CASE WHEN stands THEN training_rupiah ELSE repaid_training END), 0)::bigint AS asked_training,
           coalesce(sum(repaid_incentive), 0)::bigint AS repaid_incentive,
           coalesce(sum(repaid_training), 0)::bigint AS repaid_training
    FROM (
        SELECT clawback.incentive_rupiah, clawback.training_rupiah, repaid.*,
               clawback.withdrawn_at IS NULL OR clawback.withdrawn_at > %(as_of)s AS stands
        FROM lifecycle_clawback clawback JOIN place ON place.id = clawback.participation_id
        CROSS JOIN LATERAL (SELECT coalesce(sum(repayment.incentive_rupiah), 0) AS repaid_incentive,
                                   coalesce(sum(repayment.training_rupiah), 0) AS repaid_training
                            FROM lifecycle_repayment repayment
                            WHERE repayment.clawback_id = clawback.id AND repayment.recorded_at <= %(as_of)s) repaid
        WHERE clawback.approved_at <= %(as_of)s
    ) clawback
)
SELECT (SELECT count(*) FROM place), bought.escrow, bought.owed, bought.settled, earned.rupiah,
       answered.sent, answered.settled, answered.rejected, answered.came_back, answered.sent_of_owed,
       owed_back.asked_incentive, owed_back.asked_training, owed_back.repaid_incentive, owed_back.repaid_training
FROM bought, answered, earned, owed_back
"""


@dataclass(frozen=True, slots=True)
class Records:
    """What the other tables say, in rupiah: purchases, entitlements, what was said of payouts, clawbacks."""

    people_count: int
    escrow: int
    owed: int
    settled: int
    earned: int
    payouts_sent: int
    payouts_settled: int
    payouts_rejected: int
    payouts_came_back: int
    sent_of_owed: int
    asked_incentive: int
    asked_training: int
    repaid_incentive: int
    repaid_training: int

    @property
    def earned_not_paid(self) -> int:
        return self.earned - self.sent_of_owed

    @property
    def in_transit(self) -> int:
        return self.payouts_sent - self.payouts_settled - self.payouts_rejected

    @property
    def paid(self) -> int:
        return self.payouts_settled - self.payouts_came_back - self.asked_incentive


def treasury_records(*, as_of: datetime, year: int | None = None) -> Records:
    """What purchases, entitlements, payouts and clawbacks say of those accepted in `year` (without one: of everybody),
    without the ledger: one pass over each table. Raises ValueError for a naive instant."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must be an aware datetime")
    values: dict[str, Any] = {"as_of": as_of}
    of_year = ""
    if year is not None:
        values |= {"first_on": date(year, 1, 1), "last_on": date(year, 12, 31)}
        of_year = f"AND {_OF_YEAR}"
    with connection.cursor() as cursor:
        cursor.execute(RECORDS_SQL.format(and_of_year=of_year, paid_at=PAID_AT_SQL), values)
        return Records(*cursor.fetchone())


@contextmanager
def one_state() -> Iterator[None]:
    """Every question inside sees the same state of the database; inside somebody's transaction it is theirs."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
