"""The treasury's statement: what it committed, what came back and why, and where every rupiah of the rest is.

Everything is read as of an instant. The ledger gives each line; where another table says the same thing in another way
(purchases, payouts, clawbacks), the line carries that second figure, too, so that the two can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.ledger.movements import Kind, Reason


class Line(StrEnum):
    """What a line of the statement is about."""

    COMMITTED_TRAINING = "committed_training"
    COMMITTED_INCENTIVE = "committed_incentive"
    COMMITTED_SURVEY = "committed_survey"

    REVOCATION = "revocation"
    CLAWBACK_REST = "clawback_rest"
    END_OF_BALANCE = "end_of_balance"
    REFUND = "refund"
    YEAR_CLOSING = "year_closing"
    REPAYMENT = "repayment"
    OTHER_RETURN = "other_return"

    TRAINING_BALANCE = "training_balance"
    ESCROW = "escrow"
    INSTITUTION_PAYABLE = "institution_payable"
    NOT_EARNED = "not_earned"
    EARNED_NOT_PAID = "earned_not_paid"
    IN_TRANSIT = "in_transit"

    PAID_TO_PARTICIPANTS = "paid_to_participants"
    PAID_TO_INSTITUTIONS = "paid_to_institutions"

    RECEIVABLE_INCENTIVE = "receivable_incentive"
    RECEIVABLE_TRAINING = "receivable_training"


RETURN_REASONS = {
    Reason.REVOCATION: Line.REVOCATION,
    Reason.CLAWBACK: Line.CLAWBACK_REST,
    Reason.END_OF_BALANCE: Line.END_OF_BALANCE,
    Reason.REFUND: Line.REFUND,
    Reason.YEAR_CLOSING: Line.YEAR_CLOSING,
    Reason.REPAYMENT: Line.REPAYMENT,
}
COMMITTED_KINDS = {
    Kind.TRAINING_BALANCE: Line.COMMITTED_TRAINING,
    Kind.INCENTIVE_COMMITTED: Line.COMMITTED_INCENTIVE,
    Kind.SURVEY_COMMITTED: Line.COMMITTED_SURVEY,
}


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line: what the ledger says, and what other records say of the same (None: there are no others)."""

    line: Line
    ledger_rupiah: int
    records_rupiah: int | None = None

    @property
    def differs(self) -> bool:
        return self.records_rupiah is not None and self.records_rupiah != self.ledger_rupiah


@dataclass(frozen=True, slots=True)
class TreasuryStatement:
    """The statement of those accepted in a year (None: of all) as of an instant; its difference must be Rp0."""

    as_of: datetime
    year: int | None
    people_count: int
    transfer_count: int
    committed: tuple[StatementLine, ...]
    returned: tuple[StatementLine, ...]
    held: tuple[StatementLine, ...]
    paid: tuple[StatementLine, ...]
    receivable: tuple[StatementLine, ...]

    @property
    def committed_rupiah(self) -> int:
        return _sum(self.committed)

    @property
    def returned_rupiah(self) -> int:
        return _sum(self.returned)

    @property
    def held_rupiah(self) -> int:
        return _sum(self.held)

    @property
    def paid_rupiah(self) -> int:
        return _sum(self.paid)

    @property
    def receivable_rupiah(self) -> int:
        return _sum(self.receivable)

    @property
    def difference_rupiah(self) -> int:
        """Committed less everything that can be told of it."""
        return (
            self.committed_rupiah - self.returned_rupiah - self.held_rupiah - self.paid_rupiah - self.receivable_rupiah
        )

    @property
    def lines(self) -> tuple[StatementLine, ...]:
        return (*self.committed, *self.returned, *self.held, *self.paid, *self.receivable)

    @property
    def differing(self) -> tuple[StatementLine, ...]:
        """The lines of which ledger and records say different things."""
        return tuple(line for line in self.lines if line.differs)


def _sum(lines: tuple[StatementLine, ...]) -> int:
    return sum(line.ledger_rupiah for line in lines)


