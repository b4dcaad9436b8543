"""A platform sells with a start code and the participant's own digits: nobody is looked up, and money moves once."""

from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Platform, Training
from bekal.ledger.clock import programme_now
from bekal.ledger.queries import remaining
from bekal.partners.models import Partner, PartnerKey, PlatformSale, PurchaseIntent
from bekal.partners.purchase_intents import IntentWish, StartCode, forget_intents, open_intents, withdraw_intents
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints
from bekal.partners.webhook_events import collect_events
from bekal.purchases.buy import buy
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, key_of, problem
from tests.factories.unchanged import nothing_changes
from tests.web.conftest import newest_code

pytestmark = pytest.mark.django_db
LATELY = factories.jakarta(2020, 11, 1)


def platform_caller(platform: Platform) -> Caller:
    partner, _ = Partner.objects.get_or_create(
        code=platform.code,
        defaults={
            "name": platform.name,
            "kind": Partner.Kind.PLATFORM,
            "platform": platform,
            "registered_at": factories.jakarta(2020, 1, 2),
        },
    )
    return Caller(key_of(partner).client_code)


def started(participation_id: int, training: Training) -> str:
    wish = IntentWish(participation_id, training.pk, training.price_rupiah)
    (outcome,) = open_intents(wishes=[wish], at=programme_now())
    assert isinstance(outcome, StartCode), outcome
    return outcome.code


@pytest.fixture
def training() -> Training:
    return factories.training(platform=factories.platform(), price_rupiah=400_000)


@pytest.fixture
def person() -> int:
    return factories.accepted(at=LATELY, full_name="Siti Nurhaliza")[0]


def sold(platform: Caller, person: int, training: Training) -> dict[str, Any]:
    start_code = started(person, training)
    answer(platform.post("/platform/one-time-codes", {"start_code": start_code}), 202)
    body = {"start_code": start_code, "one_time_code": newest_code(person)}
    return dict(answer(platform.post("/platform/purchases", body), 201))


def test_from_the_start_code_to_the_receipt(person: int, training: Training, assert_queries: Any) -> None:
    assert training.platform is not None
    platform, start_code = platform_caller(training.platform), started(person, training)
    with assert_queries(10):
        told = answer(platform.post("/platform/checks", {"start_code": start_code.lower()}))
    assert (told["is_covered"], told["missing_rupiah"], told["reason"]) == (True, 0, None)
    assert "1000000" not in str(told)
    sent = platform.post("/platform/one-time-codes", {"start_code": start_code})
    answer(sent, 202)
    digits = newest_code(person)
    assert digits not in sent.content.decode()
    body = {"start_code": start_code, "one_time_code": digits}
    response = platform.post("/platform/purchases", body, idempotency_key="once")
    told = answer(response, 201)
    purchase = Purchase.objects.get(participation_id=person)
    assert (told["purchase"], told["state"], told["price_rupiah"]) == (purchase.pk, "bought", 400_000)
    assert "redeem" not in {name for name in told if name != "redeemed_at"}
    assert "Siti" not in response.content.decode() and "S•••" not in response.content.decode()
    assert remaining(owner_ids=[person])[person] == 600_000
    assert answer(platform.post("/platform/purchases", body, idempotency_key="once"), 201) == told
    assert answer(platform.post("/platform/purchases", body), 201) == told
    assert remaining(owner_ids=[person])[person] == 600_000
    assert [each["purchase"] for each in answer(platform.get("/platform/purchases"))["items"]] == [purchase.pk]


def test_what_is_missing_is_told_and_the_balance_is_not(training: Training) -> None:
    assert training.platform is not None
    (person,) = factories.accepted(at=LATELY)
    platform, start_code = platform_caller(training.platform), started(person, training)
    factories.bought(person, factories.training(price_rupiah=700_000), at=programme_now())
    told = answer(platform.post("/platform/checks", {"start_code": start_code}))
    assert (told["is_covered"], told["missing_rupiah"], told["reason"]) == (False, 100_000, "above_balance")
    refused = problem(platform.post("/platform/one-time-codes", {"start_code": start_code}), 409, "purchase_refused")
    assert refused["reason"] == "above_balance"


