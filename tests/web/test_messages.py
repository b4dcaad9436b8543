"""Pesan: what the reader was told, without any code and without anybody else's."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.messaging.issue_codes import CodeRequest, issue_codes
from bekal.messaging.models import Channel, Failure, OutboxMessage
from bekal.participants.models import Participation
from bekal.participants.notify import Notice, notify
from tests import factories
from tests.conftest import PROGRAMME_INSTANT
from tests.web.conftest import Visitor

SignIn = Callable[..., Visitor]


@pytest.mark.django_db
def test_the_reader_finds_what_they_were_told(sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    mine, other = factories.accepted(2)
    people = [Participation.objects.get(pk=each).participant_id for each in (mine, other)]
    for person, words in zip(people, ("Sesi 2 pindah hari.", "Untuk orang lain."), strict=True):
        notify(notices=[Notice(person, "test", words)], at=PROGRAMME_INSTANT)
    issue_codes(requests=[CodeRequest(people[0], "buy:1:0", Channel.SMS, "Barista")], at=PROGRAMME_INSTANT)
    visitor = sign_in(mine)
    with assert_queries(6):
        page = visitor.open("messages")
    assert "Sesi 2 pindah hari." in page
    assert "Untuk orang lain." not in page and "kode Bekal" not in page
    OutboxMessage.objects.update(failed_at=PROGRAMME_INSTANT, failure=Failure.GAVE_UP)
    assert "tidak sampai" in visitor.open("messages")


@pytest.mark.django_db
def test_who_was_told_nothing_reads_why(sign_in: SignIn) -> None:
    (mine,) = factories.accepted()
    assert "Belum ada pesan" in sign_in(mine).open("messages")
