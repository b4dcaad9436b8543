"""The Ed25519 key that signs credentials, and the public keys that verify what was signed, by W3C Multikey.

The key is derived from a secret of its own, `BEKAL_CERTIFICATE_KEY`. Whoever changes the secret names the public key
that was used before in `BEKAL_CERTIFICATE_KEYS_BEFORE` (`manage certificate-key` prints it): what was downloaded then
stays verifiable. A key that got into wrong hands is left out there: nothing signed with it verifies any more.
"""

from hashlib import blake2b

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

# Multicodec ed25519-pub, as an unsigned varint; "z" says base58-btc (W3C Controlled Identifiers 1.0, Multikey).
_ED25519_PUBLIC, _BASE58 = b"\xed\x01", "z"
_PUBLIC_BYTES = 32


def signing_key() -> Ed25519PrivateKey:
    """The key that signs now."""
    secret = settings.CERTIFICATE_KEY.encode()
    return Ed25519PrivateKey.from_private_bytes(blake2b(secret, digest_size=32, person=b"bekal-badge").digest())


def multikey(key: Ed25519PublicKey) -> str:
    """`z6Mk…`: the public key as documents name it."""
    return _BASE58 + base58.b58encode(_ED25519_PUBLIC + key.public_bytes_raw()).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """The public key of a Multikey. Raises ValueError where it is none of Ed25519."""
    try:
        raw = base58.b58decode(text.removeprefix(_BASE58))
    except ValueError:
        raw = b""
    if not text.startswith(_BASE58) or raw[:2] != _ED25519_PUBLIC or len(raw) != 2 + _PUBLIC_BYTES:
        raise ValueError(
            f"{text!r} is not an Ed25519 public key as Multikey: it begins with z6Mk and has 48 characters"
        )
    return Ed25519PublicKey.from_public_bytes(raw[2:])


def published_multikeys() -> tuple[str, ...]:
    """The key that signs now, then those that signed before and are still trusted."""
    current = multikey(signing_key().public_key())
    before = [text.strip() for text in settings.CERTIFICATE_KEYS_BEFORE.split(",") if text.strip()]
    return current, *(multikey(public_key(text)) for text in before if text != current)
