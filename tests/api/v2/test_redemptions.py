"""Redeeming over v2: once, by the institution of the training, and answered once."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Session
from bekal.ledger.clock import machine_now
from bekal.partners.keys import lift_keys
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import CallBudget, CallCounter, KeyedAnswer, PartnerKey
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
PATH = "/redemptions"


@pytest.fixture
def handed() -> tuple[Caller, str, Any]:
    """An institution's system, a code that was handed to it, and the training."""
    training = factories.training()
    (participation_id,) = factories.accepted(full_name="Siti Nurhaliza Rahayu")
    code = factories.bought(participation_id, training).redeem_code
    assert code
    return caller(training.institution), code, training


def test_a_code_is_redeemed_and_tells_a_masked_name(handed: tuple[Caller, str, Any], assert_queries: Any) -> None:
    institution, code, training = handed
    with assert_queries(9):
        response = institution.post(PATH, {"redeem_code": code.lower()})
    told = answer(response, 201)
    assert told["participant"] == "S••• N••• R•••"
    assert told["training"]["code"] == training.code
    assert (told["state"], told["attended"]) == ("redeemed", [])
    assert Purchase.objects.get(pk=told["purchase"]).redeemed_at is not None


def test_the_same_key_again_is_the_first_answer_again(handed: tuple[Caller, str, Any]) -> None:
    institution, code, _ = handed
    first = institution.post(PATH, {"redeem_code": code}, idempotency_key="once")
    other_bytes = json.dumps({"redeem_code": code}, indent=2).encode()
    again = institution.call("POST", PATH, raw=other_bytes, idempotency_key="once")
    assert answer(again, 201) == answer(first, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_the_same_key_with_another_body_is_told_what_differs(handed: tuple[Caller, str, Any]) -> None:
    institution, code, _ = handed
    institution.post(PATH, {"redeem_code": code}, idempotency_key="once")
    response = institution.post(PATH, {"redeem_code": "BBBB-BBBB-BBBB-BBBB"}, idempotency_key="once")
    members = problem(response, 422, "idempotency_key_reused")
    assert members["differing"] == ["/body/redeem_code"]


def test_a_key_is_kept_for_the_partner_not_for_one_of_its_keys(handed: tuple[Caller, str, Any]) -> None:
    """Keys are changed in the middle of retries, too. Another partner's same key is another key."""
    institution, code, training = handed
    answer(institution.post(PATH, {"redeem_code": code}, idempotency_key="once"), 201)
    second = caller(training.institution)
    assert second.post(PATH, {"redeem_code": code}, idempotency_key="once").headers["Idempotency-Replayed"] == "true"
    stranger = caller()
    problem(stranger.post(PATH, {"redeem_code": code}, idempotency_key="once"), 403, "code_of_another_institution")


def test_a_refusal_leaves_the_key_free_and_nothing_behind(handed: tuple[Caller, str, Any]) -> None:
    institution, code, _ = handed
    with nothing_changes(but=[CallCounter, CallBudget, KeyedAnswer, PartnerKey]):
        problem(institution.post(PATH, {"redeem_code": "BBBBBBBBBBBBBBBB"}, idempotency_key="k"), 404, "code_not_found")
    answer(institution.post(PATH, {"redeem_code": code}, idempotency_key="k"), 201)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 101, "\x00"])
def test_a_write_has_an_idempotency_key(handed: tuple[Caller, str, Any], key: str) -> None:
    institution, code, _ = handed
    expected = "idempotency_key_missing" if not key else "idempotency_key_invalid"
    problem(institution.post(PATH, {"redeem_code": code}, idempotency_key=key), 400, expected)
    assert Purchase.objects.get().redeemed_at is None


