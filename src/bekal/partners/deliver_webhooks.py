"""`deliver_webhooks`: send what is due to partners' endpoints, and note what they answered.

Claim and commit, ask outside every transaction, note. A claim that grew old is another worker's; the receiver knows a
copy by its number (`webhook-id`), which is the same at every attempt. An endpoint is asked one by one, and nothing more
in this round once it has not answered: a receiver that is away or slow costs one attempt's time, and nobody else's.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import httpx
from django.db import connection, transaction

from bekal.accounts.privacy import decrypt
from bekal.core.webhook_signature import webhook_signature
from bekal.partners.webhook_address import Place, place_of

CLAIM_LASTS = timedelta(minutes=5)
# The layout's own advice: soon, and then for three days, further and further apart.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400))
# From the first byte sent to the status, however slowly it drips.
TIMEOUT_SECONDS = 5.0
# What else waits for an endpoint that did not answer is not asked before.
PUT_OFF = timedelta(minutes=1)
AT_ONCE_COUNT = 8
# Of one endpoint in a round, and for about how long.
ONE_ENDPOINT_COUNT = 20
ONE_ENDPOINT_SECONDS = 10.0
CLAIM_SQL = """
UPDATE partners_webhookdelivery AS delivery SET claimed_at = %(now)s, attempt_count = delivery.attempt_count + 1
FROM (
    SELECT waiting.id, waiting.endpoint_id FROM (
        SELECT id, endpoint_id, due_at, row_number() OVER (PARTITION BY endpoint_id ORDER BY due_at, id) AS place
        FROM partners_webhookdelivery
        WHERE delivered_at IS NULL AND failed_at IS NULL AND due_at <= %(now)s
          AND (claimed_at IS NULL OR claimed_at <= %(stale)s)
    ) waiting WHERE waiting.place <= %(each)s ORDER BY waiting.due_at, waiting.id LIMIT %(limit)s
) due
JOIN partners_webhookendpoint endpoint ON endpoint.id = due.endpoint_id
WHERE delivery.id = due.id AND delivery.delivered_at IS NULL AND delivery.failed_at IS NULL
  AND (delivery.claimed_at IS NULL OR delivery.claimed_at <= %(stale)s)
RETURNING delivery.id, delivery.endpoint_id, delivery.event_id, delivery.attempt_count, endpoint.url,
          endpoint.secret_encrypted, endpoint.is_sandbox,
          CASE WHEN endpoint.old_secret_until_at > %(now)s THEN endpoint.old_secret_encrypted END
"""
EVENTS_SQL = """
SELECT id, kind, values, happened_at FROM partners_webhookevent WHERE id = ANY(%s::bigint[])
"""
NOTE_SQL = """
UPDATE partners_webhookdelivery AS delivery
SET claimed_at = NULL, answer_status = said.status, fault = said.fault, due_at = coalesce(said.due_at, delivery.due_at),
    delivered_at = CASE WHEN said.fault = '' THEN %(now)s::timestamptz END,
    failed_at = CASE WHEN said.fault <> '' AND said.due_at IS NULL THEN %(now)s::timestamptz END
FROM unnest(%(ids)s::bigint[], %(statuses)s::smallint[], %(faults)s::text[], %(due)s::timestamptz[])
    AS said (id, status, fault, due_at)
