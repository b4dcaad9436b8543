"""What the doors' calls show on the conformance page, and that the page knows the whole contract."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client

from bekal.api.v1.door import BASE
from bekal.api.v2.endpoint import ANYBODY, EITHER, ENDPOINTS, Endpoint
from bekal.api.v2.openapi import problems_of
from bekal.api.v2.operations import MODULES
from bekal.core.partner_signature import v1_signature
from bekal.ledger.clock import machine_now, programme_now
from bekal.partners.conformance import CheckState, conformance_of, last_calls
from bekal.partners.conformance_checks import CHECKS, Check, checks_of
from bekal.partners.models import ConformanceRecord, Partner, SandboxCall
from bekal.partners.sandbox_keys import SandboxAccess, sandbox_access
from tests import factories
from tests.api.v2.calling import Caller, answer, caller, problem
from tests.databases import TestDatabase
from tests.factories.partners import SECRET, key_of, live_partner, sandbox_partner

pytestmark = pytest.mark.django_db(transaction=True)
STATUS, COMMIT = "payment/redeem-code/status", "payment/redeem-code/commit"


@pytest.fixture
def partner(sandbox: TestDatabase) -> Partner:
    return sandbox_partner("uji-lembaga")


@pytest.fixture
def access(partner: Partner) -> SandboxAccess:
    made = sandbox_access(partner_id=partner.pk, at=programme_now())
    assert made.refusal is None, made
    return made


def code_for(access: SandboxAccess, purpose: str) -> str:
    return next(code.redeem_code for code in access.codes if code.purpose == purpose)


def v1(
    access: SandboxAccess, operation: str, fields: dict[str, Any], *, sent: str = "", signed: str = "", **how: Any
) -> Any:
    """One call of v1 with the sandbox key; `signed` stands for what is signed where it is not what is sent."""
    key = next(key for key in access.keys if key.generation == 1)
    body = sent or json.dumps(fields, separators=(",", ":"))
    stamp = str(int(machine_now().timestamp()) + how.get("seconds", 0))
    signature = v1_signature(
        key=key.secret.encode(),
        client_code=key.client_code,
        timestamp=stamp,
        method="POST",
        path=f"{BASE}{operation}",
        body=(signed or body).encode(),
    )
    headers = {"client_code": key.client_code, "timestamp": stamp, "signature": how.get("signature", signature)}
    meta = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return Client().generic("POST", f"{BASE}{operation}", body, "application/json", **meta)


def v2(access: SandboxAccess) -> Caller:
    key = next(key for key in access.keys if key.generation == 2)
    return Caller(key.client_code, key.secret)


def green(partner: Partner) -> set[str]:
    return {each.check.code for each in conformance_of(partner).results if each.state is CheckState.GREEN}


def test_v1_calls_show_their_checks(partner: Partner, access: SandboxAccess) -> None:
    code = code_for(access, "webinar")
    first = v1(access, STATUS, {"redeem_code": code})
    assert first.status_code == 200, first.content
    assert green(partner) == {"v1.status", "v1.form.raw"}
    again = v1(access, STATUS, {"redeem_code": code})  # the clock stands: the very same call
    assert again.content == first.content
    v1(access, COMMIT, {}, sent=f'{{"redeem_code": "{code}"}}', signed=f'{{"redeem_code":"{code}"}}')
    v1(access, STATUS, {"redeem_code": code_for(access, "elsewhere")})
    v1(access, COMMIT, {"redeem_code": code_for(access, "later")})
    v1(access, COMMIT, {"redeem_code": code_for(access, "used")})
    v1(access, STATUS, {"redeem_code": code}, signature="0" * 40)
    v1(access, STATUS, {"redeem_code": code}, seconds=-1000)
    assert green(partner) == {
        "v1.status",
        "v1.commit",
        "v1.window",
        "v1.replay",
        "v1.form.raw",
        "v1.form.compact",
        "v1.refusal.other_institution",
        "v1.refusal.outside_window",
        "v1.refusal.code_used",
        "v1.refusal.signature",
        "v1.refusal.timestamp",
    }
    outcomes = [
        (call.operation, call.status, call.outcome) for call in last_calls(partner_id=partner.pk, limit_count=9)
    ]
    assert (COMMIT, 409, "code_already_used") in outcomes
    assert len(outcomes) == 6  # calls that nobody signed are not listed


@pytest.mark.parametrize(
    ("sent", "signed", "form"),
    [
        ('{"redeem_code":"a/b"}', '{"redeem_code":"a\\/b"}', "v1.form.php"),
        ('{"redeem_code":"a&b"}', '{"redeem_code":"a\\u0026b"}', "v1.form.go"),
        ('{"redeem_code":"a/b"}', "", "v1.form.raw"),
        ('{ "redeem_code":"a/b"}', '{"redeem_code":"a/b"}', "v1.form.compact"),
    ],
)
def test_the_form_that_was_signed(partner: Partner, access: SandboxAccess, sent: str, signed: str, form: str) -> None:
    v1(access, STATUS, {}, sent=sent, signed=signed)
    assert {code for code in green(partner) if code.startswith("v1.form")} == {form}


@pytest.mark.parametrize("length", ["../../etc/passwd", "9" * 30])
def test_a_call_beside_the_six_whose_length_is_no_number_is_answered(
    partner: Partner, access: SandboxAccess, length: str
) -> None:
    """Such an address is refused before its body is read; nobody reads it afterwards either."""
    (key,) = [key for key in access.keys if key.generation == 1]
    headers: dict[str, Any] = {"HTTP_CLIENT_CODE": key.client_code, "CONTENT_LENGTH": length}
    answer = Client(raise_request_exception=False).generic("POST", f"{BASE}{STATUS}//", b"{}", **headers)
    assert answer.status_code == 404 and not green(partner)


def test_v2_calls_show_their_checks(partner: Partner, access: SandboxAccess) -> None:
    client = v2(access)
    answer(client.get("/me"))
    body = {"redeem_code": code_for(access, "self_paced")}
    client.post("/redemptions", body, idempotency_key="satu")
    client.post("/redemptions", body, idempotency_key="satu")
    problem(client.post("/redemptions", {"redeem_code": "x"}, idempotency_key="satu"), 422, "idempotency_key_reused")
    problem(client.post("/redemptions", {}), 422, "values_invalid")
    client.get("/me", changed={"Bekal-Signature": "v1=" + "0" * 64})
    assert {code for code in green(partner) if code.startswith("v2.")} == {
        "v2.me",
        "v2.redeem_code",
        "v2.replay",
        "v2.key_reused",
        "v2.refusal.values",
        "v2.refusal.signature",
    }


def test_a_batch_of_which_every_line_was_refused_shows_nothing(partner: Partner, access: SandboxAccess) -> None:
    told = answer(v2(access).post("/attendance", {"lines": [{"purchase": 999_999, "sequence": 1}]}))
    assert told["refused_count"] == 1
    row = ConformanceRecord.objects.get(partner=partner, check_code="v2.record_attendance")
    assert (row.ok_at, row.failure) == (None, "lines_refused")


def test_the_sandbox_endpoints(partner: Partner, access: SandboxAccess) -> None:
    client = v2(access)
    made = answer(client.post("/sandbox/codes", {"purpose": "webinar", "count": 2}), 201)
    assert len({line["redeem_code"] for line in made["codes"]}) == 2
    moved = answer(client.post("/sandbox/clock", {"to": "year_end"}, idempotency_key="akhir"))
    assert moved["revoked_count"] == 2
    assert moved["returned_rupiah"] == moved["revoked_rupiah"] + moved["ended_rupiah"]
    again = answer(client.post("/sandbox/clock", {"to": "year_end"}, idempotency_key="akhir"))
    assert again == moved  # the same call moves once
    on = answer(client.post("/sandbox/clock", {"to": "days", "days": 3}))
    assert on["was_at"][:10] < on["at"][:10]
    problem(client.post("/sandbox/clock", {"to": "days", "days": 800}), 409, "sandbox_clock_too_far")
    problem(client.post("/sandbox/clock", {"to": "yesterday"}), 422, "values_invalid")
    seen = answer(client.get("/sandbox/conformance"))
    assert seen["check_count"] == len(seen["checks"])
    assert not seen["complete"]
    assert {line["state"] for line in seen["checks"]} == {"green", "not_yet"}


def test_none_of_it_with_a_live_key(partner: Partner) -> None:
    live = caller()
    for response in (
        live.post("/sandbox/clock", {"to": "25th"}),
        live.post("/sandbox/codes", {"purpose": "webinar"}),
        live.get("/sandbox/conformance"),
    ):
        problem(response, 403, "sandbox_only")
    institution = factories.institution()
    key = key_of(live_partner(institution), is_sandbox=False)
    stamp = str(int(machine_now().timestamp()))
    text = f"{key.client_code}{stamp}POST{BASE}{STATUS}{{}}".encode()
    signature = hmac.new(SECRET.encode(), text, hashlib.sha1).hexdigest()
    Client().generic(
        "POST",
        f"{BASE}{STATUS}",
        "{}",
        "application/json",
        HTTP_CLIENT_CODE=key.client_code,
        HTTP_TIMESTAMP=stamp,
        HTTP_SIGNATURE=signature,
    )
    assert not SandboxCall.objects.exists()
    assert not ConformanceRecord.objects.exists()


def test_a_refused_line_shows_its_refusal_and_nothing_else(sandbox: TestDatabase) -> None:
    partner = sandbox_partner("uji-platform", kind="platform")
    access = sandbox_access(partner_id=partner.pk, at=programme_now())
    line = {"title": "Menjahit", "category": access.starts[0].category_slug, "price_rupiah": 1}
    wrong = line | {"institution": "TIADA"}
    right = line | {"institution": access.starts[0].institution_code}
    answer(v2(access).post("/platform/trainings", {"lines": [wrong]}))
    assert green(partner) == {"v2.refusal.training"}
    answer(v2(access).post("/platform/trainings", {"lines": [wrong, right]}))
    assert green(partner) == {"v2.refusal.training", "v2.offer_for_institutions"}


@pytest.mark.parametrize("kind", ["institution", "platform"])
def test_no_check_is_out_of_reach(kind: str) -> None:
    """Each is shown by an operation that a partner of its kind may call, and by a refusal that this one has."""
    open_to = [
        each
        for methods in ENDPOINTS.values()
        for each in methods.values()
        if each.kind in (ANYBODY, kind) or (each.kind == EITHER and kind in EITHER)
    ]
    for check in checks_of(kind):
        if check.generation == 1:
            assert kind == "institution", check.code
            continue
        able = [each for each in open_to if check.operation in (None, each.operation)]
        able = [each for each in able if can_end(each, check)]
        assert able, f"{check.code}: no operation of a {kind} ends like this"


def can_end(endpoint: Endpoint, check: Check) -> bool:
    """Whether a call of it may be answered as the check asks; of facts those about lines stand in the document."""
    told = {"answered", *problems_of(endpoint), *(["repeated"] if endpoint.writes else [])}
    line = (check.fact or "").removeprefix("line_")
    has_fact = line == (check.fact or "") or line in endpoint.line_problems
    return has_fact and (not check.outcomes or bool(told & set(check.outcomes)))


def test_the_page_knows_every_operation_of_the_contract() -> None:
    """Add a line to partners/conformance_checks.yaml for an operation that is new."""
    assert MODULES, "their imports have declared what is below"
    asked = {check.operation for check in CHECKS if check.generation == 2 and check.operation}
    declared = {
        endpoint.operation
        for path, methods in ENDPOINTS.items()
        for endpoint in methods.values()
        if not path.startswith("/sandbox/")
    }
    assert declared - asked == set()
    assert asked - declared == set()
