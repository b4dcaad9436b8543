"""Calls of partners' systems, signed as the contract pages say, for the proofs that try every door."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client

from bekal.catalogue.models import Institution, Platform
from bekal.core import partner_signature, partner_signature_v2
from bekal.ledger.clock import machine_now, programme_now
from bekal.partners.keys import KeyOrder, issue_keys
from bekal.partners.models import Partner
from bekal.partners.scopes import ALL_SCOPES

V1, V2 = "/api/v1/integration/", "/api/v2"


def client() -> Client:
    """A visitor without a browser; a fault of ours is an answer of 500, not an exception of theirs."""
    return Client(raise_request_exception=False, SERVER_NAME="localhost")


@contextmanager
def without_a_word() -> Iterator[None]:
    """Everybody who is turned away would be a line of the log."""
    logger = logging.getLogger("django.request")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@dataclass(frozen=True, slots=True)
class PartnerSystem:
    """One partner with a key; `call` signs for v2, `call_v1` for v1."""

    partner_id: int
    key_id: str
    secret: str = field(repr=False)
    client: Client = field(default_factory=client)

    def call(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, query: str = "", **headers: str
    ) -> HttpResponse:
        """One call of v2; `path` below /api/v2. `raw` is sent as it stands."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        target, stamp = f"{V2}{path}" + (f"?{query}" if query else ""), str(int(machine_now().timestamp()))
        wanted = "" if method.upper() == "GET" else str(uuid4())
        text = partner_signature_v2.string_to_sign(
            key_id=self.key_id, timestamp=stamp, method=method, target=target, idempotency_key=wanted, body=sent
        )
        signed = {
            "Bekal-Key": self.key_id,
            "Bekal-Timestamp": stamp,
            "Bekal-Signature": f"v1={partner_signature_v2.signature(self.secret, text)}",
            **({"Idempotency-Key": wanted} if wanted else {}),
            **headers,
        }
        content_type = signed.pop("Content-Type", "application/json" if sent else "")
        answer: Any = self.client.generic(method.upper(), target, sent, content_type, headers=signed)
        return answer

    def call_v1(self, path: str, *, body: Any = None, raw: bytes | None = None) -> HttpResponse:
        """One call of v1; `path` below /api/v1/integration/."""
        sent = raw if raw is not None else json.dumps(body, separators=(",", ":")).encode()
        stamp, full = str(int(machine_now().timestamp())), f"{V1}{path}"
        signed = partner_signature.v1_signature(
            key=self.secret.encode(), client_code=self.key_id, timestamp=stamp, method="POST", path=full, body=sent
        )
        headers: dict[str, Any] = {"HTTP_CLIENT_CODE": self.key_id, "HTTP_TIMESTAMP": stamp, "HTTP_SIGNATURE": signed}
        answer: Any = self.client.generic("POST", full, sent, "application/json", **headers)
        return answer


def system_of(
    owner: Institution | Platform, *, generation: int = 2, scopes: tuple[str, ...] = ALL_SCOPES
) -> PartnerSystem:
    """The live system of an institution or platform, with a new key."""
    kind = Partner.Kind.INSTITUTION if isinstance(owner, Institution) else Partner.Kind.PLATFORM
    partner = Partner.objects.filter(**{kind.value: owner}).first() or Partner.objects.create(
        code=owner.code, name=owner.name, kind=kind, registered_at=programme_now(), **{kind.value: owner}
    )
    (issued,) = issue_keys(orders=[KeyOrder(partner.pk, generation, False, scopes)], at=programme_now())
    if issued.refusal is not None:
        raise RuntimeError(f"no key for {partner.code}: {issued.refusal.code}")
    return PartnerSystem(partner.pk, issued.client_code, issued.secret)


def document() -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    answer = client().get(f"{V2}/openapi.json")
    read: dict[str, Any] = json.loads(answer.content)
    return read


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document: `who` is institution, platform, either of both, or partner (tied or not).

    `example` and `media_type` are of its body."""

    method: str
    path: str
    name: str
    scope: str | None
    who: str
    example: Any
    media_type: str

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def operations(found: dict[str, Any]) -> list[Operation]:
    """Every operation of the document, in its order; paths below /api/v2."""
    return [
        Operation(
            method.upper(),
            path.removeprefix(V2),
            said["operationId"],
            said.get("x-bekal-scope"),
            said.get("x-bekal-for", "partner"),
            *_example(said),
        )
        for path, methods in found["paths"].items()
        for method, said in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def _example(said: dict[str, Any]) -> tuple[Any, str]:
    """The example of a body, and of which type it is."""
    content = said.get("requestBody", {}).get("content", {})
    return next(((part.get("example"), media_type) for media_type, part in content.items()), (None, ""))
