"""Webhooks over v2: opened, listed, tried, read, replayed, closed; and nobody else's."""

from typing import Any

import pytest
from django.test import override_settings

from bekal.ledger.clock import machine_now
from bekal.partners.deliver_webhooks import deliver_webhooks
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.partners.receiver import receiving

pytestmark = pytest.mark.django_db
BODY = {"url": "https://lembaga.example/hook", "events": ["purchase.proven"]}


@pytest.fixture
def one() -> Caller:
    return caller()


def test_an_endpoint_is_opened_and_its_secret_told_once(one: Caller) -> None:
    opened = answer(one.post("/webhooks", BODY, idempotency_key="a" * 20), 201)
    assert opened["secret"].startswith("whsec_") and opened["events"] == ["purchase.proven"]
    again = one.post("/webhooks", BODY, idempotency_key="a" * 20)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert answer(again, 201)["secret"] is None
    (listed,) = answer(one.get("/webhooks"))["items"]
    assert listed["webhook"] == opened["webhook"] and "secret" not in listed


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"url": "http://lembaga.example/"}, 422, "url_not_https"),
        ({"url": "https://10.0.0.1/"}, 422, "url_not_public"),
        ({"url": "https://a b/"}, 422, "url_unreadable"),
        ({"events": ["purchase.sung"]}, 422, "event_unknown"),
        ({"events": "ping"}, 422, "values_invalid"),
        ({"secret": "x"}, 422, "values_invalid"),
        ({"url": None}, 422, "values_invalid"),
    ],
)
def test_what_cannot_be_opened_says_why(one: Caller, changed: dict[str, Any], status: int, code: str) -> None:
    problem(one.post("/webhooks", BODY | changed), status, code)


def test_a_ping_arrives_is_listed_and_replayed() -> None:
    two = caller(is_sandbox=False)
    other = caller()
    with receiving() as receiver, override_settings(DEMO=True):
        # A live endpoint never leads to this machine, so the message is sent by hand.
        opened = answer(two.post("/webhooks", BODY | {"events": []}), 201)
        number = opened["webhook"]
        assert answer(two.post(f"/webhooks/{number}/pings"), 202) == {"delivery_count": 1}
        deliver_webhooks(now=machine_now())
        assert receiver.got == []
    (delivery,) = answer(two.get("/webhooks/deliveries"))["items"]
    assert (delivery["event"], delivery["state"], delivery["fault"]) == ("ping", "waiting", "address")
    path = f"/webhooks/deliveries/{delivery['delivery']}/replays"
    assert answer(two.post(path), 202)["state"] == "waiting"
    problem(other.post(path), 404, "delivery_not_found")
    problem(other.post(f"/webhooks/{number}/pings"), 404, "endpoint_not_found")
    problem(other.call("DELETE", f"/webhooks/{number}"), 404, "endpoint_not_found")
    assert answer(other.get("/webhooks/deliveries"))["items"] == []
    assert answer(two.call("DELETE", f"/webhooks/{number}"))["closed_at"]
    assert answer(two.get("/webhooks/deliveries", "state=failed"))["items"][0]["fault"] == "closed"
    problem(two.post(f"/webhooks/{number}/pings"), 409, "endpoint_closed")
    problem(two.post(path), 409, "endpoint_closed")


def test_deliveries_come_page_by_page(one: Caller) -> None:
    number = answer(one.post("/webhooks", BODY), 201)["webhook"]
    for _ in range(5):
        one.post(f"/webhooks/{number}/pings")
    seen, query = [], "limit=2"
    while query:
        page = answer(one.get("/webhooks/deliveries", query))
        seen += [each["delivery"] for each in page["items"]]
        query = f"limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5
    problem(one.get("/webhooks/deliveries", "state=lost"), 422, "values_invalid")


def test_a_key_without_the_scope_is_told_so() -> None:
    problem(caller(scopes=["redeem"]).get("/webhooks"), 403, "scope_missing")
