"""`close_year`: when nothing can be earned any more, what was not earned returns to the treasury."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from bekal.core.rules import RULES
from bekal.incentives.entitle import entitle, owed_rupiah
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.purchases.end_purchases import end_purchases, ending_preview

# Whose last day to earn has passed: so many days after the end of the balance, by the rules of the day of acceptance.
_EARNING_ENDED = """
participation.closed_at IS NULL AND EXISTS (
    SELECT 1 FROM unnest(%(since_on)s::date[], %(until_on)s::date[], %(earning_days)s::integer[])
        AS rule(since_on, until_on, earning_days)
    WHERE participation.accepted_on >= rule.since_on AND participation.accepted_on < rule.until_on
      AND participation.balance_ends_on + rule.earning_days < %(day)s)
"""
LOCK_SQL = f"""
SELECT participation.id FROM participants_participation participation
WHERE participation.id = ANY(%(ids)s::bigint[]) AND {_EARNING_ENDED}
ORDER BY participation.id FOR NO KEY UPDATE
"""
OPEN_PURCHASES_SQL = """
SELECT id FROM purchases_purchase
WHERE participation_id = ANY(%s::bigint[]) AND reconciled_at IS NULL AND ended_at IS NULL ORDER BY id
"""
MARK_SQL = "UPDATE participants_participation SET closed_at = %(at)s WHERE id = ANY(%(ids)s::bigint[])"

_INCENTIVE, _SURVEY = Kind.INCENTIVE_COMMITTED.value, Kind.SURVEY_COMMITTED.value


def _unearned(owners: str) -> str:
    """What is committed to these owners and was not earned: (owner, kind, rupiah > 0). What is earned and has not been
    sent stays, it is still owed; what lapsed with a clawback is not. One sum over both, because a planner who
    knows no sizes could join them each with each."""
    return f"""
SELECT owner_id, kind, sum(rupiah)::bigint AS rupiah FROM (
    SELECT transfer.owner_id, entry.kind, entry.rupiah
    FROM ledger_transfer transfer
    CROSS JOIN LATERAL (VALUES (transfer.credit_kind, transfer.amount_rupiah),
                               (transfer.debit_kind, -transfer.amount_rupiah)) AS entry(kind, rupiah)
    WHERE transfer.owner_id IN ({owners}) AND entry.kind IN ({_INCENTIVE}, {_SURVEY})
    UNION ALL
    SELECT entitlement.participation_id,
           CASE entitlement.kind WHEN 'incentive' THEN {_INCENTIVE} ELSE {_SURVEY} END, -entitlement.amount_rupiah
    FROM incentives_entitlement entitlement
    WHERE entitlement.participation_id IN ({owners}) AND entitlement.lapsed_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM incentives_payout payout
                      JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
                      WHERE payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL)
) entry GROUP BY owner_id, kind HAVING sum(rupiah) > 0
"""


RETURNS_SQL = f"""
SELECT unearned.owner_id, movement.debit_kind, movement.credit_kind, movement.reason, unearned.rupiah AS amount_rupiah,
       movement.idempotency_key
FROM ({_unearned("SELECT unnest(%(ids)s::bigint[])")}) unearned
JOIN (VALUES ({movement_sql(Movement.CLOSE_INCENTIVE)}, 'close:incentive'),
             ({movement_sql(Movement.CLOSE_SURVEY)}, 'close:survey'))
    AS movement(debit_kind, credit_kind, reason, idempotency_key) ON movement.debit_kind = unearned.kind
"""

_CANDIDATES = f"""
SELECT participation.id FROM participants_participation participation
WHERE participation.accepted_on BETWEEN %(first_on)s AND %(last_on)s AND {_EARNING_ENDED}
"""
# Whom the closing would entitle before it returns anything: a training proven (by now, or whole, and then reconciled by
# the ending of its purchase), here or before a take-over, and no incentive yet.
EARNING_SQL = f"""
SELECT place.id, place.accepted_on, place.incentives_paid_before_count AS paid_before_count
FROM participants_participation place
WHERE place.id IN ({_CANDIDATES}) AND place.revoked_at IS NULL AND place.clawed_back_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_entitlement entitlement
                  WHERE entitlement.participation_id = place.id AND entitlement.kind = 'incentive')
  AND (place.incentives_paid_before_count > 0
       OR EXISTS (SELECT 1 FROM purchases_purchase purchase
                  WHERE purchase.participation_id = place.id
                    AND (purchase.reconciled_at <= %(at)s
                         OR purchase.id IN (SELECT unnest(%(proven_ids)s::bigint[])))))
"""
# Whom closing would touch, and what would return of each: the balance, what open purchases give back, what is unearned
# and stays so.
CLOSABLE_SQL = f"""
WITH candidate AS MATERIALIZED ({_CANDIDATES}), part AS (
    SELECT id AS subject_id, 0::bigint AS rupiah FROM candidate
    UNION ALL
    SELECT owner_id, remaining_rupiah FROM ledger_trainingbalance WHERE owner_id IN (SELECT id FROM candidate)
    UNION ALL
    SELECT purchase.participation_id, ending.refunded_rupiah
    FROM unnest(%(purchase_ids)s::bigint[], %(refunds)s::bigint[]) AS ending(purchase_id, refunded_rupiah)
    JOIN purchases_purchase purchase ON purchase.id = ending.purchase_id
    UNION ALL
    SELECT owner_id, rupiah FROM ({_unearned("SELECT id FROM candidate")}) unearned
    UNION ALL
    SELECT earning.id, -owed.amount_rupiah
    FROM ({EARNING_SQL}) earning
    JOIN unnest(%(accepted_on)s::date[], %(paid_before_counts)s::smallint[], %(owed)s::bigint[])
        AS owed(accepted_on, paid_before_count, amount_rupiah) USING (accepted_on, paid_before_count)
)
SELECT subject_id, sum(rupiah)::bigint AS amount_rupiah FROM part GROUP BY subject_id
"""
OPEN_OF_YEAR_SQL = f"""
SELECT purchase.id FROM purchases_purchase purchase
JOIN participants_participation participation ON participation.id = purchase.participation_id
WHERE purchase.reconciled_at IS NULL AND purchase.ended_at IS NULL
  AND participation.accepted_on BETWEEN %(first_on)s AND %(last_on)s AND {_EARNING_ENDED}
