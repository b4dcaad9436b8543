"""What a platform tries in its sandbox: test participants start purchases, read their digits, go to the institution."""

from typing import Any

import pytest

from bekal.ledger.clock import programme_now
from bekal.messaging.models import OneTimeCode, OutboxMessage
from bekal.partners.models import Partner, PurchaseIntent, SandboxPeople
from bekal.partners.purchase_intents import IntentWish, StartCode, open_intents
from bekal.partners.sandbox_starts import complete_at_institution, received_code, redeem_at_institution
from bekal.partners.sell_by_intent import HeldIntent, ask_code, held_intent
from bekal.partners.world import world_of_partner
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, key_of, problem
from tests.databases import TestDatabase
from tests.factories.partners import sandbox_partner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def partner(sandbox: TestDatabase) -> Partner:
    return sandbox_partner("uji-platform", kind="platform")


@pytest.fixture
def platform(partner: Partner) -> Caller:
    return Caller(key_of(partner, is_sandbox=True).client_code)


def started(platform: Caller, purpose: str = "covered") -> dict[str, Any]:
    (line,) = answer(platform.post("/sandbox/start-codes", {"purpose": purpose}), 201)["start_codes"]
    return dict(line)


def digits_of(platform: Caller, start_code: str) -> str:
    answer(platform.post("/platform/one-time-codes", {"start_code": start_code}), 202)
    return str(answer(platform.get("/sandbox/one-time-codes", f"start_code={start_code}"))["one_time_code"])


def sold(platform: Caller) -> int:
    code = started(platform)["start_code"]
    body = {"start_code": code, "one_time_code": digits_of(platform, code)}
    return int(answer(platform.post("/platform/purchases", body), 201)["purchase"])


def test_a_test_participants_digits_make_a_sale_in_the_sandbox_alone(platform: Caller) -> None:
    line = started(platform)
    told = answer(platform.post("/platform/checks", {"start_code": line["start_code"]}))
    assert (told["is_covered"], told["price_rupiah"]) == (True, line["price_rupiah"])
    answer(platform.post("/platform/one-time-codes", {"start_code": line["start_code"]}), 202)
    read = answer(platform.get("/sandbox/one-time-codes", f"start_code={line['start_code']}"))
    assert read["one_time_code"] in read["message"]
    body = {"start_code": line["start_code"], "one_time_code": read["one_time_code"]}
    sale = answer(platform.post("/platform/purchases", body), 201)
    assert (sale["state"], sale["training"]["code"]) == ("bought", line["training"])
    for model in (Purchase, PurchaseIntent, OneTimeCode, OutboxMessage, SandboxPeople):
        assert not model.objects.exists(), model


def test_the_newest_digits_are_read(platform: Caller) -> None:
    code = started(platform)["start_code"]
    problem(platform.get("/sandbox/one-time-codes", f"start_code={code}"), 409, "sandbox_no_code_sent")
    older, newer = digits_of(platform, code), digits_of(platform, code)
    body = {"start_code": code, "one_time_code": older}
    if older != newer:
        problem(platform.post("/platform/purchases", body), 422, "one_time_code_refused")
    answer(platform.post("/platform/purchases", body | {"one_time_code": newer}), 201)


def test_start_codes_are_there_to_show_what_their_purpose_says(platform: Caller) -> None:
    short = started(platform, "not_covered")
    told = answer(platform.post("/platform/checks", {"start_code": short["start_code"]}))
    assert (told["is_covered"], told["reason"]) == (False, "above_balance")
    assert told["missing_rupiah"] == short["price_rupiah"] // 2
    refused = platform.post("/platform/one-time-codes", {"start_code": short["start_code"]})
    assert problem(refused, 409, "purchase_refused")["reason"] == "above_balance"
    for purpose, miss_count in (("withdrawn", 0), ("elsewhere", 1)):
        code = started(platform, purpose)["start_code"]
        problem(platform.post("/platform/checks", {"start_code": code}), 404, "start_code_not_found")
        (own,) = answer(platform.get("/me"))["keys"]
        assert own["miss_count"] == miss_count, purpose


def test_many_at_once_are_many_people(platform: Caller) -> None:
    made = answer(platform.post("/sandbox/start-codes", {"count": 20}, idempotency_key="satu"), 201)["start_codes"]
    assert len({line["start_code"] for line in made}) == len({line["email"] for line in made}) == 20
    assert len({line["training"] for line in made}) == 1
    again = answer(platform.post("/sandbox/start-codes", {"count": 20}, idempotency_key="satu"), 201)["start_codes"]
    assert again == made
    for count in (0, 21):
        problem(platform.post("/sandbox/start-codes", {"count": count}), 422, "values_invalid")
    problem(platform.post("/sandbox/start-codes", {"purpose": "nobody"}), 422, "values_invalid")


