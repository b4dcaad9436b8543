"""The compiled loop of `compiled.lists`; imported only there, because importing it loads the compiler."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 64  # a constant here, so that the compiler unrolls; `compiled` lays tables out by the same


@njit(cache=True, nogil=True)
def _add_profile(table: NDArray[Any], rows: NDArray[Any], own: NDArray[Any], own_most: NDArray[Any]) -> None:
    """What people of a profile have in common, and the largest of each block."""
    own[:] = table[-1]
    for row in rows:
        if row >= 0:
            for p in range(len(own)):
                own[p] += table[row, p]
    for block in range(len(own_most)):
        own_most[block] = own[block * BLOCK : (block + 1) * BLOCK].max()


@njit(cache=True, nogil=True)
def _insert(scores: NDArray[Any], best: NDArray[Any], held: int, score: Any, number: int) -> int:
    """Put a training in its place on the list, best first, ties to the lower number; how many the list holds then."""
    at = min(held, len(scores) - 1)
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and best[at - 1] > number)):
        scores[at] = scores[at - 1]
        best[at] = best[at - 1]
        at -= 1
    scores[at] = score
    best[at] = number
    return min(held + 1, len(scores))


@njit(cache=True, nogil=True)
def _forbid(part: NDArray[Any], start: int, place: NDArray[Any], items: NDArray[Any], first: int, last: int) -> None:
    """What is known already is never listed."""
    for at in range(first, last):
        p = place[items[at]] - start
        if 0 <= p < BLOCK:
            part[p] = -np.inf


@njit(cache=True, nogil=True)
def _take(
    part: NDArray[Any],
    dearness: NDArray[Any],
    budget: int,
    training: NDArray[Any],
    scores: NDArray[Any],
    best: NDArray[Any],
    held: int,
) -> int:
    """Put what can be paid and is good enough of a block on the list; how many the list holds then."""
    count = len(scores)
    for p in range(BLOCK):
        score = part[p]
        if dearness[p] >= budget or score == -np.inf:
            continue
        if held == count and (
            score < scores[count - 1] or (score == scores[count - 1] and training[p] > best[count - 1])
        ):
            continue
        held = _insert(scores, best, held, score, training[p])
    return held


@njit(cache=True, nogil=True)
def fill(
    people: NDArray[Any],
    key: NDArray[Any],
    rows: NDArray[Any],
    ptr: NDArray[Any],
    items: NDArray[Any],
    place: NDArray[Any],
    training: NDArray[Any],
    profile: NDArray[Any],
    history: NDArray[Any],
    history_most: NDArray[Any],
    dearness: NDArray[Any],
    affordable: NDArray[Any],
    found: NDArray[Any],
    values: NDArray[Any],
) -> None:
    """Write the lists of `people`, who stand by `key`, into `found` and `values` (people, n), which hold -1 and -inf.

    Tables are laid out in blocks: column p is training `training[p]` (-1: none), training j stands at `place[j]`.
    """
    width, count = profile.shape[1], found.shape[1]
    blocks = width // BLOCK
    own = np.empty(width, np.float32)
    own_most = np.empty(blocks, np.float32)
    part = np.empty(BLOCK, np.float32)
    most = np.empty(blocks, np.float32)
    scores = np.empty(count, np.float32)
    best = np.empty(count, np.int32)
    last_key = np.int64(-1)
    for person in people:
        first, last = ptr[person], ptr[person + 1]
        if key[person] != last_key:
            last_key = key[person]
            _add_profile(profile, rows[person], own, own_most)
        budget = affordable[person]
        held = 0
        worst = np.float32(-np.inf)
        for block in range(blocks):
            most[block] = own_most[block]
        for at in range(first, last):
            item = items[at]
            for block in range(blocks):
                most[block] += history_most[item, block]
        for block in range(blocks):
            if held == count and most[block] < worst:
                continue
            start = block * BLOCK
            if last > first:  # the first known choice at once, which most people have no more than
                item = items[first]
                for p in range(BLOCK):
                    part[p] = own[start + p] + history[item, start + p]
            else:
                for p in range(BLOCK):
                    part[p] = own[start + p]
            for at in range(first + 1, last):
                item = items[at]
                for p in range(BLOCK):
                    part[p] += history[item, start + p]
            hopeful = 0  # counted without a branch: most blocks have none
            for p in range(BLOCK):
                hopeful += (part[p] >= worst) & (dearness[start + p] < budget)
            if hopeful == 0:
                continue
            _forbid(part, start, place, items, first, last)
            held = _take(
                part, dearness[start : start + BLOCK], budget, training[start : start + BLOCK], scores, best, held
            )
            worst = scores[count - 1] if held == count else worst
        values[person, :held] = scores[:held]
        found[person, :held] = best[:held]
