"""Redeem codes: what the participant shows to the institution."""

import secrets

from bekal.accounts.privacy import blind

# No 0/O, 1/I/L, U/V pairs of which one is missing: 30 characters, 16 of them are 78 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16


def new_redeem_code() -> str:
    """16 characters drawn from a safe source."""
    number = secrets.randbelow(len(ALPHABET) ** LENGTH)
    characters = []
    for _ in range(LENGTH):
        number, position = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[position])
    return "".join(characters)


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
