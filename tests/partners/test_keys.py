"""`issue_keys`, `revoke_keys`, `suspend_keys`, `lift_keys`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.partners.keys import (
    DOUBLE_CLICK,
    LIVE_LIMIT_COUNT,
    KeyOrder,
    issue_keys,
    lift_keys,
    revoke_keys,
    suspend_keys,
)
from bekal.partners.misses import MISS_LIMIT_COUNT, record_miss
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.refusals import PartnerRefusal
from tests import factories
from tests.factories.partners import key_of, live_partner, sandbox_partner
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.BOUGHT_AT


@pytest.fixture
def partner() -> Partner:
    return live_partner(factories.institution())


def test_a_key_has_a_secret_that_is_told_once_and_lies_encrypted(partner: Partner) -> None:
    orders = [KeyOrder(partner.pk, 1, is_sandbox=False), KeyOrder(partner.pk, 2, True, ("redeem",))]
    live, test = issue_keys(orders=orders, at=AT)
    assert live.secret != test.secret and len(live.secret) == 64 and live.secret not in repr(live)
    for outcome, order in zip((live, test), orders, strict=True):
        key = PartnerKey.objects.get(pk=outcome.key_id)
        assert (key.generation, key.is_sandbox, tuple(key.scopes)) == (order.generation, order.is_sandbox, order.scopes)
        assert key.client_code == outcome.client_code and key.client_code.startswith(partner.code)
        assert decrypt(bytes(key.secret_encrypted)) == outcome.secret
        assert outcome.secret.encode() not in bytes(key.secret_encrypted)


def test_two_of_each_generation_and_world_and_outcomes_in_order(partner: Partner) -> None:
    stranger = sandbox_partner("lain")
    platform = sandbox_partner("platform", kind="platform")
    wanted = [KeyOrder(partner.pk, 1, is_sandbox=False)] * (LIVE_LIMIT_COUNT + 1)
    wanted += [KeyOrder(stranger.pk, 2, is_sandbox=False), KeyOrder(platform.pk, 1, is_sandbox=True)]
    wanted += [KeyOrder(0, 1, is_sandbox=True), KeyOrder(partner.pk, 2, is_sandbox=False)]
    told = [outcome.refusal and outcome.refusal.code for outcome in issue_keys(orders=wanted, at=AT)]
    assert told == [
        *(None, None, "two_keys_live"),
        *("partner_not_tied", "v1_for_institutions_only"),
        *("unknown_partner", None),
    ]
    first = PartnerKey.objects.filter(generation=1).order_by("pk")[:1].get()
    revoke_keys(key_ids=[first.pk], at=AT)
    (again,) = issue_keys(orders=wanted[:1], at=AT)
    assert again.refusal is None


@pytest.mark.django_db(transaction=True)
def test_rivals_get_two_keys_and_no_third(race: Callable[..., list[Any]]) -> None:
    order = KeyOrder(live_partner(factories.institution()).pk, 1, is_sandbox=False)
    told = race(*[lambda: issue_keys(orders=[order], at=AT)[0].refusal for _ in range(5)])
    assert sum(refusal is None for refusal in told) == PartnerKey.objects.count() == LIVE_LIMIT_COUNT


def test_revoked_is_for_good_and_told_again(partner: Partner) -> None:
    key = key_of(partner, is_sandbox=False, at=AT)
    first, unknown, again = revoke_keys(key_ids=[key.pk, 0, key.pk], at=AT - timedelta(days=1))
    assert (first.repeated, again.repeated) == (False, True)
    assert unknown.refusal is not None and unknown.refusal.code == "unknown_key"
    key.refresh_from_db()
    assert key.revoked_at == AT, "a clock that was set back ends no key before it began"
    with nothing_changes():
        (once_more,) = revoke_keys(key_ids=[key.pk], at=AT + timedelta(days=1))
        (suspended,) = suspend_keys(key_ids=[key.pk], at=AT)
        (lifted,) = lift_keys(key_ids=[key.pk], at=AT)
    assert once_more.repeated
    for outcome in (suspended, lifted):
        assert outcome.refusal is not None and outcome.refusal.code == "key_revoked"


def test_suspended_by_an_officer_its_misses_stay_and_lifted_they_begin_anew(partner: Partner) -> None:
    key = key_of(partner, is_sandbox=False)
    assert record_miss(key_id=key.pk, at=AT)
    suspended, again = suspend_keys(key_ids=[key.pk], at=AT)[0], suspend_keys(key_ids=[key.pk], at=AT)[0]
    assert (suspended.repeated, again.repeated) == (False, True)
    key.refresh_from_db()
    assert (key.suspended_at, key.miss_count) == (AT, 1)
    assert not record_miss(key_id=key.pk, at=AT), "a suspended key is told nothing more"
    assert not lift_keys(key_ids=[key.pk], at=AT)[0].repeated
    assert lift_keys(key_ids=[key.pk], at=AT)[0].repeated
    for number in range(MISS_LIMIT_COUNT):
        key.refresh_from_db()
        assert (key.suspended_at, key.miss_count) == (None, number)
        assert record_miss(key_id=key.pk, at=AT)
    key.refresh_from_db()
    assert key.suspended_at == AT and not record_miss(key_id=key.pk, at=AT)


def test_an_instant_without_a_zone_is_an_error(partner: Partner) -> None:
    key = key_of(partner)
    with pytest.raises(ValueError, match=r"zone|naive|aware"):
        lift_keys(key_ids=[key.pk], at=AT.replace(tzinfo=None))


def test_a_form_older_than_the_newest_key_orders_none_but_a_double_clicks(partner: Partner) -> None:
    order = KeyOrder(partner.pk, 2, True, ("redeem",), after_id=0)
    (first,) = issue_keys(orders=[order], at=AT)
    (second,) = issue_keys(orders=[order], at=AT + DOUBLE_CLICK)
    assert (second.key_id, second.secret, second.repeated) == (first.key_id, first.secret, True)
    for late in (replace(order, scopes=("keys",)), replace(order, generation=1, scopes=())):
        (refused,) = issue_keys(orders=[late], at=AT)
        assert refused.refusal == Refusal(PartnerRefusal.KEY_ISSUED_SINCE, {"key": first.client_code})
    (refused,) = issue_keys(orders=[order], at=AT + DOUBLE_CLICK + timedelta(seconds=1))
    assert refused.refusal is not None and not refused.secret
    assert PartnerKey.objects.filter(partner=partner).count() == 1
