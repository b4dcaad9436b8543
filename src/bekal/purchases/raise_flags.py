"""Flags on reviews: written once for one version, source, reason and person; the review then waits for an officer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.purchases.models import ReviewFlag

COUNTS_SQL = "SELECT purchase_id, version_count, flag_count FROM purchases_review WHERE purchase_id = ANY(%s::bigint[])"
RAISED_SQL = """
SELECT flag.review_id, flag.source, flag.reason, flag.raised_by_id
FROM purchases_reviewflag flag JOIN purchases_review review ON review.purchase_id = flag.review_id
WHERE flag.review_id = ANY(%s::bigint[]) AND flag.version_number = review.version_count
"""
WAIT_SQL = """
UPDATE purchases_review AS review
SET flag_count = review.flag_count + raised.count, waiting_since_at = coalesce(review.waiting_since_at, %s)
FROM unnest(%s::bigint[], %s::int[]) AS raised(purchase_id, count) WHERE review.purchase_id = raised.purchase_id
"""
COLUMNS = (
    "review_id",
    "number",
    "version_number",
    "source",
    "reason",
    "note",
    "other_count",
    "raised_by_id",
    "raised_at",
)


@dataclass(frozen=True, slots=True)
class NewFlag:
    """Why an officer should look at the review of this purchase; the purchase is locked and has a review."""

    purchase_id: int
    source: ReviewFlag.Source
    reason: ReviewFlag.Reason
    raised_by_id: int | None = None
    note: str = field(default="", repr=False)
    other_count: int = 0

    @property
    def key(self) -> tuple[int, str, str, int | None]:
        """What makes it the same flag again, on one version."""
        return self.purchase_id, self.source.value, self.reason.value, self.raised_by_id


def raise_flags(flags: Sequence[NewFlag], at: datetime) -> tuple[bool, ...]:
    """Write the flags; whether each is new, in order. The caller holds the lock on the purchases."""
    if not flags:
        return ()
    ids = int_array({flag.purchase_id for flag in flags})
    with connection.cursor() as cursor:
        cursor.execute(COUNTS_SQL, [ids])
        counts = {number: (version_count, flag_count) for number, version_count, flag_count in cursor.fetchall()}
        cursor.execute(RAISED_SQL, [ids])
        raised = set(cursor.fetchall())
    added: Counter[int] = Counter()
    rows: list[tuple[object, ...]] = []
    is_new = []
    for flag in flags:
        # An author's appeals are told apart by who calls: the same words can be hidden twice.
        is_repeated = flag.source is not ReviewFlag.Source.AUTHOR and flag.key in raised
        is_new.append(not is_repeated)
        if is_repeated:
            continue
        raised.add(flag.key)
        added[flag.purchase_id] += 1
        version_count, flag_count = counts[flag.purchase_id]
        number = flag_count + added[flag.purchase_id]
        said = (flag.source.value, flag.reason.value, flag.note, flag.other_count, flag.raised_by_id)
        rows.append((flag.purchase_id, number, version_count, *said, at))
    if rows:
        copy_rows(ReviewFlag, COLUMNS, rows)
        with connection.cursor() as cursor:
            cursor.execute(WAIT_SQL, [at, int_array(added), int_array(added.values())])
    return tuple(is_new)
