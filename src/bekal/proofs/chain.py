"""The digest chain computed again: from the transfers and what the links say alone, as `ledger.digests` documents them.

It shares no line with what closes the links, so that a fault there is not repeated here: the SQL, the bytes a link is
the digest of and the way a link is divided are written out once more.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

BUCKET_COUNT = 256
FIRST_SHA256 = bytes(32)
MAX_DIFFERENCES = 20
PART_TRANSFERS, MOST_PARTS = 1_500_000, 8
"""About so many transfers are sorted at once, in memory: small links together, a larger one in at most eight parts."""
LINE_SQL = (
    "concat_ws(',', owner_id, id, debit_kind, credit_kind, reason, amount_rupiah, extract(epoch FROM posted_at), "
    "idempotency_key)"
)
# Transfers lie about in the order of their numbers, so that a range of them is found without a look at all others.
# Each goes to its link by its number, counted from 1 within the range. Of each link: what it counts in this part, and
# the buckets that are not as the link says.
COMPARE_SQL = f"""
WITH covered AS (
    SELECT width_bucket(id - 1, %(starts)s::bigint[]) * 256 + (owner_id & 255)::int AS place, owner_id, id,
           amount_rupiah,
           {LINE_SQL} AS line
    FROM ledger_transfer
    WHERE id > %(after_id)s AND id <= %(until_id)s AND owner_id & 255 BETWEEN %(first)s AND %(last)s
), computed AS (
    SELECT place / 256 AS link, place %% 256 AS bucket, count(*) AS transfer_count, sum(amount_rupiah) AS total_rupiah,
           sha256(convert_to(string_agg(line, chr(10) ORDER BY owner_id, id), 'UTF8')) AS sha256
    FROM covered GROUP BY place
), expected AS (
    SELECT position, bucket, substr(bucket_digests, bucket * 32 + 1, 32) AS sha256
    FROM (SELECT row_number() OVER (ORDER BY number) AS position, bucket_digests FROM ledger_digestlink) link
    CROSS JOIN generate_series(%(first)s, %(last)s) AS bucket
    WHERE position BETWEEN %(first_position)s AND %(last_position)s
)
SELECT expected.position, coalesce(sum(computed.transfer_count), 0)::bigint,
       coalesce(sum(computed.total_rupiah), 0)::bigint,
       array_agg(expected.bucket ORDER BY expected.bucket)
           FILTER (WHERE coalesce(computed.sha256, sha256('')) IS DISTINCT FROM expected.sha256)
FROM expected
LEFT JOIN computed ON computed.link = expected.position - %(first_position)s + 1 AND computed.bucket = expected.bucket
GROUP BY expected.position
HAVING bool_or(coalesce(computed.sha256, sha256('')) IS DISTINCT FROM expected.sha256)
    OR sum(computed.transfer_count) > 0
