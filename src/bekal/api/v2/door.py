"""The door of every endpoint of v2: what is asked of a call before it runs, in this order, and what leaves with it."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt

from bekal.accounts.access import open_to_partners
from bekal.api.v2.endpoint import ANYBODY, EITHER, Call, Endpoint
from bekal.api.v2.faults import fault, invalid
from bekal.api.v2.json_text import json_text
from bekal.api.v2.problems import LANGUAGES, MEDIA_TYPE, Problem, problem_members, problem_response
from bekal.core.partner_signature_v2 import WINDOW_SECONDS
from bekal.core.strict_json import StrictJsonError, strict_json
from bekal.core.text import shown
from bekal.ledger.clock import machine_now
from bekal.partners.authenticate_v2 import CallRefusal, SignedCall, authenticate
from bekal.partners.call_budget import BURST_COUNT, CALLS_A_SECOND, Budget, spend_call
from bekal.partners.count_call import count_call
from bekal.partners.keyed_answers import Reply, WritingCall, answer_by_key
from bekal.partners.models import PartnerKey
from bekal.partners.world import SandboxUnavailableError, World, world_of

MAX_BODY_BYTES = 1024 * 1024
# So much of a body that is too large is read and thrown away: whoever closes while a client still sends is never heard.
MAX_DRAINED_BYTES = 16 * 1024 * 1024
DRAIN_CHUNK_BYTES = 64 * 1024
AUTHENTICATE = "Bekal-HMAC-SHA256"
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_.:~-]{1,100}")
# PostgreSQL's words for "somebody else is at it": lock not available, deadlock, could not serialise.
_WAITED_TOO_LONG = {"55P03", "40P01", "40001"}
# And for "not here": connection lost, out of resources, shutting down.
_DATABASE_AWAY = {"08", "53", "57"}
View = Callable[..., HttpResponse]
logger = logging.getLogger(__name__)


def door(view: View, endpoints: Mapping[str, Endpoint]) -> View:
    """The view of one address, by its endpoints' methods."""

    def answered(request: HttpRequest, **arguments: Any) -> HttpResponse:
        language = language_asked(request)
        with translation.override(language):
            response = _Visit(request, endpoints).answer(lambda: view(request, **arguments))
        dress(response, language)
        return response

    return open_to_partners(csrf_exempt(answered))


def language_asked(request: HttpRequest) -> str:
    """`id` or `en` by Accept-Language; Indonesian where it says neither."""
    for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")[:200]):
        if code[:2] in LANGUAGES:
            return code[:2]
    return LANGUAGES[0]


def dress(response: HttpResponse, language: str) -> None:
    """The headers that every answer has."""
    response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = "no-store"
    patch_vary_headers(response, ("Accept-Language",))


