"""`settle_institutions`: institutions are paid for what is proven, after a hold, unless somebody has stopped it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from bekal.holds.open_holds import keep_holds
from bekal.holds.queries import SETTLEMENT_HELD_SQL
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.purchases.hold import held_out_sql

_JOINED = """purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = training.institution_id"""
_DUE = (
    "purchase.settlement_id IS NULL AND institution.settlement_stopped_at IS NULL AND NOT training.is_suspended"
    f" AND {{held_out}} AND NOT {SETTLEMENT_HELD_SQL}"
)

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
# Chunks of one run have one instant: what each adds to the institution's settlement goes into one row.
SETTLE_SQL = f"""
WITH due AS MATERIALIZED (
    SELECT purchase.id, training.institution_id, purchase.price_rupiah - purchase.refunded_rupiah AS amount_rupiah
    FROM {_JOINED} WHERE purchase.id = ANY(%(purchase_ids)s::bigint[]) AND {_DUE}
), settlement AS (
    INSERT INTO purchases_institutionsettlement AS known (institution_id, settled_at, purchase_count, total_rupiah)
    SELECT institution_id, %(at)s, count(*), sum(amount_rupiah) FROM due GROUP BY institution_id ORDER BY institution_id
    ON CONFLICT (institution_id, settled_at) DO UPDATE SET
        purchase_count = known.purchase_count + excluded.purchase_count,
        total_rupiah = known.total_rupiah + excluded.total_rupiah
    RETURNING id, institution_id
)
UPDATE purchases_purchase purchase SET settlement_id = settlement.id
FROM due JOIN settlement USING (institution_id) WHERE purchase.id = due.id
RETURNING purchase.id, due.amount_rupiah
"""
POSTINGS_SQL = f"""
SELECT * FROM (
    SELECT participation_id, {movement_sql(Movement.SETTLE_INSTITUTION)}, price_rupiah - refunded_rupiah,
           'institution:' || training_id
    FROM purchases_purchase WHERE id = ANY(%(purchase_ids)s::bigint[]) AND price_rupiah > refunded_rupiah
) AS posting (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key)
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
    """What was settled now; `left_out_count` of the purchases named were not due (any more)."""

    purchase_count: int
    total_rupiah: int
    left_out_count: int


def settleable_ids(*, at: datetime) -> list[int]:
    """The purchases that can be settled now: proven, the hold passed, not settled, not stopped, suspended or held; by
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
def settle_institutions(*, purchase_ids: Collection[int], at: datetime) -> SettledInstitutions:
    """Pay institutions for these purchases, each once: what is owed becomes what is paid, and the purchase names its
    institution's settlement of this instant. Free ones move nothing and are settled all the same.

    No hold opens meanwhile. Under lock everything is asked again (proven, days of waiting, not settled, neither stopped
    nor suspended nor held by an alarm); what is not due is left out and counted, so that the same call again changes
    nothing. Lock order: purchases by number, institutions (shared).
    """
    held_out, values = held_out_sql(at)
    keep_holds()
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(purchase_ids)])
        locked_ids = int_array([number for (number,) in cursor.fetchall()])
        cursor.execute(LOCK_INSTITUTIONS_SQL, [locked_ids])
        cursor.execute(SETTLE_SQL.format(held_out=held_out), {**values, "purchase_ids": locked_ids})
        settled = cursor.fetchall()
    paid_count = sum(amount_rupiah > 0 for _, amount_rupiah in settled)
    total_rupiah = sum(amount_rupiah for _, amount_rupiah in settled)
    if paid_count:
        posted = post_selected(
            source=POSTINGS_SQL, values={"purchase_ids": int_array([number for number, _ in settled])}, at=at
        )
        if (posted.transfer_count, posted.total_rupiah) != (paid_count, total_rupiah):
            raise RuntimeError(f"{paid_count - posted.transfer_count} settlements did not reach the ledger")
    return SettledInstitutions(len(settled), total_rupiah, len(set(purchase_ids)) - len(settled))
