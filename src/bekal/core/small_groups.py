"""Groups of people that are too small to be told by themselves."""

from collections.abc import Callable, Iterable
from typing import TypeVar

MINIMUM_PEOPLE = 10
"""A share of fewer people is nowhere told: who knows some of them would learn of the others."""

Group = TypeVar("Group")


def told_and_folded(
    groups: Iterable[Group], person_count: Callable[[Group], int]
) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """The groups that may be told one by one, in their order, and those that may only be told together.

    Folded are those of fewer than ten people, but for the empty ones, of whom nothing is told; and with them the
    smallest of the others (of equals the first), so that what follows from the sum of all is of ten people or more,
    even where the same people are in several groups.
    """
    told = list(groups)
    folded = [group for group in told if 0 < person_count(group) < MINIMUM_PEOPLE]
    if not folded:
        return tuple(told), ()
    told = [group for group in told if not 0 < person_count(group) < MINIMUM_PEOPLE]
    large = [group for group in told if person_count(group)]
    if large:
        smallest = min(large, key=person_count)
        told.remove(smallest)
        folded.append(smallest)
    return tuple(told), tuple(folded)
