"""Reads of the outbox."""

from datetime import timedelta

import pytest

from bekal.messaging.issue_codes import CodeRequest, issue_codes
from bekal.messaging.models import Channel
from bekal.messaging.queries import messages_to
from tests.factories import jakarta

AT = jakarta(2020, 4, 21)


@pytest.mark.django_db
def test_messages_come_newest_first_and_only_the_holders_own() -> None:
    for holder_id, minute in ((7, 0), (8, 1), (7, 2), (7, 3)):
        request = CodeRequest(holder_id, "buy:1:0", Channel.EMAIL, f"menit {minute}")
        issue_codes(requests=[request], at=AT + timedelta(minutes=minute))
    lines = messages_to(holder_id=7, limit=2)
    assert [line.created_at for line in lines] == [AT + timedelta(minutes=3), AT + timedelta(minutes=2)]
    assert "menit 3" in lines[0].body
    assert lines[0].channel == Channel.EMAIL
    assert messages_to(holder_id=9) == ()
