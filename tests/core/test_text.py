"""What people type is stored whole or refused, never half."""

import pytest

from bekal.core.text import is_readable, shown, tidy


def test_tidy_takes_blanks_off_and_keeps_one_kind_of_line_end() -> None:
    assert tidy("  satu\r\ndua\rtiga \n") == "satu\ndua\ntiga"
    assert tidy(" \t\r\n ") == ""


@pytest.mark.parametrize("text", ["Siti Rahayu", "Ñandú 日本 👩‍🏭", "", "Rp50 – “murah”"])
def test_what_people_write_is_readable(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize("text", ["a\0b", "\x00", "half \ud83d", "\udc00", "bell \x07", "escape \x1b[31m", "\x9f"])
@pytest.mark.parametrize("multiline", [False, True])
def test_nul_controls_and_half_characters_are_not(text: str, multiline: bool) -> None:
    assert not is_readable(text, multiline=multiline)


def test_line_breaks_are_readable_only_where_lines_are_wanted() -> None:
    assert is_readable("satu\ndua\ttiga", multiline=True)
    assert not is_readable("satu\ndua")
    assert not is_readable("satu\rdua", multiline=True)


def test_a_shown_value_is_short_and_can_always_be_sent() -> None:
    quoted = shown("a\0\ud800" + "x" * 100)
    assert quoted.startswith("a��x")
    assert len(quoted) == 40
    quoted.encode()
    assert shown("OVO") == "OVO"
