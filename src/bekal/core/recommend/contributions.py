"""What one score is made of."""

from dataclasses import dataclass

from .colift import Coefficients
from .ragged import IntArray


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score is the sum of its parts: what holds for everybody, for each attribute of the profile (0 where it is
    unknown), and for each known choice (the training, what it adds)."""

    training: int
    score: float
    constant: float
    profile: tuple[float, ...]
    history: tuple[tuple[int, float], ...]


def explanation(coefficients: Coefficients, known: IntArray, rows: IntArray, training: int) -> Explanation:
    """The parts of the score of `training` for a person of these profile rows (-1: unknown) and known choices."""
    table = coefficients.profile
    constant = float(table[-1, training])
    profile = tuple(float(table[row, training]) if row >= 0 else 0.0 for row in rows)
    history = tuple((int(choice), float(coefficients.history[choice, training])) for choice in known)
    score = constant + sum(profile) + sum(part for _, part in history)
    return Explanation(training, score, constant, profile, history)
