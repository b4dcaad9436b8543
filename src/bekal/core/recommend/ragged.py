"""Lists of different length, one a person, as two arrays: person u has `items[ptr[u]:ptr[u+1]]`."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]

PAIRS_AT_ONCE = 4_000_000


def owners(ptr: IntArray) -> IntArray:
    """Person of every entry of `items`."""
    return np.repeat(np.arange(len(ptr) - 1, dtype=np.int64), np.diff(ptr))


def take(ptr: IntArray, items: IntArray, keep: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """(ptr, items) of the people to keep."""
    lengths = np.diff(ptr)
    return np.concatenate([[0], np.cumsum(lengths[keep])]), items[np.repeat(keep, lengths)]


def gather(ptr: IntArray, items: IntArray, people: IntArray) -> tuple[IntArray, IntArray]:
    """(lengths, items) of the lists of `people` (indices, repeats allowed), one after the other."""
    lengths = ptr[people + 1] - ptr[people]
    return lengths, items[np.repeat(ptr[people], lengths) + _count_up(lengths)]


def cross(
    left: tuple[IntArray, IntArray], right: tuple[IntArray, IntArray], people: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Every (left, right) combination of each person's two lists, and the person it belongs to."""
    left_ptr, left_items = left
    right_ptr, right_items = right
    lefts = left_ptr[people + 1] - left_ptr[people]
    rights = right_ptr[people + 1] - right_ptr[people]
    repeats = np.repeat(rights, lefts)
    left_place = np.repeat(left_ptr[people], lefts) + _count_up(lefts)
    right_place = np.repeat(np.repeat(right_ptr[people], lefts), repeats) + _count_up(repeats)
    person = np.repeat(people, lefts * rights)
    return left_items[np.repeat(left_place, repeats)], right_items[right_place], person


def _count_up(lengths: IntArray) -> IntArray:
    """0, 1, ... for each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def blocks(work: IntArray) -> Iterator[IntArray]:
    """People (indices into `work`) in runs of about PAIRS_AT_ONCE pieces of work; those without work are left out."""
    people = np.flatnonzero(work > 0)
    run = np.cumsum(work[people]) // PAIRS_AT_ONCE
    for number in np.unique(run):
        yield people[np.searchsorted(run, number) : np.searchsorted(run, number, side="right")]
