"""The statement of one institution as of any instant: each purchase with where its money is, and the sums."""

from dataclasses import dataclass
from datetime import date, datetime
from operator import add
from typing import Any

from django.db import connection

from bekal.catalogue.models import Institution
from bekal.purchases.hold import payable_from_on
from bekal.purchases.settlement_models import PAID_AT_SQL

MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One purchase at the institution: its price is in escrow until it is proven or ends, then owed, then paid; what
    was not proven was refunded. `payable_from_on`: the hold ends; None where nothing is proven."""

    purchase_id: int
    training_id: int
    participation_id: int
    title: str
    bought_at: datetime
    price_rupiah: int
    proven_at: datetime | None
    ended_at: datetime | None
    ending: str
    settled_at: datetime | None
    escrow_rupiah: int
    owed_rupiah: int
    paid_rupiah: int
    refunded_rupiah: int
    redeemed_at: datetime | None

    @property
    def payable_from_on(self) -> date | None:
        return None if self.proven_at is None else payable_from_on(self.proven_at)


@dataclass(frozen=True, slots=True)
class StatementTotals:
    """Over all purchases at the institution; price = escrow + owed + paid + refunded."""

    purchase_count: int
    price_rupiah: int
    escrow_rupiah: int
    owed_rupiah: int
    paid_rupiah: int
    refunded_rupiah: int


@dataclass(frozen=True, slots=True)
class InstitutionStatement:
    """`as_of` None: as it stands now. The institution's stop is that of now. `totals` are over all purchases,
    `not_redeemed` over those whose code was not redeemed yet."""

    institution_id: int
    name: str
    as_of: datetime | None
    settlement_stopped_at: datetime | None
    settlement_stop_reason: str
    totals: StatementTotals
    not_redeemed: StatementTotals
    lines: tuple[StatementLine, ...]


# What happened after the instant has not happened.
STATE_SQL = f"""
SELECT id, training_id, participation_id, title, bought_at, price_rupiah,
       coalesce(reconciled_at, CASE WHEN ending <> 'refunded' THEN ended_at END) AS proven_at, ended_at, ending,
       settled_at,
       CASE WHEN reconciled_at IS NULL AND ended_at IS NULL THEN price_rupiah ELSE 0 END AS escrow_rupiah,
       CASE WHEN reconciled_at IS NULL AND ended_at IS NULL OR settled_at IS NOT NULL THEN 0
            ELSE price_rupiah - refunded_rupiah END AS owed_rupiah,
       CASE WHEN settled_at IS NULL THEN 0 ELSE price_rupiah - refunded_rupiah END AS paid_rupiah,
       refunded_rupiah, redeemed_at
FROM (
    SELECT purchase.id, training.id AS training_id, purchase.participation_id, training.title, purchase.bought_at,
           purchase.price_rupiah,
           CASE WHEN purchase.redeemed_at <= %(as_of)s THEN purchase.redeemed_at END AS redeemed_at,
           CASE WHEN purchase.reconciled_at <= %(as_of)s THEN purchase.reconciled_at END AS reconciled_at,
           CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.ended_at END AS ended_at,
           CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.ending ELSE '' END AS ending,
           CASE WHEN purchase.ended_at <= %(as_of)s THEN purchase.refunded_rupiah ELSE 0 END AS refunded_rupiah,
           {PAID_AT_SQL} AS settled_at
    FROM purchases_purchase purchase
    JOIN catalogue_training training ON training.id = purchase.training_id
    LEFT JOIN purchases_institutionsettlement settlement ON settlement.id = purchase.settlement_id
    WHERE training.institution_id = %(institution_id)s AND purchase.bought_at <= %(as_of)s
) known
"""
TOTALS_SQL = f"""
SELECT redeemed_at IS NULL, count(*), sum(price_rupiah)::bigint, sum(escrow_rupiah)::bigint,
       sum(owed_rupiah)::bigint, sum(paid_rupiah)::bigint, sum(refunded_rupiah)::bigint
FROM ({STATE_SQL}) state GROUP BY 1
"""


# One training after the other: its purchases are found together, however many institutions there are.
LINES_SQL = f"""
SELECT * FROM ({STATE_SQL}) state
WHERE training_id >= %(after_training_id)s AND (training_id, id) > (%(after_training_id)s, %(after_id)s)
  AND (redeemed_at IS NOT NULL OR NOT %(redeemed_only)s)
ORDER BY training_id, id LIMIT %(limit)s
"""


def institution_statement(
    *,
    institution_id: int,
    as_of: datetime | None = None,
    after: tuple[int, int] = (0, 0),
    limit: int | None = None,
    redeemed_only: bool = False,
) -> InstitutionStatement | None:
    """The purchases at one institution by training, then by their numbers, at most `limit` of them after one (training,
    purchase), with the totals of all; None where there is no such institution. `redeemed_only`: lines only of those
    whose code was handed to the institution.

    The totals are the ledger's: escrow is kind 3, owed kind 4, paid kind 9 (and what has become a receivable of the
    participant or was repaid since: the institution keeps it)."""
    institution = Institution.objects.filter(pk=min(institution_id, MAX_BIGINT)).first()
    if institution is None:
        return None
    values: dict[str, Any] = {
        "institution_id": institution.pk,
        "as_of": as_of or "infinity",
        "after_training_id": after[0],
        "after_id": after[1],
        "limit": limit,
        "redeemed_only": redeemed_only,
    }
    with connection.cursor() as cursor:
        cursor.execute(TOTALS_SQL, values)
        sums = {is_open: numbers for is_open, *numbers in cursor.fetchall()}
        cursor.execute(LINES_SQL, values)
        lines = tuple(StatementLine(*row) for row in cursor.fetchall())
    stop = institution.settlement_stopped_at, institution.settlement_stop_reason
    redeemed, others = sums.get(False, [0] * 6), sums.get(True, [0] * 6)
    totals = StatementTotals(*map(add, redeemed, others))
    return InstitutionStatement(institution.pk, institution.name, as_of, *stop, totals, StatementTotals(*others), lines)
