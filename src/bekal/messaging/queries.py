"""Reads of the outbox."""

from dataclasses import dataclass, field
from datetime import datetime

from bekal.accounts.privacy import decrypt
from bekal.messaging.models import Channel, OutboxMessage


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message as its receiver reads it."""

    message_id: int
    channel: Channel
    template: str
    body: str = field(repr=False)
    created_at: datetime
    sent_at: datetime | None


def messages_to(*, holder_id: int, limit: int = 20) -> tuple[MessageLine, ...]:
    """The newest messages to one person, newest first."""
    rows = OutboxMessage.objects.filter(holder_id=holder_id).order_by("-created_at", "-pk")[:limit]
    return tuple(
        MessageLine(
            row.pk, Channel(row.channel), row.template, decrypt(bytes(row.body_encrypted)), row.created_at, row.sent_at
        )
        for row in rows
    )
