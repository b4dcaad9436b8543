"""Messages and webhooks leave the house beside the worker, whatever it is at, and go on after an error."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from bekal.config import couriers as module
from bekal.config.couriers import MessageCourier, PaymentCourier, WebhookCourier
from bekal.config.management.commands import work
from bekal.incentives.house_rails import Rail
from bekal.incentives.models import DayClosing
from bekal.ledger.clock import machine_now
from bekal.participants.send_messages import Sent
from bekal.partners.models import WebhookDelivery, WebhookEndpoint
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints
from bekal.partners.webhook_events import ping
from tests import factories
from tests.factories.partners import live_partner
from tests.incentives.test_close_day import morning, stated
from tests.incentives.test_statements import MONDAY
from tests.partners.receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


def pinged(url: str) -> WebhookDelivery:
    now = machine_now()
    wanted = NewEndpoint(live_partner(factories.institution()).pk, True, url, now)
    (outcome,) = open_endpoints(endpoints=[wanted], at=now)
    ping(endpoint=WebhookEndpoint.objects.get(pk=outcome.endpoint_id), at=now, now=now)
    return WebhookDelivery.objects.get()


def test_messages_and_webhooks_go_out_whatever_the_worker_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker itself makes no round here: as while it is at a long proof."""
    asked = threading.Event()

    def send(**_: Any) -> Sent:
        asked.set()
        return Sent()

    monkeypatch.setattr(module, "send_messages", send)
    told: list[str] = []
    arrived = threading.Event()

    def say(text: str) -> None:
        told.append(text)
        arrived.set()

    command = work.Command()
    with receiving() as receiver, override_settings(DEMO=True):
        delivery = pinged(receiver.url)
        with command._beside([MessageCourier(say=say), WebhookCourier(say=say)]):
            assert asked.wait(20) and arrived.wait(20)
    delivery.refresh_from_db()
    assert delivery.delivered_at is not None and told == ["webhooks: 1 delivered"]


def test_a_courier_goes_on_after_whatever_happened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(work, "DATABASE_GONE_SECONDS", 0.01)
    rounds = iter([ValueError("Siti Rahayu"), None])
    went_on = threading.Event()

    class Courier(MessageCourier):
        def round(self) -> bool:
            error = next(rounds, None)
            if error is not None:
                raise error
            went_on.set()
            return False

    with work.Command()._beside([Courier(say=lambda _: None)]):
        assert went_on.wait(20)
    assert "ValueError" in (said := capsys.readouterr().out) and "Siti" not in said


def test_once_is_a_round_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, override_settings(DEMO=True):
        delivery = pinged(receiver.url)
        call_command("work", "--once")
    delivery.refresh_from_db()
    assert delivery.delivered_at is not None


def test_silent_partners_are_looked_for_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    day = machine_now()
    asked, told = [], list[str]()

    def find(*, at: datetime) -> int:
        asked.append(at)
        return 1_200

    monkeypatch.setattr(module, "house_rails", lambda: {"linkaja": Rail("linkaja")})
    monkeypatch.setattr(module, "find_silent", find)
    monkeypatch.setattr(module, "alarming_count", lambda *, at: 3)
    courier = PaymentCourier(say=told.append)
    for now in (day, day, day + timedelta(days=1)):
        monkeypatch.setattr(module, "programme_now", lambda now=now: now)
        courier.round()
    assert asked == [day, day + timedelta(days=1)]
    assert told == ["payments: 1,200 without an answer", "payments: 3 exceptions older than they may be"] * 2


def test_statements_that_have_come_are_closed_by_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    stated()
    told: list[str] = []
    monkeypatch.setattr(module, "programme_now", lambda: morning(MONDAY))
    PaymentCourier(say=told.append).round()
    assert told == ["payments: closed 1 of the partners' days"] and DayClosing.objects.get().stated_on == MONDAY
