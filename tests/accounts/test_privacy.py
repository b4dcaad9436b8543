"""Personal data at rest."""

import base64
import hashlib

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from bekal.accounts.privacy import blind, decrypt, decrypt_all, encrypt, mask_email, mask_end


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_was_encrypted_is_read_again_and_nothing_shows(text: str) -> None:
    token = encrypt(text)
    assert decrypt(token) == text and decrypt_all([token, memoryview(token)]) == [text, text]
    assert encrypt(text) != token
    assert len(text) < 4 or text.encode() not in token


@given(position=st.integers(0, 44), bit=st.integers(0, 7))
def test_a_changed_token_is_refused(position: int, bit: int) -> None:
    token = bytearray(encrypt("3174012345678901"))
    assert len(token) == 45
    token[position] ^= 1 << bit
    with pytest.raises(InvalidToken):
        decrypt(bytes(token))
    with pytest.raises(InvalidToken):
        decrypt_all([encrypt("3174012345678901"), bytes(token)])


@pytest.mark.parametrize("length", [0, 1, 5, 12, 13, 20, 44])
def test_a_token_that_was_cut_is_refused(length: int) -> None:
    with pytest.raises(InvalidToken):
        decrypt(encrypt("3174012345678901")[:length])


def test_tokens_of_earlier_versions_are_still_read() -> None:
    key = hashlib.blake2b(settings.PRIVACY_KEY.encode(), digest_size=32, person=b"bekal-encrypt").digest()
    token = Fernet(base64.urlsafe_b64encode(key)).encrypt(b"3174012345678901")
    assert decrypt(token) == "3174012345678901" and decrypt_all([token]) == ["3174012345678901"]


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