def test_the_institution_redeems_and_evidence_is_taken_until_it_is_proven(platform: Caller) -> None:
    number = sold(platform)
    lines = {"lines": [{"purchase": number, "sequence": 1}]}
    (line,) = answer(platform.post("/attendance", lines))["lines"]
    assert line["problem"]["code"] == "not_redeemed"
    problem(platform.post("/sandbox/completions", {"purchase": number}), 409, "not_redeemed")
    told = answer(platform.post("/sandbox/redemptions", {"purchase": number}))
    assert (told["purchase"], told["state"]) == (number, "redeemed")
    problem(platform.post("/sandbox/redemptions", {"purchase": number}), 409, "code_already_used")
    assert answer(platform.post("/attendance", lines))["recorded_count"] == 1
    assert answer(platform.post("/completions", {"lines": [{"purchase": number}]}))["recorded_count"] == 1
    assert answer(platform.get(f"/platform/purchases/{number}"))["state"] == "redeemed", "only the institution ends it"
    assert answer(platform.post("/sandbox/completions", {"purchase": number}))["state"] == "completed"
    assert answer(platform.post("/sandbox/completions", {"purchase": number}))["state"] == "completed"
    moved = answer(platform.post("/sandbox/clock", {"to": "days", "days": 2}))
    assert (moved["reviewed_count"], moved["proven_count"]) == (1, 1)
    assert answer(platform.get(f"/platform/purchases/{number}"))["state"] == "proven"
    cancelled = platform.post(f"/platform/purchases/{number}/cancellation", {"reason": "Peserta batal."})
    problem(cancelled, 409, "already_proven")


def test_a_sale_that_was_refunded_is_not_redeemed(platform: Caller) -> None:
    number = sold(platform)
    answer(platform.post(f"/platform/purchases/{number}/cancellation", {"reason": "Peserta batal."}))
    problem(platform.post("/sandbox/redemptions", {"purchase": number}), 410, "transaction_cancelled")
    problem(platform.post("/sandbox/completions", {"purchase": number}), 409, "not_redeemed")
    problem(platform.post("/sandbox/redemptions", {"purchase": 999_999_999}), 404, "sale_not_found")


def test_another_platforms_test_people_are_nobodys(platform: Caller) -> None:
    other = Caller(key_of(sandbox_partner("uji-lain", kind="platform"), is_sandbox=True).client_code)
    code, number = started(platform)["start_code"], sold(platform)
    digits_of(platform, code)
    problem(other.get("/sandbox/one-time-codes", f"start_code={code}"), 404, "start_code_not_found")
    problem(other.post("/sandbox/redemptions", {"purchase": number}), 404, "sale_not_found")


@pytest.mark.parametrize("kind", ["institution", "platform"])
def test_begun_anew_there_are_fresh_people_at_the_programmes_clock(kind: str, sandbox: TestDatabase) -> None:
    caller = Caller(key_of(sandbox_partner("uji-mitra", kind=kind), is_sandbox=True).client_code)
    answer(caller.post("/sandbox/beginnings"), 201)
    answer(caller.post("/sandbox/clock", {"to": "year_end"}))
    begun = answer(caller.post("/sandbox/beginnings"), 201)
    assert begun["at"][:10] == f"{programme_now():%Y-%m-%d}"
    assert answer(caller.post("/sandbox/clock", {"to": "25th"}))["was_at"][:10] == begun["at"][:10]


def test_none_of_it_with_a_live_key() -> None:
    """In the programme nobody starts a purchase for a participant, and nobody reads their digits."""
    training = factories.training(platform=factories.platform())
    (person,) = factories.accepted(at=factories.jakarta(2020, 11, 1))
    partner = sandbox_partner("platform-nyata", kind="platform")
    Partner.objects.filter(pk=partner.pk).update(platform=training.platform)
    live, intent = Caller(key_of(partner).client_code), open_intent(person, training)
    assert isinstance(intent, tuple)
    start_code, held = intent
    ask_code(intent=held, at=programme_now())
    for response in (
        live.post("/sandbox/start-codes", {}),
        live.get("/sandbox/one-time-codes", f"start_code={start_code}"),
        live.post("/sandbox/redemptions", {"purchase": 1}),
        live.post("/sandbox/completions", {"purchase": 1}),
        live.post("/sandbox/beginnings"),
    ):
        problem(response, 403, "sandbox_only")
    assert Purchase.objects.count() == 0 and PurchaseIntent.objects.count() == 1
    problem(caller().post("/sandbox/start-codes", {}), 403, "not_for_this_partner")


def test_nobody_but_a_test_person_is_read_or_redeemed(partner: Partner) -> None:
    """Whatever a door lets through: the verbs know test people alone."""
    with world_of_partner(partner, is_sandbox=True):
        training = factories.training(platform=factories.platform(), price_rupiah=400_000)
        (person,) = factories.accepted(at=factories.jakarta(2020, 11, 1))
        _, held = open_intent(person, training)
        ask_code(intent=held, at=programme_now())
        outcome = received_code(intent=held, partner_id=partner.pk)
        assert getattr(outcome, "code", None) == "sandbox_no_code_sent"
        purchase_id = factories.bought(person, training, at=programme_now()).purchase_id
        assert purchase_id
        for act in (redeem_at_institution, complete_at_institution):
            with pytest.raises(Purchase.DoesNotExist):
                act(purchase_id=purchase_id, partner_id=partner.pk, at=programme_now())


def open_intent(person: int, training: Any) -> tuple[str, HeldIntent]:
    (started,) = open_intents(wishes=[IntentWish(person, training.pk, training.price_rupiah)], at=programme_now())
    assert isinstance(started, StartCode)
    held = held_intent(start_code=started.code, platform_id=training.platform_id, at=programme_now())
    assert isinstance(held, HeldIntent)
    return started.code, held
