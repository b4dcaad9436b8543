"""`deliver_webhooks`: over a real socket, signed, again where it failed, never twice by us and never nowhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from bekal.partners.deliver_webhooks import PUT_OFF, WAITS, Answer, Parcel, deliver_webhooks
from bekal.partners.models import WebhookDelivery, WebhookEndpoint
from bekal.partners.replay_deliveries import REPLAY_LIMIT_COUNT, Replay, replay_deliveries
from bekal.partners.webhook_endpoints import (
    OLD_SECRET_LASTS,
    NewEndpoint,
    OwnEndpoint,
    close_endpoints,
    open_endpoints,
    rotate_secrets,
)
from bekal.partners.webhook_events import ping
from tests import factories
from tests.factories.partners import live_partner
from tests.partners.receiver import Receiver, receiving

NOW = factories.jakarta(2026, 3, 1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver, override_settings(DEMO=True):
        yield receiver


def opened(url: str) -> tuple[WebhookEndpoint, str]:
    (outcome,) = open_endpoints(
        endpoints=[NewEndpoint(live_partner(factories.institution()).pk, True, url, NOW)], at=NOW
    )
    assert outcome.endpoint_id is not None, outcome
    return WebhookEndpoint.objects.get(pk=outcome.endpoint_id), outcome.secret


def pinged(endpoint: WebhookEndpoint, now: datetime = NOW) -> WebhookDelivery:
    assert ping(endpoint=endpoint, at=now, now=now).delivery_count == 1
    return WebhookDelivery.objects.latest("pk")


@pytest.mark.django_db
def test_a_message_arrives_once_signed_in_the_layout(receiver: Receiver) -> None:
    endpoint, secret = opened(receiver.url)
    delivery = pinged(endpoint)
    assert deliver_webhooks(now=NOW).counts == {"delivered": 1}
    assert deliver_webhooks(now=NOW + timedelta(days=1)).counts == {}
    assert receiver.is_signed_by(secret)
    (told,) = receiver.events()
    assert (told["type"], told["data"]) == ("ping", {"webhook": endpoint.pk})
    assert datetime.fromisoformat(told["timestamp"]) == NOW
    headers, _ = receiver.got[0]
    assert headers["webhook-id"] == f"evt_{delivery.event_id}"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivery.answer_status, delivery.fault) == (NOW, 204, "")


@pytest.mark.django_db
def test_what_is_not_taken_comes_again_under_its_number_for_three_days(receiver: Receiver) -> None:
    endpoint, secret = opened(receiver.url)
    pinged(endpoint)
    receiver.status, now = 500, NOW
    for wait in WAITS:
        assert deliver_webhooks(now=now).counts == {"status": 1}
        assert deliver_webhooks(now=now + wait - timedelta(seconds=1)).counts == {}
        now += wait
    assert deliver_webhooks(now=now).counts == {"status": 1}
    row = WebhookDelivery.objects.get()
    assert (row.failed_at, row.attempt_count, row.answer_status) == (now, len(WAITS) + 1, 500)
    assert timedelta(days=3) < now - NOW < timedelta(days=4)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert all(receiver.is_signed_by(secret, number) for number in range(len(receiver.got)))


@pytest.mark.django_db
def test_a_redirect_is_no_answer(receiver: Receiver) -> None:
    endpoint, _ = opened(receiver.url)
    pinged(endpoint)
    receiver.status, receiver.location = 302, receiver.url
    assert deliver_webhooks(now=NOW).counts == {"status": 1}
    assert len(receiver.got) == 1


@pytest.mark.django_db
def test_gone_closes_the_endpoint_and_what_waits_has_failed(receiver: Receiver) -> None:
    endpoint, _ = opened(receiver.url)
    pinged(endpoint)
    later = pinged(endpoint, NOW + timedelta(hours=1))
    receiver.status = 410
    assert deliver_webhooks(now=NOW).counts == {"status": 1}
    endpoint.refresh_from_db()
    later.refresh_from_db()
    assert (endpoint.closed_at, endpoint.close_reason, later.fault) == (NOW, "gone", "closed")
    assert ping(endpoint=endpoint, at=NOW, now=NOW).refusal is not None


@pytest.mark.django_db
def test_nobody_there_and_an_address_that_went_inside_are_told_apart(receiver: Receiver) -> None:
    endpoint, _ = opened("http://127.0.0.1:1/")
    pinged(endpoint)
    assert deliver_webhooks(now=NOW).counts == {"connection": 1}
    with override_settings(DEMO=False):
        assert deliver_webhooks(now=NOW + WAITS[0]).counts == {"address": 1}


@pytest.mark.django_db(transaction=True)
def test_the_claim_of_a_worker_that_died_is_taken_over_under_the_same_number(receiver: Receiver) -> None:
    endpoint, _ = opened(receiver.url)
    pinged(endpoint)

    def dies(parcel: Parcel) -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver_webhooks(now=NOW, post=dies)
    assert deliver_webhooks(now=NOW + timedelta(minutes=4)).counts == {}
    assert deliver_webhooks(now=NOW + timedelta(minutes=5)).counts == {"delivered": 1}


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_once(race: Callable[..., list[Any]], receiver: Receiver) -> None:
    endpoint, _ = opened(receiver.url)
    for _ in range(6):
        pinged(endpoint)
    race(*(lambda: deliver_webhooks(now=NOW, limit=3) for _ in range(2)))
    deliver_webhooks(now=NOW)
    numbers = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(numbers) == len(set(numbers)) == 6


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_inside_a_transaction() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        deliver_webhooks(now=NOW)


@pytest.mark.django_db
def test_who_answers_byte_by_byte_has_no_more_time_than_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of each read alone would let one receiver hold the worker for ever."""
    monkeypatch.setattr("bekal.partners.deliver_webhooks.TIMEOUT_SECONDS", 0.5)
    endpoint, _ = opened(receiver.url)
    pinged(endpoint)
    receiver.drip_seconds = 0.2
    assert deliver_webhooks(now=NOW).counts == {"timeout": 1}, "and not whatever it says in the end"


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [Answer(None, "timeout"), Answer(None, "connection"), Answer(None, "address")])
def test_an_endpoint_that_does_not_answer_is_asked_once_in_a_round(answer: Answer) -> None:
    with override_settings(DEMO=True):
        away, quiet = opened("http://127.0.0.1:1/a")[0], opened("http://127.0.0.1:1/b")[0]
    first, second = pinged(away), pinged(away)
    pinged(quiet)
    asked: list[int] = []

    def post(parcel: Parcel) -> Answer:
        asked.append(parcel.endpoint_id)
        return answer if parcel.endpoint_id == away.pk else Answer(204, "")

    assert deliver_webhooks(now=NOW, post=post).counts == {answer.fault: 1, "delivered": 1}
    assert sorted(asked) == sorted([away.pk, quiet.pk])
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.attempt_count, first.due_at, first.fault) == (1, NOW + WAITS[0], answer.fault)
    assert (second.attempt_count, second.due_at, second.claimed_at, second.fault) == (0, NOW + PUT_OFF, None, "")


