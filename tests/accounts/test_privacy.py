"""Personal data at rest."""

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from bekal.accounts.privacy import blind, decrypt, encrypt, mask_email, mask_end


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_was_encrypted_is_read_again_and_nothing_shows(text: str) -> None:
    token = encrypt(text)
    assert decrypt(token) == text
    assert encrypt(text) != token
    assert len(text) < 4 or text.encode() not in token


def test_a_changed_token_is_refused() -> None:
    token = bytearray(encrypt("3174012345678901"))
    token[20] ^= 1
    with pytest.raises(InvalidToken):
        decrypt(bytes(token))


def test_a_hash_finds_the_same_text_for_the_same_purpose_only() -> None:
    assert blind("nik", "3174012345678901") == blind("nik", "3174012345678901")
    assert len({blind("nik", "1"), blind("nik", "2"), blind("account", "1"), blind("ni", "k\x001")}) == 4
    assert len(blind("nik", "1")) == 32


@pytest.mark.parametrize(
    ("text", "shown"), [("081234567890", "••••••••7890"), ("1234", "••••"), ("12345", "•2345"), ("", "")]
)
def test_only_the_end_of_an_identifier_is_shown(text: str, shown: str) -> None:
    assert mask_end(text) == shown


def test_an_address_shows_its_first_letter_and_its_domain() -> None:
    assert mask_email("peserta@contoh.id") == "p•••@contoh.id"