class _Visit:
    """One call on its way through."""

    def __init__(self, request: HttpRequest, endpoints: Mapping[str, Endpoint]) -> None:
        self.request = request
        self.endpoints = endpoints
        self.endpoint = endpoints.get(request.method or "")
        self.key: PartnerKey | None = None
        # The programme's instant when the key was read.
        self.at: datetime | None = None
        self.budget: Budget | None = None
        self.outcome = "answered"

    def answer(self, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            response = self._settled(view)
        except Exception as error:
            response = self._broken(error)
        if self.budget is not None:
            response.headers["RateLimit-Policy"] = f'"key";q={BURST_COUNT};w={BURST_COUNT // CALLS_A_SECOND}'
            response.headers["RateLimit"] = f'"key";r={self.budget.left_count};t={self._seconds_until_full()}'
        self._count()
        return response

    def _settled(self, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            return self._answer(view)
        except Problem as problem:
            return self._told(problem)

    def _broken(self, error: Exception) -> HttpResponse:
        """Whatever nobody meant: waited for too long, a database that is away, and faults of ours."""
        if isinstance(error, SandboxUnavailableError):
            return self._told(Problem("sandbox_away", headers={"Retry-After": "60"}))
        if isinstance(error, OperationalError):
            state = getattr(error.__cause__, "sqlstate", None)
            if state in _WAITED_TOO_LONG:
                return self._told(Problem("busy", headers={"Retry-After": "1"}))
            if state is None or state[:2] in _DATABASE_AWAY:
                logger.error("v2: the database is away (%s)", state)
                return self._told(Problem("unavailable", headers={"Retry-After": "5"}))
        logger.error("v2 %s", self.endpoint.operation if self.endpoint else "", exc_info=error)
        return self._told(Problem("fault"))

    def _told(self, problem: Problem) -> HttpResponse:
        if problem.afterwards is not None:
            problem = problem.afterwards() or problem
        self.outcome = problem.code
        return problem_response(problem, self.request)

    def _seconds_until_full(self) -> int:
        assert self.budget is not None
        return -(-(BURST_COUNT - self.budget.left_count) // CALLS_A_SECOND)

    def _count(self) -> None:
        operation = self.endpoint.operation if self.endpoint else ""
        key_id = None if self.key is None else self.key.pk
        try:
            count_call(key_id=key_id, operation=operation, outcome=self.outcome, at=machine_now())
        except DatabaseError:
            logger.exception("v2: a call was not counted")

    def _answer(self, view: Callable[[], HttpResponse]) -> HttpResponse:
        endpoint = self.endpoint
        if endpoint is None:
            allowed = ", ".join(sorted(self.endpoints))
            values = {"method": shown(self.request.method or ""), "allowed": allowed}
            raise Problem("method_not_allowed", values, headers={"Allow": allowed})
        body = self._body()
        signed = self._signed_call(body)
        self.key = self._authenticated(signed)
        self.budget = self._budget(self.key)
        self._check_right(endpoint, self.key)
        self._check_form(endpoint, body)
        self._check_parameters(endpoint)
        value = self._value(endpoint, body)
        if endpoint.writes:
            self._check_idempotency_key(signed.idempotency_key)
        return self._run(endpoint, signed, value, view)

    # What arrived

    def _body(self) -> bytes:
        raw = self.endpoint.raw if self.endpoint else None
        limit = raw.max_bytes if raw else MAX_BODY_BYTES
        too_large = Problem("body_too_large", {"limit_bytes": limit}, headers={"Connection": "close"})
        if self.request.headers.get("Transfer-Encoding"):
            raise Problem("length_required", headers={"Connection": "close"})
        length = self.request.META.get("CONTENT_LENGTH") or "0"
        if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > limit):
            self._drain()
            raise too_large
        try:
            body = self.request.read(limit + 1) if raw else self.request.body
        except RequestDataTooBig:
            raise too_large from None
        except UnreadablePostError:
            raise Problem("request_unreadable") from None
        if len(body) > limit:
            raise too_large
        return body

    def _drain(self) -> None:
        left = MAX_DRAINED_BYTES
        with suppress(UnreadablePostError):
            while left > 0 and self.request.read(DRAIN_CHUNK_BYTES):
                left -= DRAIN_CHUNK_BYTES

    def _signed_call(self, body: bytes) -> SignedCall:
        headers = self.request.headers
        return SignedCall(
            key_id=headers.get("Bekal-Key", ""),
            timestamp=headers.get("Bekal-Timestamp", ""),
            signatures=headers.get("Bekal-Signature", ""),
            method=self.request.method or "",
            target=target_of(self.request),
            idempotency_key=headers.get("Idempotency-Key", ""),
            body=body,
        )

    # Who it is, and what it may

    def _authenticated(self, signed: SignedCall) -> PartnerKey:
        now = machine_now()
        found = authenticate(call=signed, now=now)
        self.key, self.at = found.key, found.at
        if found.refusal is None:
            assert found.key is not None
            return found.key
        values = {"window": WINDOW_SECONDS, "now": int(now.timestamp())}
        is_known = found.refusal in (CallRefusal.KEY_SUSPENDED, CallRefusal.PARTNER_SUSPENDED)
        raise Problem(found.refusal.value, values, headers={} if is_known else {"WWW-Authenticate": AUTHENTICATE})

    def _budget(self, key: PartnerKey) -> Budget:
        budget = spend_call(key_id=key.pk, now=machine_now())
        if budget.wait_seconds:
            self.budget = budget
            values = {"burst": BURST_COUNT, "rate": CALLS_A_SECOND, "wait": budget.wait_seconds}
            raise Problem("rate_limited", values, headers={"Retry-After": str(budget.wait_seconds)})
        return budget

    def _check_right(self, endpoint: Endpoint, key: PartnerKey) -> None:
        if endpoint.kind not in (ANYBODY, EITHER, key.partner.kind):
            raise Problem("not_for_this_partner", {"wanted": endpoint.kind})
        if endpoint.scope is not None and endpoint.scope.value not in key.scopes:
            scopes = ", ".join(sorted(key.scopes)) or "-"
            more = {"scope": endpoint.scope.value}
            raise Problem("scope_missing", {"scope": endpoint.scope.value, "scopes": scopes}, more=more)

    # Its form

    def _check_form(self, endpoint: Endpoint, body: bytes) -> None:
        if not self.request.accepts(endpoint.media_type):
            accept = shown(self.request.headers.get("Accept", ""))
            raise Problem("not_acceptable", {"accept": accept, "offered": endpoint.media_type})
        if not endpoint.reads_body:
            if body:
                raise Problem("body_not_expected")
            return
        given = self.request.headers.get("Content-Type", "")
        charset = (self.request.content_params or {}).get("charset", "utf-8").lower()
        wanted = endpoint.raw.media_type if endpoint.raw else "application/json"
        is_wanted = self.request.content_type == wanted and charset in ("utf-8", "utf8")
        if not is_wanted or self.request.headers.get("Content-Encoding", "identity") != "identity":
            values = {"content_type": shown(given), "expected": wanted}
            raise Problem("content_type_unsupported", values, headers={"Accept": wanted})

    def _check_parameters(self, endpoint: Endpoint) -> None:
        try:
            given = self.request.GET
        except (UnicodeError, ValueError):
            raise Problem("request_unreadable") from None
        faults = [
            fault(
                "parameter_unknown" if name not in endpoint.parameters else "parameter_repeated", parameter=shown(name)
            )
            for name, values in given.lists()
            if name not in endpoint.parameters or len(values) > 1
        ]
        # PostgreSQL can look for none of it.
        faults += [
            fault("not_readable", parameter=name, value=value)
            for name, value in given.items()
            if name in endpoint.parameters and "\0" in value
        ]
        if faults:
            raise invalid(faults)

    def _value(self, endpoint: Endpoint, body: bytes) -> Any:
        if not endpoint.reads_body:
            return None
        if endpoint.raw is not None and not endpoint.raw.is_json:
            return body
        try:
            return strict_json(body)
        except StrictJsonError as error:
            more = {"fault": error.fault.value, "pointer": error.pointer, "value": error.value}
            raise Problem("body_not_json", {"fault": error.fault.value, "value": error.value}, more=more) from None

    def _check_idempotency_key(self, given: str) -> None:
        if not given:
            raise Problem("idempotency_key_missing")
        if not _IDEMPOTENCY_KEY.fullmatch(given):
            raise Problem("idempotency_key_invalid", {"value": shown(given)})

    # And what it does

    def _run(
        self, endpoint: Endpoint, signed: SignedCall, value: Any, view: Callable[[], HttpResponse]
    ) -> HttpResponse:
        key, request = self.key, self.request
        assert key is not None and self.at is not None
        # What a partner does with its keys is the same in both worlds, and done in the programme's books.
        with _programme(key, self.at) if endpoint.about_keys else world_of(key, now=self.at) as world:
            own = {"institution": world.institution_id, "platform": world.platform_id}
            own[EITHER] = world.institution_id or world.platform_id
            number = own.get(endpoint.kind, 0)
            if number is None:
                raise Problem("not_for_this_partner", {"wanted": endpoint.kind})
            asked: Any = request
            asked.call, asked.value, asked.remembered = _call(key, world), value, None
            if not endpoint.writes:
                return view()
            return self._write(endpoint, key, signed, value, view)

    def _write(
        self, endpoint: Endpoint, key: PartnerKey, signed: SignedCall, value: Any, view: Callable[[], HttpResponse]
    ) -> HttpResponse:
        request: Any = self.request
        told: list[Problem] = []
        done: list[HttpResponse] = []

        def answer() -> Reply:
            try:
                response = view()
            except Problem as problem:
                told.append(problem)
                return Reply(problem.status, json_text(problem_members(problem, request)), stands=problem.stands)
            done.append(response)
            return Reply(response.status_code, response.content.decode(), remembered=request.remembered)

        writing = WritingCall(
            partner_id=key.partner_id,
            is_sandbox=key.is_sandbox,
            idempotency_key=signed.idempotency_key,
            operation=endpoint.operation,
            asked={"operation": endpoint.operation, "address": signed.target, "body": _asked(value)},
            signed=f"{signed.timestamp} {signed.idempotency_key} {signed.signatures}",
            keeps=endpoint.keeps,
        )
        reply = answer_by_key(call=writing, answer=answer, now=machine_now())
        if told:
            raise told[0]
        if reply.differing:
            differing = list(reply.differing)
            raise Problem("idempotency_key_reused", {"differing": ", ".join(differing)}, more={"differing": differing})
        return self._replayed(reply) if reply.replayed else done[0]

    def _replayed(self, reply: Reply) -> HttpResponse:
        self.outcome = "repeated"
        media_type = "application/json" if reply.is_done else MEDIA_TYPE
        response = HttpResponse(reply.text, status=reply.status, content_type=media_type)
        response.headers["Idempotency-Replayed"] = "true"
        return response


def _asked(value: Any) -> Any:
    """What makes two bodies the same: of bytes their hash, which says enough to compare and is short to keep."""
    return {"sha256": hashlib.sha256(value).hexdigest()} if isinstance(value, bytes) else value


@contextmanager
def _programme(key: PartnerKey, at: datetime) -> Iterator[World]:
    """The programme's own books, whichever world the key opens."""
    yield World(at=at, institution_id=key.partner.institution_id, platform_id=key.partner.platform_id)


def _call(key: PartnerKey, world: World) -> Call:
    return Call(
        key_id=key.pk,
        client_code=key.client_code,
        partner_id=key.partner_id,
        partner_code=key.partner.code,
        partner_name=key.partner.name,
        kind=key.partner.kind,
        is_sandbox=key.is_sandbox,
        scopes=frozenset(key.scopes),
        institution_id=world.institution_id,
        platform_id=world.platform_id,
        at=world.at,
        offset=world.offset,
    )


def target_of(request: HttpRequest) -> str:
    """The request target as it was sent, path and query: what the client has signed."""
    raw = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or request.get_full_path()
    return raw if raw.startswith("/") else "/" + raw.partition("://")[2].partition("/")[2]
