"""What a platform sees of the purchases it sold: never whose they are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from bekal.ledger.copy_rows import id_array


@dataclass(frozen=True, slots=True)
class SoldPurchase:
    """One purchase sold by a platform."""

    purchase_id: int
    training_code: str
    title: str
    session_count: int
    price_rupiah: int
    bought_at: datetime
    redeemed_at: datetime | None
    completed_at: datetime | None
    reconciled_at: datetime | None
    ended_at: datetime | None
    ending: str
    refunded_rupiah: int

    @property
    def state(self) -> str:
        """`bought`, `redeemed`, `completed`, `proven` or `ended`."""
        if self.ended_at is not None:
            return "ended"
        if self.reconciled_at is not None:
            return "proven"
        if self.completed_at is not None:
            return "completed"
        return "bought" if self.redeemed_at is None else "redeemed"


SOLD_SQL = """
SELECT purchase.id, training.code, training.title, training.session_count, purchase.price_rupiah, purchase.bought_at,
       purchase.redeemed_at, purchase.completed_at, purchase.reconciled_at, purchase.ended_at, purchase.ending,
       purchase.refunded_rupiah
FROM partners_platformsale sale
JOIN purchases_purchase purchase ON purchase.id = sale.purchase_id
JOIN catalogue_training training ON training.id = purchase.training_id
WHERE sale.platform_id = %s
"""
ONE_SQL = SOLD_SQL + "AND sale.purchase_id = %s"
PAGE_SQL = SOLD_SQL + "AND sale.purchase_id > %s ORDER BY sale.purchase_id LIMIT %s"
OWN_SQL = "SELECT purchase_id FROM partners_platformsale WHERE platform_id = %s AND purchase_id = ANY(%s::bigint[])"


def sold_purchase(*, platform_id: int, purchase_id: int) -> SoldPurchase | None:
    """The purchase of this number, if this platform sold it; else None, whatever else it is."""
    rows = _rows(ONE_SQL, [platform_id, purchase_id])
    return rows[0] if rows else None


def sold_purchases(*, platform_id: int, after_id: int = 0, limit: int) -> tuple[SoldPurchase, ...]:
    """The purchases this platform sold by their numbers, after one."""
    return _rows(PAGE_SQL, [platform_id, after_id, limit])


def sold_ids(*, platform_id: int, purchase_ids: Collection[int]) -> frozenset[int]:
    """Those of these purchases that this platform sold."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_SQL, [platform_id, id_array(purchase_ids)])
        return frozenset(number for (number,) in cursor.fetchall())


def _rows(statement: str, values: Sequence[Any]) -> tuple[SoldPurchase, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(SoldPurchase(*row) for row in cursor.fetchall())
