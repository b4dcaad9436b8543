"""Choices follow the utilities they are said to follow: the planted truth can be recovered from them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from bekal.simulation import choice as choosing
from bekal.simulation.choice import (
    FEATURES,
    KNOWN_EFFECTS,
    NO_LIMIT,
    Choice,
    Offer,
    attractions,
    features_of,
    price_level,
    profile_effects,
    regions_of,
    shelf_of,
    topics_of,
)
from bekal.simulation.draws import Draws, Numbers
from bekal.simulation.model import MODEL, Model

SLUGS = tuple(sorted(KNOWN_EFFECTS))
YEAR = 2020
ALIKE = replace(MODEL, own_taste=0.0)


def offer_of(count: int, *, categories: int = len(SLUGS), on_site: float = 0.1) -> Offer:
    """Trainings of the first so many categories in topics of three, prices as in the synthetic catalogue."""
    random = np.random.default_rng(1)
    places = np.arange(count)
    category = places // 3 % categories
    codes = tuple(f"{SLUGS[place // 3 % categories]}-{place // 3:02d}-{place % 3 + 1}" for place in range(count))
    return Offer(
        ids=places + 1,
        codes=codes,
        institution_ids=places,
        institution_codes=codes,
        category=category,
        category_slugs=SLUGS,
        topic=topics_of(codes),
        price_rupiah=np.clip(np.exp(np.log(312_000) + 0.7 * random.standard_normal(count)), 24_000, 1e6).astype(int),
        session_count=np.ones(count, dtype=np.int64),
        modes=("self_paced",) * count,
        held_in=np.where(random.random(count) < on_site, 32, 0),
        seat_count=np.full(count, NO_LIMIT),
    )


def facts_of(count: int) -> Numbers:
    random = np.random.default_rng(2)
    columns = [(2,), (1960, 2003), (1, 7), (1, 4)]
    return np.column_stack(
        [*(random.integers(*each, size=count) for each in columns), random.choice([32, 35, 12, 73, 91, 21], count)]
    )


@dataclass(frozen=True)
class Occasion:
    """What each of N people has before them when they choose."""

    facts: Numbers
    balance: Numbers
    taken: NDArray[np.int32]
    stars: NDArray[np.float32]
    seats: Numbers

    def choices(self, model: Model, offer: Offer, *, people: Numbers | None = None, seed: int = 1) -> Numbers:
        people = np.arange(len(self.facts)) if people is None else people
        chosen = Choice(model, Draws(seed, len(self.facts)), self.facts, offer, YEAR)
        ordinal = np.full(len(people), 2)
        return chosen.choose(people, ordinal, self.balance[people], self.taken[people], self.stars, self.seats)


def occasion(count: int, offer: Offer) -> Occasion:
    random = np.random.default_rng(3)
    taken = np.full((count, 5), -1, dtype=np.int32)
    taken[:, :2] = random.integers(0, len(offer), (count, 2))
    taken[random.random(count) < 0.3] = -1
    return Occasion(
        facts=facts_of(count),
        balance=random.integers(150_000, 1_000_001, count),
        taken=taken,
        stars=random.uniform(3.3, 4.9, len(offer)).astype(np.float32),
        seats=np.where(random.random(len(offer)) < 0.3, random.integers(0, 11, len(offer)), NO_LIMIT),
    )


def test_nobody_chooses_what_cannot_be_bought() -> None:
    offer = offer_of(240)
    one = occasion(4_000, offer)
    chosen = one.choices(MODEL, offer)
    some = chosen >= 0
    assert some.mean() > 0.99
    assert (offer.price_rupiah[chosen] <= one.balance)[some].all()
    assert not (one.taken == chosen[:, None])[some].any()
    assert np.isin(offer.held_in[chosen[some]], [0, 32]).all()
    assert (one.facts[:, 4] == 32)[some & (offer.held_in[chosen] == 32)].all()
    assert (one.seats[chosen[some]] > 0).all()


def test_where_nothing_is_left_nothing_is_chosen() -> None:
    offer = offer_of(60)
    one = occasion(50, offer)
    assert (replace(one, balance=np.zeros(50, dtype=np.int64)).choices(MODEL, offer) == -1).all()
    assert (replace(one, seats=np.zeros(60, dtype=np.int64)).choices(MODEL, offer) == -1).all()
    every = np.tile(np.arange(60, dtype=np.int32), (50, 1))
    assert (replace(one, taken=every).choices(MODEL, offer) == -1).all()
    last = replace(one, taken=every[:, :-1], balance=np.full(50, 1_000_000), seats=np.full(60, 5))
    only = offer_of(60, on_site=0)
    assert (last.choices(MODEL, only) == 59).all()
    assert len(one.choices(MODEL, offer, people=np.empty(0, dtype=np.int64))) == 0


def test_an_empty_shelf_has_nothing_to_choose() -> None:
    offer = offer_of(0)
    people = np.arange(3)
    one = Choice(MODEL, Draws(1, 3), facts_of(3), offer, YEAR)
    nothing = np.empty(0)
    taken = np.full((3, 2), -1, dtype=np.int32)
    assert (one.choose(people, people, people, taken, nothing.astype(np.float32), nothing.astype(int)) == -1).all()


def test_a_choice_does_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = offer_of(240)
    one = occasion(2_000, offer)
    whole = one.choices(MODEL, offer)
    some = np.random.default_rng(4).permutation(2_000)[:300]
    assert np.array_equal(one.choices(MODEL, offer, people=some), whole[some])
    monkeypatch.setattr(choosing, "CELLS_AT_ONCE", 1_000)
    assert np.array_equal(one.choices(MODEL, offer), whole)
    assert not np.array_equal(one.choices(MODEL, offer, seed=2), whole)


def utilities(model: Model, offer: Offer, one: Occasion) -> NDArray[np.float64]:
    """[N, M] written down once more from the model's description, minus infinity for what cannot be bought."""
    by_profile, by_region = profile_effects(offer.category_slugs, model)
    worth = features_of(one.facts, YEAR) @ by_profile + by_region[regions_of(one.facts)]
    utility = worth[:, offer.category] + model.attraction * attractions(offer.codes)
    utility = utility + np.einsum("pnm,p->nm", covariates(offer, one), planted(model))
    elsewhere = (offer.held_in > 0) & (offer.held_in != one.facts[:, 4:5])
    unfit = elsewhere | (offer.price_rupiah > one.balance[:, None]) | (one.seats <= 0)
    rows, slots = np.nonzero(one.taken >= 0)
    unfit[rows, one.taken[rows, slots]] = True
    return np.where(unfit, -np.inf, utility)


