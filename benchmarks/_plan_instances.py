"""Random catalogues to plan from, and the same limits as an integer programme for scipy."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

KINDS = 10
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def catalogue(rng: np.random.Generator, trainings: int, step_rupiah: int = 1000) -> tuple[FloatArray, IntArray]:
    """(value, price): chance of being chosen, long-tailed, times quality; prices of Rp24,000 to Rp1,000,000."""
    price = np.exp(rng.normal(np.log(250_000), 0.7, trainings)).clip(24_000, 1_000_000)
    chance = rng.permutation(1 / np.arange(1, trainings + 1) ** 0.8) * np.exp(rng.normal(0, 1, trainings))
    quality = rng.uniform(0.6, 1, trainings) * rng.uniform(0.7, 1, trainings)
    return chance / chance.sum() * quality, (np.round(price / step_rupiah) * step_rupiah).astype(np.int64)


def small_instance(rng: np.random.Generator, kind: int) -> tuple[FloatArray, IntArray, int, int, dict[str, Any]]:
    """(value, price, balance, most trainings, groups and hours), 15 to 60 trainings, of one of KINDS kinds.

    Values with the price or without regard to it, less a seat price; prices of whole Rp1,000, Rp500, Rp100, or all
    ending in 999; with and without groups, a limit of hours, a tight limit of trainings.
    """
    value, price = catalogue(rng, int(rng.integers(15, 60)), (1000, 500, 1000, 100, 1000)[kind % 5])
    price -= int(kind % 5 == 4)
    value = value / value.mean() if kind % 2 else price / 250_000 * np.exp(rng.normal(0, 0.2, len(price)))
    more: dict[str, Any] = {}
    if kind in (1, 2, 5, 6):
        more["group"] = rng.integers(-5, len(price) // 3, len(price))
    if kind in (0, 2, 5, 8):
        more["hours"] = rng.integers(1, 11, len(price)) * int(rng.integers(1, 3))
        more["max_hours"] = int(rng.integers(10, 50))
    return value - 0.3, price, int(rng.choice([300_000, 300_050, 1_000_000])), int(rng.choice([2, 5, 8])), more


class Programme:
    """Maximise over sets of trainings of positive value within the limits, by scipy's `milp`."""

    def __init__(
        self,
        value: FloatArray,
        price: IntArray,
        balance: int,
        max_count: int,
        *,
        group: IntArray | None = None,
        hours: IntArray | None = None,
        max_hours: int | None = None,
    ) -> None:
        self.value, self.balance = value, balance
        rows, limits = [price / 1e6, np.ones(len(value))], [balance / 1e6, max_count]
        if group is not None:
            codes = np.unique(group[group >= 0])
            rows += [(group == code).astype(np.float64) for code in codes]
            limits += [1] * len(codes)
        if hours is not None and max_hours is not None:
            rows.append(hours.astype(np.float64))
            limits.append(max_hours)
        self.rows, self.limits = np.stack(rows), np.array(limits, dtype=np.float64)

    def highest(
        self,
        objective: FloatArray,
        *,
        balance: int | None = None,
        least_value: float | None = None,
        forced: int | None = None,
    ) -> float | None:
        """The highest sum of `objective`; None where no set is within the limits.

        `balance`: another one; `least_value`: of the set; `forced`: a training that must be in it.
        """
        rows, limits = self.rows, self.limits.copy()
        limits[0] = (self.balance if balance is None else balance) / 1e6
        lower = np.zeros(len(self.value))
        if forced is not None:
            lower[forced] = 1
        if least_value is not None:
            rows, limits = np.vstack([rows, -self.value]), np.append(limits, -least_value)
        upper = (self.value > 0).astype(np.float64)
        if (lower > upper).any():
            return None
        with _quiet():
            found = milp(
                -objective,
                integrality=np.ones(len(self.value)),
                bounds=Bounds(lower, upper),
                constraints=LinearConstraint(rows, ub=limits),
                options={"mip_rel_gap": 0.0},
            )
        return None if found.x is None else float(objective @ np.round(found.x))


@contextmanager
def _quiet() -> Iterator[None]:
    """The solver writes lines of its own to the terminal, past Python."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
