"""The digest chain over the transfers: what was posted stays as it was, or the chain no longer recomputes.

A link covers the transfers numbered after `after_id` up to `until_id`, in 256 groups of owners (the owner's number
modulo 256). Of each group it keeps the SHA-256 of its lines, in the order of owner and number, joined by line feeds; a
line has, joined by commas: owner_id, id, debit_kind, credit_kind, reason, amount_rupiah, the instant as seconds since
1970 with six decimals, idempotency_key. The link's own SHA-256 covers the one before, its numbers and the groups. That
it recomputes is checked by `proofs.chain`, which shares no code with this.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.ledger.models import DigestLink

BUCKET_COUNT = 256
PART_TRANSFERS, MOST_PARTS = 1_500_000, 8
"""About so many transfers are sorted at once, in memory: a larger link is closed in parts, at most eight."""
FIRST_SHA256 = bytes(32)

LINE_SQL = """concat_ws(',', owner_id, id, debit_kind, credit_kind, reason, amount_rupiah,
                      extract(epoch FROM posted_at), idempotency_key)"""
# Transfers lie about in the order of their numbers, so that a range of them is found without a look at all others.
CLOSE_SQL = f"""
SELECT (owner_id & {BUCKET_COUNT - 1})::int AS bucket, count(*), sum(amount_rupiah),
       sha256(convert_to(string_agg({LINE_SQL}, chr(10) ORDER BY owner_id, id), 'UTF8'))
FROM ledger_transfer
WHERE id > %(after_id)s AND id <= %(until_id)s AND owner_id & {BUCKET_COUNT - 1} BETWEEN %(first)s AND %(last)s
GROUP BY bucket
"""
LAST_SQL = "SELECT number, until_id, sha256 FROM ledger_digestlink ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Link:
    """One closed link of the chain."""

    number: int
    after_id: int
    until_id: int
    transfer_count: int
    total_rupiah: int
    sha256: bytes
    closed_at: datetime


def close_digest(*, at: datetime) -> Link | None:
    """Close a link over everything posted since the last one; None where nothing was.

    Waits until no transaction that has posted is open (at most 2 seconds, then raises OperationalError: try again
    later), in a transaction of its own that ends at once, so that posting is held up for an instant. Raises
    RuntimeError inside an open transaction, ValueError for a naive `at`."""
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    if connection.in_atomic_block:
        raise RuntimeError("a digest is closed outside any transaction: its lock must not last")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT ledger_digest_boundary()")
        (until_id,) = cursor.fetchone()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.close_digest'))")
        cursor.execute(LAST_SQL)
        number, after_id, previous = cursor.fetchone() or (0, 0, FIRST_SHA256)
        if until_id <= after_id:
            return None
        return _close(cursor, number + 1, after_id, until_id, bytes(previous), at)


def _close(cursor: Any, number: int, after_id: int, until_id: int, previous: bytes, at: datetime) -> Link | None:
    buckets = [hashlib.sha256().digest()] * BUCKET_COUNT
    transfer_count = total_rupiah = 0
    for first, last in bucket_parts(until_id - after_id):
        values = {"after_id": after_id, "until_id": until_id, "first": first, "last": last}
        cursor.execute(CLOSE_SQL, values)
        for bucket, count, rupiah, sha256 in cursor.fetchall():
            buckets[bucket] = bytes(sha256)
            transfer_count += count
            total_rupiah += int(rupiah)
    if not transfer_count:
        return None
    digests = b"".join(buckets)
    sha256 = link_sha256(previous, number, after_id, until_id, transfer_count, total_rupiah, digests, at)
    DigestLink.objects.create(
        number=number,
        after_id=after_id,
        until_id=until_id,
        transfer_count=transfer_count,
        total_rupiah=total_rupiah,
        bucket_digests=digests,
        previous_sha256=previous,
        sha256=sha256,
        closed_at=at,
    )
    return Link(number, after_id, until_id, transfer_count, total_rupiah, sha256, at)


def bucket_parts(transfer_count: int) -> list[tuple[int, int]]:
    """The first and the last bucket of each part of a link with about so many transfers."""
    count = 1
    while count < MOST_PARTS and transfer_count > count * PART_TRANSFERS:
        count *= 2
    size = BUCKET_COUNT // count
    return [(first, first + size - 1) for first in range(0, BUCKET_COUNT, size)]


def link_sha256(
    previous: bytes,
    number: int,
    after_id: int,
    until_id: int,
    transfer_count: int,
    total_rupiah: int,
    bucket_digests: bytes,
    closed_at: datetime,
) -> bytes:
    """The digest of a link: the one before, a line of its numbers joined by commas (the instant as microseconds since
    1970), the digests of its buckets."""
    instant = (closed_at - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    numbers = ",".join(map(str, (number, after_id, until_id, transfer_count, total_rupiah, instant)))
    return hashlib.sha256(previous + numbers.encode() + b"\n" + bucket_digests).digest()


_MICROSECOND = datetime.resolution


def has_head(over: BaseDatabaseWrapper, sha256: bytes) -> bool:
    """Whether a digest that was noted somewhere is one of the chain's."""
    with over.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM ledger_digestlink WHERE sha256 = %s)", [sha256])
        return bool(cursor.fetchone()[0])
