"""Reads of the outbox."""

from dataclasses import dataclass, field
from datetime import datetime

from bekal.accounts.privacy import decrypt
from bekal.messaging.issue_codes import TEMPLATE as CODE_TEMPLATE
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
