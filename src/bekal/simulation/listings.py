"""What a marketplace lists beyond the first 300 trainings: the same topics by other institutions, for other people, in
other places, longer or shorter. Titles only say what the listing's own mode, sessions, hours and city bear out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

FOLDER = Path(__file__).parent / "shelf" / "listings"
# The k-th listing of a topic ends its code with the k-th of these; the first two or three are the topic's own titles.
MARKS = "123456789abcdefghijklmnopqrstuvwxyz"
MAX_TITLE_CHARACTERS = 120
QUICK_HOURS = 4
# How often a title says for whom it is, and how often it says more than that; it always says one of the two.
AUDIENCE_SHARE, DETAIL_SHARE, PREFIX_SHARE, LEVEL_SHARE = 0.5, 0.6, 0.2, 0.3


@dataclass(frozen=True, slots=True)
class Terms:
    """How one listing is held: hours in all, and for a training on site its province and city."""

    mode: str
    session_count: int
    hours: int
    platform: str
    province: int | None = None
    city: str = ""


@cache
def read(name: str) -> Any:
    """One data file of this folder."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def provinces() -> tuple[list[int], list[float]]:
    """Provinces where trainings are held, and how many of a hundred are held in each."""
    places = read("places")
    return list(places), [share for share, _ in places.values()]


def city_in(province: int, random: np.random.Generator) -> str:
    cities: list[str] = read("places")[province][1]
    return cities[int(random.integers(len(cities)))]


class Titles:
    """Makes titles that nobody has had yet."""

    def __init__(self, taken: Sequence[str], random: np.random.Generator) -> None:
        self._taken = set(taken)
        self._random = random

    def another(self, title: str, *, category: str, level: int, terms: Terms) -> str:
        """A title of this training for people, a place or a time of its own. Raises ValueError where none is left."""
        for _ in range(200):
            made = self._made(title, category, level, terms)
            if made not in self._taken and len(made) <= MAX_TITLE_CHARACTERS:
                self._taken.add(made)
                return made
        raise ValueError(f"no further title can be made of {title!r} ({category}, {terms})")

    def _made(self, title: str, category: str, level: int, terms: Terms) -> str:
        audience = self._audience(title, category) if self._random.random() < AUDIENCE_SHARE else ""
        detailed = self._random.random() < DETAIL_SHARE or not audience or terms.mode == "on_site"
        detail = self._detail(title, level, terms) if detailed else ""
        named = f"{title} untuk {audience}" if audience else title
        if self._random.random() < PREFIX_SHARE:
            named = f"{self._prefix(title + detail, terms)} {named}".strip()
        return f"{named} – {detail}" if detail else named

    def _audience(self, title: str, category: str) -> str:
        """For whom; blank where the title says so already, or would say a word twice."""
        if _words(title) & {"untuk", "bagi"}:
            return ""
        audiences = [*read("audiences")["general"], *read("audiences")[category]]
        fitting = [audience for audience in audiences if not _words(audience) & _words(title)]
        return self._one_of(fitting) if fitting else ""

    def _detail(self, title: str, level: int, terms: Terms) -> str:
        emphases = read("emphases")
        of_mode = emphases[terms.mode]
        details = [*of_mode["always"], *of_mode["once" if terms.session_count == 1 else "often"]]
        if terms.mode != "on_site" and self._random.random() < LEVEL_SHARE:
            details = emphases["by_level"][level]
        filled = [text.format(n=terms.session_count, hours=terms.hours, city=terms.city) for text in details]
        fitting = [text for text in filled if not _words(text) & _words(title)]
        return self._one_of(fitting or filled)

    def _prefix(self, said: str, terms: Terms) -> str:
        prefixes = read("emphases")["quick" if terms.hours <= QUICK_HOURS else "prefixes"]
        fitting = [prefix for prefix in prefixes if not _words(prefix) & _words(said)]
        return self._one_of(fitting) if fitting else ""

    def _one_of(self, texts: Sequence[str]) -> str:
        return texts[int(self._random.integers(len(texts)))]


def _words(text: str) -> set[str]:
    """The words that tell, in small letters."""
    words = {word.strip(",:()").casefold() for word in text.split()}
    return words - {"dan", "yang", "di", "ke", "dari", "dalam"}


def homes(slugs: Sequence[str], random: np.random.Generator) -> dict[str, tuple[list[str], list[float]]]:
    """By category: the institutions beyond the first 40 that teach it, and how often each is drawn."""
    institutions = read("institutions")
    teaching: dict[str, list[str]] = {slug: list(institutions[slug]) for slug in slugs}
    for number, name in enumerate(institutions["everywhere"]):
        for step in (0, 3, 7):
            teaching[slugs[(number + step) % len(slugs)]].append(name)
    names = [name for group in institutions.values() for name in group]
    weight = dict(zip(names, (random.gamma(2.0, size=len(names)) + 0.5).tolist(), strict=True))
    return {slug: (able, [weight[name] for name in able]) for slug, able in teaching.items()}


def in_turns(count: int, random: np.random.Generator) -> Iterator[int]:
    """0 to count - 1 in a new order, again and again: every training gets its next listing before any gets two."""
    while True:
        yield from random.permutation(count).tolist()