NAMES = ("price_weight", "share_weight", "rating_weight", "same_category", "same_topic", "scarce")


def planted(model: Model) -> NDArray[np.float64]:
    """The weights of NAMES as coefficients of `covariates`."""
    return np.array([-model.price_weight, -model.share_weight, *(getattr(model, name) for name in NAMES[2:])])


def covariates(offer: Offer, one: Occasion) -> NDArray[np.float64]:
    """[6, N, M] what the weights of NAMES multiply."""
    shape = len(one.facts), len(offer)
    same_category, same_topic = np.zeros(shape), np.zeros(shape)
    for slot in range(one.taken.shape[1]):
        has, place = one.taken[:, slot : slot + 1] >= 0, one.taken[:, slot]
        same_category = np.maximum(same_category, has * (offer.category == offer.category[place][:, None]))
        same_topic = np.maximum(same_topic, has * (offer.topic == offer.topic[place][:, None]))
    price = np.broadcast_to(offer.price_rupiah / 1e6, shape)
    stars = np.broadcast_to(one.stars.astype(np.float64) - one.stars.mean(), shape)
    scarce = np.broadcast_to((one.seats <= MODEL.scarce_seats) * 1.0, shape)
    share = offer.price_rupiah / one.balance[:, None]
    return np.stack([price, share, stars, same_category, same_topic, scarce])


def test_each_training_is_chosen_as_often_as_its_utility_says() -> None:
    """20,000 people, each with probabilities of their own: expected and observed counts by training (chi-square)."""
    offer = offer_of(36)
    one = occasion(20_000, offer)
    utility = utilities(ALIKE, offer, one)
    weights = np.exp(utility)
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    choices = one.choices(ALIKE, offer)
    assert np.array_equal(choices >= 0, weights.any(axis=1))
    chosen = np.bincount(choices[choices >= 0], minlength=len(offer))
    expected, variance = shares.sum(axis=0), (shares * (1 - shares)).sum(axis=0)
    scores = (chosen - expected)[expected > 0] / np.sqrt(variance[expected > 0])
    assert np.abs(scores).max() < stats.norm.ppf(1 - 0.001 / 2 / len(scores))
    assert (chosen[expected == 0] == 0).all()


# Of half the categories: what the other half is worth is known, so that what people choose tells all of these apart.
ESTIMATED = tuple((feature, slug) for slug in SLUGS[:3] for feature in ("man", "young", "higher", "business"))


