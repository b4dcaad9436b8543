"""Reads of the outbox."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from bekal.accounts.privacy import decrypt
from bekal.messaging.issue_codes import TEMPLATE as CODE_TEMPLATE
from bekal.messaging.models import Channel, Failure, OutboxMessage


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One channel: what waits now, since when, and what became of the messages written since the day asked about."""

    channel: Channel
    waiting_count: int
    oldest_at: datetime | None
    sent_count: int
    failed_counts: dict[Failure, int]

    @property
    def failed_count(self) -> int:
        return sum(self.failed_counts.values())


@dataclass(frozen=True, slots=True)
class FailedLine:
    """A message that did not arrive; of its words only the kind."""

    message_id: int
    holder_id: int
    channel: Channel
    template: str
    failure: Failure
    attempt_count: int
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message as its receiver reads it."""

    message_id: int
    channel: Channel
    template: str
    body: str = field(repr=False)
    created_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None


def messages_to(*, holder_id: int, limit: int = 20, with_codes: bool = True) -> tuple[MessageLine, ...]:
    """The newest messages to one person, newest first; `with_codes=False` leaves out what holds a one-time code."""
    rows = OutboxMessage.objects.filter(holder_id=holder_id).order_by("-created_at", "-pk")
    if not with_codes:
        rows = rows.exclude(template=CODE_TEMPLATE)
    return tuple(
        MessageLine(
            row.pk,
            Channel(row.channel),
            row.template,
            decrypt(bytes(row.body_encrypted)),
            row.created_at,
            row.sent_at,
            row.failed_at,
        )
        for row in rows[:limit]
    )


WAITING_SQL = """
SELECT channel, count(*), min(created_at) FROM messaging_outboxmessage
WHERE sent_at IS NULL AND failed_at IS NULL GROUP BY channel ORDER BY channel
"""
DONE_SQL = """
SELECT channel, failure, count(*) FROM messaging_outboxmessage
WHERE created_at >= %s AND (sent_at IS NOT NULL OR failed_at IS NOT NULL) GROUP BY channel, failure ORDER BY 1, 2
"""


def outbox_state(*, since_at: datetime) -> tuple[ChannelState, ...]:
    """Every channel, busy or not, in a fixed order. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING_SQL)
        waiting = {channel: (count, oldest_at) for channel, count, oldest_at in cursor.fetchall()}
        cursor.execute(DONE_SQL, [since_at])
        done = {(channel, failure): count for channel, failure, count in cursor.fetchall()}
    return tuple(
        ChannelState(
            channel,
            *waiting.get(channel.value, (0, None)),
            done.get((channel.value, ""), 0),
            {failure: count for failure in Failure if (count := done.get((channel.value, failure.value), 0))},
        )
        for channel in Channel
    )


def failed_messages(*, limit: int = 50, before_id: int | None = None) -> tuple[FailedLine, ...]:
    """The newest messages that failed for good, before the one numbered `before_id`."""
    rows = OutboxMessage.objects.filter(failed_at__isnull=False).order_by("-pk")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return tuple(
        FailedLine(
            row.pk,
            row.holder_id,
            Channel(row.channel),
            row.template,
            Failure(row.failure),
            row.attempt_count,
            row.failed_at,
        )
        for row in rows[:limit]
        if row.failed_at is not None
    )
