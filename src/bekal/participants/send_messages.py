"""`send_messages`: hand what waits in the outbox to the carriers, and note what they said.

Claim and commit, ask the carrier outside every transaction under a reference of our own, note the answer: a sender that
is killed leaves a claim, which another takes over when it is old. So a message may arrive twice, and never not at all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bekal.accounts.privacy import decrypt
from bekal.ledger.copy_rows import id_array, int_array, text_array
from bekal.messaging.channels import Carrier, Letter, Verdict
from bekal.messaging.models import Channel, Failure
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import ContactPoint
from bekal.participants.notify import CONTACT_OF

CLAIM_LASTS = timedelta(minutes=5)
# How long after each failed attempt the next comes; after the last the sender gives up.
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
EXPIRE_SQL = """
UPDATE messaging_outboxmessage SET failed_at = %s, failure = 'expired'
WHERE id IN (SELECT id FROM messaging_outboxmessage WHERE sent_at IS NULL AND failed_at IS NULL AND expires_at <= %s
             ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""
CLAIM_SQL = """
UPDATE messaging_outboxmessage AS message SET claimed_at = %(at)s, attempt_count = attempt_count + 1
FROM (SELECT id FROM messaging_outboxmessage
      WHERE sent_at IS NULL AND failed_at IS NULL AND channel = ANY(%(channels)s::text[])
        AND (due_at IS NULL OR due_at <= %(at)s) AND (claimed_at IS NULL OR claimed_at <= %(stale)s)
        AND (expires_at IS NULL OR expires_at > %(at)s)
      ORDER BY created_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED) AS due
WHERE message.id = due.id
RETURNING message.id, message.holder_id, message.channel, message.body_encrypted, message.language, attempt_count
"""
ADDRESSES_SQL = """
SELECT participant_id, kind, value_encrypted FROM participants_contactpoint
WHERE participant_id = ANY(%s::bigint[]) AND unreachable_since_at IS NULL ORDER BY id
"""
# A claim that another sender has taken over meanwhile is its own to note.
NOTE_SQL = """
UPDATE messaging_outboxmessage AS message
SET claimed_at = NULL,
    sent_at = CASE WHEN said.sent THEN %(at)s END,
    carrier_reference = said.reference,
    failed_at = CASE WHEN said.failure <> '' THEN %(at)s::timestamptz END,
    failure = said.failure,
    due_at = said.due_at
FROM unnest(%(ids)s::bigint[], %(sent)s::boolean[], %(references)s::text[], %(failures)s::text[],
            %(due)s::timestamptz[]) AS said (id, sent, reference, failure, due_at)
WHERE message.id = said.id AND message.claimed_at = %(claimed_at)s AND message.sent_at IS NULL
RETURNING message.id
"""
# The same words by the other way there is, where the first has just turned out not to work.
OTHER_WAY_SQL = """
INSERT INTO messaging_outboxmessage
    (holder_id, channel, template, body_encrypted, language, created_at, expires_at)
SELECT message.holder_id, other.channel, message.template, message.body_encrypted, message.language, %(at)s,
       message.expires_at
FROM messaging_outboxmessage message
JOIN (VALUES ('sms', 'email', 'email'), ('whatsapp', 'sms', 'phone'), ('email', 'sms', 'phone'))
    AS other (tried, channel, kind) ON other.tried = message.channel
WHERE message.id = ANY(%(ids)s::bigint[]) AND message.failure IN ('address_refused', 'no_address')
  AND EXISTS (SELECT FROM participants_contactpoint point
              WHERE point.participant_id = message.holder_id AND point.unreachable_since_at IS NULL
                AND point.kind = other.kind)
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one call did. `counts` by outcome: `taken`, `later`, or a failure's code."""

    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def message_count(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A message this sender is at."""

    message_id: int
    holder_id: int
    channel: Channel
    body_encrypted: bytes
    language: str
    attempt_count: int


@dataclass(frozen=True, slots=True)
class _Said:
    """What became of one attempt."""

    message: _Claimed
    outcome: str
    reference: str = ""
    due_at: datetime | None = None


def send_messages(*, carriers: Mapping[Channel, Carrier], at: datetime, limit: int = 200) -> Sent:
    """Send up to `limit` messages that are due, oldest first; channels without a carrier wait.

    What is too late to be of use fails unsent. A temporary fault is tried again after 1, 5, 30 and 120 minutes. An
    address that a carrier refuses is marked unreachable, and the message goes by the person's other way, if there is
    one. Several senders may run. Raises RuntimeError inside a transaction: carriers are asked outside.
    """
    expired = _expire(at, limit)
    claimed = _claim(carriers, at, limit)
    addresses = _addresses(claimed)
    said = [_deliver(message, carriers, addresses, at) for message in claimed]
    _note(said, at)
    counts = Counter(each.outcome for each in said)
    if expired:
        counts[Failure.EXPIRED.value] += expired
    return Sent(dict(counts))


def _expire(at: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE_SQL, [at, at, limit * 10])
        return int(cursor.rowcount)


def _claim(carriers: Mapping[Channel, Carrier], at: datetime, limit: int) -> list[_Claimed]:
    values: dict[str, Any] = {
        "at": at,
        "stale": at - CLAIM_LASTS,
        "limit": limit,
        "channels": text_array([channel.value for channel in carriers]),
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM_SQL, values)
        rows = [
            _Claimed(number, holder, Channel(channel), bytes(body), language, count)
            for number, holder, channel, body, language, count in cursor.fetchall()
        ]
    return sorted(rows, key=lambda row: row.message_id)


def _addresses(claimed: Sequence[_Claimed]) -> dict[tuple[int, str], bytes]:
    if not claimed:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(ADDRESSES_SQL, [id_array({message.holder_id for message in claimed})])
        return {(person, kind): bytes(value) for person, kind, value in cursor.fetchall()}


def _deliver(
    message: _Claimed,
    carriers: Mapping[Channel, Carrier],
    addresses: Mapping[tuple[int, str], bytes],
    at: datetime,
) -> _Said:
    address = addresses.get((message.holder_id, CONTACT_OF[message.channel].value))
    if address is None:
        return _Said(message, Failure.NO_ADDRESS.value)
    letter = Letter(f"bekal-{message.message_id}", decrypt(address), decrypt(message.body_encrypted), message.language)
    delivery = carriers[message.channel].deliver(letter)
    if delivery.verdict is Verdict.TAKEN:
        return _Said(message, Verdict.TAKEN.value, delivery.carrier_reference)
    if delivery.verdict is Verdict.LATER:
        if message.attempt_count > len(WAITS):
            return _Said(message, Failure.GAVE_UP.value)
        return _Said(message, Verdict.LATER.value, due_at=at + WAITS[message.attempt_count - 1])
    return _Said(message, delivery.verdict.value)


def _note(said: Sequence[_Said], at: datetime) -> None:
    if not said:
        return
    failures = {failure.value for failure in Failure}
    refused = [each for each in said if each.outcome == Verdict.ADDRESS_REFUSED]
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        points = [Unreachable(each.message.holder_id, _contact(each).value) for each in refused if _is_gone(each)]
        mark_unreachable(points=points, at=at)
        values: dict[str, Any] = {
            "at": at,
            "claimed_at": at,
            "ids": int_array([each.message.message_id for each in said]),
            "sent": [each.outcome == Verdict.TAKEN for each in said],
            "references": [each.reference for each in said],
            "failures": [each.outcome if each.outcome in failures else "" for each in said],
            "due": [each.due_at for each in said],
        }
        cursor.execute(NOTE_SQL, values)
        noted = [number for (number,) in cursor.fetchall()]
        cursor.execute(OTHER_WAY_SQL, {"at": at, "ids": int_array(noted)})


def _contact(said: _Said) -> ContactPoint.Kind:
    return CONTACT_OF[said.message.channel]


def _is_gone(said: _Said) -> bool:
    """Whether the contact point itself does not work: a phone without WhatsApp still takes an SMS."""
    return said.message.channel is not Channel.WHATSAPP
