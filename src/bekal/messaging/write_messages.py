"""`write_messages`: put messages into the outbox, in the transaction that causes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bekal.accounts.privacy import encrypt
from bekal.ledger.copy_rows import copy_rows
from bekal.messaging.models import Channel, OutboxMessage

COLUMNS = ("holder_id", "channel", "template", "body_encrypted", "language", "created_at", "expires_at")


@dataclass(frozen=True, slots=True)
class Message:
    """`body` as its reader reads it, in `language`; `template` names its kind; after `expires_at` it is of no use."""

    holder_id: int
    channel: Channel
    template: str
    body: str = field(repr=False)
    language: str = "id"
    expires_at: datetime | None = None


def write_messages(*, messages: Sequence[Message], at: datetime) -> int:
    """Write messages that the background worker sends afterwards; returns how many. Bodies are encrypted at rest."""
    rows = (
        (
            message.holder_id,
            str(message.channel),
            message.template,
            encrypt(message.body),
            message.language,
            at,
            message.expires_at,
        )
        for message in messages
    )
    return copy_rows(OutboxMessage, COLUMNS, rows)
