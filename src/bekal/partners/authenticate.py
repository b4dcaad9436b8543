"""Whose call it is: the key of a client code, whether it is answered at all, and whether it signed this call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bekal.accounts.privacy import decrypt
from bekal.core.partner_signature import WINDOW_SECONDS, is_in_window, is_signed_v1, timestamp_of
from bekal.core.refusal import Refusal
from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import PartnerKey
from bekal.partners.named_key import named_key
from bekal.partners.refusals import CallRefusal


@dataclass(frozen=True, slots=True)
class Caller:
    """The key a call names, with its partner; `refusal` says why nothing signed with it is answered now. `at`: the
    programme's instant when the key was read."""

    key: PartnerKey
    secret: str = field(repr=False)
    refusal: Refusal | None
    at: datetime

    @property
    def key_id(self) -> int:
        """The key's number."""
        return self.key.pk


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call as it came in; `headers` has `client_code`, `timestamp` and `signature`, as far as each was sent."""

    headers: Mapping[str, str] = field(repr=False)
    method: str
    paths: tuple[str, ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """`caller` is known as soon as the client code is somebody's; without a refusal the call is the caller's own."""

    caller: Caller | None
    refusal: Refusal | None


def caller_of(*, client_code: str, generation: int) -> Caller | None:
    """The key with this client code; None where there is none of that generation, or it was revoked."""
    named = named_key(client_code=client_code, generation=generation)
    if named is None or named.key.revoked_at is not None:
        return None
    return Caller(named.key, decrypt(bytes(named.key.secret_encrypted)), _refusal_of(named.key), named.at)


def authenticate_v1(*, call: SignedCall, now: datetime) -> Authenticated:
    """Whose call of v1 this is; `now` is the server's clock, not the programme's.

    What a suspended key is told comes last, so that only its holder learns it."""
    for header in ("client_code", "timestamp", "signature"):
        if not call.headers.get(header):
            return Authenticated(None, Refusal(CallRefusal.HEADER_MISSING, {"header": header}))
    for header in ("client_code", "timestamp", "signature"):
        # No value of ours has a comma: it joins what was sent more than once.
        if "," in call.headers[header]:
            return Authenticated(None, Refusal(CallRefusal.HEADER_TWICE, {"header": header}))
    caller = caller_of(client_code=call.headers["client_code"], generation=PartnerKey.Generation.V1)
    if caller is None:
        return Authenticated(None, Refusal(CallRefusal.CLIENT_UNKNOWN))
    timestamp = timestamp_of(call.headers["timestamp"])
    if timestamp is None:
        return Authenticated(caller, Refusal(CallRefusal.TIMESTAMP_MALFORMED))
    if not is_in_window(timestamp, now_seconds=now.timestamp()):
        return Authenticated(caller, Refusal(CallRefusal.TIMESTAMP_EXPIRED, {"limit_count": WINDOW_SECONDS}))
    is_signed = is_signed_v1(
        key=caller.secret.encode(),
        client_code=call.headers["client_code"],
        timestamp=call.headers["timestamp"],
        method=call.method,
        paths=call.paths,
        body=call.body,
        signature=call.headers["signature"],
    )
    if not is_signed:
        return Authenticated(caller, Refusal(CallRefusal.SIGNATURE_WRONG))
    return Authenticated(caller, caller.refusal)


def _refusal_of(key: PartnerKey) -> Refusal | None:
    if key.suspended_at is not None and key.miss_count >= MISS_LIMIT_COUNT:
        return Refusal(CallRefusal.TOO_MANY_MISSES, {"limit_count": MISS_LIMIT_COUNT})
    if key.suspended_at is not None or key.partner.suspended_at is not None:
        return Refusal(CallRefusal.CLIENT_SUSPENDED)
    return None
