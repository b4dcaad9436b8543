"""Personal data at rest: encrypted where it must be read again, a keyed hash where it must only be found."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

# The first byte says how the rest was made. Fernet's tokens are base64 text and begin with "g".
_AES_GCM = b"\x01"
_NONCE_BYTES = 12


@lru_cache(maxsize=1)
def _keys() -> tuple[AESGCM, Fernet, bytes]:
    secret = settings.PRIVACY_KEY.encode()
    encryption = hashlib.blake2b(secret, digest_size=32, person=b"bekal-aes-gcm").digest()
    earlier = hashlib.blake2b(secret, digest_size=32, person=b"bekal-encrypt").digest()
    blinding = hashlib.blake2b(secret, digest_size=32, person=b"bekal-blind").digest()
    return AESGCM(encryption), Fernet(base64.urlsafe_b64encode(earlier)), blinding


def encrypt(text: str) -> bytes:
    """Authenticated encryption (AES-256-GCM, a random nonce) of a text: NIK, phone, account number, message, file."""
    nonce = os.urandom(_NONCE_BYTES)
    return _AES_GCM + nonce + _keys()[0].encrypt(nonce, text.encode(), _AES_GCM)


def decrypt(token: bytes) -> str:
    """The text `encrypt` was given, now or when it still wrote Fernet's tokens.

    Raises cryptography.fernet.InvalidToken where the token was changed."""
    token = bytes(token)
    if token[:1] != _AES_GCM:
        return _keys()[1].decrypt(token).decode()
    try:
        nonce, sealed = token[1 : 1 + _NONCE_BYTES], token[1 + _NONCE_BYTES :]
        return _keys()[0].decrypt(nonce, sealed, _AES_GCM).decode()
    except (InvalidTag, ValueError) as error:
        raise InvalidToken from error


def decrypt_all(tokens: Iterable[bytes]) -> list[str]:
    """As `decrypt`, of many: what costs more than to decrypt is done once for all of them."""
    cipher, start = _keys()[0].decrypt, 1 + _NONCE_BYTES
    try:
        return [
            cipher(token[1:start], token[start:], _AES_GCM).decode() if token[:1] == _AES_GCM else decrypt(token)
            for token in tokens
        ]
    except (InvalidTag, ValueError) as error:
        raise InvalidToken from error


def blind(purpose: str, text: str) -> bytes:
    """32-byte keyed hash for look-ups: the same text for the same purpose, nothing without the key."""
    return hmac.digest(_keys()[2], f"{purpose}\0{text}".encode(), "sha256")


def mask_end(text: str, *, visible: int = 4) -> str:
    """`••••••••1234`: the last characters of an identifier, for screens."""
    shown = text[-visible:] if len(text) > visible else ""
    return "•" * (len(text) - len(shown)) + shown


def mask_email(text: str) -> str:
    """`p•••@contoh.id`: enough for the owner to recognise an address, too little for anybody else."""
    name, _, domain = text.partition("@")
    return f"{name[:1]}•••@{domain}"


def mask_name(text: str) -> str:
    """`S••• R•••`: enough for who has the person before them, nothing to search by: always three dots a word."""
    return " ".join(f"{word[0]}•••" for word in text.split())
