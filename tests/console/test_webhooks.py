"""An institution's staff open webhooks, see each delivery of their own, and send it again; secrets are shown once."""

import re
from typing import Any

import pytest
from django.test import Client

from bekal.catalogue.models import Institution
from bekal.console.webhooks import EVENTS
from bekal.ledger.clock import machine_now
from bekal.partners.models import Partner, WebhookDelivery, WebhookEndpoint
from bekal.partners.replay_deliveries import REPLAY_LIMIT_COUNT
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints
from bekal.partners.webhook_events import ping
from tests import factories
from tests.conftest import PROGRAMME_INSTANT
from tests.databases import TestDatabase
from tests.factories.partners import live_partner

pytestmark = pytest.mark.django_db
HOME = "/institution/webhooks/"
# A documented public address: nothing is looked up for a literal one.
URL = "https://93.184.215.14/kabar"


@pytest.fixture
def institution() -> Institution:
    return factories.institution()


@pytest.fixture
def partner(institution: Institution) -> Partner:
    return live_partner(institution)


@pytest.fixture
def desk(client: Client, institution: Institution) -> Client:
    client.force_login(factories.institution_staff(institution))
    return client


def said(desk: Client, path: str = HOME, data: dict[str, Any] | None = None, *, status: int = 200) -> str:
    response = desk.get(path) if data is None else desk.post(f"{HOME}{path}/", data, follow=True)
    assert response.status_code == status
    return response.content.decode()


def opened(partner: Partner, url: str = URL, *, is_sandbox: bool = False) -> WebhookEndpoint:
    new = NewEndpoint(partner.pk, is_sandbox, url, PROGRAMME_INSTANT)
    (outcome,) = open_endpoints(endpoints=[new], at=PROGRAMME_INSTANT)
    return WebhookEndpoint.objects.get(pk=outcome.endpoint_id)


def failed(endpoint: WebhookEndpoint) -> WebhookDelivery:
    ping(endpoint=endpoint, at=PROGRAMME_INSTANT, now=machine_now())
    row = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-pk")[:1].get()
    WebhookDelivery.objects.filter(pk=row.pk).update(
        failed_at=machine_now(), attempt_count=10, fault="status", answer_status=503
    )
    return row


def test_open_see_the_secret_once_ping_and_close(desk: Client, partner: Partner) -> None:
    page = said(desk)
    assert "Tidak ada webhook yang terbuka" in page and page.count('type="checkbox" name="events"') == len(EVENTS)
    page = said(desk, "open", {"world": "live", "url": URL, "events": ["purchase.redeemed"]})
    (secret,) = set(re.findall(r"whsec_[\w+/=-]+", page))
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.is_sandbox, endpoint.events, endpoint.url) == (False, ["purchase.redeemed"], URL)
    page = said(desk)
    assert URL in page and secret not in page and "Belum ada yang dikirim" in page
    assert "sudah terbuka" in said(desk, "open", {"world": "live", "url": URL}, status=422).lower()
    said(desk, "open", {"world": "live", "url": "http://lembaga.id/"}, status=422)
    said(desk, "open", {"world": "live", "url": URL + "2", "events": ["purchase.bought"]}, status=422)
    assert "Ping sedang dikirim" in said(desk, "ping", {"world": "live", "webhook": endpoint.pk})
    assert WebhookDelivery.objects.get().event.kind == "ping"
    assert "Webhook ditutup" in said(desk, "close", {"world": "live", "webhook": endpoint.pk})
    assert "Pernah ditutup" in said(desk)
    assert "ditutup" in said(desk, "ping", {"world": "live", "webhook": endpoint.pk})


def test_a_failed_delivery_is_sent_again_at_most_so_often(desk: Client, partner: Partner) -> None:
    row = failed(opened(partner))
    page = said(desk, f"{HOME}?state=failed")
    assert "dijawab dengan 503" in page and "Kirim lagi" in page
    assert "Tidak ada kiriman dengan status ini" in said(desk, f"{HOME}?state=delivered")
    assert "dikirim lagi" in said(desk, "replay", {"world": "live", "delivery": row.pk})
    assert "memang sedang dikirim" in said(desk, "replay", {"world": "live", "delivery": row.pk})
    row.refresh_from_db()
    assert (row.failed_at, row.attempt_count, row.replay_count) == (None, 0, 1)
    WebhookDelivery.objects.update(failed_at=machine_now(), replay_count=REPLAY_LIMIT_COUNT)
    assert str(REPLAY_LIMIT_COUNT) in said(desk, "replay", {"world": "live", "delivery": row.pk})
    row.refresh_from_db()
    assert row.failed_at is not None


def test_nothing_of_anothers_is_seen_or_touched(desk: Client, partner: Partner) -> None:
    other = opened(live_partner(factories.institution()), URL + "-lain")
    own_sandbox = opened(partner, URL + "-uji", is_sandbox=True)
    rows = {endpoint.pk: failed(endpoint).pk for endpoint in (other, own_sandbox)}
    page = said(desk)
    assert URL not in page and "Kirim lagi" not in page
    for endpoint in (other, own_sandbox):
        for act, fields in (("close", {"webhook": endpoint.pk}), ("ping", {"webhook": endpoint.pk})):
            said(desk, act, fields | {"world": "live"})
        said(desk, "replay", {"delivery": rows[endpoint.pk], "world": "live"})
    for wrong in ("", "x", "9" * 40):
        for act, name in (("close", "webhook"), ("ping", "webhook"), ("replay", "delivery")):
            said(desk, act, {"world": wrong, name: wrong})
    assert WebhookDelivery.objects.filter(failed_at__isnull=False).count() == WebhookDelivery.objects.count() == 2
    assert not WebhookEndpoint.objects.exclude(closed_at=None).exists()


def test_the_list_goes_on_to_older_ones(desk: Client, partner: Partner) -> None:
    endpoint = opened(partner)
    for _ in range(51):
        ping(endpoint=endpoint, at=PROGRAMME_INSTANT, now=machine_now())
    page = said(desk)
    (address,) = re.findall(r'href="(\?world=live&amp;state=&amp;before=\d+)"', page)
    oldest = WebhookDelivery.objects.order_by("pk")[:1].get()
    assert f"evt_{oldest.event_id}<" not in page
    older = said(desk, HOME + address.replace("&amp;", "&"))
    assert f"evt_{oldest.event_id}<" in older and older.count("<code>ping</code>") == 1


def test_without_a_system_there_is_nothing_to_open(desk: Client) -> None:
    assert "Sistem Anda belum terdaftar" in said(desk)
    for act in ("open", "close", "ping", "replay"):
        assert "Sistem Anda belum terdaftar" in said(desk, act, {"url": URL, "webhook": 1, "delivery": 1})


def test_the_sandbox_has_webhooks_of_its_own(desk: Client, sandbox: TestDatabase) -> None:
    desk.post("/institution/sandbox/open/")
    page = said(desk, "open", {"world": "sandbox", "url": URL})
    assert "whsec_" in page
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.is_sandbox and URL not in said(desk) and URL in said(desk, f"{HOME}?world=sandbox")
    assert "Webhook ditutup" in said(desk, "close", {"world": "sandbox", "webhook": endpoint.pk})


def test_the_page_is_a_handful_of_queries(desk: Client, partner: Partner, assert_queries) -> None:  # type: ignore[no-untyped-def]
    endpoint = opened(partner)
    for _ in range(5):
        failed(endpoint)
    with assert_queries(7):
        desk.get(HOME)
