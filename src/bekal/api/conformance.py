"""What each signed sandbox call has shown of the contract, noted beside both generations' doors.

A middleware, so that the doors stay what they are for live calls: it reads a call and its answer, and keeps nothing of
their content. Calls that were refused before it was known whose they are leave only the doors' counters.
"""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from bekal.accounts.privacy import decrypt
from bekal.api.v1.body import Refused, body_of
from bekal.api.v1.door import BASE as V1_BASE
from bekal.api.v1.door import HEADERS as V1_HEADERS
from bekal.api.v2.endpoint import ENDPOINTS
from bekal.core.partner_signature import body_form
from bekal.ledger.clock import machine_now
from bekal.partners.conformance import record_exchange
from bekal.partners.conformance_checks import CHECKS, Exchange
from bekal.partners.count_call import count_call
from bekal.partners.handed_codes import HandedCode, handed_code
from bekal.partners.models import PartnerKey
from bekal.partners.refusals import CallRefusal
from bekal.partners.world import SandboxUnavailableError, world_of

V2_BASE = "/api/v2/"
# Every sandbox key's code has this in it (`partners/keys.py`): a live call costs no look.
SANDBOX_MARK = "-uji-"
V1_OPERATIONS = frozenset(check.operation for check in CHECKS if check.generation == PartnerKey.Generation.V1)
# Refusals that come before a call is known to be its caller's, or that say nothing about the caller.
V1_UNSIGNED = frozenset(
    {
        CallRefusal.METHOD_WRONG,
        CallRefusal.HEADER_MISSING,
        CallRefusal.HEADER_TWICE,
        CallRefusal.CLIENT_UNKNOWN,
        CallRefusal.CLIENT_SUSPENDED,
        CallRefusal.TIMESTAMP_MALFORMED,
        CallRefusal.TIMESTAMP_EXPIRED,
        CallRefusal.SIGNATURE_WRONG,
        CallRefusal.TOO_MANY_MISSES,
        CallRefusal.BODY_TOO_LARGE,
        CallRefusal.BODY_UNREADABLE,
        CallRefusal.SANDBOX_AWAY,
    }
)
V2_UNSIGNED = frozenset(
    {
        "address_unknown",
        "method_not_allowed",
        "body_too_large",
        "request_unreadable",
        "signature_missing",
        "timestamp_expired",
        "key_unknown",
        "signature_wrong",
        "key_revoked",
        "key_suspended",
        "partner_suspended",
        "busy",
        "fault",
        "sandbox_away",
    }
)
# The door counts these as nobody's; whose sandbox key they name is worth one more count.
V2_COUNTED = frozenset({"signature_wrong", "timestamp_expired"})
CONFORMANCE = "conformance"
LINES_REFUSED = "lines_refused"


