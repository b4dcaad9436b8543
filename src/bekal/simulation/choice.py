"""Which training people choose: a multinomial logit (McFadden 1974) with a known truth.

A training's utility to a person is what its category is worth to them (profile effects and a taste of their own), its
own attraction, its stars above the mean, its price by itself and beside the balance left, a bonus for the category and
the topic of what was taken before, and one for the last places. The effects belong to the simulated world: every run
has the same, whatever its seed. One uniform number a choice is turned into a training by inverting the cumulative
probabilities, first over categories, then within the category.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.special import ndtri

from bekal.catalogue.models import Training
from bekal.simulation.draws import Draws, Numbers, Shares
from bekal.simulation.model import Model

CELLS_AT_ONCE = 2_000_000
NO_LIMIT = np.iinfo(np.int64).max
# A training's stars are shrunken towards the catalogue's mean as if that were worth so many ratings; and the mean of a
# catalogue without any.
RATINGS_WORTH, MEAN_BEFORE_ANY = 10.0, 4.0

FEATURES = ("man", "young", "old", "basic", "higher", "employee", "business")
KNOWN_EFFECTS: dict[str, dict[str, float]] = yaml.safe_load(
    Path(__file__).with_name("profile_effects.yaml").read_text(encoding="utf-8")
)
REGIONS = (1, 3, 5, 6, 7, 8, 9)  # first digit of the province: Sumatra, Java, Bali and Nusa Tenggara, …
WORLD = 81_170_845


@dataclass(frozen=True, slots=True)
class Offer:
    """The trainings there are to choose from, by ascending code, as columns."""

    ids: Numbers
    codes: tuple[str, ...]
    institution_ids: Numbers
    institution_codes: tuple[str, ...]
    category: Numbers  # 0..C-1
    category_slugs: tuple[str, ...]
    topic: Numbers  # trainings of one topic follow one another; each imported one is its own
    price_rupiah: Numbers
    session_count: Numbers
    modes: tuple[str, ...]
    held_in: Numbers  # province of a training held on site, 0 for everywhere
    seat_count: Numbers  # NO_LIMIT for as many as want to

    def __len__(self) -> int:
        return len(self.ids)


def offer_today() -> Offer:
    """Everything on sale, in an order that does not depend on numbers of rows."""
    rows = list(Training.objects.filter(on_sale=True).select_related("institution", "category").order_by("code"))
    slugs = sorted({row.category.slug for row in rows})
    on_site = Training.Mode.ON_SITE
    return Offer(
        ids=_whole(row.pk for row in rows),
        codes=tuple(row.code for row in rows),
        institution_ids=_whole(row.institution_id for row in rows),
        institution_codes=tuple(row.institution.code for row in rows),
        category=_whole(slugs.index(row.category.slug) for row in rows),
        category_slugs=tuple(slugs),
        topic=topics_of([row.code for row in rows]),
        price_rupiah=_whole(row.price_rupiah for row in rows),
        session_count=_whole(row.session_count for row in rows),
        modes=tuple(row.mode for row in rows),
        held_in=_whole(row.province or 0 if row.mode == on_site else 0 for row in rows),
        seat_count=_whole(NO_LIMIT if row.seat_count is None else row.seat_count for row in rows),
    )


def topics_of(codes: Sequence[str]) -> Numbers:
    """A number for each topic: `teknik-03-2` is of the topic `teknik-03`; any code of another form stands alone."""
    numbers: dict[str, int] = {}
    return _whole(numbers.setdefault(_topic_of(code), len(numbers)) for code in codes)


def _topic_of(code: str) -> str:
    topic, _, level = code.rpartition("-")
    return topic if topic and len(level) == 1 and level.isalnum() else code


def _whole(numbers: Iterable[int]) -> Numbers:
    return np.array(list(numbers), dtype=np.int64)


def price_level(model: Model, price_rupiah: Numbers) -> float:
    """Typical price of an offer beside the model's reference: 1 is typical, 0.7 is 30 % cheaper; 1 for an empty one."""
    return float(np.median(price_rupiah)) / model.reference_price_rupiah if len(price_rupiah) else 1.0


def shelf_of(facts: Sequence[tuple[int, int, int | None, int]]) -> tuple[NDArray[np.float32], Numbers]:
    """(stars, places left) of trainings given as (rating count, rating sum, seat count or None, bought count); stars
    are shrunken towards the mean of all ratings."""
    counts, sums = _whole(row[0] for row in facts), _whole(row[1] for row in facts)
    mean = sums.sum() / counts.sum() if counts.sum() else MEAN_BEFORE_ANY
    stars = (sums + mean * RATINGS_WORTH) / (counts + RATINGS_WORTH)
    return stars.astype(np.float32), _whole(NO_LIMIT if row[2] is None else max(row[2] - row[3], 0) for row in facts)


