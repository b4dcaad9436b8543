"""Redeem codes: long, safe to read aloud, forgiving to type."""

import pytest

from bekal.purchases.redeem_codes import ALPHABET, LENGTH, grouped, new_redeem_code, normalised, redeem_code_hash


def test_a_code_has_more_than_60_bits_and_no_two_look_alike() -> None:
    assert len(set(ALPHABET)) ** LENGTH >= 2**60
    assert not set(ALPHABET) & set("01ILOU")
    codes = {new_redeem_code() for _ in range(500)}
    assert len(codes) == 500
    assert set("".join(codes)) == set(ALPHABET)
    assert {len(code) for code in codes} == {LENGTH}


def test_what_is_typed_from_a_receipt_is_the_code() -> None:
    code = new_redeem_code()
    assert len(grouped(code)) == 19
    for typed in (code, grouped(code), grouped(code).lower(), f" {grouped(code)} ", grouped(code).replace("-", " ")):
        assert normalised(typed) == code


@pytest.mark.parametrize(
    "text", ["", "ABCD", "0" * 16, "A" * 17, "A" * 15 + "\0", "A" * 15 + "\ud800", "Ａ" * 16, "ß" * 8]
)
def test_anything_else_is_no_code(text: str) -> None:
    assert normalised(text) is None


def test_the_hash_tells_codes_apart() -> None:
    assert redeem_code_hash("A" * 16) != redeem_code_hash("A" * 15 + "B")
    assert len(redeem_code_hash("A" * 16)) == 32
