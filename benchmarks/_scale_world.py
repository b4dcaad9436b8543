"""A made-up programme of any size: people who chose about two trainings each, by taste, popularity and profile."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAININGS_COUNT = 2_700
MEAN_CHOICES = 2.1
TOPICS_COUNT = 12
PEOPLE_AT_ONCE = 100_000
# Sex, age band, education, work, province: as many values each as the programme's own profile has.
VALUES = (2, 5, 6, 3, 38)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Trainings with prices on the Rp1,000 grid, a topic each, and how much each topic is liked in each age band."""

    price_rupiah: NDArray[np.int64]
    popularity: NDArray[np.float64]
    topic: NDArray[np.int64]
    liking: NDArray[np.float64]  # (age bands, topics)


@dataclass(frozen=True, slots=True)
class People:
    """As of `Recommender.fit`, with what each has left."""

    ptr: NDArray[np.int64]
    items: NDArray[np.int64]
    profile: NDArray[np.int64]
    balance_rupiah: NDArray[np.int64]


def catalogue(seed: int) -> Catalogue:
    """2,700 trainings of 12 topics; prices are log-normal about Rp300,000, between Rp24,000 and Rp1,000,000."""
    draw = np.random.default_rng(seed)
    popularity = draw.permutation(1.0 / np.arange(1, TRAININGS_COUNT + 1) ** 0.8)
    price = np.exp(draw.normal(np.log(300_000), 0.7, TRAININGS_COUNT))
    return Catalogue(
        price_rupiah=np.clip(np.rint(price / 1_000) * 1_000, 24_000, 1_000_000).astype(np.int64),
        popularity=popularity / popularity.sum(),
        topic=draw.integers(0, TOPICS_COUNT, TRAININGS_COUNT),
        liking=draw.gamma(1.0, 1.0, (VALUES[1], TOPICS_COUNT)),
    )


def blocks(shelf: Catalogue, people_count: int, seed: int) -> Iterator[People]:
    """The people, PEOPLE_AT_ONCE at a time; block b of a seed is the same however many there are."""
    for number, first in enumerate(range(0, people_count, PEOPLE_AT_ONCE)):
        yield _people(shelf, min(PEOPLE_AT_ONCE, people_count - first), np.random.default_rng([seed, number]))


def joined(parts: list[People]) -> People:
    """Several blocks as one."""
    lengths = np.concatenate([np.diff(part.ptr) for part in parts])
    return People(
        ptr=np.concatenate([[0], np.cumsum(lengths)]),
        items=np.concatenate([part.items for part in parts]),
        profile=np.concatenate([part.profile for part in parts]),
        balance_rupiah=np.concatenate([part.balance_rupiah for part in parts]),
    )


def _people(shelf: Catalogue, people_count: int, draw: np.random.Generator) -> People:
    profile = np.stack([draw.integers(0, values, people_count) for values in VALUES], axis=1)
    liked = _drawn(shelf.liking[profile[:, 1]], draw)
    wanted = 1 + draw.poisson(MEAN_CHOICES - 1.0, people_count)
    person = np.repeat(np.arange(people_count), wanted)
    items = np.searchsorted(np.cumsum(shelf.popularity), draw.random(len(person))).clip(0, TRAININGS_COUNT - 1)
    by_taste = draw.random(len(person)) < 0.5
    for topic in range(TOPICS_COUNT):
        members = np.flatnonzero(shelf.topic == topic)
        share = np.cumsum(shelf.popularity[members])
        chosen = np.flatnonzero(by_taste & (liked[person] == topic))
        place = np.searchsorted(share, draw.random(len(chosen)) * share[-1]).clip(0, len(members) - 1)
        items[chosen] = members[place]
    pairs = np.unique(person * TRAININGS_COUNT + items)  # nobody takes the same training twice
    lengths = np.bincount(pairs // TRAININGS_COUNT, minlength=people_count)
    return People(
        ptr=np.concatenate([[0], np.cumsum(lengths)]),
        items=pairs % TRAININGS_COUNT,
        profile=profile,
        balance_rupiah=draw.integers(0, 1_000_001, people_count),
    )


def _drawn(weights: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.int64]:
    """One column a row, drawn by weight."""
    running = np.cumsum(weights, axis=1)
    return (running < draw.random((len(weights), 1)) * running[:, -1:]).sum(axis=1)
