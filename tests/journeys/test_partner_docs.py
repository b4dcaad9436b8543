"""The page on which a partner reads and tries v2: readable without scripts, and signed by the browser with them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import WINDOWS, Window
from tests.journeys.visitor import Visitor
from tests.journeys.world import World

pytestmark = pytest.mark.browser
# A live key: the copy of a programme that a journey walks through has no sandbox beside it.
MAKE_A_KEY = """
import json
from bekal.catalogue.models import Institution
from bekal.ledger.clock import programme_now
from bekal.partners.keys import KeyOrder, issue_keys
from bekal.partners.models import Partner
from bekal.partners.scopes import ALL_SCOPES
place = Institution.objects.filter(partner=None, trainings__purchases=None).order_by("pk").first()
partner = Partner.objects.create(code="uji-peramban", name=place.name, kind="institution", institution=place,
                                 registered_at=programme_now())
(issued,) = issue_keys(orders=[KeyOrder(partner.pk, 2, False, ALL_SCOPES)], at=programme_now())
print(json.dumps({"key_id": issued.client_code, "secret": issued.secret}))
"""
Visit = Callable[[World, Window], Visitor]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_every_operation_and_problem_can_be_read(museum: World, visit: Visit, window: Window) -> None:
    visitor = visit(museum, window)
    visitor.go("/api/v2/docs/")
    assert "POST /api/v2/redemptions" in visitor.text("main")
    visitor.go("/api/v2/problems/")
    visitor.go("/api/v2/problems/idempotency_key_reused")
    assert "What to do" in visitor.text("main") and "Yang harus dilakukan" in visitor.text("main")


def test_a_call_is_signed_in_the_browser(world: World, visit: Visit) -> None:
    key = json.loads(world.manage("shell", "-v", "0", "-c", MAKE_A_KEY))
    visitor = visit(world, Window(1280))
    visitor.go("/api/v2/docs/")
    page = visitor.page
    page.fill("#key-id", key["key_id"])
    page.fill("#key-secret", key["secret"])

    def tried(operation: str, **fields: str) -> tuple[str, Any]:
        place = page.locator(f"#{operation}")
        if place.get_attribute("open") is None:
            place.locator("summary").click()
        for name, value in fields.items():
            place.locator(f"[name={name}]").fill(value)
        with page.expect_response(lambda response: "/api/v2/" in response.url):
            place.locator("button").click()
        # not wait_for_function: where the first look fails it evaluates a string, which the page's policy forbids
        expect(place.locator("button")).to_be_enabled()
        head, body, headers = place.locator("[data-told]").inner_text().split("\n\n")
        assert "content-language: id" in headers
        return head, json.loads(body)

    head, told = tried("me")
    assert head.startswith("200") and told["world"] == "live"
    assert tried("purchases", limit="10", training="a b&c")[1] == {"items": [], "next": None}
    head, told = tried("record_attendance", body='{"lines": [{"purchase": 1, "sequence": 1}]}')
    assert head.startswith("200") and told["refused_count"] == 1
    assert tried("purchases", limit="1", training="")[0].startswith("200"), "once more, from the same form"
    visitor.look()
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
