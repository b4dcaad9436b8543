"""What a detector finds, how it asks, and the two tails by which it says how little chance explains it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, lgamma, log, log1p
from typing import Any

from django.db import connection, transaction

from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

# Detectors look at purchases of so many days: a wave's buyers and their instalments lie within.
LOOKED_BACK = timedelta(days=180)
# More people than this share one phone, device or account in no family (the programme's households have two to six).
FAMILY_COUNT = 6
# So improbable under innocence that among 3,000 trainings and their institutions, looked at daily, chance rings less
# than once in ten years.
BY_CHANCE = 1e-7


@dataclass(frozen=True, slots=True)
class Detector:
    """One question: `find` returns what should wait, from the rows there are at that instant. It writes nothing."""

    reason: Hold.Reason
    find: Callable[[datetime], Sequence[NewHold]]


def asked(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of one question about everything there is.

    Tables are hashed, never looked up row by row: a planner that takes a freshly loaded table for an empty one would
    take hours over what is seconds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(sql, values)
        rows = cursor.fetchall()
        cursor.execute("SET LOCAL enable_nestloop = on")
    return rows


def poisson_tail(count: int, mean: float) -> float:
    """P(X >= count) for a Poisson count of that mean; 1 where count is 0."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if count <= mean:
        return 1.0
    term = exp(count * log(mean) - mean - lgamma(count + 1))
    total, number = 0.0, count
    while term > total * 1e-12:
        total += term
        number += 1
        term *= mean / number
    return min(total, 1.0)


def binomial_tail(count: int, tries: int, share: float) -> float:
    """P(X >= count) of so many independent tries that each succeed with that share."""
    if count <= 0:
        return 1.0
    if share <= 0 or count > tries:
        return 0.0
    if share >= 1 or count <= tries * share:
        return 1.0
    log_share, log_rest = log(share), log1p(-share)
    return min(
        sum(
            exp(
                lgamma(tries + 1)
                - lgamma(number + 1)
                - lgamma(tries - number + 1)
                + number * log_share
                + (tries - number) * log_rest
            )
            for number in range(count, tries + 1)
        ),
        1.0,
    )
