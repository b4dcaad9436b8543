"""`order_settlements`: what institutions are to be paid: what is proven, after a hold, unless somebody has stopped it.

What is ordered is paid over the rails (`incentives/plan_settlement_run.py`) and stays owed until it is paid. Where no
bank is, in a sandbox or a simulated year, `settle_institutions` pays it at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from bekal.catalogue.models import MAX_PRICE_RUPIAH
from bekal.holds.open_holds import keep_holds
from bekal.holds.queries import SETTLEMENT_HELD_SQL
from bekal.ledger.copy_rows import id_array, int_array
from bekal.purchases.answer_settlements import Paid, answer_settlements
from bekal.purchases.hold import held_out_sql

_JOINED = """purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = training.institution_id"""
_DUE = (
    "purchase.settlement_id IS NULL AND institution.settlement_stopped_at IS NULL AND NOT training.is_suspended"
    f" AND {{held_out}} AND NOT {SETTLEMENT_HELD_SQL}"
)

# Why an ordered `settlement` of `institution` waits: what was due then may be looked at since. NULL: it can be paid.
_OF_SETTLEMENT = """SELECT FROM catalogue_training training
    JOIN purchases_purchase purchase ON purchase.training_id = training.id
    WHERE training.institution_id = settlement.institution_id AND purchase.settlement_id = settlement.id"""
WAITS_SQL = f"""CASE WHEN institution.settlement_stopped_at IS NOT NULL THEN 'stopped'
    WHEN EXISTS ({_OF_SETTLEMENT} AND training.is_suspended) THEN 'suspended'
    WHEN EXISTS ({_OF_SETTLEMENT} AND {SETTLEMENT_HELD_SQL}) THEN 'held' END"""

LOCK_SQL = "SELECT id FROM purchases_purchase WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# Whoever stops one of them waits until these are settled, or is seen below. Not shared: readers who overlap would keep
# whoever stops it waiting until the whole run is paid.
LOCK_INSTITUTIONS_SQL = """
SELECT id FROM catalogue_institution
WHERE id IN (SELECT training.institution_id FROM purchases_purchase purchase
             JOIN catalogue_training training ON training.id = purchase.training_id
             WHERE purchase.id = ANY(%s::bigint[]))
ORDER BY id FOR NO KEY UPDATE
"""
# BI-FAST takes Rp250.000.000 a transfer (docs/bank-files.md). Of the running sum each part takes so much, and what goes
# over it is less than one price.
TRANSFER_LIMIT_RUPIAH = 250_000_000
_PART_RUPIAH = TRANSFER_LIMIT_RUPIAH - MAX_PRICE_RUPIAH
# Chunks of one run have one instant: what each adds to the institution's settlement goes into one row, unless that is
# full, is on a list of payments or was paid. What is free moves nothing and is settled as it is ordered.
ORDER_SQL = f"""
WITH due AS MATERIALIZED (
    SELECT purchase.id, training.institution_id, purchase.price_rupiah - purchase.refunded_rupiah AS amount_rupiah
    FROM {_JOINED} WHERE purchase.id = ANY(%(purchase_ids)s::bigint[]) AND {_DUE}
), before AS MATERIALIZED (
    SELECT institution_id, coalesce(max(part) FILTER (WHERE NOT is_open) + 1, 0) AS first_part,
           coalesce(sum(total_rupiah) FILTER (WHERE is_open), 0)::bigint AS open_rupiah
    FROM (SELECT *, listed_at IS NULL AND settled_at IS NULL AS is_open FROM purchases_institutionsettlement) known
    WHERE ordered_at = %(at)s AND institution_id IN (SELECT institution_id FROM due) GROUP BY institution_id
), placed AS MATERIALIZED (
    SELECT due.*, coalesce(before.first_part, 0) + greatest(coalesce(before.open_rupiah, 0) + sum(amount_rupiah) OVER (
               PARTITION BY institution_id ORDER BY due.id) - 1, 0)::bigint / {_PART_RUPIAH} AS part
    FROM due LEFT JOIN before USING (institution_id)
), settlement AS (
    INSERT INTO purchases_institutionsettlement AS known
        (institution_id, ordered_at, part, purchase_count, total_rupiah, settled_at)
    SELECT institution_id, %(at)s, part, count(*), sum(amount_rupiah),
           CASE WHEN sum(amount_rupiah) = 0 THEN %(at)s::timestamptz END
    FROM placed GROUP BY institution_id, part ORDER BY institution_id, part
    ON CONFLICT (institution_id, ordered_at, part) DO UPDATE SET
        purchase_count = known.purchase_count + excluded.purchase_count,
        total_rupiah = known.total_rupiah + excluded.total_rupiah
    RETURNING id, institution_id, part
)
UPDATE purchases_purchase purchase SET settlement_id = settlement.id
FROM placed JOIN settlement USING (institution_id, part) WHERE purchase.id = placed.id
RETURNING purchase.id, placed.amount_rupiah, settlement.id
"""


@dataclass(frozen=True, slots=True)
class InstitutionDue:
    """What one institution would be paid now."""

    institution_id: int
    name: str
    purchase_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class SettledInstitutions:
    """What was ordered now; `left_out_count` of the purchases named were not due (any more)."""

    purchase_count: int
    total_rupiah: int
    left_out_count: int


def settleable_ids(*, at: datetime) -> list[int]:
    """The purchases that can be settled now: proven, the hold passed, not ordered, not stopped, suspended or held; by
    institution, then by number."""
    held_out, values = held_out_sql(at)
    condition = _DUE.format(held_out=held_out)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT purchase.id FROM {_JOINED} WHERE {condition} ORDER BY institution.id, purchase.id", values
        )
        return [number for (number,) in cursor.fetchall()]


def settlement_preview(*, at: datetime) -> tuple[InstitutionDue, ...]:
    """What settling all of `settleable_ids` would pay to each institution, in the order of their numbers."""
    held_out, values = held_out_sql(at)
    sums = "count(*), sum(purchase.price_rupiah - purchase.refunded_rupiah)::bigint"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT institution.id, institution.name, {sums} FROM {_JOINED}
            WHERE {_DUE.format(held_out=held_out)} GROUP BY institution.id ORDER BY institution.id
            """,
            values,
        )
        return tuple(InstitutionDue(*row) for row in cursor.fetchall())


