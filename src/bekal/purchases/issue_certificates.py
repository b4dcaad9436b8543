"""`issue_certificates`: whoever completed a training has a certificate of it, at once or with the daily work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array, int_array, new_ids
from bekal.purchases.certificate_evidence import DIGESTS_SQL
from bekal.purchases.certificate_numbers import new_number, status_place
from bekal.purchases.evidence_sql import STATE_SQL
from bekal.purchases.models import Certificate

# The daily work looks after what was completed lately; what is older is issued when its participant asks.
CAUGHT_UP_WITHIN = timedelta(days=90)
CHUNK_COUNT = 10_000

# Completed by its evidence, and without a certificate that is valid or that officers have taken away for good.
EARNED_SQL = f"""
    purchase.completed_at IS NOT NULL
    AND EXISTS (SELECT FROM catalogue_training training CROSS JOIN {STATE_SQL}
                WHERE training.id = purchase.training_id AND proof.is_taught)
"""
_WITHOUT_SQL = """
    NOT EXISTS (SELECT FROM purchases_certificate known WHERE known.purchase_id = purchase.id AND NOT EXISTS (
        SELECT FROM purchases_certificateevent event
        WHERE event.certificate_id = known.id AND event.kind = 'revoked' AND event.officer_id IS NULL))
"""
LOCK_SQL = f"""
SELECT purchase.id, training.title, institution.name, training.hours, training.session_count, purchase.completed_at
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN catalogue_institution institution ON institution.id = training.institution_id
WHERE purchase.id = ANY(%s::bigint[]) AND {EARNED_SQL} ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
"""
# After the lock: what another call has issued meanwhile is seen.
BEFORE_SQL = f"""
SELECT purchase.id, (SELECT count(*) FROM purchases_certificate known WHERE known.purchase_id = purchase.id)
FROM purchases_purchase purchase WHERE purchase.id = ANY(%s::bigint[]) AND {_WITHOUT_SQL}
"""
WAITING_SQL = f"""
SELECT purchase.id FROM purchases_purchase purchase
WHERE purchase.id > %s AND purchase.completed_at >= %s AND {EARNED_SQL} AND {_WITHOUT_SQL}
ORDER BY purchase.id LIMIT %s
"""
_COLUMNS = (
    "id",
    "purchase_id",
    "sequence",
    "number",
    "status_list",
    "status_index",
    "title",
    "institution_name",
    "hours",
    "session_count",
    "evidence_digest",
    "evidence_count",
    "evidence_until_id",
    "completed_at",
    "issued_at",
)


@dataclass(frozen=True, slots=True)
class Issued:
    """The purchases that have a certificate now and had none before, by their numbers."""

    purchase_ids: tuple[int, ...]


def issue_certificates(*, at: datetime, purchase_ids: Collection[int] | None = None) -> Issued:
    """Issue a certificate for each of these purchases that is completed by its evidence and has none that is valid;
    without numbers, for every purchase completed within 90 days. The same again issues nothing.

    What officers revoked is not issued again; what evidence took back is, once evidence completes it anew."""
    programme_day(at)  # refuses a naive instant
    if purchase_ids is not None:
        return Issued(_issue(purchase_ids, at))
    issued: list[int] = []
    last_id = 0
    while waiting := _waiting(last_id, at):
        issued += _issue(waiting, at)
        last_id = waiting[-1]
    return Issued(tuple(issued))


def _waiting(after_id: int, at: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(WAITING_SQL, [after_id, at - CAUGHT_UP_WITHIN, CHUNK_COUNT])
        return [number for (number,) in cursor.fetchall()]


@transaction.atomic
def _issue(purchase_ids: Collection[int], at: datetime) -> tuple[int, ...]:
    if not purchase_ids:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(purchase_ids)])
        earned = cursor.fetchall()
        cursor.execute(BEFORE_SQL, [int_array(row[0] for row in earned)])
        before = dict(cursor.fetchall())
        earned = [row for row in earned if row[0] in before]
        cursor.execute(DIGESTS_SQL, {"purchase_ids": int_array(row[0] for row in earned)})
        digests = {row[0]: row[1:] for row in cursor.fetchall()}
    rows = [_row(new_id, row, before[row[0]], digests[row[0]], at) for new_id, row in _numbered(earned)]
    copy_rows(Certificate, _COLUMNS, rows)
    return tuple(row[0] for row in earned)


def _numbered(earned: Sequence[tuple[Any, ...]]) -> list[tuple[int, tuple[Any, ...]]]:
    return list(zip(new_ids(Certificate, len(earned)), earned, strict=True))


def _row(
    new_id: int, earned: tuple[Any, ...], before_count: int, evidence: tuple[Any, ...], at: datetime
) -> tuple[object, ...]:
    purchase_id, title, institution_name, hours, session_count, completed_at = earned
    digest, count, until_id = evidence
    what = (title, institution_name, hours, session_count, bytes(digest), count, until_id)
    # A clock that was set back must not put the certificate before the completion.
    instants = (completed_at, max(at, completed_at))
    return (new_id, purchase_id, before_count + 1, new_number(), *status_place(new_id), *what, *instants)
