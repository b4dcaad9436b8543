"""`issue_codes`: six digits for ten minutes, five an hour, and a message without a link."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.messaging.models import Channel, OneTimeCode, OutboxMessage
from bekal.messaging.queries import messages_to
from bekal.messaging.refusals import CodeRefusal
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 4, 21)


def request(holder_id: int = 7, subject: str = "buy:1:300000") -> CodeRequest:
    return CodeRequest(holder_id, subject, Channel.SMS, "Barista Dasar, Rp300.000")


def codes_of(outcomes: Any) -> list[str | None]:
    return [outcome.code.value if isinstance(outcome, Refusal) else None for outcome in outcomes]


@pytest.mark.django_db
def test_a_code_has_six_digits_and_lives_ten_minutes() -> None:
    (issued,) = issue_codes(requests=[request()], at=AT)
    assert isinstance(issued, IssuedCode)
    assert re.fullmatch("[0-9]{6}", issued.code, re.ASCII)
    assert (issued.holder_id, issued.subject) == (7, "buy:1:300000")
    assert issued.expires_at == AT + timedelta(minutes=10)
    row = OneTimeCode.objects.get(pk=issued.code_id)
    assert (row.issued_at, row.expires_at, row.attempts_left, row.used_at) == (AT, issued.expires_at, 5, None)
    assert issued.code not in repr(issued)


@pytest.mark.django_db
def test_the_message_has_the_code_and_its_purpose_and_no_link() -> None:
    (issued,) = issue_codes(requests=[request()], at=AT)
    assert isinstance(issued, IssuedCode)
    (message,) = messages_to(holder_id=7)
    assert issued.code in message.body
    assert "Barista Dasar, Rp300.000" in message.body
    assert not re.search(r"https?:|www\.|/\w", message.body)
    assert (message.channel, message.created_at, message.sent_at) == (Channel.SMS, AT, None)
    stored = bytes(OutboxMessage.objects.get().body_encrypted)
    assert issued.code.encode() not in stored
    assert message.body not in repr(message)


@pytest.mark.django_db
def test_codes_differ() -> None:
    issued = issue_codes(requests=[request(holder_id) for holder_id in range(100)], at=AT)
    assert len({each.code for each in issued if isinstance(each, IssuedCode)}) > 90
    assert len(set(OneTimeCode.objects.order_by("pk").values_list("code_hash", flat=True))) == 100


@pytest.mark.django_db
def test_a_holder_gets_five_codes_an_hour_whatever_they_are_for() -> None:
    requests = [request(subject=f"buy:{number}:0") for number in range(4)]
    assert codes_of(issue_codes(requests=requests, at=AT)) == [None] * 4
    later = AT + timedelta(minutes=20)
    outcomes = issue_codes(requests=[request(), request(holder_id=8), request(), request()], at=later)
    refused = CodeRefusal.TOO_MANY_CODES
    assert codes_of(outcomes) == [None, None, refused, refused]
    assert outcomes[2] == Refusal(refused, {"limit_count": 5, "wait_minutes": 40})
    with nothing_changes():
        assert codes_of(issue_codes(requests=[request()], at=AT + timedelta(minutes=59))) == [refused]
    assert codes_of(issue_codes(requests=[request()] * 5, at=AT + timedelta(minutes=60))) == [None] * 4 + [refused]


@pytest.mark.django_db
def test_more_than_five_at_once_are_refused_with_the_hour_to_wait() -> None:
    outcomes = issue_codes(requests=[request()] * 6, at=AT)
    assert outcomes[5] == Refusal(CodeRefusal.TOO_MANY_CODES, {"limit_count": 5, "wait_minutes": 60})


@pytest.mark.django_db(transaction=True)
def test_rivals_get_five_codes_together(race: Callable[..., list[Any]]) -> None:
    results = race(*(lambda: issue_codes(requests=[request(), request()], at=AT) for _ in range(6)))
    assert OneTimeCode.objects.count() == OutboxMessage.objects.count() == 5
    assert sum(isinstance(outcome, IssuedCode) for result in results for outcome in result) == 5


@pytest.mark.django_db(transaction=True)
def test_two_calls_for_the_same_people_in_opposite_order_do_not_wait_in_a_ring(race: Callable[..., list[Any]]) -> None:
    requests = [request(holder_id) for holder_id in range(60)]
    for result in race(
        lambda: issue_codes(requests=requests, at=AT), lambda: issue_codes(requests=requests[::-1], at=AT)
    ):
        assert codes_of(result) == [None] * 60


@pytest.mark.django_db
def test_many_codes_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    for first, count in ((0, 1), (1000, 80)):
        requests = [request(holder_id) for holder_id in range(first, first + count)]
        with assert_queries(5):
            issue_codes(requests=requests, at=AT)
    with assert_queries(0):
        assert issue_codes(requests=[], at=AT) == ()
