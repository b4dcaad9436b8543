"""What the OpenAPI document says once for all endpoints: how calls are signed, headers, areas."""

from typing import Any

DESCRIPTION = """\
The API of the programme for the systems of training institutions and digital platforms.

**Every call is signed.** `Bekal-Signature: v1=<hex>` is the lower-case hex HMAC-SHA256, under the key's secret, of
seven lines joined by LF: `v1`, the key id (`Bekal-Key`), Unix seconds (`Bekal-Timestamp`), the METHOD, the request
target as sent (path and query), the `Idempotency-Key` (empty for a read), and the lower-case hex SHA-256 of the
body's bytes. A timestamp may lie 300 seconds from the server's clock. Two keys can be valid at once, so that one can
be rotated.

**Every write has an `Idempotency-Key`.** The same key with the same body is answered with the first answer
(`Idempotency-Replayed: true`); with another body it is refused (422) and told what differs. A refusal changed nothing
and does not use the key up.

**Everything that is refused is a problem** (RFC 9457, `application/problem+json`) in the language of `Accept-Language`
(`id`, the default, or `en`); `type` leads to a page in both. An unknown address is 404 `address_unknown`, another
method 405 `method_not_allowed`.

Amounts are whole rupiah. Instants are RFC 3339. Lists come page by page (`next`, and the `Link` header).
"""

TAGS = {
    "keys": "Whose key this is; rotating keys.",
    "redeem": "Taking a participant's redeem code.",
    "purchases": "The purchases redeemed at the institution.",
    "sessions": "Trainings, their sessions and dates.",
    "evidence": "Attendance, progress, completion, certificate; what is still owed.",
    "refunds": "Cancelling a purchase.",
    "statement": "The institution's own account.",
    "sandbox": "The sandbox's clock, test codes, test participants, and what the system has shown.",
    "platform": "For digital platforms: a purchase that a participant has started, what was sold.",
    "webhooks": "What happened to your purchases, sent to you (Standard Webhooks), listed and replayed.",
}

SECURITY: dict[str, Any] = {
    "BekalKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Bekal-Key",
        "description": "The key id, as issued.",
    },
    "BekalTimestamp": {
        "type": "apiKey",
        "in": "header",
        "name": "Bekal-Timestamp",
        "description": "Unix seconds; at most 300 from the server's clock.",
    },
    "BekalSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Bekal-Signature",
        "description": "`v1=` and 64 lower-case hex digits; up to five signatures, separated by commas.",
    },
}

PARAMETERS: dict[str, Any] = {
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "The language of problems: Indonesian, or English where it comes first.",
        "schema": {"type": "string", "maxLength": 200},
        "example": "id",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "One for each thing that is wanted, kept and sent again with each retry. A UUID is best.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:~-]{1,100}$"},
        "example": "0b6f1d1e-6a0f-4d4c-9a52-0d5c3e0f7a11",
    },
}


def _header(description: str, example: object, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


HEADERS: dict[str, Any] = {
    "Content-Language": _header("`id` or `en`.", "id"),
    "RateLimit": _header("Calls left at once (`r`), and seconds until all are there again (`t`).", '"key";r=119;t=1'),
    "RateLimit-Policy": _header("Calls at once (`q`), filled anew within `w` seconds.", '"key";q=120;w=6'),
    "Retry-After": _header("Seconds until it is worth trying again.", "1", pattern="^[0-9]+$"),
    "Idempotency-Replayed": _header("`true` where this is the first answer again.", "true", enum=["true"]),
    "Link": _header(
        "The next page (RFC 8288).", '<https://bekal.example/api/v2/purchases?cursor=AZx…&limit=50>; rel="next"'
    ),
    "WWW-Authenticate": _header("How calls are signed.", "Bekal-HMAC-SHA256"),
}