"""
# Before the first link nothing may be.
BEFORE_SQL = "SELECT DISTINCT (owner_id & 255)::int FROM ledger_transfer WHERE id <= %s"
LINKS_SQL = """
SELECT number, after_id, until_id, transfer_count, total_rupiah, bucket_digests, previous_sha256, sha256, closed_at
FROM ledger_digestlink ORDER BY number
"""
# What proofs noted as the head they saw must still be in the chain: its last links cannot be taken off unseen.
LOST_HEADS_SQL = """
SELECT result.id, result.proved_at FROM ledger_proofresult result
WHERE result.digest_sha256 IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ledger_digestlink link WHERE link.sha256 = result.digest_sha256)
ORDER BY result.id LIMIT 20
"""
UNCOVERED_SQL = "SELECT count(*) FROM ledger_transfer WHERE id > %s"


@dataclass(frozen=True, slots=True)
class DigestCheck:
    """What recomputing the chain found: how much it covers, its head, and what differs, one sentence each."""

    link_count: int
    transfer_count: int
    uncovered_count: int
    head_sha256: bytes | None
    differences: tuple[str, ...]


@dataclass(slots=True)
class Recomputation:
    """The chain computed again, in parts that several connections with one snapshot may share.

    `begin` first, then each of `steps()` in any order and on any connection, then `result`."""

    links: list[tuple[int, int, int, int, int, datetime]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    head: bytes | None = None
    uncovered_count: int = 0
    found: dict[int, list[int]] = field(default_factory=dict)
    differing: dict[int, list[int]] = field(default_factory=dict)

    def begin(self, cursor: Any) -> None:
        """Read the chain and check that each link follows from the one before."""
        cursor.execute(LINKS_SQL)
        previous, until, expected = FIRST_SHA256, 0, 1
        while rows := cursor.fetchmany(200):
            for number, after_id, until_id, count, rupiah, buckets, before, sha256, closed_at in rows:
                said = (number, after_id, until_id, count, rupiah, bytes(buckets), closed_at)
                if number != expected or after_id != until or until_id <= after_id:
                    self._fault(f"link {number} does not begin where the one before ended")
                if bytes(before) != previous:
                    self._fault(f"link {number} does not name the digest of the one before")
                if len(buckets) != BUCKET_COUNT * 32 or _link_sha256(bytes(before), *said) != bytes(sha256):
                    self._fault(
                        f"link {number} of {closed_at:%Y-%m-%d} was rewritten: its digest is not that of what it says"
                    )
                self.links.append((number, after_id, until_id, count, rupiah, closed_at))
                previous, until, expected = bytes(sha256), until_id, number + 1
        self.head = previous if self.links else None
        cursor.execute(LOST_HEADS_SQL)
        for result_id, proved_at in cursor.fetchall():
            self._fault(f"the head that proof {result_id} of {proved_at:%Y-%m-%d} noted is not in the chain any more")
        cursor.execute(UNCOVERED_SQL, [until])
        (self.uncovered_count,) = cursor.fetchone()
        if self.links:
            cursor.execute(BEFORE_SQL, [self.links[0][1]])
            if before_first := [bucket for (bucket,) in cursor.fetchall()]:
                self.differing[0] = before_first

    def steps(self) -> Iterator[Callable[[Any], None]]:
        """What there is to compare: parts of about as many transfers each."""
        position = 1
        while position <= len(self.links):
            until, count = position, self.links[position - 1][3]
            while until < len(self.links) and count + self.links[until][3] <= PART_TRANSFERS:
                count += self.links[until][3]
                until += 1
            for buckets in _bucket_parts(count):
                yield partial(self.compare, positions=(position, until), buckets=buckets)
            position = until + 1

    def compare(self, cursor: Any, positions: tuple[int, int], buckets: tuple[int, int]) -> None:
        """Compute these buckets of the links from one position to another (the first is 1), and note those that are
        not as the links say."""
        links = self.links[positions[0] - 1 : positions[1]]
        values = {
            "starts": [after_id for _, after_id, *_ in links],
            "after_id": links[0][1],
            "until_id": links[-1][2] if positions[1] == len(self.links) else self.links[positions[1]][1],
            "first": buckets[0],
            "last": buckets[1],
            "first_position": positions[0],
            "last_position": positions[1],
        }
        cursor.execute(COMPARE_SQL, values)
        for position, count, rupiah, differing in cursor.fetchall():
            counted = self.found.setdefault(position, [0, 0])
            counted[0] += count
            counted[1] += rupiah
            if differing:
                self.differing.setdefault(position, []).extend(differing)

    def result(self) -> DigestCheck:
        """What was found, the chain's own faults first."""
        faults = list(self.faults)
        faults += [self._sentence(position, sorted(buckets)) for position, buckets in sorted(self.differing.items())]
        for position, (number, _, _, count, rupiah, closed_at) in enumerate(self.links, start=1):
            if tuple(self.found.get(position, (0, 0))) != (count, rupiah) and position not in self.differing:
                faults.append(f"link {number} of {closed_at:%Y-%m-%d} has another count or sum than its transfers")
        covered_count = sum(count for _, _, _, count, _, _ in self.links)
        differences = tuple(faults[:MAX_DIFFERENCES])
        return DigestCheck(len(self.links), covered_count, self.uncovered_count, self.head, differences)

    def _sentence(self, position: int, buckets: Sequence[int]) -> str:
        owners = ", ".join(map(str, buckets[:8])) + (" and others" if len(buckets) > 8 else "")
        if position == 0:
            return f"transfers numbered 0 or less, which no link covers, of owners that leave {owners} modulo 256"
        number, after_id, until_id, _, _, closed_at = self.links[position - 1]
        return (
            f"transfers {after_id + 1} to {until_id}, closed by link {number} on {closed_at:%Y-%m-%d}, were changed "
            f"for "
            f"owners that leave {owners} modulo 256"
        )

    def _fault(self, sentence: str) -> None:
        if len(self.faults) < MAX_DIFFERENCES:
            self.faults.append(sentence)


def recompute(over: BaseDatabaseWrapper) -> DigestCheck:
    """Compute the whole chain again on one connection (any role that may read) and compare."""
    work = Recomputation()
    with over.cursor() as cursor:
        work.begin(cursor)
        for step in work.steps():
            step(cursor)
    return work.result()


def _bucket_parts(transfer_count: int) -> Iterator[tuple[int, int]]:
    """The first and the last bucket of each part of a link that says it has so many transfers."""
    count = next((each for each in (1, 2, 4) if transfer_count <= each * PART_TRANSFERS), MOST_PARTS)
    for number in range(count):
        yield number * BUCKET_COUNT // count, (number + 1) * BUCKET_COUNT // count - 1


def _link_sha256(
    previous: bytes,
    number: int,
    after_id: int,
    until_id: int,
    transfer_count: int,
    total_rupiah: int,
    bucket_digests: bytes,
    closed_at: datetime,
) -> bytes:
    since = closed_at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    line = f"{number},{after_id},{until_id},{transfer_count},{total_rupiah},{microseconds}\n"
    return hashlib.sha256(b"".join([previous, line.encode(), bucket_digests])).digest()
