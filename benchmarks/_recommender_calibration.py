"""Whether the recommender's probabilities mean what they say: what has chance p is the next choice p of the time.

On test people, over what their balance affords. Which of the later choices comes next is not known where a file has no
time, so each of a person's n affordable later choices counts 1/n.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._recommender_protocol import KNOWN_MOST, World

EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
GOOD = (0.97, 1.22)  # temperatures at which nothing need be mended
TEMPERATURES = np.exp(np.linspace(np.log(0.6), np.log(2.0), 25))
PEOPLE_AT_ONCE = 500

Figures = dict[str, Any]


def calibration(model: Any, world: World) -> dict[str, Figures]:
    """By number of known choices: each bucket of probabilities, mean log-loss (nats), best temperature."""
    return {f"k{known}": figures for known in range(KNOWN_MOST + 1) if (figures := _of_known(model, world, known))}


def _of_known(model: Any, world: World, known: int) -> Figures:
    target_ptr, target_items = world.targets(known, True)
    asked, balance = world.asked(known), world.balance(known)
    people = np.flatnonzero(np.diff(target_ptr) > 0)
    if len(people) == 0:
        return {}
    expected, observed = np.zeros(len(EDGES) - 1), np.zeros(len(EDGES) - 1)
    losses = np.zeros(len(TEMPERATURES) + 1)  # the last as it is
    for first in range(0, len(people), PEOPLE_AT_ONCE):
        part = people[first : first + PEOPLE_AT_ONCE]
        ptr, items = _lists_of(asked["ptr"], asked["items"], part)
        chances = model.probabilities(
            ptr=ptr, items=items, profile=asked["profile"][part], balance_rupiah=balance[part]
        ).astype(np.float64)
        later_ptr, later = _lists_of(target_ptr, target_items, part)
        counts = np.diff(later_ptr)
        person, weight = np.repeat(np.arange(len(part)), counts), np.repeat(1.0 / counts, counts)
        bucket = np.digitize(chances, EDGES[1:-1])
        expected += np.bincount(bucket.ravel(), chances.ravel(), minlength=len(expected))
        observed += np.bincount(bucket[person, later], weight, minlength=len(observed))
        losses += _losses(chances, person, later, weight)
    losses /= len(people)
    return {
        "people_count": len(people),
        "log_loss_nats": round(float(losses[-1]), 4),
        "best_temperature": round(float(TEMPERATURES[int(np.argmin(losses[:-1]))]), 3),
        "log_loss_at_best_nats": round(float(losses[:-1].min()), 4),
        "buckets": [
            {"from": low, "to": high, "expected": round(float(e), 2), "observed": round(float(o), 2)}
            for low, high, e, o in zip(EDGES[:-1], EDGES[1:], expected, observed, strict=True)
        ],
    }


def _losses(
    chances: NDArray[np.float64], person: NDArray[np.int64], later: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted sum of -log chance, with chances^(1/T), made to sum to 1 again, for each temperature T; last T = 1."""
    logs = np.log(np.maximum(chances, 1e-12))
    possible = chances > 0
    found = []
    for temperature in (*TEMPERATURES, 1.0):
        powers = np.where(possible, np.exp(logs / temperature), 0.0)
        total = np.log(powers.sum(axis=1))
        found.append(float(np.sum(weight * (total[person] - logs[person, later] / temperature))))
    return np.array(found)


def _lists_of(
    ptr: NDArray[np.int64], items: NDArray[np.int64], people: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths = np.diff(ptr)[people]
    cut = np.concatenate([[0], np.cumsum(lengths)])
    return cut, items[np.repeat(ptr[people] - cut[:-1], lengths) + np.arange(cut[-1])]


def print_calibration(found: dict[str, Figures]) -> None:
    """One line for each number of known choices."""
    names = [f"{low:g}-{high:g}" for low, high in pairwise(EDGES)]
    print("\ncalibration of probabilities over what the balance affords: observed / expected by chance")
    print(f"{'':6s}" + "".join(f"{name:>13s}" for name in names) + "   log-loss    best temperature")
    for known, figures in found.items():
        ratios = [b["observed"] / b["expected"] if b["expected"] >= 1 else np.nan for b in figures["buckets"]]
        cells = "".join(f"{'few' if np.isnan(ratio) else f'{ratio:.2f}':>13s}" for ratio in ratios)
        low, high = GOOD
        word = "good" if low <= figures["best_temperature"] <= high else f"outside {low}-{high}"
        print(
            f"{known:6s}{cells}   {figures['log_loss_nats']:.3f} nats  {figures['best_temperature']:.2f} ({word}; "
            f"{figures['log_loss_at_best_nats']:.3f} nats)"
        )