def test_wrong_digits_cost_a_try_each_and_stay_counted(person: int, training: Training) -> None:
    """A refusal undoes what was done, but not this: or a platform could guess a million times."""
    assert training.platform is not None
    platform, start_code = platform_caller(training.platform), started(person, training)
    answer(platform.post("/platform/one-time-codes", {"start_code": start_code}), 202)
    digits = newest_code(person)
    wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
    body = {"start_code": start_code, "one_time_code": wrong}
    first = problem(platform.post("/platform/purchases", body, idempotency_key="a"), 422, "one_time_code_refused")
    again = problem(platform.post("/platform/purchases", body, idempotency_key="a"), 422, "one_time_code_refused")
    assert first["reason"] == "code_wrong" and again["tries_left_count"] == first["tries_left_count"]
    last = first["tries_left_count"]
    while last:
        told = problem(platform.post("/platform/purchases", body), 422, "one_time_code_refused")
        assert told["tries_left_count"] == last - 1
        last -= 1
    body["one_time_code"] = digits
    assert problem(platform.post("/platform/purchases", body), 422, "one_time_code_refused")["reason"] != "code_wrong"
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("path", ["/platform/checks", "/platform/one-time-codes", "/platform/purchases"])
def test_another_platforms_start_code_is_as_good_as_none(path: str, person: int, training: Training) -> None:
    """Unknown, late, withdrawn, another's: one answer; only what was never this platform's costs budget."""
    assert training.platform is not None
    own, other = platform_caller(training.platform), platform_caller(factories.platform())
    start_code = started(person, training)
    more = {"one_time_code": "123456"} if path.endswith("purchases") else {}
    texts = set()
    for asking, code in ((other, start_code), (other, "ABCD-EFGH-JKMN-PQRS"), (other, "x")):
        members = problem(asking.post(path, {"start_code": code, **more}), 404, "start_code_not_found")
        texts.add(str(members))
    assert PartnerKey.objects.get(client_code=other.key_id).miss_count == 3
    withdraw_intents(wishes=[(person, training.pk)], at=programme_now())
    texts.add(str(problem(own.post(path, {"start_code": start_code, **more}), 404, "start_code_not_found")))
    PurchaseIntent.objects.update(
        withdrawn_at=None, created_at=programme_now() - timedelta(hours=2), expires_at=programme_now()
    )
    texts.add(str(problem(own.post(path, {"start_code": start_code, **more}), 404, "start_code_not_found")))
    assert len(texts) == 1
    assert PartnerKey.objects.get(client_code=own.key_id).miss_count == 0


def test_a_right_code_for_a_purchase_made_here_is_no_sale(person: int, training: Training) -> None:
    assert training.platform is not None
    platform, start_code = platform_caller(training.platform), started(person, training)
    order = factories.order_for(person, training, at=programme_now())
    (outcome,) = buy(orders=[order], at=programme_now())
    assert outcome.purchase_id
    body = {"start_code": start_code, "one_time_code": order.code}
    assert problem(platform.post("/platform/purchases", body), 409, "purchase_refused")["reason"] == "already_bought"
    assert not PlatformSale.objects.exists()


def test_a_platform_speaks_of_what_it_sold_and_of_nothing_else(person: int, training: Training) -> None:
    assert training.platform is not None
    platform = platform_caller(training.platform)
    told = sold(platform, person, training)
    lines = {"lines": [{"purchase": told["purchase"], "percent": 40}]}
    (line,) = answer(platform.post("/progress", lines))["lines"]
    assert line["problem"]["code"] == "not_redeemed"
    Purchase.objects.update(redeemed_at=programme_now())
    assert answer(platform.post("/progress", lines))["recorded_count"] == 1
    elsewhere = factories.redeemed(factories.accepted()[0], training)
    other = {"lines": [{"purchase": elsewhere, "percent": 40}, {"purchase": 999_999_999, "percent": 40}]}
    codes = [line["problem"]["code"] for line in answer(platform.post("/progress", other))["lines"]]
    assert codes == ["sale_not_found"] * 2
    for path in (f"/platform/purchases/{elsewhere}", "/platform/purchases/999999999"):
        problem(platform.get(path), 404, "sale_not_found")


def test_a_sale_is_cancelled_and_told_by_webhook(person: int, training: Training) -> None:
    assert training.platform is not None
    platform = platform_caller(training.platform)
    number = sold(platform, person, training)["purchase"]
    assert answer(platform.get(f"/platform/purchases/{number}/cancellation-preview"))["refunded_rupiah"] == 400_000
    told = answer(platform.post(f"/platform/purchases/{number}/cancellation", {"reason": "Peserta batal."}))
    assert (told["refunded_rupiah"], told["refunded_to"]) == (400_000, "training_balance")
    assert remaining(owner_ids=[person])[person] == 1_000_000
    assert answer(platform.get(f"/platform/purchases/{number}"))["state"] == "ended"
    partner = Partner.objects.get(platform=training.platform)
    early = factories.jakarta(2020, 1, 3)
    open_endpoints(endpoints=[NewEndpoint(partner.pk, False, "https://p.example/x", early, ())], at=early)
    assert collect_events(now=factories.jakarta(2026, 3, 1)) == 2


def test_institutions_have_no_business_here(training: Training) -> None:
    response = caller(training.institution).get("/platform/purchases")
    problem(response, 403, "not_for_this_partner")


def test_start_codes_are_forgotten_a_month_later(person: int, training: Training) -> None:
    started(person, training)
    with nothing_changes():
        assert forget_intents(at=programme_now() + timedelta(days=29)) == 0
    assert forget_intents(at=programme_now() + timedelta(days=31)) == 1
