"""What people like: by their profile, by themselves, and by what they have taken before.

A choice is drawn from a logit: a training's utility is what its category is worth to the person (profile effects and a
taste of their own), its own attraction, its price, a bonus for the category and the topic of what was taken before, and
Gumbel noise. The effects belong to the simulated world: every run has the same, whatever its seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bekal.catalogue.models import Training

OWN_TASTE = 0.6  # spread of what a category is worth to one person beyond their profile
CHANCE_EFFECT = 0.3  # spread of profile effects that the table below does not name
ATTRACTION = 0.8  # spread between trainings of one category
PRICE_WEIGHT = 0.7  # utility lost for a million rupiah
SAME_CATEGORY, SAME_TOPIC = 1.0, 2.8
CELLS_AT_ONCE = 2_000_000

FEATURES = ("man", "young", "old", "basic", "higher", "employee", "business")
# What is plausible, by the slug of the category; effects on utility, 0 where nothing is said.
KNOWN_EFFECTS: Mapping[str, Mapping[str, float]] = {
    "teknologi-informasi": {"man": 0.7, "young": 0.5, "old": -0.6, "basic": -0.8, "higher": 0.6},
    "penjualan-dan-pemasaran": {"business": 0.9, "man": -0.1, "young": 0.2},
    "makanan-dan-minuman": {"man": -0.7, "old": 0.5, "basic": 0.5, "higher": -0.3, "business": 0.4},
    "administrasi-perkantoran": {"man": -0.3, "young": 0.6, "basic": -0.7, "employee": 0.5},
    "desain-dan-kreatif": {"young": 0.7, "old": -0.7, "higher": 0.2},
    "bahasa-asing": {"young": 0.4, "higher": 0.4, "basic": -0.3, "employee": 0.2},
    "keuangan-dan-akuntansi": {"higher": 0.6, "employee": 0.5, "business": 0.5, "basic": -0.7},
    "kecantikan-dan-gaya-hidup": {"man": -1.2, "young": 0.2, "basic": 0.3, "higher": -0.3},
    "manajemen-dan-kewirausahaan": {"old": 0.5, "business": 1.0, "employee": 0.4, "higher": 0.3},
    "pertanian-dan-perikanan": {"man": 0.5, "old": 0.7, "basic": 0.7, "higher": -0.5, "young": -0.4},
    "teknik-dan-keterampilan-kerja": {"man": 1.4, "basic": 0.4, "higher": -0.4},
    "sosial-pendidikan-dan-kesehatan": {"man": -0.7, "old": 0.3, "higher": 0.2},
}
REGIONS = (1, 3, 5, 6, 7, 8, 9)  # first digit of the province: Sumatra, Java, Bali and Nusa Tenggara, …
WORLD = 81_170_845


@dataclass(frozen=True, slots=True)
class Offer:
    """The trainings there are to choose from, by ascending code, as columns."""

    ids: NDArray[np.int64]
    codes: tuple[str, ...]
    institution_ids: NDArray[np.int64]
    institution_codes: tuple[str, ...]
    category: NDArray[np.int64]  # 0..C-1
    category_slugs: tuple[str, ...]
    topic: NDArray[np.int64]  # trainings of one topic follow one another; each imported one is its own
    price_rupiah: NDArray[np.int64]
    session_count: NDArray[np.int64]
    modes: tuple[str, ...]
    held_in: NDArray[np.int64]  # province of a training held on site, 0 for everywhere

    def __len__(self) -> int:
        return len(self.ids)


def offer_today() -> Offer:
    """Everything on sale, in an order that does not depend on numbers of rows."""
    rows = list(Training.objects.filter(on_sale=True).select_related("institution", "category").order_by("code"))
    slugs = sorted({row.category.slug for row in rows})
    topics: dict[str, int] = {}
    return Offer(
        ids=np.array([row.pk for row in rows], dtype=np.int64),
        codes=tuple(row.code for row in rows),
        institution_ids=np.array([row.institution_id for row in rows], dtype=np.int64),
        institution_codes=tuple(row.institution.code for row in rows),
        category=np.array([slugs.index(row.category.slug) for row in rows], dtype=np.int64),
        category_slugs=tuple(slugs),
        topic=np.array([topics.setdefault(_topic_of(row.code), len(topics)) for row in rows], dtype=np.int64),
        price_rupiah=np.array([row.price_rupiah for row in rows], dtype=np.int64),
        session_count=np.array([row.session_count for row in rows], dtype=np.int64),
        modes=tuple(row.mode for row in rows),
        held_in=np.array(
            [row.province or 0 if row.mode == Training.Mode.ON_SITE else 0 for row in rows], dtype=np.int64
        ),
    )


def _topic_of(code: str) -> str:
    """`teknik-03-2` is the second training of the topic `teknik-03`; any other code is a topic of its own."""
    topic, _, level = code.rpartition("-")
    return topic if topic and len(level) == 1 and level.isdigit() else code


def _world(*names: str | int) -> np.random.Generator:
    """A generator for one fact of the simulated world."""
    return np.random.default_rng([WORLD, *(crc32(str(name).encode()) for name in names)])


class Taste:
    """Utilities of N people (`facts` as in the population) over an offer of M trainings."""

    def __init__(self, facts: NDArray[np.int64], offer: Offer, on_year: int, random: np.random.Generator) -> None:
        self.offer = offer
        self._random = random
        own = random.standard_normal((len(facts), len(offer.category_slugs))) * OWN_TASTE
        self._of_category = (_profile_worth(facts, offer.category_slugs, on_year) + own).astype(np.float32)
        attraction = np.array([_world("training", code).standard_normal() * ATTRACTION for code in offer.codes])
        self._of_training = (attraction - PRICE_WEIGHT * offer.price_rupiah / 1_000_000).astype(np.float32)
        self._province = facts[:, 4]

    def choose(
        self, people: NDArray[np.int64], balance_rupiah: NDArray[np.int64], taken: Sequence[Sequence[int]]
    ) -> NDArray[np.int64]:
        """The training (its place in the offer) each of `people` chooses now, -1 where nothing is left to choose."""
        chosen = np.empty(len(people), dtype=np.int64)
        step = max(1, CELLS_AT_ONCE // max(len(self.offer), 1))
        for start in range(0, len(people), step):
            part = slice(start, start + step)
            chosen[part] = self._choose(people[part], balance_rupiah[part], taken[part])
        return chosen

    def _choose(
        self, people: NDArray[np.int64], balance: NDArray[np.int64], taken: Sequence[Sequence[int]]
    ) -> NDArray[np.int64]:
        offer = self.offer
        utility = self._of_category[people][:, offer.category] + self._of_training
        utility += self._random.gumbel(size=utility.shape).astype(np.float32)
        for row, places in enumerate(taken):
            for place in places:
                utility[row] += SAME_CATEGORY * (offer.category == offer.category[place])
                utility[row] += SAME_TOPIC * (offer.topic == offer.topic[place])
            utility[row, list(places)] = -np.inf
        elsewhere = (offer.held_in > 0) & (offer.held_in != self._province[people][:, None])
        utility[elsewhere | (offer.price_rupiah > balance[:, None])] = -np.inf
        if not len(offer):
            return np.full(len(people), -1, dtype=np.int64)
        best = utility.argmax(axis=1)
        return np.where(np.isfinite(utility[np.arange(len(people)), best]), best, -1)


def _profile_worth(facts: NDArray[np.int64], slugs: Sequence[str], on_year: int) -> NDArray[np.float64]:
    """(N, C) what each category is worth to people of a profile."""
    features = _features(facts, on_year)
    first_digit = np.where(facts[:, 4] == 21, 1, facts[:, 4] // 10)  # Kepulauan Riau (21) belongs to Sumatra
    region = np.searchsorted(np.array(REGIONS), first_digit)
    worth = np.empty((len(facts), len(slugs)))
    for place, slug in enumerate(slugs):
        known = KNOWN_EFFECTS.get(slug, {})
        chance = _world("category", slug)
        effects = chance.standard_normal(len(FEATURES)) * CHANCE_EFFECT
        for number, feature in enumerate(FEATURES):
            if known:
                effects[number] = known.get(feature, 0.0)
        by_region = chance.standard_normal(len(REGIONS)) * CHANCE_EFFECT
        worth[:, place] = features @ effects + by_region[region]
    return worth


def _features(facts: NDArray[np.int64], on_year: int) -> NDArray[np.float64]:
    sex, birth_year, education, employment, _ = facts.T
    age = on_year - birth_year
    columns = [sex == 1, age < 25, age >= 40, education <= 2, education >= 5, employment == 2, employment == 3]
    return np.column_stack(columns).astype(np.float64)