def test_two_at_once_run_once(race: Any) -> None:
    """The second waits for the first, and is told the same."""
    training = factories.training()
    (participation_id,) = factories.accepted()
    code = factories.bought(participation_id, training).redeem_code
    institution = caller(training.institution)

    def redeem() -> Any:
        return Caller(institution.key_id).post(PATH, {"redeem_code": code}, idempotency_key="once")

    responses = race(redeem, redeem, redeem)
    assert [each.status_code for each in responses] == [201, 201, 201], [each.content for each in responses]
    assert sorted(each.headers.get("Idempotency-Replayed", "") for each in responses) == ["", "true", "true"]
    assert len({each.content for each in responses}) == 1


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"{", "not_json"),
        (b'{"redeem_code": NaN}', "not_a_number"),
        (b'{"redeem_code": -Infinity}', "not_a_number"),
        (b'{"redeem_code": 1e400}', "number_out_of_range"),
        (b'{"redeem_code": 9223372036854775808}', "number_out_of_range"),
        (b'{"redeem_code": ' + b"9" * 100_000 + b"}", "number_out_of_range"),
        (b'{"redeem_code": "a", "redeem_code": "b"}', "duplicate_name"),
        (b"[" * 100_000, "too_deep"),
        (b'{"redeem_code": "\\ud800"}', "unreadable_text"),
        (b'{"redeem_code": "\\u0000"}', "unreadable_text"),
        (b'{"redeem_code": "\xff"}', "not_utf8"),
        (b'\xef\xbb\xbf{"redeem_code": "a"}', "not_json"),
    ],
)
def test_json_has_one_reading_or_is_refused(raw: bytes, fault: str) -> None:
    response = caller().call("POST", PATH, raw=raw, **{"Content-Type": "application/json"})
    members = problem(response, 400, "body_not_json")
    assert members["fault"] == fault


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/redeem_code", "missing"),
        ([], "", "model_type"),
        ("x", "", "model_type"),
        (None, "", "model_type"),
        ({"redeem_code": 1}, "/redeem_code", "string_type"),
        ({"redeem_code": True}, "/redeem_code", "string_type"),
        ({"redeem_code": None}, "/redeem_code", "string_type"),
        ({"redeem_code": ""}, "/redeem_code", "string_too_short"),
        ({"redeem_code": "x" * 41}, "/redeem_code", "string_too_long"),
        ({"redeem_code": "x", "nik": "3171"}, "/nik", "extra_forbidden"),
        ({"redeem_code": "x", "a/b~c": 1}, "/a~1b~0c", "extra_forbidden"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_mend(body: Any, pointer: str, code: str) -> None:
    raw = json.dumps(body).encode()
    members = problem(caller().call("POST", PATH, raw=raw), 422, "values_invalid")
    (fault,) = members["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert fault["detail"]


def test_twenty_misses_suspend_the_key_until_an_officer_lifts_it(handed: tuple[Caller, str, Any]) -> None:
    """The very same bytes sent again cost nothing more: whoever copies a call cannot suspend its sender."""
    institution, code, _ = handed
    stamp = int(machine_now().timestamp())
    for _ in range(30):
        again = institution.post(PATH, {"redeem_code": "B" * 16}, idempotency_key="k", timestamp=stamp)
        problem(again, 404, "code_not_found")
    assert PartnerKey.objects.get().miss_count == 1
    elsewhere = factories.bought(factories.accepted()[0], factories.training()).redeem_code
    problem(institution.post(PATH, {"redeem_code": elsewhere}), 403, "code_of_another_institution")
    for _ in range(MISS_LIMIT_COUNT - 2):
        problem(institution.post(PATH, {"redeem_code": "C" * 16}), 404, "code_not_found")
    problem(institution.post(PATH, {"redeem_code": code}), 403, "key_suspended")
    lift_keys(key_ids=[PartnerKey.objects.get().pk], at=factories.RECONCILED_AT)
    answer(institution.post(PATH, {"redeem_code": code}), 201)


def test_a_training_with_dates_is_redeemed_around_its_start(handed: tuple[Caller, str, Any], clock: Any) -> None:
    institution, code, training = handed
    Session.objects.create(training=training, sequence=1, starts_at=clock.at + timedelta(minutes=61))
    members = problem(institution.post(PATH, {"redeem_code": code}), 409, "outside_redemption_window")
    assert "10:01" in members["detail"] and "12:01" in members["detail"]
    clock.forward(minutes=1)
    answer(institution.post(PATH, {"redeem_code": code}), 201)


def test_what_was_used_or_cancelled_is_told_apart(handed: tuple[Caller, str, Any]) -> None:
    institution, code, _ = handed
    told = answer(institution.post(PATH, {"redeem_code": code}), 201)
    problem(institution.post(PATH, {"redeem_code": code}), 409, "code_already_used")
    answer(institution.post(f"/purchases/{told['purchase']}/cancellation", {"reason": "Batal."}))
    problem(institution.post(PATH, {"redeem_code": code}), 410, "transaction_cancelled")
