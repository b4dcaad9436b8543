"""Who is let in, and what is asked of a call before it runs."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from bekal.partners.call_budget import BURST_COUNT
from bekal.partners.models import CallCounter, Partner, PartnerKey
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, key_of, problem
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def test_a_signed_call_is_answered(assert_queries: Any) -> None:
    institution = caller()
    with assert_queries(4):  # the key with the clock, its budget, its keys, the counter
        response = institution.get("/me")
    assert answer(response)["world"] == "live"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["RateLimit"] == f'"key";r={BURST_COUNT - 1};t=1'


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Bekal-Signature": None}, "signature_missing"),
        ({"Bekal-Key": None}, "signature_missing"),
        ({"Bekal-Timestamp": None}, "signature_missing"),
        ({"Bekal-Signature": "v1=zz"}, "signature_missing"),
        ({"Bekal-Signature": "v2=" + "0" * 64}, "signature_missing"),
        ({"Bekal-Signature": "v1=" + "0" * 64}, "signature_wrong"),
        ({"Bekal-Timestamp": "1e9"}, "timestamp_expired"),
        ({"Bekal-Timestamp": "1" * 400}, "timestamp_expired"),
        ({"Bekal-Key": "nobody"}, "key_unknown"),
        ({"Bekal-Key": "\x00"}, "key_unknown"),
        ({"Bekal-Key": "é" * 300}, "key_unknown"),
    ],
)
def test_what_is_not_signed_is_not_answered(changed: dict[str, str | None], code: str) -> None:
    institution = caller()
    with nothing_changes(but=[CallCounter]):
        response = institution.get("/me", changed=changed)
    problem(response, 401, code)
    assert response.headers["WWW-Authenticate"] == "Bekal-HMAC-SHA256"
    assert list(CallCounter.objects.order_by("pk").values_list("operation", "outcome", "call_count")) == [
        ("me", code, 1)
    ]


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-300, 200), (300, 200), (301, 401)])
def test_a_timestamp_is_believed_for_300_seconds(seconds: int, status: int, clock: Any) -> None:
    institution = caller()
    response = institution.get("/me", timestamp=int(clock.at.timestamp()) + seconds)
    assert response.status_code == status


def test_one_right_signature_among_others_is_enough_while_keys_are_changed() -> None:
    institution = caller()
    right = {}

    class Recording(Client):
        def generic(self, *arguments: Any, **options: Any) -> Any:
            right.update(options["headers"])
            return super().generic(*arguments, **options)

    institution.client = Recording()
    assert institution.get("/me").status_code == 200
    both = f"v1={'0' * 64}, {right['Bekal-Signature']}"
    assert institution.get("/me", changed={"Bekal-Signature": both}).status_code == 200


@pytest.mark.parametrize("part", ["method", "path", "query", "body", "idempotency"])
def test_everything_a_call_is_is_signed(part: str) -> None:
    """What was signed for one call opens no other."""
    institution = caller()
    sent: dict[str, Any] = {}

    class Changing(Client):
        def generic(self, method: str, path: str, data: Any = "", *rest: Any, **options: Any) -> Any:
            sent.update(options["headers"])
            if part == "method":
                method = "PUT"
            elif part == "path":
                path = path.replace("redemptions", "purchases")
            elif part == "query":
                path += "?limit=1"
            elif part == "body":
                data += b" "
            else:
                options["headers"]["Idempotency-Key"] += "x"
            return super().generic(method, path, data, *rest, **options)

    institution.client = Changing()
    response = institution.post("/redemptions", {"redeem_code": "x"})
    assert response.status_code in (401, 405), response.content


def test_a_revoked_key_opens_nothing() -> None:
    institution = caller(revoked_at=factories.jakarta(2020, 2, 1))
    problem(institution.get("/me"), 401, "key_revoked")


def test_who_is_suspended_is_told_so_only_with_a_right_signature() -> None:
    institution = caller(suspended_at=factories.jakarta(2020, 2, 1))
    problem(institution.get("/me"), 403, "key_suspended")
    problem(institution.get("/me", changed={"Bekal-Signature": "v1=" + "0" * 64}), 401, "signature_wrong")
    PartnerKey.objects.update(suspended_at=None)
    Partner.objects.update(suspended_at=factories.jakarta(2020, 2, 1), suspension_reason="Penyelidikan")
    problem(institution.get("/me"), 403, "partner_suspended")


def test_a_key_of_v1_opens_nothing_here() -> None:
    institution = caller(generation=PartnerKey.Generation.V1)
    problem(institution.get("/me"), 401, "key_unknown")


def test_a_key_does_only_what_its_scopes_name() -> None:
    institution = caller(scopes=["redeem"])
    members = problem(institution.get("/purchases"), 403, "scope_missing")
    assert members["scope"] == "purchases"
    assert "“purchases”" in members["detail"] and "redeem" in members["detail"]


def test_a_platform_is_told_that_this_is_for_institutions() -> None:
    partner = Partner.objects.create(
        code="platform-x", name="X", kind=Partner.Kind.PLATFORM, registered_at=factories.jakarta(2020, 1, 2)
    )
    problem(Caller(key_of(partner).client_code).get("/purchases"), 403, "not_for_this_partner")


def test_a_partner_without_an_institution_sees_nobodys_purchases() -> None:
    institution = caller()
    Partner.objects.update(institution=None)
    problem(institution.get("/purchases"), 403, "not_for_this_partner")


def test_a_key_has_so_many_calls_and_then_waits(clock: Any) -> None:
    institution = caller()
    for _ in range(BURST_COUNT):
        assert institution.get("/me").status_code == 200
    response = institution.get("/me")
    problem(response, 429, "rate_limited")
    assert response.headers["Retry-After"] == "1"
    assert response.headers["RateLimit"] == '"key";r=0;t=6'
    clock.forward(seconds=1)
    assert institution.get("/me").status_code == 200


def test_one_key_does_not_use_up_anothers_calls() -> None:
    institution, other = caller(), caller()
    for _ in range(BURST_COUNT):
        institution.get("/me")
    assert institution.get("/me").status_code == 429
    assert other.get("/me").status_code == 200


def test_another_method_is_told_which_are_there() -> None:
    response = caller().call("DELETE", "/me")
    members = problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET"
    assert "GET" in members["detail"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/purchases/1/2/3", "/purchases/-1", "/purchases/" + "9" * 5000, "/", "/a%00b", "/a%0Ab"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
def test_another_address_is_a_problem_too(path: str, method: str) -> None:
    problem(caller().call(method, path), 404, "address_unknown")


def test_what_cannot_be_accepted_is_not_answered() -> None:
    institution = caller()
    problem(institution.get("/me", Accept="text/html"), 406, "not_acceptable")
    for accepted in ("*/*", "application/json", "application/*;q=0.5", "text/html, application/json"):
        assert institution.get("/me", Accept=accepted).status_code == 200, accepted


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_only_json_in_utf_8_is_read(content_type: str) -> None:
    response = caller().post("/redemptions", {"redeem_code": "x"}, **{"Content-Type": content_type})
    problem(response, 415, "content_type_unsupported")
    assert response.headers["Accept"] == "application/json"


def test_a_body_in_another_encoding_is_not_read() -> None:
    response = caller().post("/redemptions", {"redeem_code": "x"}, **{"Content-Encoding": "gzip"})
    problem(response, 415, "content_type_unsupported")


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
def test_a_body_has_a_limit(size: int) -> None:
    institution = caller()
    with nothing_changes(but=[CallCounter]):
        problem(institution.call("POST", "/redemptions", raw=b" " * size), 413, "body_too_large")


def test_a_read_has_no_body() -> None:
    problem(caller().call("GET", "/me", raw=b"{}"), 400, "body_not_expected")


@pytest.mark.parametrize(
    "query", ["nik=3171", "limit=1&limit=2", "limit=0", "limit=201", "limit=1_0", "limit=%D9%A1", "limit="]
)
def test_a_parameter_is_known_single_and_within_bounds(query: str) -> None:
    members = problem(caller().get("/purchases", query), 422, "values_invalid")
    assert members["errors"][0]["parameter"] in ("nik", "limit")


def test_a_problem_speaks_the_language_that_is_asked_for() -> None:
    institution = caller()
    told = {
        language: institution.get("/nothing", **{"Accept-Language": language})
        for language in ("", "id", "en", "en-GB,en;q=0.9", "fr, en;q=0.5", "x" * 5000, "*")
    }
    spoken = {language: response.headers["Content-Language"] for language, response in told.items()}
    assert spoken == {
        "": "id",
        "id": "id",
        "en": "en",
        "en-GB,en;q=0.9": "en",
        "fr, en;q=0.5": "en",
        "x" * 5000: "id",
        "*": "id",
    }
    assert "Unknown address" in told["en"].content.decode()
    assert "Alamat tidak dikenal" in told["id"].content.decode()


def test_a_fault_of_ours_is_a_problem_and_changes_nothing(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bekal.api.v2.purchases.redeemed_purchases", broken)
    members = problem(caller().get("/purchases"), 500, "fault")
    assert "ZeroDivision" not in str(members)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("sqlstate", "status", "code"),
    [("55P03", 503, "busy"), ("40P01", 503, "busy"), ("57P01", 503, "unavailable"), (None, 503, "unavailable")],
)
def test_a_database_that_is_busy_or_away_is_a_problem(
    sqlstate: str | None, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        cause = Exception()
        cause.sqlstate = sqlstate  # type: ignore[attr-defined]
        raise OperationalError from cause

    monkeypatch.setattr("bekal.api.v2.purchases.redeemed_purchases", broken)
    response = caller().get("/purchases")
    problem(response, status, code)
    assert response.headers["Retry-After"] in ("1", "5")


def test_what_cannot_be_counted_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("bekal.api.v2.door.count_call", broken)
    answer(caller().get("/me"))
    problem(caller().get("/purchases/1"), 404, "purchase_not_found")
