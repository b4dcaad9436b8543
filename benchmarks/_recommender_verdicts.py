"""Whether the recommender is as good as it has to be: against the targets of the public set, and against every peer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bekal.core.recommend import mean_and_error
from benchmarks._recommender_protocol import CELLS, World, cell_name

PUBLIC_SHA256 = "5566d0f394d1f0929d66737b2ee0c9c8879258550621ae53ec62bfd6cc905c5f"
# Of the public set, by regime, in the order of CELLS: the better of CoLift and CoLift-logit in each cell.
TARGETS = {
    "full": (0.4865, 0.5541, 0.5810, 0.5973, 0.4551, 0.5116, 0.5367, 0.5519),
    "short": (0.4549, 0.4543, 0.4519, 0.4491, 0.4338, 0.4319, 0.4304, 0.4280),
}
# Measured beside the peers, with a grid of our own. On short histories it and the model are within chance of each other
# on the public set, so which is ahead in the mean says nothing; that it is not ahead by more than chance has to hold.
CANDIDATES = ("user kNN",)
MEAN_SHARE = 0.995  # the mean of a regime has to reach so much of that of its targets
SIGNIFICANCE = 0.05  # two-sided, each cell and peer by itself: correcting for many would only make losing harder

Gains = list[NDArray[np.float64]]  # one array a cell, in the order of CELLS: NDCG of each test person, NaN: no target


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that has to hold."""

    what: str
    measured: str
    is_met: bool

    def line(self) -> str:
        """For the terminal."""
        return f"{self.what}: {self.measured}  {'met' if self.is_met else 'MISSED'}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The recommender less one peer, person by person: mean over the cells and its 95 % interval; where it wins and
    loses by a two-sided paired t-test."""

    peer: str
    mean: float
    low: float
    high: float
    wins: tuple[str, ...]
    losses: tuple[str, ...]


def compared(own: Gains, peer_name: str, other: Gains) -> Comparison:
    """The two on the same people. People are independent, the cells of one person are not: the variance of the mean
    over cells is the sum over people of the square of all that one person moves it by."""
    wins, losses, means = [], [], []
    moved = np.zeros(len(own[0]))
    for at, mine, theirs in zip(CELLS, own, other, strict=True):
        difference = mine - theirs
        known = ~np.isnan(difference)
        if not known.any():
            continue
        mean = float(difference[known].mean())
        means.append(mean)
        moved[known] += (difference[known] - mean) / known.sum()
        if is_different(difference[known]):
            (wins if mean > 0 else losses).append(cell_name(*at))
    mean = float(np.mean(means)) if means else float("nan")
    error = float(np.sqrt(np.sum(moved**2))) / max(len(means), 1)
    return Comparison(peer_name, mean, mean - 1.96 * error, mean + 1.96 * error, tuple(wins), tuple(losses))


def is_different(differences: NDArray[np.float64]) -> bool:
    """Whether their mean differs from 0 by a two-sided t-test."""
    count = len(differences)
    if count < 2 or not np.any(differences):
        return False
    error = float(differences.std(ddof=1)) / np.sqrt(count)
    return error == 0 or abs(float(differences.mean())) / error > stats.t.ppf(1 - SIGNIFICANCE / 2, count - 1)


def against_targets(world: World, regime: str, own: Gains) -> list[Verdict]:
    """What the public set demands; nothing on any other data."""
    if world.sha256 != PUBLIC_SHA256:
        return []
    figures = [mean_and_error(each) for each in own]
    target = float(np.mean(TARGETS[regime]))
    mean = float(np.mean([figure for figure, _ in figures]))
    bound = MEAN_SHARE * target
    under = {
        cell_name(*at): (goal - figure) / error
        for at, (figure, error), goal in zip(CELLS, figures, TARGETS[regime], strict=True)
    }
    worst = max(under, key=lambda name: under[name])
    return [
        Verdict(
            f"{regime}: mean at least {MEAN_SHARE:.1%} of the target {target:.4f}, that is {bound:.4f}",
            f"{mean:.4f}",
            mean >= bound,
        ),
        Verdict(
            f"{regime}: no cell more than one standard error under its target",
            f"{worst} is {_side(under[worst])}",
            under[worst] <= 1,
        ),
    ]


def _side(errors_under: float) -> str:
    return f"{abs(errors_under):.2f} standard errors {'under' if errors_under > 0 else 'above'}"


def against_peers(regime: str, comparisons: list[Comparison]) -> list[Verdict]:
    """What the comparisons demand on any data."""
    if not comparisons:
        return []
    lost = [f"{', '.join(each.losses)} to {each.peer}" for each in comparisons if each.losses]
    peers = [each for each in comparisons if each.peer not in CANDIDATES]
    candidates = [each for each in comparisons if each.peer in CANDIDATES]
    return [
        *(_in_the_mean(f"{regime}: beats every peer in the mean", peers, lambda each: each.mean > 0)),
        *(
            _in_the_mean(
                f"{regime}: no other candidate is ahead in the mean by more than chance",
                candidates,
                lambda each: each.high > 0,
            )
        ),
        Verdict(
            f"{regime}: loses no cell to any of them (paired t-test, two-sided, {SIGNIFICANCE:.0%})",
            "; ".join(lost) or f"none of {len(CELLS)} to any of {len(comparisons)}",
            not lost,
        ),
    ]


def _in_the_mean(what: str, comparisons: list[Comparison], holds: Callable[[Comparison], bool]) -> Iterator[Verdict]:
    """One verdict over all of them, about the nearest."""
    if comparisons:
        nearest = min(comparisons, key=lambda each: each.mean)
        measured = f"{nearest.mean:+.4f} ({nearest.low:+.4f} to {nearest.high:+.4f}) against {nearest.peer}"
        yield Verdict(what, measured, all(holds(each) for each in comparisons))


def print_targets(world: World, regime: str, own: Gains) -> None:
    """Each cell beside its target; one line where there are none."""
    if world.sha256 != PUBLIC_SHA256:
        print(f"{'target':24s}none: those of the public set do not apply to {world.name}")
        return
    goals = TARGETS[regime]
    print(f"{'target':24s}" + "".join(f"{goal:8.4f}" for goal in goals) + f"{np.mean(goals):8.4f}")
    verdicts = []
    for goal, (mean, error) in zip(goals, map(mean_and_error, own), strict=True):
        verdicts.append("above" if mean >= goal else "ok" if mean >= goal - error else "UNDER")
    print(f"{'':24s}" + "".join(f"{verdict:>8s}" for verdict in verdicts))


def print_comparisons(comparisons: list[Comparison]) -> None:
    """One line a peer."""
    ahead = [f"{each.peer} by {-each.mean:.4f}" for each in comparisons if each.mean <= 0]
    if ahead:
        print(
            f"\nnot ahead of every method in the mean: {', '.join(ahead)} (within chance, or a verdict below says so)"
        )
    print(f"\n{'the recommender less':28s}{'mean':>9s}{'95 % interval':>21s}   cells won, lost (paired t-test, 5 %)")
    for each in sorted(comparisons, key=lambda each: each.mean):
        lost = f": {', '.join(each.losses)}" if each.losses else ""
        print(
            f"{each.peer:28s}{each.mean:+9.4f}{f'{each.low:+.4f} to {each.high:+.4f}':>21s}"
            f"   {len(each.wins)} won, {len(each.losses)} lost{lost}"
        )


def as_record(each: Comparison | Verdict) -> dict[str, Any]:
    """For the file of results."""
    return {name: getattr(each, name) for name in each.__slots__}