def recovered(people: Model, *, truth: Model = ALIKE, seed: int = 1) -> NDArray[np.float64]:
    """How many standard errors each estimate from the choices of `people` lies from the truth: the six weights, the
    scale of the trainings' attraction, and 12 profile effects, by maximum likelihood; what else counts is known."""
    offer = offer_of(36, categories=6)
    one = occasion(20_000, offer)
    chosen = one.choices(people, offer, seed=seed)
    has = chosen >= 0
    features = features_of(one.facts, YEAR)
    profile = [
        features[:, FEATURES.index(feature), None] * (offer.category == SLUGS.index(slug))
        for feature, slug in ESTIMATED
    ]
    attraction = np.broadcast_to(attractions(offer.codes), (len(has), len(offer)))
    columns = np.stack([*covariates(offer, one), attraction, *profile])[:, has].astype(np.float32)
    by_profile, _ = profile_effects(SLUGS, truth)
    effects = [by_profile[FEATURES.index(feature), SLUGS.index(slug)] for feature, slug in ESTIMATED]
    true = np.array([*planted(truth), truth.attraction, *effects])
    known = utilities(truth, offer, one)[has] - np.einsum("pnm,p->nm", columns, true)
    return _standard_errors_off(columns, known, chosen[has], true)


def _standard_errors_off(
    columns: NDArray[np.float32], known: NDArray[np.float64], chosen: Numbers, true: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`columns` [P, N, M] and what is known of the utilities [N, M]. The likelihood has one maximum only, so
    that it does not matter where the search begins."""
    flat, rows = columns.reshape(len(true), -1), np.arange(len(chosen))

    def shares_at(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        utility = known + (weights.astype(np.float32) @ flat).reshape(known.shape)
        utility -= utility.max(axis=1, keepdims=True)
        shares = np.exp(utility)
        total = shares.sum(axis=1, keepdims=True)
        return shares / total, float(np.log(total).sum() - utility[rows, chosen].sum())

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        surprise, lost = shares_at(weights)
        surprise[rows, chosen] -= 1
        return lost, (flat @ surprise.astype(np.float32).ravel()).astype(np.float64)

    def information(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        shares = shares_at(weights)[0].astype(np.float32)
        means = np.einsum("pnm,nm->pn", columns, shares)
        return np.asarray((flat * shares.ravel()) @ flat.T - means @ means.T, dtype=np.float64)

    found = optimize.minimize(loss, true, jac=True, hess=information, method="trust-exact", tol=1.0)
    return np.asarray((found.x - true) / np.sqrt(np.diag(np.linalg.inv(information(found.x)))))


def test_the_planted_truth_is_recovered() -> None:
    """Each estimate lies within its 99 % interval, and at least nine in ten within 95 %."""
    off = np.abs(recovered(ALIKE))
    assert (off < stats.norm.ppf(0.995)).all()
    assert np.mean(off < stats.norm.ppf(0.975)) >= 0.9


@pytest.mark.parametrize("name", ["price_weight", "same_topic", "attraction"])
def test_people_who_choose_otherwise_are_noticed(name: str) -> None:
    off = np.abs(recovered(replace(ALIKE, **{name: getattr(ALIKE, name) * 1.5})))
    place = [*NAMES, "attraction"].index(name)
    assert off[place] > stats.norm.ppf(0.995)


def test_own_tastes_differ_between_people_and_stay_theirs() -> None:
    offer = offer_of(60)
    facts = np.tile(facts_of(1), (3_000, 1))
    one = Choice(MODEL, Draws(1, 3_000), facts, offer, YEAR)
    worth = one.worth(np.arange(3_000))
    assert worth.std(axis=0) == pytest.approx(MODEL.own_taste, rel=0.1)
    assert np.array_equal(one.worth(np.arange(100, 200)), worth[100:200])


def test_stars_and_places_left_as_they_stand_this_morning() -> None:
    stars, left = shelf_of([(0, 0, None, 7), (10, 50, 12, 5), (10, 30, 3, 4)])
    assert stars.tolist() == [4.0, 4.5, 3.5] and left.tolist() == [NO_LIMIT, 7, 0]
    assert shelf_of([(0, 0, 1, 0)])[0].tolist() == [4.0] and len(shelf_of([])[0]) == 0


def test_the_level_of_prices_is_beside_the_typical_one() -> None:
    prices = np.array([100_000, 150_000, 900_000])
    assert price_level(MODEL, prices) == 150_000 / MODEL.reference_price_rupiah
    assert price_level(MODEL, prices[:0]) == 1.0


def test_topics_are_read_from_the_synthetic_codes_alone() -> None:
    assert topics_of(["a-01-1", "a-01-2", "a-02-1", "course", "other-course"]).tolist() == [0, 0, 1, 2, 3]
