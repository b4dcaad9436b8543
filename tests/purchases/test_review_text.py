"""Words of reviews: personal data are masked, and alike texts share a fingerprint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.purchases.review_text import MINIMUM_CHARACTERS, fingerprints, likeness, masked, plain, runs

LONG = "Pengajarnya sabar, materinya lengkap, dan semua pertanyaan saya dijawab sampai tuntas."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("WA 081234567890 ya", "WA ••• ya"),
        ("WA 0812-3456-7890.", "WA •••."),
        ("+62 812 3456 7890", "•••"),
        ("(+62)8123456789", "(•••"),
        ("NIK 3273014106900001!", "NIK •••!"),
        ("NIK 3273 0141 0690 0001", "NIK •••"),
        ("surel budi.s+1@contoh.co.id, ya", "surel •••, ya"),
        ("harga Rp3.550.000 tahun 2020", "harga Rp3.550.000 tahun 2020"),
        ("dari 600000 peserta, 08.00 sampai 17.00", "dari 600000 peserta, 08.00 sampai 17.00"),
        ("12345678901234567890", "12345678901234567890"),
        ("dua @ seribu", "dua @ seribu"),
    ],
)
def test_numbers_and_addresses_of_people_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.text(alphabet=st.sampled_from("08+62 -.()@abc1\n"), max_size=60))
def test_masking_again_changes_nothing_and_never_makes_it_longer(text: str) -> None:
    once = masked(text)
    assert masked(once) == once
    assert len(once) <= len(text)


@given(st.text(max_size=200))
def test_any_text_has_five_fingerprints_or_is_too_short(text: str) -> None:
    found = fingerprints(text)
    assert len(found) == (5 if len(plain(text)) >= MINIMUM_CHARACTERS else 0)
    assert found == fingerprints(text)
    assert all(-(2**63) <= value < 2**63 for value in found)


def test_case_marks_and_accents_make_no_difference() -> None:
    assert fingerprints(LONG) == fingerprints(LONG.upper().replace(",", " —") + "!!!")
    assert plain("Café, RÉSUMÉ 👍 x_y") == "cafe resume x y"


def test_a_changed_word_leaves_texts_alike_and_another_text_is_not() -> None:
    changed = LONG.replace("sabar", "ramah")
    other = "Videonya sering putus dan isinya sangat sedikit untuk harga sebesar itu, saya kecewa."
    assert 0.7 < likeness(runs(LONG), runs(changed)) < 1
    assert set(fingerprints(LONG)) & set(fingerprints(LONG + " Terima kasih."))
    assert likeness(runs(LONG), runs(other)) < 0.1
    assert not set(fingerprints(LONG)) & set(fingerprints(other))
    assert likeness(frozenset(), frozenset()) == 0
