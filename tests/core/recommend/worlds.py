"""Small worlds of people and choices for the recommender's tests."""

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