# %(year)s is NULL for everybody; then no owner is looked up.
_OF_YEAR = "participation.accepted_on >= %(first_on)s AND participation.accepted_on <= %(last_on)s"
# What a clawback returned of an envelope is a revocation, too, but of a place that was used: told apart by its key.
MOVEMENTS_SQL = f"""
SELECT CASE WHEN transfer.reason = {Reason.REVOCATION.value} AND transfer.idempotency_key LIKE 'clawback:%%'
            THEN {Reason.CLAWBACK.value} ELSE transfer.reason END,
       transfer.debit_kind, transfer.credit_kind, count(*), sum(transfer.amount_rupiah)::bigint
FROM ledger_transfer transfer {{of_year}} WHERE transfer.posted_at <= %(as_of)s GROUP BY 1, 2, 3
"""
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
               coalesce(settlement.settled_at <= %(as_of)s, false) AS is_settled
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
class _Records:
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


def treasury_statement(*, as_of: datetime, year: int | None = None) -> TreasuryStatement:
    """Where every rupiah is that was committed to those accepted in `year` (without one: to everybody). Two statements,
    each one pass over its tables. Raises ValueError for a naive instant."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must be an aware datetime")
    values: dict[str, Any] = {"as_of": as_of}
    of_year = and_of_year = ""
    if year is not None:
        values |= {"first_on": date(year, 1, 1), "last_on": date(year, 12, 31)}
        and_of_year = f"AND {_OF_YEAR}"
        of_year = f"JOIN participants_participation participation ON participation.id = owner_id {and_of_year}"
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENTS_SQL.format(of_year=of_year), values)
        moved = {(Reason(why), Kind(debit), Kind(credit)): (n, sum_) for why, debit, credit, n, sum_ in cursor}
        cursor.execute(RECORDS_SQL.format(and_of_year=and_of_year), values)
        return _statement(as_of, year, moved, _Records(*cursor.fetchone()))


_Moved = Mapping[tuple[Reason, Kind, Kind], tuple[int, int]]


def _statement(as_of: datetime, year: int | None, moved: _Moved, records: _Records) -> TreasuryStatement:
    holds = dict.fromkeys(Kind, 0)
    committed, returned = dict.fromkeys(COMMITTED_KINDS.values(), 0), dict.fromkeys(RETURN_REASONS.values(), 0)
    other_rupiah = 0
    for (reason, debit, credit), (_, rupiah) in moved.items():
        holds[debit] -= rupiah
        holds[credit] += rupiah
        if debit is Kind.TREASURY and credit in COMMITTED_KINDS:
            committed[COMMITTED_KINDS[credit]] += rupiah
        elif credit is Kind.TREASURY and reason in RETURN_REASONS:
            returned[RETURN_REASONS[reason]] += rupiah
        elif credit is Kind.TREASURY:
            other_rupiah += rupiah
    not_paid = holds[Kind.INCENTIVE_COMMITTED] + holds[Kind.SURVEY_COMMITTED]
    earned = records.earned_not_paid
    return TreasuryStatement(
        as_of=as_of,
        year=year,
        people_count=records.people_count,
        transfer_count=sum(count for count, _ in moved.values()),
        committed=tuple(StatementLine(line, rupiah) for line, rupiah in committed.items()),
        returned=(
            *(
                StatementLine(
                    line,
                    rupiah,
                    records.repaid_incentive + records.repaid_training if line is Line.REPAYMENT else None,
                )
                for line, rupiah in returned.items()
            ),
            *((StatementLine(Line.OTHER_RETURN, other_rupiah),) if other_rupiah else ()),
        ),
        held=(
            StatementLine(Line.TRAINING_BALANCE, holds[Kind.TRAINING_BALANCE]),
            StatementLine(Line.ESCROW, holds[Kind.ESCROW], records.escrow),
            StatementLine(
                Line.INSTITUTION_PAYABLE,
                holds[Kind.INSTITUTION_PAYABLE],
                records.owed,
            ),
            StatementLine(Line.NOT_EARNED, not_paid - earned),
            StatementLine(Line.EARNED_NOT_PAID, earned),
            StatementLine(Line.IN_TRANSIT, holds[Kind.PAYOUT_IN_TRANSIT], records.in_transit),
        ),
        paid=(
            StatementLine(Line.PAID_TO_PARTICIPANTS, holds[Kind.PAYOUT_SETTLED], records.paid),
            StatementLine(
                Line.PAID_TO_INSTITUTIONS,
                holds[Kind.INSTITUTION_SETTLED],
                records.settled - records.asked_training,
            ),
        ),
        receivable=(
            StatementLine(
                Line.RECEIVABLE_INCENTIVE,
                holds[Kind.INCENTIVE_RECEIVABLE],
                records.asked_incentive - records.repaid_incentive,
            ),
            StatementLine(
                Line.RECEIVABLE_TRAINING,
                holds[Kind.TRAINING_RECEIVABLE],
                records.asked_training - records.repaid_training,
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class WaveReturn:
    """What came back from a wave because nobody bought in time, for one size of envelope: people x envelope, less what
    some had earned before, is what returned."""

    wave_number: int
    envelope_rupiah: int
    people_count: int
    earned_rupiah: int
    returned_rupiah: int

    @property
    def envelopes_rupiah(self) -> int:
        return self.people_count * self.envelope_rupiah

    @property
    def difference_rupiah(self) -> int:
        """People x envelope, less earned, less returned: must be Rp0."""
        return self.envelopes_rupiah - self.earned_rupiah - self.returned_rupiah


# Who lost the place for not buying, not by a clawback; both lists are by owner, so that they meet in one pass.
RETURNS_SQL = """
WITH revoked AS MATERIALIZED (
    SELECT participation.id, participation.wave_id, participation.revoked_at
    FROM participants_participation participation
    WHERE participation.revoked_at <= %(as_of)s
      AND (participation.clawed_back_at IS NULL OR participation.clawed_back_at > participation.revoked_at)
), money AS (
    SELECT owner_id, sum(amount_rupiah) FILTER (WHERE reason IN (1, 9)) AS envelope,
           coalesce(sum(amount_rupiah) FILTER (WHERE reason = 7 AND idempotency_key LIKE 'revoke:%%'), 0) AS returned
    FROM ledger_transfer
    WHERE owner_id IN (SELECT id FROM revoked) AND reason IN (1, 7, 9) AND posted_at <= %(as_of)s GROUP BY owner_id
), earned AS (
    SELECT participation_id, sum(amount_rupiah) AS earned
    FROM incentives_entitlement entitlement JOIN revoked ON revoked.id = entitlement.participation_id
    WHERE entitlement.entitled_at <= revoked.revoked_at GROUP BY participation_id
)
SELECT wave.number, coalesce(money.envelope, 0)::bigint, count(*), coalesce(sum(earned.earned), 0)::bigint,
       coalesce(sum(money.returned), 0)::bigint
FROM revoked JOIN participants_wave wave ON wave.id = revoked.wave_id
LEFT JOIN money ON money.owner_id = revoked.id LEFT JOIN earned ON earned.participation_id = revoked.id
GROUP BY 1, 2 ORDER BY 1, 2
"""


def returns_by_wave(*, as_of: datetime) -> tuple[WaveReturn, ...]:
    """What returned of each wave from those who bought nothing in time, up to an instant."""
    with connection.cursor() as cursor:
        cursor.execute(RETURNS_SQL, {"as_of": as_of})
        return tuple(WaveReturn(*row) for row in cursor.fetchall())


def years() -> tuple[int, ...]:
    """The years in which people were accepted, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT extract(year FROM wave.opens_on)::int FROM participants_wave wave"
            " UNION SELECT extract(year FROM max(accepted_on))::int FROM participants_participation"
            " HAVING max(accepted_on) IS NOT NULL ORDER BY 1 DESC"
        )
        return tuple(year for (year,) in cursor.fetchall())
