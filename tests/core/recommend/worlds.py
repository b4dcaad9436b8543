"""Worlds of people and choices for the recommender's tests: small ones, and some whose parameters are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

Arrays = dict[str, Any]


def arrays_of(choices: list[list[int]], profile: list[list[int]], price_rupiah: list[int]) -> Arrays:
    """Keyword arguments of `fit` from plain lists: one list of trainings and one profile row a person."""
    width = len(profile[0]) if profile else 1
    return {
        "ptr": np.concatenate([[0], np.cumsum([len(taken) for taken in choices])]).astype(np.int64),
        "items": np.array([training for taken in choices for training in taken], dtype=np.int32),
        "profile": np.array(profile, dtype=np.int16).reshape(len(profile), width),
        "price_rupiah": np.array(price_rupiah, dtype=np.int32),
    }


def people_of(world: Arrays) -> Arrays:
    """The same people as keyword arguments of `recommend`."""
    return {name: world[name] for name in ("ptr", "items", "profile")}


def reordered(world: Arrays, order: np.ndarray) -> Arrays:
    """The same world with its people in another order."""
    choices = np.split(world["items"], world["ptr"][1:-1])
    return {
        **world,
        "ptr": np.concatenate([[0], np.cumsum([len(choices[u]) for u in order])]),
        "items": np.concatenate([choices[u] for u in order]) if len(order) else world["items"],
        "profile": world["profile"][order],
    }


def relabelled(world: Arrays, new_index: np.ndarray) -> Arrays:
    """The same world with training j called new_index[j]."""
    price = np.empty_like(world["price_rupiah"])
    price[new_index] = world["price_rupiah"]
    return {**world, "items": new_index[world["items"]], "price_rupiah": price}


def random_world(seed: int, people: int = 400, trainings: int = 30, attributes: int = 3) -> Arrays:
    """Skewed popularity, one to five choices each, taste by the first attribute."""
    rng = np.random.default_rng(seed)
    profile = rng.integers(0, 4, (people, attributes))
    popularity = 1.0 / (3.0 + np.arange(trainings))
    choices = []
    for row in profile:
        taste = popularity * np.where(np.arange(trainings) % 4 == row[0], 3.0, 1.0)
        count = int(rng.integers(1, 6))
        choices.append(rng.choice(trainings, min(count, trainings), replace=False, p=taste / taste.sum()).tolist())
    return arrays_of(choices, profile.tolist(), (rng.integers(24, 1001, trainings) * 1000).tolist())


@st.composite
def small_worlds(draw: st.DrawFn) -> Arrays:
    """Any world of 0-12 people, 1-7 trainings, 0-3 attributes."""
    trainings = draw(st.integers(1, 7))
    attributes = draw(st.integers(0, 3))
    people = draw(st.integers(0, 12))
    one = st.lists(st.integers(0, trainings - 1), unique=True, max_size=trainings)
    choices = draw(st.lists(one, min_size=people, max_size=people))
    codes = st.lists(st.integers(-1, 4), min_size=attributes, max_size=attributes)
    profile = draw(st.lists(codes, min_size=people, max_size=people))
    price = draw(st.lists(st.integers(0, 1000), min_size=trainings, max_size=trainings))
    world = arrays_of(choices, profile, [1000 * p for p in price])
    return {**world, "profile": world["profile"].reshape(people, attributes)}


def lifts_by_profile(
    seed: int, *, strength: float, people: int = 6000, trainings: int = 40, values: int = 5
) -> tuple[Arrays, np.ndarray]:
    """(world, lifts (values, trainings)): one choice each; who takes a training is split over the values of the only
    attribute by a symmetric Dirichlet of that strength, the model's own prior. Infinite strength: no lift at all."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (3.0 + np.arange(trainings))
    popularity /= popularity.sum()
    even = np.full((trainings, values), 1.0 / values)
    split = even if np.isinf(strength) else rng.dirichlet(np.full(values, strength), trainings)
    taken = rng.choice(trainings, people, p=popularity)
    value = (rng.random((people, 1)) > np.cumsum(split, axis=1)[taken]).sum(axis=1).clip(0, values - 1)
    world = arrays_of([[int(j)] for j in taken], value[:, None].tolist(), [100_000] * trainings)
    return world, (split / (popularity @ split)).T


