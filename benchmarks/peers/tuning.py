"""Hyper-parameters of a peer, chosen on held-out training people; nobody else's choices are looked at."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bekal.core.recommend import first_choices, ndcg_at
from benchmarks.peers.peer import Choices, Peer, Settings

HELD_OUT_SHARE, HELD_OUT_LIMIT = 4, 1_500  # one training person in four, up to so many
KNOWN = range(4)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Split:
    """Training people, some of them held out."""

    seen: Choices
    held: Choices

    @classmethod
    def of(cls, train: Choices, seed: int) -> "Split":
        """Drawn by the seed."""
        order = np.random.default_rng(seed).permutation(len(train))
        count = min(len(train) // HELD_OUT_SHARE, HELD_OUT_LIMIT)
        return cls(train.of_people(np.sort(order[count:])), train.of_people(np.sort(order[:count])))


@dataclass(frozen=True)
class Tuned:
    """The best settings of a peer, its figure on the held-out people, and the peer as it learned from the others."""

    settings: Settings
    figure: float
    seen_only: Peer
    tried_count: int
    cpu_seconds: float


def tuned(peer_class: type[Peer], split: Split, *, seed: int, quick: bool, say: Say) -> Tuned:
    """Try every setting of the grids (`quick`: the first and the last of each)."""
    best: tuple[float, Settings, Peer] | None = None
    started, tried = time.process_time(), 0
    fits, reads = (_some(grid, quick) for grid in (peer_class.fit_grid, peer_class.read_grid))
    for fitted in fits:
        peer = peer_class(seed=seed, **fitted)
        peer.learn(split.seen)
        for reading in reads:
            peer.read(reading)
            figure = mean_ndcg(peer, split.held)
            tried += 1
            say(f"{peer_class.name}: setting {tried} of {len(fits) * len(reads)}")
            if best is None or figure > best[0]:
                best = (figure, peer.settings, peer)
    assert best is not None
    figure, settings, peer = best
    peer.read({name: settings[name] for name in peer_class.read_grid[0]})
    return Tuned(settings, figure, peer, tried, round(time.process_time() - started, 1))


def mean_ndcg(peer: Peer, people: Choices) -> float:
    """NDCG@10 of people whose first 0, 1, 2 and 3 choices are known: the mean of the four, those with nobody left out.

    Without the limit of balances: no peer knows prices when it learns, and all are cut the same way afterwards.
    """
    figures = []
    everybody = np.arange(len(people))
    for known in KNOWN:
        some = everybody[np.diff(people.ptr) > known]
        if len(some) == 0:
            continue
        ptr, items = first_choices(people.ptr, people.items, some, known)
        lists, _ = peer.recommend(ptr=ptr, items=items, profile=people.profile[some])
        targets = first_choices(people.ptr, people.items, some, np.iinfo(np.int64).max, start=known)
        figures.append(float(np.mean(ndcg_at(lists, *targets, n=10))))
    return float(np.mean(figures)) if figures else 0.0


def _some(grid: tuple[Settings, ...], quick: bool) -> tuple[Settings, ...]:
    return tuple({id(each): each for each in (grid[0], grid[-1])}.values()) if quick else grid
