"""Translations: every text has its Indonesian, and what the program fills in survives."""

import re
from pathlib import Path

import polib
import pytest

from bekal.config.translations import SOURCE, catalogues, compile_translations

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
CATALOGUES = catalogues()


def named(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_there_are_translations() -> None:
    assert CATALOGUES


@pytest.mark.parametrize("path", CATALOGUES, ids=named)
def test_every_text_is_translated(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=named)
def test_what_is_filled_in_is_the_same_in_both_languages(path: Path) -> None:
    wrong = [
        entry.msgid
        for entry in polib.pofile(str(path))
        for text in (list(entry.msgstr_plural.values()) or [entry.msgstr])
        if set(PLACEHOLDER.findall(text)) - set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        or (not entry.msgid_plural and set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(entry.msgid)))
    ]
    assert wrong == []


def test_compiling_again_writes_nothing() -> None:
    compile_translations()
    assert compile_translations() == 0