def lifts_by_pair(
    seed: int, *, shape: float, people: int = 12_000, trainings: int = 24
) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """(world, chances (g, j) that who has g has j besides, lifts (g, j)): two choices each, a pair drawn by popularity
    of both times a lift that is symmetric and gamma of that shape, mean 1. Profiles are noise. Infinite shape: no lift
    at all."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (4.0 + np.arange(trainings))
    lift = np.ones((trainings, trainings))
    if not np.isinf(shape):
        upper = np.triu(rng.gamma(shape, 1 / shape, (trainings, trainings)), 1)
        lift = upper + upper.T
    together = np.outer(popularity, popularity) * lift
    np.fill_diagonal(together, 0.0)
    drawn = rng.choice(together.size, people, p=(together / together.sum()).ravel())
    pairs = np.stack(np.divmod(drawn, trainings), axis=1)
    noise = rng.integers(0, 12, (people, 3))
    world = arrays_of(pairs.tolist(), noise.tolist(), [100_000] * trainings)
    return world, together / together.sum(axis=1, keepdims=True), lift


def in_fields(seed: int = 0, *, people: int = 8_000, trainings: int = 30, fields: int = 3) -> Arrays:
    """A catalogue of fields (courses, not films), training j in field j % `fields`: who chooses three of them prefers
    one field so much that six choices in ten are in it or more."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (2.0 + rng.permutation(trainings))
    own = rng.integers(0, fields, people)
    weight = popularity * np.where(np.arange(trainings) % fields == own[:, None], 1.5 * fields, 1.0)
    choices = np.argsort(rng.exponential(size=weight.shape) / weight, axis=1)[:, :3]
    return arrays_of(choices.tolist(), [[0]] * people, [100_000] * trainings)


def two_tastes(seed: int, people: int = 6_000, trainings: int = 60) -> tuple[Arrays, np.ndarray, int]:
    """(world, taste (trainings,), row): two choices each. Those with value 0 of the first attribute, many, and those
    with value 0 of the second, few, like the same trainings; nothing else in the profile matters. `row`: that of the
    few, five rows an attribute."""
    rng = np.random.default_rng(seed)
    profile = np.column_stack([rng.choice(5, people, p=[0.4, 0.15, 0.15, 0.15, 0.15]), rng.integers(1, 5, people)])
    profile[rng.random(people) < 0.04, 1] = 0
    taste = rng.normal(0.0, 0.6, trainings)
    lift = np.exp(taste * (profile == 0).sum(axis=1)[:, None])
    weight = lift / (3.0 + np.arange(trainings))
    choices = np.argsort(rng.exponential(size=weight.shape) / weight, axis=1)[:, :2]
    return arrays_of(choices.tolist(), profile.tolist(), [100_000] * trainings), taste, 5


@dataclass(frozen=True)
class Shopping:
    """A world in which people buy one training after the other from what they can still pay."""

    world: Arrays  # choices in the order they were made; the first attribute of the profile is taste, the others noise
    balance_rupiah: np.ndarray  # (people,) before the first
    weights: np.ndarray  # (values, trainings) preference by the first attribute
    pair_lift: np.ndarray  # (trainings, trainings)

    def chances(self, value: np.ndarray, known: np.ndarray, balance_rupiah: np.ndarray) -> np.ndarray:
        """(people, trainings) true chance of the next choice; `known` (people, k)."""
        weight = self.weights[value]
        for taken in known.T:
            weight = weight * self.pair_lift[taken]
            weight[np.arange(len(value)), taken] = 0.0
        weight = weight * (self.world["price_rupiah"][None, :] <= balance_rupiah[:, None])
        return weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)


def shopping(seed: int, balance_rupiah: np.ndarray, trainings: int = 30, steps: int = 5) -> Shopping:
    """Popularity, lifts by taste (five values) and by pair, gamma of shape 20, prices of Rp50,000 to Rp600,000: without
    regard to one another or to the balance (people,). One to `steps` trainings each, as far as the money goes."""
    rng = np.random.default_rng(seed)
    people = len(balance_rupiah)
    weights = rng.gamma(20, 1 / 20, (5, trainings)) / (3.0 + np.arange(trainings))
    pair_lift = np.triu(rng.gamma(20, 1 / 20, (trainings, trainings)), 1)
    price = rng.integers(50, 601, trainings) * 1000
    profile = np.column_stack([rng.integers(0, 5, people), rng.integers(0, 12, (people, 2))])
    wanted = 1 + rng.binomial(steps - 1, 0.4, people)
    made = Shopping({"price_rupiah": price}, balance_rupiah, weights, pair_lift + pair_lift.T)
    taken = np.full((people, steps), -1)
    left, going = balance_rupiah.copy(), np.arange(people)
    for step in range(steps):
        chance = made.chances(profile[going, 0], taken[going, :step], left[going])
        goes_on = (wanted[going] > step) & (chance.sum(axis=1) > 0)
        going, chance = going[goes_on], chance[goes_on]
        choice = (rng.random((len(going), 1)) > np.cumsum(chance, axis=1)).sum(axis=1).clip(0, trainings - 1)
        taken[going, step] = choice
        left[going] -= price[choice]
    choices = [[int(j) for j in row if j >= 0] for row in taken]
    world = arrays_of(choices, profile.tolist(), price.tolist())
    return Shopping(world, balance_rupiah, weights, made.pair_lift)
