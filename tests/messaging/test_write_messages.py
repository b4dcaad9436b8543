"""`write_messages`: the outbox holds what is to be sent, readable by nobody who only has the table."""

import pytest

from bekal.messaging.models import Channel, OutboxMessage
from bekal.messaging.queries import messages_to
from bekal.messaging.write_messages import Message, write_messages
from tests.factories import jakarta

AT = jakarta(2020, 4, 21)


@pytest.mark.django_db
def test_a_message_waits_in_the_outbox_encrypted() -> None:
    message = Message(7, Channel.WHATSAPP, "notice", "Kelas Anda pindah ke pukul 10.00.", "id", jakarta(2020, 4, 22))
    assert write_messages(messages=[message, Message(8, Channel.SMS, "notice", "Lain")], at=AT) == 2
    row = OutboxMessage.objects.get(holder_id=7)
    assert b"pindah" not in bytes(row.body_encrypted)
    assert (row.channel, row.language, row.expires_at, row.attempt_count) == ("whatsapp", "id", jakarta(2020, 4, 22), 0)
    assert (row.sent_at, row.failed_at, row.claimed_at) == (None, None, None)
    (line,) = messages_to(holder_id=7)
    assert line.body == "Kelas Anda pindah ke pukul 10.00."


@pytest.mark.django_db
def test_nothing_to_say_writes_nothing() -> None:
    assert write_messages(messages=[], at=AT) == 0
    assert not OutboxMessage.objects.exists()
