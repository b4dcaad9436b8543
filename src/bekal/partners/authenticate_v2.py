"""Whose call of v2 is this? A key's signature over what is asked, within the window."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bekal.accounts.privacy import decrypt
from bekal.core.partner_signature import is_in_window
from bekal.core.partner_signature_v2 import seconds_in, signature_matches, signatures_in, string_to_sign
from bekal.partners.models import PartnerKey
from bekal.partners.named_key import named_key

# Compared against where there is no key, so that an unknown key takes as long as a wrong signature.
_NOBODYS_SECRET = "0" * 64


class CallRefusal(StrEnum):
    """Why a call was not believed. Keep the names stable: answers and counters carry them."""

    SIGNATURE_MISSING = "signature_missing"
    TIMESTAMP_EXPIRED = "timestamp_expired"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_WRONG = "signature_wrong"
    KEY_REVOKED = "key_revoked"
    KEY_SUSPENDED = "key_suspended"
    PARTNER_SUSPENDED = "partner_suspended"


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What arrived, as it was sent; `target` is the path with its query."""

    key_id: str
    timestamp: str
    signatures: str = field(repr=False)
    method: str
    target: str
    idempotency_key: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """`key`, with its partner: whose call it certainly is, also where it is refused for what became of the key. `at`:
    the programme's instant when the key was read."""

    key: PartnerKey | None = None
    refusal: CallRefusal | None = None
    at: datetime | None = None


def authenticate(*, call: SignedCall, now: datetime) -> Authenticated:
    """Whose call this is, or why it is refused. `now` is the machine's instant. Writes nothing.

    A suspended key or partner is told so only where the signature is right.
    """
    if not (call.key_id and call.timestamp and signatures_in(call.signatures)):
        return Authenticated(refusal=CallRefusal.SIGNATURE_MISSING)
    sent_seconds = seconds_in(call.timestamp)
    if sent_seconds is None or not is_in_window(sent_seconds, now_seconds=now.timestamp()):
        return Authenticated(refusal=CallRefusal.TIMESTAMP_EXPIRED)
    named = named_key(client_code=call.key_id, generation=PartnerKey.Generation.V2)
    secret = _NOBODYS_SECRET if named is None else decrypt(bytes(named.key.secret_encrypted))
    is_right = signature_matches(secret, _signed(call), call.signatures)
    if named is None:
        return Authenticated(refusal=CallRefusal.KEY_UNKNOWN)
    if not is_right:
        return Authenticated(refusal=CallRefusal.SIGNATURE_WRONG)
    return Authenticated(named.key, _refusal_of(named.key), named.at)


def _refusal_of(key: PartnerKey) -> CallRefusal | None:
    if key.revoked_at is not None:
        return CallRefusal.KEY_REVOKED
    if key.suspended_at is not None:
        return CallRefusal.KEY_SUSPENDED
    return CallRefusal.PARTNER_SUSPENDED if key.partner.suspended_at is not None else None


def _signed(call: SignedCall) -> bytes:
    return string_to_sign(
        key_id=call.key_id,
        timestamp=call.timestamp,
        method=call.method,
        target=call.target,
        idempotency_key=call.idempotency_key,
        body=call.body,
    )