class Choice:
    """Choices of a cohort (`facts` [n, 5] as in the population) from an offer of M trainings."""

    shelf = staticmethod(shelf_of)

    def __init__(self, model: Model, draws: Draws, facts: Numbers, offer: Offer, on_year: int) -> None:
        """`on_year`: the year in which ages are counted."""
        self.model, self.offer, self._draws, self._facts, self._on_year = model, offer, draws, facts, on_year
        # Columns of one category stand together, so that sums over them are sums over slices.
        self._order = np.argsort(offer.category, kind="stable")
        self._category = offer.category[self._order]
        self._starts = np.searchsorted(self._category, np.arange(len(offer.category_slugs)))
        self._ends = np.searchsorted(self._category, np.arange(len(offer.category_slugs)), side="right")
        self._column = np.argsort(self._order)
        self._price = offer.price_rupiah[self._order]
        self._topic, self._held_in = offer.topic[self._order], offer.held_in[self._order]
        self._local = np.flatnonzero(self._held_in > 0)
        self._of_topic = _members(self._topic)
        self._attraction = attractions(offer.codes)[self._order] * model.attraction
        self._effects = profile_effects(offer.category_slugs, model)

    def choose(
        self,
        people: Numbers,
        ordinal: Numbers,
        balance_rupiah: Numbers,
        taken: NDArray[np.int32],
        rating_of: NDArray[np.float32],
        seats_left: Numbers,
    ) -> Numbers:
        """The training (its place in the offer) each of `people` [k] chooses as their `ordinal`-th, -1 for none at all.

        `taken` [k, most] are the places taken before, -1 padded; `rating_of` and `seats_left` [M] as `shelf_of` gives
        them. Not chosen: what costs more than the balance, was taken, is held on site elsewhere or is sold out."""
        chosen = np.full(len(people), -1, dtype=np.int64)
        if not len(self.offer):
            return chosen
        appeal = self._appeal(rating_of, seats_left)
        step = max(1, CELLS_AT_ONCE // len(self.offer))
        for start in range(0, len(people), step):
            part = slice(start, start + step)
            shares = self._draws.at("choice", people[part], ordinal[part])
            chosen[part] = self._choose(people[part], balance_rupiah[part], taken[part], appeal, shares)
        return chosen

    def worth(self, people: Numbers) -> Shares:
        """[k, C] what each category is worth to each: the effects of the profile and a taste of their own."""
        slugs = self.offer.category_slugs
        by_profile, by_region = self._effects
        facts = self._facts[people]
        known = features_of(facts, self._on_year) @ by_profile + by_region[regions_of(facts)]
        tastes = [self._draws.at("taste", people, crc32(slug.encode())) for slug in slugs]
        return known + self.model.own_taste * ndtri(np.column_stack(tastes))

    def _appeal(self, rating_of: NDArray[np.float32], seats_left: Numbers) -> Shares:
        """[M] utility that is the same to everybody, in the order of the columns; minus infinity where sold out."""
        model, seats = self.model, seats_left[self._order]
        stars = rating_of[self._order].astype(np.float64)
        appeal = self._attraction + model.rating_weight * (stars - stars.mean())
        appeal -= model.price_weight * self._price / 1e6
        appeal += model.scarce * (seats <= model.scarce_seats)
        return np.where(seats > 0, appeal, -np.inf)

    def _choose(
        self, people: Numbers, balance: Numbers, taken: NDArray[np.int32], appeal: Shares, shares: Shares
    ) -> Numbers:
        weights = self._weights(balance, appeal)
        self._forget_elsewhere(weights, people)
        rows, slots = np.nonzero(taken >= 0)
        columns = self._column[taken[rows, slots]]
        self._follow_topics(weights, rows, columns)
        weights[rows, columns] = 0
        worth = self.worth(people)
        had = np.zeros(worth.shape, dtype=bool)
        had[rows, self._category[columns]] = True
        worth = np.exp(worth + self.model.same_category * had)
        return self._inverted(weights, worth, shares)

    def _weights(self, balance: Numbers, appeal: Shares) -> NDArray[np.float32]:
        """[k, M] exp of appeal and price beside the balance; 0 for what costs more than it."""
        slope = np.asarray(-self.model.share_weight / np.maximum(balance, 1), dtype=np.float32)
        weights = np.multiply.outer(slope, self._price.astype(np.float32))
        weights += appeal.astype(np.float32)
        np.exp(weights, out=weights)
        if balance.min(initial=0) < self._price.max(initial=0):
            weights *= self._price <= balance[:, None]
        return weights

    def _forget_elsewhere(self, weights: NDArray[np.float32], people: Numbers) -> None:
        weights[:, self._local] *= self._facts[people, 4][:, None] == self._held_in[self._local]

    def _follow_topics(self, weights: NDArray[np.float32], rows: Numbers, columns: Numbers) -> None:
        """The bonus of a topic, once however many of it were taken."""
        members = self._of_topic[self._topic[columns]]
        pairs = np.repeat(rows, members.shape[1]), members.ravel()
        known = pairs[1] >= 0
        cells = np.unique(pairs[0][known] * len(self.offer) + pairs[1][known])
        weights.reshape(-1)[cells] *= np.float32(np.exp(self.model.same_topic))

    def _inverted(self, weights: NDArray[np.float32], worth: Shares, shares: Shares) -> Numbers:
        """The first place at which the cumulative weights pass the share of their total."""
        present = self._ends > self._starts
        sums = np.zeros(worth.shape)
        sums[:, present] = np.add.reduceat(weights, self._starts[present], axis=1)
        cumulative = np.cumsum(sums * worth, axis=1)
        wanted = shares * cumulative[:, -1]
        category = np.minimum((cumulative <= wanted[:, None]).sum(axis=1), worth.shape[1] - 1)
        rows = np.arange(len(worth))
        within = (wanted - cumulative[rows, category]) / worth[rows, category] + sums[rows, category]
        chosen = np.full(len(worth), -1, dtype=np.int64)
        for number in np.unique(category[cumulative[:, -1] > 0]).tolist():
            mine = np.flatnonzero((category == number) & (cumulative[:, -1] > 0))
            inside = np.cumsum(weights[mine, self._starts[number] : self._ends[number]], axis=1, dtype=np.float64)
            aim = np.clip(within[mine], 0, inside[:, -1] * (1 - 1e-9))
            chosen[mine] = self._order[self._starts[number] + (inside <= aim[:, None]).sum(axis=1)]
        return chosen


def _members(groups: Numbers) -> Numbers:
    """[groups, most] the places of each group's members, -1 padded."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    rank = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    members = np.full((len(sizes), int(sizes.max(initial=0))), -1, dtype=np.int64)
    members[groups[order], rank] = order
    return members


def attractions(codes: Sequence[str]) -> Shares:
    """[M] standard normal: how much more a training is liked than others of its category; a fact of the world."""
    return np.array([_world("training", code).standard_normal() for code in codes])


def profile_effects(slugs: Sequence[str], model: Model) -> tuple[Shares, Shares]:
    """([7, C], [7, C]) what each feature and each region adds to the worth of each category; a fact of the world."""
    by_profile, by_region = np.empty((len(FEATURES), len(slugs))), np.empty((len(REGIONS), len(slugs)))
    for place, slug in enumerate(slugs):
        chance = _world("category", slug)
        by_profile[:, place] = chance.standard_normal(len(FEATURES)) * model.chance_effect
        if slug in KNOWN_EFFECTS:
            by_profile[:, place] = [KNOWN_EFFECTS[slug].get(feature, 0.0) for feature in FEATURES]
        by_region[:, place] = chance.standard_normal(len(REGIONS)) * model.chance_effect
    return by_profile, by_region


def regions_of(facts: Numbers) -> Numbers:
    """[k] places in REGIONS; Kepulauan Riau (21) belongs to Sumatra."""
    province = facts[:, 4]
    return np.searchsorted(np.array(REGIONS), np.where(province == 21, 1, province // 10))


def features_of(facts: Numbers, on_year: int) -> Shares:
    """[k, 7] FEATURES of each, 0 or 1."""
    sex, birth_year, education, employment, _ = facts.T
    age = on_year - birth_year
    columns = [sex == 1, age < 25, age >= 40, education <= 2, education >= 5, employment == 2, employment == 3]
    return np.column_stack(columns).astype(np.float64)


def _world(*names: str | int) -> np.random.Generator:
    """A generator for one fact of the simulated world."""
    return np.random.default_rng([WORLD, *(crc32(str(name).encode()) for name in names)])
