"""`collect_events`: what happened to a partner's own purchases is found, each thing once, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Institution
from bekal.ledger.clock import programme_now
from bekal.partners.models import Partner, WebhookDelivery, WebhookEvent
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints
from bekal.partners.webhook_events import collect_events
from bekal.partners.world import world_of_partner
from bekal.purchases.end_purchases import end_purchases
from tests import factories
from tests.factories.partners import live_partner

NOW = factories.jakarta(2026, 3, 1)
EARLY = factories.jakarta(2020, 1, 3)


def opened(partner: Partner, *events: str, is_sandbox: bool = False, told_from_at: Any = EARLY) -> int:
    wanted = NewEndpoint(partner.pk, is_sandbox, f"https://lembaga.example/{len(events)}", told_from_at, events)
    (outcome,) = open_endpoints(endpoints=[wanted], at=NOW)
    assert outcome.endpoint_id is not None, outcome
    return outcome.endpoint_id


def kinds(partner: Partner) -> list[str]:
    rows = WebhookEvent.objects.filter(partner=partner).order_by("happened_at", "kind")
    return [f"{row.kind}:{row.values.get('purchase')}" for row in rows]


def own(partner: Partner) -> Institution:
    assert partner.institution is not None
    return partner.institution


@pytest.mark.django_db
def test_each_thing_is_told_once_to_whom_it_belongs() -> None:
    mine, other = live_partner(factories.institution()), live_partner(factories.institution())
    opened(mine)
    opened(other)
    (person,) = factories.accepted()
    number = factories.reconciled(person, factories.training(institution=own(mine)))
    assert collect_events(now=NOW) == 3
    assert kinds(mine) == [f"purchase.{kind}:{number}" for kind in ("redeemed", "completed", "proven")]
    assert kinds(other) == []
    assert collect_events(now=NOW) == 0
    proven = WebhookEvent.objects.get(partner=mine, kind="purchase.proven")
    assert proven.values == {"purchase": number, "training": own(mine).trainings.get().code, "price_rupiah": 300_000}


@pytest.mark.django_db
def test_what_commits_late_is_found_late() -> None:
    """An event older than the newest that is known, within a day, is not lost."""
    partner = live_partner(factories.institution())
    opened(partner)
    first, second = factories.accepted(2)
    training = factories.training(institution=own(partner))
    later = factories.redeemed(second, training, at=factories.BOUGHT_AT + timedelta(hours=5))
    assert collect_events(now=NOW) == 1
    earlier = factories.redeemed(first, training)
    assert collect_events(now=NOW) == 1
    assert {each.partition(":")[2] for each in kinds(partner)} == {str(earlier), str(later)}


@pytest.mark.django_db
def test_a_purchase_that_was_not_handed_over_is_not_told() -> None:
    partner = live_partner(factories.institution())
    opened(partner)
    (person,) = factories.accepted()
    factories.bought(person, factories.training(institution=own(partner)))
    assert collect_events(now=NOW) == 0


@pytest.mark.django_db
def test_only_what_an_endpoint_wants_and_what_is_not_before_its_time() -> None:
    partner = live_partner(factories.institution())
    wants_endings, late = opened(partner, "purchase.ended"), opened(partner, "ping", "purchase.redeemed")
    WebhookDelivery.objects.all().delete()
    (person,) = factories.accepted()
    number = factories.redeemed(person, factories.training(institution=own(partner)))
    at = programme_now()
    end_purchases(purchase_ids=[number], at=at)
    collect_events(now=NOW)
    told = WebhookDelivery.objects.order_by("endpoint_id").values_list("endpoint_id", "event__kind")
    assert set(told) == {(wants_endings, "purchase.ended"), (late, "purchase.redeemed")}
    third = opened(partner, "ping", "purchase.ended", "purchase.redeemed", told_from_at=at + timedelta(days=1))
    collect_events(now=NOW)
    assert not WebhookDelivery.objects.filter(endpoint=third).exists()


@pytest.mark.django_db(transaction=True)
def test_the_sandbox_is_told_of_the_sandbox(sandbox: Any) -> None:
    partner = live_partner(factories.institution())
    opened(partner, is_sandbox=True)
    with world_of_partner(partner, is_sandbox=True) as world:
        (person,) = factories.accepted()
        institution = Institution.objects.get(pk=world.institution_id)
        factories.redeemed(person, factories.training(institution=institution))
    assert collect_events(now=NOW) == 1
    assert WebhookEvent.objects.get().is_sandbox


@pytest.mark.django_db(transaction=True)
def test_a_partner_without_a_sandbox_keeps_nobody_waiting() -> None:
    partner = live_partner(factories.institution())
    opened(partner, is_sandbox=True)
    assert collect_events(now=NOW) == 0
