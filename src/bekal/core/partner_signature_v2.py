"""The signature of v2: HMAC-SHA256 over what a call is, byte by byte, so that both sides sign the same text."""

import hashlib
import hmac
import re

WINDOW_SECONDS = 300
"""How far a timestamp may lie from the server's clock, to either side."""

VERSION = "v1"
MAX_SIGNATURES = 5
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")


def string_to_sign(
    *, key_id: str, timestamp: str, method: str, target: str, idempotency_key: str, body: bytes
) -> bytes:
    """Seven lines joined by LF, without one at the end: `v1`, key id, timestamp (Unix seconds), METHOD, the request
    target as sent (path, and `?` with the query where there is one), the idempotency key (empty for a read), the
    lower-case hex SHA-256 of the body's bytes (of no bytes where there is no body)."""
    lines = (
        VERSION,
        key_id,
        timestamp,
        method.upper(),
        target,
        idempotency_key,
        hashlib.sha256(body).hexdigest(),
    )
    return "\n".join(lines).encode()


def signature(secret: str, signed: bytes) -> str:
    """Lower-case hex HMAC-SHA256 of the signed bytes under the secret's own characters."""
    return hmac.digest(secret.encode(), signed, "sha256").hex()


def signature_matches(secret: str, signed: bytes, header: str) -> bool:
    """Whether one of the header's signatures is right; all are compared, each in constant time."""
    expected = signature(secret, signed)
    right = False
    for given in signatures_in(header):
        right |= hmac.compare_digest(given, expected)
    return right


def signatures_in(header: str) -> list[str]:
    """The signatures of version v1 in a header like `v1=<hex>, v1=<hex>`, at most five; other versions are left out."""
    found = [match[1] for part in header.split(",")[:MAX_SIGNATURES] if (match := _SIGNATURE.fullmatch(part.strip()))]
    return found


def seconds_in(timestamp: str) -> int | None:
    """Unix seconds from ASCII digits; None where the text is none."""
    return int(timestamp) if _TIMESTAMP.fullmatch(timestamp) else None