WHERE delivery.id = said.id AND delivery.claimed_at = %(now)s
"""
PUT_OFF_SQL = """
UPDATE partners_webhookdelivery SET claimed_at = NULL, attempt_count = attempt_count - 1, due_at = %(due)s
WHERE id = ANY(%(ids)s::bigint[]) AND claimed_at = %(now)s
"""
CLOSE_SQL = """
UPDATE partners_webhookendpoint SET closed_at = %(now)s, close_reason = 'gone'
WHERE id = ANY(%(ids)s::bigint[]) AND closed_at IS NULL
"""
FAIL_REST_SQL = """
UPDATE partners_webhookdelivery SET failed_at = %(now)s, fault = 'closed', claimed_at = NULL
WHERE endpoint_id = ANY(%(ids)s::bigint[]) AND delivered_at IS NULL AND failed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one call did, by outcome: `delivered`, or the fault's word."""

    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def delivery_count(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery as it leaves."""

    delivery_id: int
    endpoint_id: int
    attempt_count: int
    url: str
    is_sandbox: bool
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, and a word where it was not taken (`` is taken)."""

    status: int | None
    fault: str


GONE = 410
Post = Callable[[Parcel], Answer]


def deliver_webhooks(*, now: datetime, limit: int = 100, post: Post | None = None) -> Delivered:
    """Send up to `limit` deliveries that are due, at most 20 to one endpoint, some endpoints at a time; `now` is the
    machine's instant.

    Any 2xx is taken. 410 closes the endpoint. Everything else is tried again after 5 seconds, 5 and 30 minutes, 2, 5,
    10, 14, 20 and 24 hours, and has failed then. Raises RuntimeError inside a transaction.
    """
    parcels = _claimed(now, limit)
    if not parcels:
        return Delivered()
    queues: dict[int, list[Parcel]] = {}
    for parcel in parcels:
        queues.setdefault(parcel.endpoint_id, []).append(parcel)
    with ThreadPoolExecutor(max_workers=AT_ONCE_COUNT) as pool:
        asked = [pair for pairs in pool.map(partial(_asked, post or over_the_wire), queues.values()) for pair in pairs]
    _note(asked, now)
    reached = {parcel.delivery_id for parcel, _ in asked}
    _put_off([parcel.delivery_id for parcel in parcels if parcel.delivery_id not in reached], now)
    return Delivered(dict(Counter(answer.fault or "delivered" for _, answer in asked)))


def _asked(post: Post, parcels: Sequence[Parcel]) -> list[tuple[Parcel, Answer]]:
    """One endpoint's, in their order, until it does not answer or has had its time."""
    pairs: list[tuple[Parcel, Answer]] = []
    begun = monotonic()
    for parcel in parcels:
        answer = post(parcel)
        pairs.append((parcel, answer))
        if answer.status in (None, GONE) or monotonic() - begun > ONE_ENDPOINT_SECONDS:
            break
    return pairs


def _claimed(now: datetime, limit: int) -> list[Parcel]:
    values: dict[str, Any] = {"now": now, "stale": now - CLAIM_LASTS, "limit": limit, "each": ONE_ENDPOINT_COUNT}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM_SQL, values)
        rows = cursor.fetchall()
        cursor.execute(EVENTS_SQL, [[row[2] for row in rows]])
        events = {number: rest for number, *rest in cursor.fetchall()}
    return [_parcel(row, events[row[2]], now) for row in sorted(rows)]


def _parcel(row: Sequence[Any], event: Sequence[Any], now: datetime) -> Parcel:
    delivery_id, endpoint_id, event_id, attempt_count, url, secret_encrypted, is_sandbox, old_secret_encrypted = row
    kind, values, happened_at = event
    told = values if isinstance(values, dict) else json.loads(values)
    content = {"type": kind, "timestamp": happened_at.isoformat(), "data": told}
    body = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    message_id, seconds = f"evt_{event_id}", int(now.timestamp())
    signed = " ".join(
        webhook_signature(decrypt(bytes(secret)), message_id=message_id, timestamp=seconds, body=body)
        for secret in (secret_encrypted, old_secret_encrypted)
        if secret is not None
    )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Bekal-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signed,
    }
    return Parcel(delivery_id, endpoint_id, attempt_count, url, is_sandbox, headers, body)


def over_the_wire(parcel: Parcel) -> Answer:
    """One POST to the address that was looked up and found fit; redirects are not followed, bodies not read."""
    place = place_of(parcel.url, is_sandbox=parcel.is_sandbox)
    if place is None:
        return Answer(None, "address")
    try:
        return asyncio.run(_posted(parcel, place))
    except (TimeoutError, httpx.TimeoutException):
        return Answer(None, "timeout")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return Answer(None, "connection")


async def _posted(parcel: Parcel, place: Place) -> Answer:
    """The whole of it within the time there is: a limit of each read alone is no limit to who sends byte by byte."""
    host = f"[{place.ip}]" if ":" in place.ip else place.ip
    name = f"{place.host}:{place.port}" if place.port not in (80, 443) else place.host
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            f"{place.scheme}://{host}:{place.port}{place.target}",
            content=parcel.body,
            headers={**parcel.headers, "Host": name},
            extensions={"sni_hostname": place.host},
        ) as answer,
    ):
        return Answer(answer.status_code, "" if answer.is_success else "status")


def _note(asked: Sequence[tuple[Parcel, Answer]], now: datetime) -> None:
    gone = sorted({parcel.endpoint_id for parcel, answer in asked if answer.status == GONE})
    values: dict[str, Any] = {
        "now": now,
        "ids": [parcel.delivery_id for parcel, _ in asked],
        "statuses": [answer.status for _, answer in asked],
        "faults": [answer.fault for _, answer in asked],
        "due": [_due(parcel, answer, now) for parcel, answer in asked],
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(NOTE_SQL, values)
        if gone:
            cursor.execute(CLOSE_SQL, {"now": now, "ids": gone})
            cursor.execute(FAIL_REST_SQL, {"now": now, "ids": gone})


def _put_off(delivery_ids: Sequence[int], now: datetime) -> None:
    """Not asked, and no attempt of theirs."""
    if delivery_ids:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(PUT_OFF_SQL, {"now": now, "due": now + PUT_OFF, "ids": list(delivery_ids)})


def _due(parcel: Parcel, answer: Answer, now: datetime) -> datetime | None:
    if not answer.fault or answer.status == GONE or parcel.attempt_count > len(WAITS):
        return None
    return now + WAITS[parcel.attempt_count - 1]
