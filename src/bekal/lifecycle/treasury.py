"""The treasury's statement: what it committed, what came back and why, and where every rupiah of the rest is.

Everything is read as of an instant. The ledger gives each line; where another table says the same thing in another way
(purchases, payouts, clawbacks), the line carries that second figure, too, so that the two can be compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection

from bekal.ledger.movements import Kind, Reason
from bekal.lifecycle.closed_sums import Moved, movements, totals_of
from bekal.lifecycle.treasury_records import Records, one_state, treasury_records


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
    NOT_SENT = "not_sent"
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
    """The statement of those accepted in a year (None: of all) as of an instant; its difference must be Rp0.

    Without the other records (`people_count` None) it is the ledger's alone, and what is earned is not told apart."""

    as_of: datetime
    year: int | None
    people_count: int | None
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


def treasury_statement(*, as_of: datetime, year: int | None = None) -> TreasuryStatement:
    """Where every rupiah is that was committed to those accepted in `year` (without one: to everybody), the ledger
    beside the other records of the same state of the database. Raises ValueError for a naive instant."""
    with one_state():
        return statement_from(
            movements(as_of=as_of, year=year), treasury_records(as_of=as_of, year=year), as_of=as_of, year=year
        )


def statement_from(
    moved: Iterable[Moved], records: Records | None, *, as_of: datetime, year: int | None
) -> TreasuryStatement:
    """The statement from what moved up to an instant, and from the other records of the same where known."""
    moved = tuple(moved)
    holds = dict.fromkeys(Kind, 0) | {total.kind: total.rupiah for total in totals_of(moved).kinds}
    others = {} if records is None else _others(records)
    not_sent = holds[Kind.INCENTIVE_COMMITTED] + holds[Kind.SURVEY_COMMITTED]
    earned = None if records is None else records.earned_not_paid

    def lines(amounts: Mapping[Line, int]) -> tuple[StatementLine, ...]:
        return tuple(StatementLine(line, rupiah, others.get(line)) for line, rupiah in amounts.items())

    return TreasuryStatement(
        as_of=as_of,
        year=year,
        people_count=None if records is None else records.people_count,
        transfer_count=sum(each.transfer_count for each in moved),
        committed=lines(_committed(moved)),
        returned=lines(_returned(moved)),
        held=lines(
            {
                Line.TRAINING_BALANCE: holds[Kind.TRAINING_BALANCE],
                Line.ESCROW: holds[Kind.ESCROW],
                Line.INSTITUTION_PAYABLE: holds[Kind.INSTITUTION_PAYABLE],
                **(
                    {Line.NOT_SENT: not_sent}
                    if earned is None
                    else {Line.NOT_EARNED: not_sent - earned, Line.EARNED_NOT_PAID: earned}
                ),
                Line.IN_TRANSIT: holds[Kind.PAYOUT_IN_TRANSIT],
            }
        ),
        paid=lines(
            {
                Line.PAID_TO_PARTICIPANTS: holds[Kind.PAYOUT_SETTLED],
                Line.PAID_TO_INSTITUTIONS: holds[Kind.INSTITUTION_SETTLED],
            }
        ),
        receivable=lines(
            {
                Line.RECEIVABLE_INCENTIVE: holds[Kind.INCENTIVE_RECEIVABLE],
                Line.RECEIVABLE_TRAINING: holds[Kind.TRAINING_RECEIVABLE],
            }
        ),
    )


def _others(records: Records) -> dict[Line, int]:
    """The lines that other records tell, too."""
    return {
        Line.REPAYMENT: records.repaid_incentive + records.repaid_training,
        Line.ESCROW: records.escrow,
        Line.INSTITUTION_PAYABLE: records.owed,
        Line.IN_TRANSIT: records.in_transit,
        Line.PAID_TO_PARTICIPANTS: records.paid,
        Line.PAID_TO_INSTITUTIONS: records.settled - records.asked_training,
        Line.RECEIVABLE_INCENTIVE: records.asked_incentive - records.repaid_incentive,
        Line.RECEIVABLE_TRAINING: records.asked_training - records.repaid_training,
    }


def _committed(moved: Iterable[Moved]) -> dict[Line, int]:
    committed = dict.fromkeys(COMMITTED_KINDS.values(), 0)
    for each in moved:
        if each.debit_kind is Kind.TREASURY:
            committed[COMMITTED_KINDS[each.credit_kind]] += each.rupiah
    return committed


def _returned(moved: Iterable[Moved]) -> dict[Line, int]:
    returned = dict.fromkeys(RETURN_REASONS.values(), 0)
    for each in moved:
        if each.credit_kind is Kind.TREASURY:
            # What a clawback returned of an envelope is a revocation, too, but of a place that was used.
            reason = Reason.CLAWBACK if each.is_clawback else each.reason
            line = RETURN_REASONS.get(reason, Line.OTHER_RETURN)
            returned[line] = returned.get(line, 0) + each.rupiah
    return returned


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


# The envelope of a participation by which `RETURNS_SQL` tells sizes apart, of what was granted up to an instant.
ENVELOPE_SQL = """
(SELECT coalesce(sum(amount_rupiah), 0)::bigint FROM ledger_transfer
 WHERE owner_id = participants_participation.id AND reason IN (1, 9) AND posted_at <= %s)
"""
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
