"""The programme's books of a run beside the bank's own, payment by payment, in the order of their references."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

OURS_SQL = """
SELECT payout.reference, payout.amount_rupiah,
       EXISTS (SELECT 1 FROM incentives_payoutstatus status
               WHERE status.payout_id = payout.id AND status.state = 'settled'),
       EXISTS (SELECT 1 FROM incentives_payoutstatus status
               WHERE status.payout_id = payout.id AND status.state IN ('settled', 'rejected'))
FROM incentives_payout payout ORDER BY payout.reference COLLATE "C"
"""
THEIRS_SQL = """
SELECT reference, count(*) FILTER (WHERE state = 'settled'), coalesce(sum(amount) FILTER (WHERE state = 'settled'), 0)
FROM transfer INDEXED BY transfer_reference WHERE partner = ? GROUP BY reference ORDER BY reference
"""


@dataclass(slots=True)
class Compared:
    """How many payments both have paid or rejected, and how many do not agree: `missing` are paid here and not there,
    `unsaid` paid there and not here, `doubled` paid there more than once, `other_amount` once and not in our amount,
    `unanswered` have no end here, `strange` nobody has ordered."""

    paid: int = 0
    rejected: int = 0
    missing: int = 0
    unsaid: int = 0
    doubled: int = 0
    other_amount: int = 0
    unanswered: int = 0
    strange: int = 0

    @property
    def differences(self) -> int:
        return self.missing + self.unsaid + self.doubled + self.other_amount + self.unanswered + self.strange


Ours = tuple[str, int, bool, bool]
Theirs = tuple[str, int, int]


def compared(ours: Iterable[Ours], theirs: Iterable[Theirs]) -> Compared:
    """Reference, amount, whether it is paid and whether it has ended here; reference, how often and how much it was
    paid there. Both in the order of the references; memory is that of one payment."""
    found = Compared()
    sides = merge(((row[0], 0, row[1:]) for row in ours), ((row[0], 1, row[1:]) for row in theirs))
    for _, group in groupby(sides, key=itemgetter(0)):
        by_side = {side: values for _, side, values in group}
        here, there = by_side.get(0), by_side.get(1, (0, 0))
        name = "strange" if here is None else _what(*here, *there)
        setattr(found, name, getattr(found, name) + 1)
    return found


def _what(amount_rupiah: int, is_paid: bool, is_ended: bool, paid_count: int, paid_rupiah: int) -> str:
    if paid_count > 1:
        return "doubled"
    if not is_ended:
        return "unanswered"
    if is_paid != bool(paid_count):
        return "missing" if is_paid else "unsaid"
    if not is_paid:
        return "rejected"
    return "paid" if paid_rupiah == amount_rupiah else "other_amount"


def beside_the_bank(books: Path, partner: str) -> Compared:
    """All payouts of this programme beside the bank's books."""
    with sqlite3.connect(f"file:{books}?mode=ro", uri=True) as bank:
        return compared(_ours(), bank.execute(THEIRS_SQL, [partner]))


def _ours() -> Iterator[Ours]:
    from django.db import connection, transaction

    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(OURS_SQL)
        while rows := cursor.fetchmany(20_000):
            yield from rows
