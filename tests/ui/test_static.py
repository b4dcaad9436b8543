"""Styles and scripts stay small, name no outside address, and hold the colours that people can read."""

import gzip
import re

import pytest

from tests.ui.msgids import SOURCE

STATIC = SOURCE / "ui" / "static" / "ui"
CSS = (STATIC / "bekal.css").read_text()
KIB = 1024
TOKEN = re.compile(r"--([a-z-]+): (#[0-9a-f]{6})")
# (text, surface, ratio): every pair that carries words, and edges that show what can be operated.
PAIRS = [
    *[(ink, surface, 4.5) for ink in ("ink", "ink-soft") for surface in ("paper", "card", "sunk")],
    *[("accent", surface, 4.5) for surface in ("paper", "card", "accent-wash")],
    *[(tone, f"{tone}-wash", 4.5) for tone in ("sun", "good", "bad")],
    *[(tone, "card", 4.5) for tone in ("sun", "good", "bad")],
    *[("ink", f"{tone}-wash", 4.5) for tone in ("sun", "good", "bad", "accent")],
    *[("ink-soft", f"{tone}-wash", 4.5) for tone in ("good", "accent")],
    ("accent-ink", "accent", 4.5),
    ("accent-ink", "accent-deep", 4.5),
    ("purse-ink", "purse", 4.5),
    ("edge", "card", 3.0),
    ("edge", "paper", 3.0),
    ("sun", "paper", 3.0),
]


def tokens(scheme: str) -> dict[str, str]:
    """The colours of a scheme; the dark one changes some of the light one's."""
    light, dark = CSS.split("@media (prefers-color-scheme: dark)")[:2]
    found = dict(TOKEN.findall(light))
    return found if scheme == "light" else found | dict(TOKEN.findall(dark.split("/* page */")[0]))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "surface", "least"), PAIRS)
def test_colours_can_be_read(scheme: str, text: str, surface: str, least: float) -> None:
    colours = tokens(scheme)
    low, high = sorted((luminance(colours[text]), luminance(colours[surface])))
    assert (high + 0.05) / (low + 0.05) >= least


@pytest.mark.parametrize(("name", "budget_kib"), [("bekal.css", 18), ("bekal.js", 20), ("bekal.svg", 2)])
def test_files_are_small(name: str, budget_kib: int) -> None:
    assert len(gzip.compress((STATIC / name).read_bytes())) <= budget_kib * KIB


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: object) -> None:
    addresses = re.findall(r"https?://[^\s'\")]+", path.read_text())  # type: ignore[attr-defined]
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


def test_the_tokens_keep_the_names_of_the_design() -> None:
    surfaces = {"paper", "card", "sunk", "line", "accent-wash", "sun-wash", "bad-wash"}
    assert surfaces | {"ink", "ink-soft", "accent", "accent-ink", "sun", "good", "bad"} <= set(tokens("light"))