@pytest.mark.django_db
def test_an_endpoint_that_is_slow_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bekal.partners.deliver_webhooks.ONE_ENDPOINT_SECONDS", -1.0)
    with override_settings(DEMO=True):
        slow = opened("http://127.0.0.1:1/a")[0]
    for _ in range(3):
        pinged(slow)
    assert deliver_webhooks(now=NOW, post=lambda _: Answer(204, "")).counts == {"delivered": 1}
    assert deliver_webhooks(now=NOW + PUT_OFF, post=lambda _: Answer(204, "")).counts == {"delivered": 1}


@pytest.mark.django_db
def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day_more(receiver: Receiver) -> None:
    endpoint, old = opened(receiver.url)
    own = OwnEndpoint(endpoint.partner_id, True, endpoint.pk)
    (rotated,) = rotate_secrets(rotations=[own], now=NOW)
    assert rotated.secret.startswith("whsec_") and rotated.secret != old
    pinged(endpoint)
    deliver_webhooks(now=NOW)
    assert receiver.is_signed_by(old) and receiver.is_signed_by(rotated.secret)
    later = NOW + OLD_SECRET_LASTS
    pinged(endpoint, later)
    deliver_webhooks(now=later)
    assert receiver.is_signed_by(rotated.secret) and not receiver.is_signed_by(old)
    assert len(receiver.got[-1][0]["webhook-signature"].split()) == 1


