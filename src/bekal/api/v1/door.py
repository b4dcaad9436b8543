"""The door of v1: who calls, was it answered before, and every answer in the envelope that existing clients read.

Each endpoint is one file with one function from a call to the fields of `data`, or to a refusal.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt

from bekal.accounts.access import open_to_partners
from bekal.accounts.privacy import blind
from bekal.api.v1.body import Refused, body_of, fields_of
from bekal.core.refusal import Refusal
from bekal.ledger.clock import machine_now, programme_now
from bekal.partners.attendance_requests import redirects_of
from bekal.partners.authenticate import Caller, SignedCall, authenticate_v1
from bekal.partners.calls import Answer, answer_once
from bekal.partners.count_call import count_call
from bekal.partners.handed_codes import MISSES
from bekal.partners.misses import MISS_LIMIT_COUNT, record_miss
from bekal.partners.refusals import CallRefusal
from bekal.partners.world import SandboxUnavailableError, World, world_of
from bekal.ui.refusals import sentence

BASE = "/api/v1/integration/"
HEADERS = {"client_code": "HTTP_CLIENT_CODE", "timestamp": "HTTP_TIMESTAMP", "signature": "HTTP_SIGNATURE"}
DONE = "Berhasil."
# Clients take any status but 200 for an error and show the message; the statuses are for people who read logs.
STATUSES: Mapping[str, int] = {
    CallRefusal.METHOD_WRONG: 405,
    CallRefusal.HEADER_MISSING: 401,
    CallRefusal.HEADER_TWICE: 401,
    CallRefusal.CLIENT_UNKNOWN: 401,
    CallRefusal.CLIENT_SUSPENDED: 403,
    CallRefusal.TIMESTAMP_MALFORMED: 401,
    CallRefusal.TIMESTAMP_EXPIRED: 401,
    CallRefusal.SIGNATURE_WRONG: 401,
    CallRefusal.TOO_MANY_MISSES: 429,
    CallRefusal.BODY_TOO_LARGE: 413,
    CallRefusal.BODY_UNREADABLE: 400,
    CallRefusal.BODY_NOT_OBJECT: 400,
    CallRefusal.FIELD_TWICE: 400,
    CallRefusal.CODE_NOT_FOUND: 404,
    CallRefusal.CODE_ELSEWHERE: 403,
    CallRefusal.CODE_CANCELLED: 410,
    CallRefusal.TRANSACTION_CANCELLED: 410,
    CallRefusal.CODE_USED: 409,
    CallRefusal.CODE_NOT_USED: 409,
    CallRefusal.OUTSIDE_WINDOW: 409,
    CallRefusal.ENDPOINT_UNKNOWN: 404,
    CallRefusal.TASK_PENDING: 409,
    CallRefusal.TASK_PASSED: 409,
    CallRefusal.TASK_NOT_SENT: 409,
    CallRefusal.TASK_ANSWERED: 409,
    CallRefusal.SANDBOX_AWAY: 503,
}
OTHERWISE = 422


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was signed by its caller: the fields of its body, and the world that its key opens."""

    caller: Caller
    world: World
    fields: Mapping[str, Any] = field(repr=False)
    # Where the caller may have people sent back to; and an address of ours as the caller reaches us.
    redirect_uris: frozenset[str]
    absolute: Callable[[str], str]

    @property
    def at(self) -> datetime:
        """The instant every verb is handed."""
        return self.world.at