def settling_listing(*, at: datetime) -> tuple[str, Mapping[str, Any]]:
    """A SELECT of (subject_id, amount_rupiah) with its values: what can be settled now, with the amount of each."""
    held_out, values = held_out_sql(at)
    amount = "purchase.price_rupiah - purchase.refunded_rupiah AS amount_rupiah"
    return f"SELECT purchase.id AS subject_id, {amount} FROM {_JOINED} WHERE {_DUE.format(held_out=held_out)}", values


@transaction.atomic
def order_settlements(*, purchase_ids: Collection[int], at: datetime) -> SettledInstitutions:
    """Order that institutions be paid for these purchases, each once: it names its institution's settlement of this
    instant, of which no part is above what one payment takes. Nothing moves before it is paid.

    No hold opens meanwhile. Under lock everything is asked again (proven, days of waiting, not ordered, neither stopped
    nor suspended nor held by an alarm); what is not due is left out and counted, so that the same call again changes
    nothing. Lock order: purchases by number, institutions.
    """
    return _order(purchase_ids, at)[0]


@transaction.atomic
def settle_institutions(*, purchase_ids: Collection[int], at: datetime) -> SettledInstitutions:
    """As `order_settlements`, and paid in the same moment: where there is no bank."""
    ordered, settlement_ids = _order(purchase_ids, at)
    answer_settlements(paid=[Paid(number) for number in settlement_ids], at=at)
    return ordered


def _order(purchase_ids: Collection[int], at: datetime) -> tuple[SettledInstitutions, list[int]]:
    """With the settlements that are to be paid for these."""
    held_out, values = held_out_sql(at)
    keep_holds()
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(purchase_ids)])
        locked_ids = int_array([number for (number,) in cursor.fetchall()])
        cursor.execute(LOCK_INSTITUTIONS_SQL, [locked_ids])
        cursor.execute(ORDER_SQL.format(held_out=held_out), {**values, "purchase_ids": locked_ids})
        ordered = cursor.fetchall()
    total_rupiah = sum(amount_rupiah for _, amount_rupiah, _ in ordered)
    left_out_count = len(set(purchase_ids)) - len(ordered)
    to_pay = {settlement_id for _, amount_rupiah, settlement_id in ordered if amount_rupiah}
    return SettledInstitutions(len(ordered), total_rupiah, left_out_count), sorted(to_pay)
