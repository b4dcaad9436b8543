"""Both languages are complete: every text has its Indonesian, once, and no catalogue keeps what nobody says."""

from collections import defaultdict

import polib
import pytest

from tests.ui.msgids import SOURCE, python_msgids, room_msgids, template_msgids

# Rooms without pages of their own keep their texts in ui's catalogue.
ROOMS_OF = {
    "web": ("web",),
    "console": ("console",),
    "api": ("api",),
    "ui": tuple(
        path.name for path in sorted(SOURCE.iterdir()) if path.is_dir() and path.name not in ("web", "console", "api")
    ),
}


def catalogue(room: str) -> polib.POFile:
    return polib.pofile(str(SOURCE / room / "locale/id/LC_MESSAGES/django.po"))


def known(room: str) -> set[str]:
    return {text for entry in catalogue(room) for text in (entry.msgid, entry.msgid_plural) if text}


def used(room: str) -> set[str]:
    return set().union(*(room_msgids(each) for each in ROOMS_OF[room]))


@pytest.mark.parametrize("room", ROOMS_OF)
def test_every_text_has_its_indonesian(room: str) -> None:
    everything = known(room) | known("ui")
    assert sorted(used(room) - everything) == []


@pytest.mark.parametrize("room", ["ui", "web", "api"])
def test_no_catalogue_keeps_what_nobody_says(room: str) -> None:
    assert sorted(known(room) - used(room)) == []


def test_one_text_has_one_translation() -> None:
    translations: dict[str, set[str]] = defaultdict(set)
    for room in ROOMS_OF:
        for entry in catalogue(room):
            translations[entry.msgid].add(entry.msgstr or entry.msgstr_plural[0])
    assert {text: sorted(each) for text, each in translations.items() if len(each) > 1} == {}


def test_the_search_for_texts_finds_every_form() -> None:
    template = (
        '{% translate "Plain" %}{% empty "x" _("Argument") %}'
        "{% blocktranslate with a=b|rupiah %}{{ a }} is 5%{% endblocktranslate %}"
        "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}{% url 'x' as _y %}"
    )
    assert set(template_msgids(template)) == {"Plain", "Argument", "%(a)s is 5%%", "%(n)s day", "%(n)s days"}
    assert set(python_msgids('x = _("one"); y = gettext("two " "three"); z = ngettext("a", "b", n)')) == {
        "one",
        "two three",
        "a",
        "b",
    }
    with pytest.raises(AssertionError, match="literal"):
        list(python_msgids("gettext(f'{x}')"))