@pytest.mark.django_db
def test_a_slow_endpoint_does_not_keep_the_others_waiting() -> None:
    """At most twenty of one endpoint are taken at a time."""
    with override_settings(DEMO=True):
        busy, quiet = opened("http://127.0.0.1:1/a")[0], opened("http://127.0.0.1:1/b")[0]
    for _ in range(25):
        pinged(busy)
    pinged(quiet)
    taken: list[int] = []

    def keep(parcel: Parcel) -> Answer:
        taken.append(parcel.endpoint_id)
        return Answer(204, "")

    deliver_webhooks(now=NOW, post=keep)
    assert (taken.count(busy.pk), taken.count(quiet.pk)) == (20, 1)


@pytest.mark.django_db
def test_a_replay_is_the_same_message_with_a_new_signature(receiver: Receiver) -> None:
    endpoint, secret = opened(receiver.url)
    delivery = pinged(endpoint)
    deliver_webhooks(now=NOW)
    later = NOW + timedelta(days=30)
    wanted = Replay(endpoint.partner_id, True, delivery.pk)
    (outcome,) = replay_deliveries(replays=[wanted], now=later)
    assert (outcome.delivery_id, outcome.refusal, outcome.repeated) == (delivery.pk, None, False)
    assert replay_deliveries(replays=[wanted], now=later)[0].repeated, "it is on its way already"
    assert deliver_webhooks(now=later).counts == {"delivered": 1}
    (first, first_body), (second, second_body) = receiver.got
    assert (first["webhook-id"], first_body) == (second["webhook-id"], second_body)
    assert first["webhook-signature"] != second["webhook-signature"] and receiver.is_signed_by(secret)


@pytest.mark.django_db
def test_a_replay_of_anothers_of_none_of_a_closed_one_or_too_often_is_refused(receiver: Receiver) -> None:
    endpoint, _ = opened(receiver.url)
    delivery = pinged(endpoint)
    deliver_webhooks(now=NOW)
    other = live_partner(factories.institution())
    strangers = [
        Replay(other.pk, True, delivery.pk),
        Replay(endpoint.partner_id, False, delivery.pk),
        Replay(other.pk, True, 99),
    ]
    codes = [outcome.refusal and outcome.refusal.code for outcome in replay_deliveries(replays=strangers, now=NOW)]
    assert codes == ["delivery_not_found"] * 3
    own = Replay(endpoint.partner_id, True, delivery.pk)
    WebhookDelivery.objects.update(replay_count=REPLAY_LIMIT_COUNT)
    (outcome,) = replay_deliveries(replays=[own], now=NOW)
    assert outcome.refusal is not None and outcome.refusal.code == "replays_spent"
    close_endpoints(closings=[OwnEndpoint(endpoint.partner_id, True, endpoint.pk)], at=NOW)
    (outcome,) = replay_deliveries(replays=[own], now=NOW)
    assert outcome.refusal is not None and outcome.refusal.code == "endpoint_closed"


@pytest.mark.django_db
def test_a_batch_costs_the_same_number_of_statements(
    receiver: Receiver, assert_queries: Callable[..., AbstractContextManager[None]]
) -> None:
    endpoint, _ = opened(receiver.url)
    for _ in range(9):
        pinged(endpoint)
    with assert_queries(3):
        deliver_webhooks(now=NOW)