Endpoint = Callable[[Call], Mapping[str, Any] | Refusal]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call on its way to its endpoint."""

    request: HttpRequest
    caller: Caller
    operation: str
    endpoint: Endpoint
    body: bytes


def v1_door(operation: str) -> Callable[[Endpoint], Callable[[HttpRequest], HttpResponse]]:
    """Make an endpoint the view of `/api/v1/integration/<operation>`."""

    def declare(endpoint: Endpoint) -> Callable[[HttpRequest], HttpResponse]:
        @csrf_exempt
        @open_to_partners
        def view(request: HttpRequest) -> HttpResponse:
            key_id, answer, outcome = _answered(request, operation, endpoint)
            count_call(key_id=key_id, operation=operation, outcome=outcome, at=machine_now())
            response = response_of(answer)
            if outcome == "repeated":
                response["Bekal-Repeated"] = "true"
            return response

        view.__doc__, view.__name__ = endpoint.__doc__, endpoint.__name__
        return view

    return declare


def refused(refusal: Refusal) -> Answer:
    """The answer of a refusal: its status, and its sentence in Indonesian as `message`; `data` is empty."""
    with override("id"):
        message = sentence(refusal)
    body = json.dumps({"success": False, "message": message, "data": {}})
    return Answer(STATUSES.get(refusal.code, OTHERWISE), body, str(refusal.code))


def _answered(request: HttpRequest, operation: str, endpoint: Endpoint) -> tuple[int | None, Answer, str]:
    """Whose call it was, what it is answered, and what is counted."""
    if request.method != "POST":
        answer = refused(Refusal(CallRefusal.METHOD_WRONG))
        return None, answer, answer.outcome
    key_id: int | None = None
    now = machine_now()
    try:
        body = body_of(request)
        authenticated = authenticate_v1(call=_signed_call(request, operation, body), now=now)
        caller = authenticated.caller
        key_id = None if caller is None else caller.key_id
        if caller is None or authenticated.refusal is not None:
            raise Refused(authenticated.refusal or Refusal(CallRefusal.CLIENT_UNKNOWN))
        answer, repeated = _answer_once(_Asked(request, caller, operation, endpoint, body), now)
    except Refused as stopped:
        answer, repeated = refused(stopped.refusal), False
    except SandboxUnavailableError:
        answer, repeated = refused(Refusal(CallRefusal.SANDBOX_AWAY)), False
    return key_id, answer, "repeated" if repeated else answer.outcome


def _signed_call(request: HttpRequest, operation: str, body: bytes) -> SignedCall:
    """Clients sign the path of the contract, also where a proxy adds to it or they add a slash to it; or what they
    sent. Never the query."""
    headers = {name: str(request.META[key]) for name, key in HEADERS.items() if key in request.META}
    sent = str(request.META.get("RAW_URI", request.path)).partition("?")[0]
    return SignedCall(headers, "POST", tuple(dict.fromkeys((f"{BASE}{operation}", sent))), body)


def _answer_once(asked: _Asked, now: datetime) -> tuple[Answer, bool]:
    caller = asked.caller
    redirect_uris = redirects_of(caller.key) if asked.operation == "oauth/url-generate" else frozenset()

    def first_answer() -> Answer:
        try:
            fields = fields_of(asked.body)
            absolute = asked.request.build_absolute_uri
            found = asked.endpoint(Call(caller, world, fields, redirect_uris, absolute))
        except Refused as stopped:
            found = stopped.refusal
        return _worded(found, caller, world)

    with world_of(caller.key, now=caller.at) as world:
        answered = answer_once(
            key_id=caller.key_id,
            request_hash=blind("v1-call", asked.request.META[HEADERS["signature"]]),
            body_hash=sha256(asked.body).digest(),
            operation=asked.operation,
            at=now,
            answer=first_answer,
        )
    if answered.answer is None:
        # Suspended between the look at the key and here: only its misses do that on the way.
        return refused(Refusal(CallRefusal.TOO_MANY_MISSES, {"limit_count": MISS_LIMIT_COUNT})), False
    is_miss = answered.answer.outcome in MISSES and not answered.repeated
    # The sandbox's budget stands in the programme's books, which cannot be written from inside the sandbox.
    if world.is_sandbox and is_miss and not record_miss(key_id=caller.key_id, at=programme_now()):
        return refused(Refusal(CallRefusal.TOO_MANY_MISSES, {"limit_count": MISS_LIMIT_COUNT})), False
    return answered.answer, answered.repeated


def _worded(found: Mapping[str, Any] | Refusal, caller: Caller, world: World) -> Answer:
    """What an endpoint found as an answer; a miss is taken from the budget before it is told."""
    if isinstance(found, Refusal):
        if found.code in MISSES and not world.is_sandbox and not record_miss(key_id=caller.key_id, at=world.at):
            found = Refusal(CallRefusal.TOO_MANY_MISSES, {"limit_count": MISS_LIMIT_COUNT})
        return refused(found)
    return Answer(200, json.dumps({"success": True, "message": DONE, "data": found}))


def response_of(answer: Answer) -> HttpResponse:
    """The answer as HTTP; a refusal's code stands in the header `Bekal-Refusal`."""
    response = HttpResponse(answer.body, content_type="application/json", status=answer.status)
    response["Cache-Control"] = "no-store"
    if answer.outcome != "answered":
        response["Bekal-Refusal"] = answer.outcome
    # The counter is all that a refused call leaves behind: no line in the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    if answer.status == 405:
        response["Allow"] = "POST"
    return response
