"""The signature of v2: the vector of the contract page, and nothing that is nearly right."""

import pytest

from bekal.core.partner_signature_v2 import (
    seconds_in,
    signature,
    signature_matches,
    signatures_in,
    string_to_sign,
)
from tests.contracts.house import ROOT

VECTOR = {
    "key_id": "lembaga-contoh-k3v9q2mw",
    "timestamp": "1605754800",
    "method": "POST",
    "target": "/api/v2/redemptions",
    "idempotency_key": "0b6f1d1e-6a0f-4d4c-9a52-0d5c3e0f7a11",
    "body": b'{"redeem_code": "ABCD-EFGH-JKMN-PQRS"}',
}
SECRET = "5f0c2a9be1d84736a0b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6071"
SIGNATURE = "abb552a755ae4b1fb5644b3b6e3cf74249fed8044ba4b0ec6ca71a055fd5043e"


def test_the_vector_of_the_contract_page() -> None:
    signed = string_to_sign(**VECTOR)  # type: ignore[arg-type]
    assert signature(SECRET, signed) == SIGNATURE
    page = (ROOT / "docs" / "partners" / "v2.md").read_text()
    assert SIGNATURE in page and SECRET in page and signed.decode() in page


@pytest.mark.parametrize("part", VECTOR)
def test_every_part_counts(part: str) -> None:
    right = string_to_sign(**VECTOR)  # type: ignore[arg-type]
    value = VECTOR[part]
    changed = VECTOR | {part: value + (b" " if isinstance(value, bytes) else "1")}  # type: ignore[operator]
    assert string_to_sign(**changed) != right  # type: ignore[arg-type]
    assert not signature_matches(SECRET, string_to_sign(**changed), f"v1={SIGNATURE}")  # type: ignore[arg-type]


def test_one_right_signature_among_five_is_enough() -> None:
    signed, wrong = string_to_sign(**VECTOR), "0" * 64  # type: ignore[arg-type]
    assert signature_matches(SECRET, signed, f"v1={wrong}, v2=x,v1={SIGNATURE}")
    assert not signature_matches(SECRET, signed, ",".join([f"v1={wrong}"] * 5 + [f"v1={SIGNATURE}"]))
    assert not signature_matches("other", signed, f"v1={SIGNATURE}")


@pytest.mark.parametrize(
    "header", ["", "v1=", f"v1={SIGNATURE.upper()}", SIGNATURE, f"v2={SIGNATURE}", f"v1={'٠' * 64}"]
)
def test_what_is_no_signature_is_none(header: str) -> None:
    assert signatures_in(header) == []


@pytest.mark.parametrize(("text", "seconds"), [("1605754800", 1605754800), ("1", 1)])
def test_seconds_are_read(text: str, seconds: int) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "1.5", "1e9", " 1", "١", "9" * 13, "1605754800\n"])
def test_other_seconds_are_none(text: str) -> None:
    assert seconds_in(text) is None
