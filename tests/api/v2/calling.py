"""A partner with a key of v2, and a client that signs as the contract page says."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client

from bekal.accounts.privacy import encrypt
from bekal.catalogue.models import Institution
from bekal.core.partner_signature_v2 import signature, string_to_sign
from bekal.ledger.clock import machine_now
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.scopes import ALL_SCOPES
from tests import factories

SECRET = "rahasia-untuk-uji-0123456789abcdef"


def partner_of(institution: Institution, **fields: Any) -> Partner:
    """The system of an institution."""
    return Partner.objects.create(
        **{
            "code": institution.code,
            "name": institution.name,
            "kind": Partner.Kind.INSTITUTION,
            "institution": institution,
            "registered_at": factories.jakarta(2020, 1, 2),
        }
        | fields
    )


def key_of(partner: Partner, **fields: Any) -> PartnerKey:
    """A live key of v2 with every scope."""
    number = PartnerKey.objects.count() + 1
    return PartnerKey.objects.create(
        **{
            "partner": partner,
            "generation": PartnerKey.Generation.V2,
            "is_sandbox": False,
            "client_code": f"{partner.code}-k{number}",
            "secret_encrypted": encrypt(SECRET),
            "scopes": list(ALL_SCOPES),
            "issued_at": factories.jakarta(2020, 1, 3),
        }
        | fields
    )


@dataclass
class Caller:
    """Signs and calls; `changed` headers replace the signed ones afterwards."""

    key_id: str
    secret: str = SECRET
    client: Client = field(default_factory=Client)

    def get(self, path: str, query: str = "", **options: Any) -> HttpResponse:
        return self.call("GET", path, query=query, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.call("POST", path, body=body, **options)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Any = None,
        raw: bytes | None = None,
        idempotency_key: str | None = None,
        timestamp: int | None = None,
        changed: dict[str, str | None] | None = None,
        **headers: str,
    ) -> HttpResponse:
        """One signed call. `idempotency_key` None: a new one for a write, none for a read."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        target = f"/api/v2{path}" + (f"?{query}" if query else "")
        stamp = str(int(machine_now().timestamp()) if timestamp is None else timestamp)
        wanted = str(uuid4()) if idempotency_key is None and method != "GET" else idempotency_key or ""
        signed = string_to_sign(
            key_id=self.key_id, timestamp=stamp, method=method, target=target, idempotency_key=wanted, body=sent
        )
        all_headers: dict[str, str | None] = {
            "Bekal-Key": self.key_id,
            "Bekal-Timestamp": stamp,
            "Bekal-Signature": f"v1={signature(self.secret, signed)}",
            "Idempotency-Key": wanted or None,
            **headers,
            **(changed or {}),
        }
        given = {name: value for name, value in all_headers.items() if value is not None}
        content_type = given.pop("Content-Type", "application/json" if sent else "")
        return self.client.generic(method, target, sent, content_type, headers=given)  # type: ignore[return-value]


def caller(institution: Institution | None = None, **key_fields: Any) -> Caller:
    """A caller of an institution of its own, or of this one."""
    institution = institution or factories.institution()
    partner = Partner.objects.filter(institution=institution).first() or partner_of(institution)
    return Caller(key_of(partner, **key_fields).client_code)


def problem(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The members of a problem, after asking that it is one, and this one."""
    told = response.content.decode()
    assert response.status_code == status, told
    assert response.headers["Content-Type"] == "application/problem+json", told
    members: dict[str, Any] = json.loads(told)
    assert (members["code"], members["status"]) == (code, status)
    assert members["type"].endswith(f"/api/v2/problems/{code}")
    assert members["title"] and members["detail"]
    return members


def answer(response: HttpResponse, status: int = 200) -> Any:
    """The values of an answer that is none."""
    assert response.status_code == status, response.content.decode()
    assert response.headers["Content-Type"].startswith("application/json")
    return json.loads(response.content)
