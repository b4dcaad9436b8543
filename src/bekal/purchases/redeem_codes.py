"""Redeem codes: what the participant shows to the institution."""

import secrets

from bekal.accounts.privacy import blind

# No 0/O, 1/I/L, U/V pairs of which one is missing: 30 characters, 16 of them are 78 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16


# A byte below 240 names each of the 30 characters equally often; the others are drawn again.
_CHARACTER_OF_BYTE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_TOO_HIGH = bytes(range(256 - 256 % len(ALPHABET), 256))


def new_redeem_code() -> str:
    """16 characters drawn from a safe source."""
    code = b""
    while len(code) < LENGTH:
        code += secrets.token_bytes(LENGTH + 4).translate(_CHARACTER_OF_BYTE, _TOO_HIGH)
    return code[:LENGTH].decode()


def normalised(text: str) -> str | None:
    """The code as it was issued, from small letters, blanks and hyphens between groups; None where it cannot be one."""
    code = text.replace("-", "").replace(" ", "").upper()
    return code if text.isascii() and len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def grouped(code: str) -> str:
    """`ABCD-EFGH-JKMN-PQRS` for screens and receipts."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def redeem_code_hash(code: str) -> bytes:
    """What the directory finds a normalised code by."""
    return blind("redeem-code", code)
