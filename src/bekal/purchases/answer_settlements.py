"""`answer_settlements`: settlements were paid, rejected, or paid and sent back: what that does to money and to what is
owed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bekal.ledger.copy_rows import copy_rows, id_array, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.purchases.settlement_models import SettlementFailure

LOCK_SQL = """
SELECT id, settled_at FROM purchases_institutionsettlement WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
MARK_SQL = "UPDATE purchases_institutionsettlement SET settled_at = %s WHERE id = ANY(%s::bigint[])"
# What settlements pay for, found by the trainings of their institution: no index names the settlement of a purchase.
_PURCHASES = """purchases_institutionsettlement settlement
JOIN catalogue_training training ON training.institution_id = settlement.institution_id
JOIN purchases_purchase purchase ON purchase.training_id = training.id AND purchase.settlement_id = settlement.id
WHERE settlement.id = ANY(%(settlement_ids)s::bigint[])"""
# The first payment of a purchase has the key it has always had; each that follows one that came back has its number.
POSTINGS_SQL = f"""
SELECT * FROM (
    SELECT participation_id, {{movement}}, price_rupiah - refunded_rupiah, {{key}}
    FROM (SELECT purchase.*, (SELECT count(*) FROM purchases_settlementfailure failure
                              WHERE failure.settlement_id = settlement.id AND failure.paid_at IS NOT NULL) AS backs
          FROM {_PURCHASES}) purchase
    WHERE price_rupiah > refunded_rupiah ORDER BY participation_id
) AS posting (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key)
"""
SETTLE_SQL = POSTINGS_SQL.format(
    movement=movement_sql(Movement.SETTLE_INSTITUTION),
    key="'institution:' || training_id || CASE WHEN backs > 0 THEN ':' || backs + 1 ELSE '' END",
)
RETURN_SQL = POSTINGS_SQL.format(
    movement=movement_sql(Movement.RETURN_INSTITUTION), key="'institution-back:' || training_id || ':' || backs"
)
TOTAL_SQL = f"""
SELECT count(*) FILTER (WHERE purchase.price_rupiah > purchase.refunded_rupiah),
       coalesce(sum(purchase.price_rupiah - purchase.refunded_rupiah), 0)::bigint
FROM {_PURCHASES}
"""
OWNERS_SQL = f"""
SELECT settlement.id, purchase.participation_id, sum(purchase.price_rupiah - purchase.refunded_rupiah)::bigint
FROM {_PURCHASES} GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Paid:
    """One settlement that was paid."""

    settlement_id: int


@dataclass(frozen=True, slots=True)
class Failed:
    """One payment of a settlement that was rejected, or had been paid and came back (`is_return`): by which reference,
    to which account, and why."""

    settlement_id: int
    reference: str
    partner: str
    masked_account: str
    reason_code: str
    is_return: bool


@transaction.atomic
def answer_settlements(*, paid: Sequence[Paid] = (), failed: Sequence[Failed] = (), at: datetime) -> None:
    """Take what became of payments of settlements. What was paid is owed no longer; what was rejected is owed as
    before; what came back is owed again. A settlement may be paid and come back in one call.

    Raises RuntimeError where a settlement is paid that is paid already, or comes back that is not: whoever calls has
    held the answer against the books. Locks the settlements, in the order of their numbers.
    """
    with connection.cursor() as cursor:
        numbers = {one.settlement_id for one in paid} | {one.settlement_id for one in failed}
        cursor.execute(LOCK_SQL, [id_array(numbers)])
        settled_at: dict[int, datetime | None] = dict(cursor.fetchall())
    now_paid = [one.settlement_id for one in paid]
    if wrong := [number for number in now_paid if settled_at[number] is not None]:
        raise RuntimeError(f"settlements {wrong} are paid already")
    settled_at |= dict.fromkeys(now_paid, at)
    _mark(now_paid, at)
    _post(SETTLE_SQL, now_paid, at)
    backs = [one.settlement_id for one in failed if one.is_return]
    if wrong := [number for number in backs if settled_at[number] is None]:
        raise RuntimeError(f"settlements {wrong} come back and were not paid")
    columns = ("settlement_id", "reference", "partner", "masked_account", "reason_code", "paid_at", "failed_at")
    rows = (
        (
            one.settlement_id,
            one.reference,
            one.partner,
            one.masked_account,
            one.reason_code,
            settled_at[one.settlement_id] if one.is_return else None,
            at,
        )
        for one in failed
    )
    copy_rows(SettlementFailure, columns, rows)
    _mark(backs, None)
    _post(RETURN_SQL, backs, at)


def _mark(settlement_ids: Sequence[int], settled_at: datetime | None) -> None:
    if settlement_ids:
        with connection.cursor() as cursor:
            cursor.execute(MARK_SQL, [settled_at, int_array(settlement_ids)])


def _post(source: str, settlement_ids: Sequence[int], at: datetime) -> None:
    if not settlement_ids:
        return
    numbers = int_array(settlement_ids)
    with connection.cursor() as cursor:
        cursor.execute(TOTAL_SQL, {"settlement_ids": numbers})
        expected = cursor.fetchone()
    posted = post_selected(source=source, values={"settlement_ids": numbers}, at=at)
    if (posted.transfer_count, posted.total_rupiah) != expected:
        raise RuntimeError(f"{expected[0] - posted.transfer_count} of {expected[0]} transfers did not reach the ledger")


def owners_of(settlement_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """By settlement the participations whose purchases it pays, with the rupiah of each."""
    owners: dict[int, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(OWNERS_SQL, {"settlement_ids": id_array(set(settlement_ids))})
        for settlement_id, participation_id, amount_rupiah in cursor.fetchall():
            owners.setdefault(settlement_id, {})[participation_id] = amount_rupiah
    return owners


def list_settlements(settlement_ids: Collection[int], *, at: datetime) -> None:
    """They go on a list of payments: nothing is added to them any more. In the caller's transaction, which has locked
    their institutions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE purchases_institutionsettlement SET listed_at = %s"
            " WHERE id = ANY(%s::bigint[]) AND listed_at IS NULL",
            [at, id_array(settlement_ids)],
        )
