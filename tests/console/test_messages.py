"""The office's page of messages: counts and reasons, and not one word of what was written."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.messaging.models import Channel, Failure, OutboxMessage
from bekal.messaging.queries import outbox_state
from bekal.messaging.write_messages import Message, write_messages
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import PROGRAMME_INSTANT

WORDS = "rahasia sekali"
HOSTILE = ["", "0", "-1", "x", "٣", "9" * 40, "\x00", "1e5"]


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(factories.officer())
    return client


def fail(person: int, failure: Failure = Failure.ADDRESS_REFUSED) -> None:
    write_messages(messages=[Message(person, Channel.SMS, "test", WORDS)], at=PROGRAMME_INSTANT)
    row = OutboxMessage.objects.latest("pk")
    row.failed_at, row.failure, row.attempt_count = PROGRAMME_INSTANT, failure, 1
    row.save()


def test_each_channel_says_what_waits_and_what_became_of_the_rest(office: Client) -> None:
    (participation,) = factories.accepted()
    person = Participation.objects.get(pk=participation).participant_id
    fail(person)
    fail(person, Failure.EXPIRED)
    write_messages(messages=[Message(person, Channel.EMAIL, "test", WORDS)], at=PROGRAMME_INSTANT)
    sms, email, whatsapp = outbox_state(since_at=PROGRAMME_INSTANT)
    assert (sms.waiting_count, sms.failed_counts) == (0, {Failure.EXPIRED: 1, Failure.ADDRESS_REFUSED: 1})
    assert (email.waiting_count, email.oldest_at) == (1, PROGRAMME_INSTANT)
    assert (whatsapp.waiting_count, whatsapp.sent_count, whatsapp.failed_count) == (0, 0, 0)
    page = office.get("/console/messages/").content.decode()
    assert WORDS not in page
    assert f"/console/people/{participation}/" in page
    assert "alamat tidak ada" in page and "tanpa penyedia" in page


def test_an_empty_outbox_says_so(office: Client) -> None:
    assert "Semuanya sampai" in office.get("/console/messages/").content.decode()


@pytest.mark.parametrize("before", HOSTILE)
def test_no_address_is_a_fault(office: Client, before: str) -> None:
    assert office.get("/console/messages/", {"before": before}).status_code == 200


def test_failures_go_on_over_pages_and_cost_the_same(
    office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    (participation,) = factories.accepted()
    for _ in range(52):
        fail(Participation.objects.get(pk=participation).participant_id)
    with assert_queries(7):
        page = office.get("/console/messages/")
    older = office.get("/console/messages/", {"before": page.context["older"]})
    assert (len(page.context["lines"]), len(older.context["lines"]), older.context["older"]) == (50, 2, None)
