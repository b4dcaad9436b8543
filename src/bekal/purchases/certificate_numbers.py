"""The number of a certificate, which opens its page and nothing else, and its place in a status list."""

import hmac
import secrets
from functools import lru_cache
from hashlib import blake2b

from django.conf import settings

from bekal.purchases.redeem_codes import ALPHABET

# 15 of 30 characters are 73 bits: nobody finds a certificate by trying. Three groups of five, unlike a redeem code.
LENGTH, GROUP = 15, 5
# W3C Bitstring Status List 1.0 asks for at least 131,072 entries, so that asking for a list tells nobody apart.
LIST_BITS = 18
LIST_SIZE = 1 << LIST_BITS
_HALF_BITS = LIST_BITS // 2
_ROUNDS = 4


def new_number() -> str:
    """15 characters drawn from a safe source."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normalised_number(text: str) -> str | None:
    """The number as it was issued, from small letters, blanks and hyphens; None where it cannot be one."""
    number = text.replace("-", "").replace(" ", "").upper()
    return number if text.isascii() and len(number) == LENGTH and set(number) <= set(ALPHABET) else None


def grouped_number(number: str) -> str:
    """`ABCDE-FGHJK-MNPQR` for screens, addresses and paper."""
    return "-".join(number[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def status_place(certificate_id: int) -> tuple[int, int]:
    """List and index of a certificate: each has its own, and the index tells nothing of the order of issuing.

    Within a list the indices are the numbers permuted by a Feistel network with a secret key: none is drawn twice,
    and none has to be looked for."""
    status_list, place = divmod(certificate_id, LIST_SIZE)
    left, right = place >> _HALF_BITS, place & ((1 << _HALF_BITS) - 1)
    for each in range(_ROUNDS):
        left, right = right, left ^ _mixed(status_list, each, right)
    return status_list, left << _HALF_BITS | right


def certificate_id_at(status_list: int, status_index: int) -> int:
    """The number of the certificate that has this place: the other way round of `status_place`. A certificate that is
    brought in from elsewhere keeps its place and gets this number, so that no new one ever draws the same place."""
    left, right = status_index >> _HALF_BITS, status_index & ((1 << _HALF_BITS) - 1)
    for each in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(status_list, each, left), left
    return status_list * LIST_SIZE + (left << _HALF_BITS | right)


def _mixed(status_list: int, each: int, half: int) -> int:
    digest = hmac.digest(_key(), f"{status_list} {each} {half}".encode(), "sha256")
    return int.from_bytes(digest[:2]) & ((1 << _HALF_BITS) - 1)


@lru_cache(maxsize=1)
def _key() -> bytes:
    return blake2b(settings.PRIVACY_KEY.encode(), digest_size=32, person=b"bekal-status").digest()
