"""Personal data at rest: encrypted where it must be read again, a keyed hash where it must only be found."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet
from django.conf import settings


@lru_cache(maxsize=1)
def _keys() -> tuple[Fernet, bytes]:
    secret = settings.PRIVACY_KEY.encode()
    encryption = hashlib.blake2b(secret, digest_size=32, person=b"bekal-encrypt").digest()
    blinding = hashlib.blake2b(secret, digest_size=32, person=b"bekal-blind").digest()
    return Fernet(base64.urlsafe_b64encode(encryption)), blinding


def encrypt(text: str) -> bytes:
    """Authenticated encryption of a short text (NIK, phone, account number, message)."""
    return _keys()[0].encrypt(text.encode())


def decrypt(token: bytes) -> str:
    """The text `encrypt` was given; raises cryptography.fernet.InvalidToken where the token was changed."""
    return _keys()[0].decrypt(bytes(token)).decode()


def blind(purpose: str, text: str) -> bytes:
    """32-byte keyed hash for look-ups: the same text for the same purpose, nothing without the key."""
    return hmac.new(_keys()[1], f"{purpose}\0{text}".encode(), hashlib.sha256).digest()


def mask_end(text: str, *, visible: int = 4) -> str:
    """`••••••••1234`: the last characters of an identifier, for screens."""
    shown = text[-visible:] if len(text) > visible else ""
    return "•" * (len(text) - len(shown)) + shown


def mask_email(text: str) -> str:
    """`p•••@contoh.id`: enough for the owner to recognise an address, too little for anybody else."""
    name, _, domain = text.partition("@")
    return f"{name[:1]}•••@{domain}"