class NoteConformance:
    """Middleware around the doors of both generations."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(V1_BASE):
            _note_v1(request, response)
        elif request.path.startswith(V2_BASE):
            _note_v2(request, response)
        return response


def _note_v1(request: HttpRequest, response: HttpResponse) -> None:
    outcome = response.headers.get("Bekal-Refusal", "answered")
    if outcome in V1_UNSIGNED:
        return
    key = _sandbox_key(str(request.META.get(V1_HEADERS["client_code"], "")), PartnerKey.Generation.V1)
    if key is None:
        return
    operation = request.path.removeprefix(V1_BASE).rstrip("/")
    if operation not in V1_OPERATIONS:
        return
    try:
        body = body_of(request)
    except Refused:
        return  # an address beside the six is told so before its body is read
    facts = {f"form_{_form(request, key, operation, body)}"}
    if "Bekal-Repeated" in response.headers:
        outcome = "repeated"
    elif outcome == "answered":
        facts |= _facts_v1(request, response, key, operation)
    _record(key, request, response, operation, outcome, facts)


def _form(request: HttpRequest, key: PartnerKey, operation: str, body: bytes) -> str:
    """How the body was written that was signed: raw, compact, go, php."""
    headers = {name: str(request.META.get(header, "")) for name, header in V1_HEADERS.items()}
    sent = str(request.META.get("RAW_URI", request.path)).partition("?")[0]
    return body_form(
        key=decrypt(bytes(key.secret_encrypted)).encode(),
        client_code=headers["client_code"],
        timestamp=headers["timestamp"],
        method="POST",
        paths=tuple(dict.fromkeys((f"{V1_BASE}{operation}", sent))),
        body=body,
        signature=headers["signature"],
    )


def _facts_v1(request: HttpRequest, response: HttpResponse, key: PartnerKey, operation: str) -> set[str]:
    if operation == "payment/redeem-code/status":
        data = json.loads(response.content).get("data", {})
        return {"attended"} if data.get("attendance_status") == 1 else set()
    if operation != "payment/redeem-code/commit":
        return set()
    redeem_code = json.loads(request.body).get("redeem_code", "")
    try:
        with world_of(key) as world:
            handed = handed_code(redeem_code=redeem_code, institution_id=world.institution_id)
    except SandboxUnavailableError:
        return set()
    return {"dated"} if isinstance(handed, HandedCode) and handed.first_starts_at is not None else set()


def _note_v2(request: HttpRequest, response: HttpResponse) -> None:
    operation = _operation_v2(request)
    outcome = _outcome_v2(response)
    if operation is None or outcome in V2_UNSIGNED - V2_COUNTED:
        return
    key = _sandbox_key(request.headers.get("Bekal-Key", ""), PartnerKey.Generation.V2)
    if key is None:
        return
    if outcome in V2_COUNTED:
        count_call(key_id=key.pk, operation=CONFORMANCE, outcome=outcome, at=machine_now())
        return
    lines = _lines_of(response) if outcome == "answered" else []
    refused = [line for line in lines if line.get("outcome") == "refused"]
    if refused and len(refused) == len(lines):
        outcome = LINES_REFUSED
    facts = {f"line_{line['problem']['code']}" for line in refused}
    if response.headers.get("Idempotency-Replayed") == "true":
        outcome = "repeated"
    elif outcome == "answered":
        if request.GET.get("cursor"):
            facts.add("next_page")
        if _is_second_key(key):
            facts.add("rotated")
    _record(key, request, response, operation, outcome, facts)


def _operation_v2(request: HttpRequest) -> str | None:
    """The operation's name in the document, by the route; None for the document itself and other addresses."""
    match = request.resolver_match
    if match is None or match.namespace.split(":")[-1] != "v2":
        return None
    path = "/" + match.route.partition("api/v2/")[2].replace("<", "{").replace(">", "}")
    endpoint = ENDPOINTS.get(path, {}).get(request.method or "")
    return endpoint.operation if endpoint else None


def _outcome_v2(response: HttpResponse) -> str:
    if response.status_code < 400:
        return "answered"
    try:
        problem: dict[str, Any] = json.loads(response.content)
        return str(problem["type"]).rstrip("/").rpartition("/")[2]
    except (ValueError, KeyError, TypeError):
        return "fault"


def _lines_of(response: HttpResponse) -> list[dict[str, Any]]:
    """The lines of a batch with the outcome of each: one of which every line was refused shows nothing done."""
    try:
        told = json.loads(response.content)
    except ValueError:
        return []
    lines = (told.get("lines") or told.get("statements") or []) if isinstance(told, dict) else []
    return [line for line in lines if isinstance(line, dict)]


def _is_second_key(key: PartnerKey) -> bool:
    """Whether it is the younger of two live ones: the partner is going over to it."""
    live = PartnerKey.objects.filter(
        partner=key.partner_id, generation=key.generation, is_sandbox=True, revoked_at=None
    ).order_by("-pk")
    numbers = list(live.values_list("pk", flat=True)[:2])
    return len(numbers) == 2 and numbers[0] == key.pk


def _sandbox_key(client_code: str, generation: int) -> PartnerKey | None:
    if SANDBOX_MARK not in client_code or len(client_code) > 60 or not client_code.isascii():
        return None
    found = PartnerKey.objects.select_related("partner").filter(
        client_code=client_code, generation=generation, is_sandbox=True
    )
    return found.order_by("pk").first()


def _record(
    key: PartnerKey, request: HttpRequest, response: HttpResponse, operation: str, outcome: str, facts: set[str]
) -> None:
    exchange = Exchange(
        generation=key.generation,
        operation=operation,
        method=request.method or "",
        status=response.status_code,
        outcome=outcome,
        facts=frozenset(facts),
    )
    record_exchange(key=key, exchange=exchange, at=machine_now())
