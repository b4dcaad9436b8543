"""Provinces are known by the code a NIK begins with, by name, and by what else people call them."""

import pytest

from bekal.accounts.provinces import (
    PROVINCE_ALIASES,
    PROVINCES,
    TAKEN_OUT_OF,
    are_neighbours_of_2022,
    province_code,
)


def test_there_are_38_provinces_since_2022() -> None:
    assert len(PROVINCES) == len(set(PROVINCES.values())) == 38
    assert [PROVINCES[code] for code in range(91, 97)] == [
        "Papua",
        "Papua Barat",
        "Papua Selatan",
        "Papua Tengah",
        "Papua Pegunungan",
        "Papua Barat Daya",
    ]
    assert set(TAKEN_OUT_OF) == {93, 94, 95, 96}
    assert set(TAKEN_OUT_OF.values()) == {91, 92}


def test_every_name_code_and_alias_is_known_and_means_one_province() -> None:
    for code, name in PROVINCES.items():
        assert province_code(str(code)) == province_code(name) == province_code(name.upper()) == code
    for alias, code in PROVINCE_ALIASES.items():
        assert province_code(alias) == province_code(f"  Provinsi {alias.lower()}.") == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Daerah Istimewa Yogyakarta", 34),
        ("D.I. Yogyakarta", 34),
        ("d i yogyakarta", 34),
        ("Kep. Bangka Belitung", 19),
        ("KEP BANGKA BELITUNG", 19),
        ("Kep. Riau", 21),
        ("Jakarta", 31),
        ("Prov. Jawa Barat", None),
        ("ntb", 52),
        ("Papua  Barat\tDaya", 96),
        (" 92 ", 92),
        ("9.2", None),
        ("9 2", None),
        ("032", None),
        ("٣٢", None),
        ("54", None),
        ("", None),
        ("provinsi", None),
        ("Jawa", None),
    ],
)
def test_a_province_is_read_as_people_write_it(text: str, code: int | None) -> None:
    assert province_code(text) == code


def test_papers_of_before_and_after_2022_name_two_provinces_for_one_place() -> None:
    assert are_neighbours_of_2022(91, 93) and are_neighbours_of_2022(96, 92)
    assert not are_neighbours_of_2022(93, 94), "both were Papua, but neither ever was the other"
    assert not are_neighbours_of_2022(32, 36) and not are_neighbours_of_2022(91, 92)
