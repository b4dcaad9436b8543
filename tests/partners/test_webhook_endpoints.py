"""`open_endpoints` and `close_endpoints`."""

import pytest

from bekal.partners.models import WebhookEndpoint
from bekal.partners.webhook_endpoints import (
    OPEN_LIMIT_COUNT,
    NewEndpoint,
    OwnEndpoint,
    close_endpoints,
    open_endpoints,
    rotate_secrets,
)
from tests import factories
from tests.factories.partners import live_partner
from tests.factories.unchanged import nothing_changes

NOW = factories.jakarta(2026, 3, 1)
pytestmark = pytest.mark.django_db


def wanted(partner_id: int, path: str = "a", *events: str, is_sandbox: bool = False) -> NewEndpoint:
    return NewEndpoint(partner_id, is_sandbox, f"https://lembaga.example/{path}", NOW, events)


def test_each_endpoint_has_a_secret_that_the_table_does_not_show() -> None:
    partner = live_partner(factories.institution())
    one, two = open_endpoints(endpoints=[wanted(partner.pk), wanted(partner.pk, "b")], at=NOW)
    assert one.secret.startswith("whsec_") and one.secret != two.secret
    row = WebhookEndpoint.objects.get(pk=one.endpoint_id)
    assert one.secret.encode() not in bytes(row.secret_encrypted)
    assert one.secret not in repr(one)


def test_the_same_again_too_many_and_unknown_kinds_are_refused() -> None:
    partner = live_partner(factories.institution())
    open_endpoints(endpoints=[wanted(partner.pk, str(number)) for number in range(OPEN_LIMIT_COUNT)], at=NOW)
    with nothing_changes():
        outcomes = open_endpoints(
            endpoints=[wanted(partner.pk, "0"), wanted(partner.pk, "new"), wanted(partner.pk, "x", "purchase.sung")],
            at=NOW,
        )
    codes = [outcome.refusal and outcome.refusal.code for outcome in outcomes]
    assert codes == ["endpoint_taken", "endpoints_open", "event_unknown"]
    (other_world,) = open_endpoints(endpoints=[wanted(partner.pk, "0", is_sandbox=True)], at=NOW)
    assert other_world.refusal is None


def test_only_its_own_partner_closes_an_endpoint_and_a_second_time_changes_nothing() -> None:
    partner, other = live_partner(factories.institution()), live_partner(factories.institution())
    (opened,) = open_endpoints(endpoints=[wanted(partner.pk)], at=NOW)
    assert opened.endpoint_id is not None
    with nothing_changes():
        strangers = [
            OwnEndpoint(other.pk, False, opened.endpoint_id),
            OwnEndpoint(partner.pk, True, opened.endpoint_id),
        ]
        outcomes = close_endpoints(closings=[*strangers, OwnEndpoint(partner.pk, False, 99)], at=NOW)
        outcomes += rotate_secrets(rotations=strangers, now=NOW)
    assert {outcome.refusal and outcome.refusal.code for outcome in outcomes} == {"endpoint_not_found"}
    own = OwnEndpoint(partner.pk, False, opened.endpoint_id)
    assert not close_endpoints(closings=[own], at=NOW)[0].repeated
    assert close_endpoints(closings=[own], at=NOW)[0].repeated
    (closed,) = rotate_secrets(rotations=[own], now=NOW)
    assert closed.refusal is not None and closed.refusal.code == "endpoint_closed"
    (again,) = open_endpoints(endpoints=[wanted(partner.pk)], at=NOW)
    assert again.refusal is None, "a closed address can be opened anew, with another secret"
