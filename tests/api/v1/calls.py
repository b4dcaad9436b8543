"""Calls of v1 through Django's own client: quick, and enough where no header's name or number is at stake."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client

from bekal.core.partner_signature import v1_signature
from bekal.ledger.clock import machine_now
from tests.api.server import BASE
from tests.api.v1.conftest import Registered


@dataclass(frozen=True)
class Told:
    """What a call was answered."""

    status: int
    refusal: str
    message: str
    data: dict[str, Any]


def call(who: Registered, operation: str, fields: object, **how: Any) -> Told:
    """Sign and send; `fields` may be the bytes of a body."""
    response = sent(who, operation, fields, **how)
    envelope = json.loads(response.content)
    assert set(envelope) == {"success", "message", "data"} and isinstance(envelope["data"], dict)
    assert envelope["success"] == (response.status_code == 200)
    return Told(
        response.status_code, response.headers.get("Bekal-Refusal", ""), envelope["message"], dict(envelope["data"])
    )


# Two calls in one second with one body are one call, so each gets a second of its own.
_seconds = iter(range(10**9))


def sent(
    who: Registered,
    operation: str,
    fields: object,
    *,
    timestamp: int | None = None,
    signature: str | None = None,
    key: str | None = None,
    client_code: str | None = None,
    path: str | None = None,
    content_type: str = "application/json",
) -> HttpResponse:
    """The response as it is."""
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    stamp = str(int(machine_now().timestamp()) - 250 + next(_seconds) % 500 if timestamp is None else timestamp)
    code = who.client_code if client_code is None else client_code
    right = v1_signature(
        key=(key or who.secret).encode(),
        client_code=code,
        timestamp=stamp,
        method="POST",
        path=BASE + operation,
        body=body,
    )
    response = Client().generic(
        "POST",
        path or BASE + operation,
        body,
        content_type=content_type,
        HTTP_CLIENT_CODE=code,
        HTTP_TIMESTAMP=stamp,
        HTTP_SIGNATURE=right if signature is None else signature,
    )
    assert isinstance(response, HttpResponse)
    return response