ORDER BY purchase.id
"""


@dataclass(frozen=True, slots=True)
class Closed:
    """How many participations were closed, and everything that returned to the treasury by it, in whole rupiah."""

    participation_count: int
    returned_rupiah: int


@transaction.atomic
def close_year(*, participation_ids: Collection[int], at: datetime) -> Closed:
    """Close those of these participations whose last day to earn has passed and that are not closed yet; the same again
    closes nobody.

    Who was not revoked, or whose balance did not end, is revoked or ended first; purchases that are still open end
    (what is not proven goes to the treasury), and whoever has a training proven is entitled; then what is committed and
    unearned returns. What is earned stays owed and visible until it is paid. One transaction: the caller chooses how
    many at a time. Locks: participations by number, their purchases, balances.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, {"ids": id_array(participation_ids), **_rule_values(at)})
        ids = [number for (number,) in cursor.fetchall()]
        if not ids:
            return Closed(0, 0)
        revoked = revoke(at=at, participation_ids=ids)
        ended = end_balances(at=at, participation_ids=ids)
        cursor.execute(OPEN_PURCHASES_SQL, [int_array(ids)])
        refunded_rupiah = _end([number for (number,) in cursor.fetchall()], at)
        # Whatever is proven by now is earned, also where the daily work has not come to it yet.
        entitle(at=at, participation_ids=ids)
        unearned = post_selected(source=RETURNS_SQL, values={"ids": int_array(ids)}, at=at)
        if unearned.refused_count or unearned.repeated_count:
            raise RuntimeError("what a closing returns had been posted before, or was refused")
        cursor.execute(MARK_SQL, {"ids": int_array(ids), "at": at})
    returned_rupiah = revoked.returned_rupiah + ended.returned_rupiah + refunded_rupiah + unearned.total_rupiah
    return Closed(len(ids), returned_rupiah)


def _end(purchase_ids: list[int], at: datetime) -> int:
    """End what is still open; what returned of it to the treasury, in rupiah."""
    outcomes = end_purchases(purchase_ids=purchase_ids, at=at) if purchase_ids else ()
    if any(each.to_balance for each in outcomes):
        raise RuntimeError("a purchase of a closed year was refunded to a balance")
    return sum(each.refunded_rupiah for each in outcomes)


def closing_listing(*, year: int, at: datetime) -> tuple[str, Mapping[str, Any]]:
    """A SELECT of (subject_id, amount_rupiah) with its values: whom closing would touch now, with what would return."""
    values = {"first_on": date(year, 1, 1), "last_on": date(year, 12, 31), "at": at, **_rule_values(at)}
    with connection.cursor() as cursor:
        cursor.execute(OPEN_OF_YEAR_SQL, values)
        endings = ending_preview(purchase_ids=[number for (number,) in cursor.fetchall()], at=at)
        # An open purchase is refused to end only where it is proven whole.
        values["proven_ids"] = int_array(each.purchase_id for each in endings if each.refusal is not None)
        cursor.execute(f"SELECT DISTINCT accepted_on, paid_before_count FROM ({EARNING_SQL}) earning", values)
        earnings = cursor.fetchall()
    refunds = [each for each in endings if each.refunded_rupiah]
    today = programme_day(at)
    owed = [owed_rupiah(accepted_on=day, reconciled_on=today, paid_before_count=count) for day, count in earnings]
    return CLOSABLE_SQL, values | {
        "purchase_ids": int_array(each.purchase_id for each in refunds),
        "refunds": int_array(each.refunded_rupiah for each in refunds),
        "accepted_on": [day for day, _ in earnings],
        "paid_before_counts": [count for _, count in earnings],
        "owed": owed,
    }


def closable_ids(*, year: int, at: datetime) -> list[int]:
    """The participations accepted in that year that can be closed now, in the order of their numbers."""
    sql, values = closing_listing(year=year, at=at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT subject_id FROM ({sql}) listing ORDER BY 1", values)
        return [number for (number,) in cursor.fetchall()]


def closing_preview(*, year: int, at: datetime) -> Closed:
    """What closing that year would do now."""
    sql, values = closing_listing(year=year, at=at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), coalesce(sum(amount_rupiah), 0)::bigint FROM ({sql}) listing", values)
        return Closed(*cursor.fetchone())


def _rule_values(at: datetime) -> dict[str, Any]:
    return {"day": programme_day(at), **earning_rule()}


def earning_rule() -> dict[str, Any]:
    """For every period of the rules in which people are accepted, for how many days after the balance they can earn:
    as columns."""
    history = RULES.history("earning_days")
    starts = [value.since_on for value in history]
    return {
        "since_on": starts,
        "until_on": [*starts[1:], date.max],
        "earning_days": [value.value for value in history],
    }
