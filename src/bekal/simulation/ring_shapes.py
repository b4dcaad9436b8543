"""Rings of 200 accounts, each of its own shape; those at the end are made to be missed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from bekal.simulation.ring_world import (
    OWNED_INSTITUTIONS,
    RING_COUNT,
    RING_INSTITUTION,
    WAVE_COUNT,
    Person,
    World,
    share,
)

POPULAR_INSTITUTION = 0


def _accounts(
    world: World, *, institutions: Sequence[int] = (RING_INSTITUTION,), days: float = 6, waves: Sequence[int] = (2, 3)
) -> list[Person]:
    """So many accounts of stolen identities that buy at the ring's institution within days; a third buys elsewhere,
    too, so that it looks like everybody."""
    dice, accounts = world.dice, []
    for number in range(RING_COUNT):
        person = Person(waves[number * len(waves) // RING_COUNT])
        person.values = {(kind, dice.randbytes(12).hex()) for kind in ("phone", "device", "account")}
        start = world.accepted_at(max(waves) if days < 30 else person.wave)
        where = institutions[number % len(institutions)]
        person.purchases = [(where, start + timedelta(days=dice.uniform(0.2, days)))]
        if dice.random() < 1 / 3:
            person.purchases.append((world.any_institution(), world.buys_at(person.wave)))
        accounts.append(person)
    return accounts


def _in_groups(accounts: Sequence[Person], size: int, kind: str) -> None:
    for start in range(0, len(accounts), size):
        share(accounts[start : start + size], kind)


def star(world: World, innocent: Sequence[Person]) -> list[Person]:
    """All on one device."""
    accounts = _accounts(world)
    share(accounts, "device")
    return accounts


def chain(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Each shares a number with the next, and with nobody else."""
    accounts = _accounts(world)
    for one, other in pairwise(accounts):
        link = ("phone", world.dice.randbytes(12).hex())
        one.values.add(link)
        other.values.add(link)
    return accounts


def fives(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Forty devices of five accounts, as if they were families."""
    accounts = _accounts(world)
    _in_groups(accounts, 5, "device")
    return accounts


def phones(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Own devices and own accounts; four share a phone, because codes have to arrive somewhere."""
    accounts = _accounts(world)
    _in_groups(accounts, 4, "phone")
    return accounts


def mixed(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Groups of five at the most popular institution; every fifth account shares its phone with an innocent family."""
    accounts = _accounts(world, institutions=(POPULAR_INSTITUTION,))
    _in_groups(accounts, 5, "device")
    for account in accounts[::5]:
        phone = next(value for value in sorted(world.dice.choice(innocent).values) if value[0] == "phone")
        account.values = {value for value in account.values if value[0] != "phone"} | {phone}
    return accounts


def split(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Groups of fifteen, whose members buy at three institutions by turns; nobody knows that they belong together."""
    accounts = _accounts(world, institutions=(5, 9, 14))
    _in_groups(accounts, 15, "device")
    return accounts


def scattered(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Groups of five who never meet at an institution: each buys at another one of the same owner."""
    accounts = _accounts(world, institutions=OWNED_INSTITUTIONS)
    _in_groups(accounts, 5, "device")
    return accounts


def pairs(world: World, innocent: Sequence[Person]) -> list[Person]:
    """A hundred devices of two."""
    accounts = _accounts(world)
    _in_groups(accounts, 2, "device")
    return accounts


def slow(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Groups of five of all waves that buy over a month each, at an ordinary institution."""
    accounts = _accounts(world, days=30, waves=range(WAVE_COUNT))
    _in_groups(accounts, 5, "device")
    return accounts


def slow_popular(world: World, innocent: Sequence[Person]) -> list[Person]:
    """The same at the most popular institution, where it drowns among its families."""
    accounts = _accounts(world, institutions=(POPULAR_INSTITUTION,), days=30, waves=range(WAVE_COUNT))
    _in_groups(accounts, 5, "device")
    return accounts


def slow_pairs(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Devices of two, as slow: each is a couple that learns together."""
    accounts = _accounts(world, days=30, waves=range(WAVE_COUNT))
    _in_groups(accounts, 2, "device")
    return accounts


def unlinked(world: World, innocent: Sequence[Person]) -> list[Person]:
    """Two hundred phones, devices and accounts: nothing is shared."""
    return _accounts(world)


Shape = Callable[[World, Sequence[Person]], list[Person]]
# What has to be found; what is found in part; and what nobody finds by what people share.
FOUND: Mapping[str, Shape] = {
    each.__name__: each for each in (star, chain, fives, phones, mixed, split, scattered, pairs)
}
IN_PART: Mapping[str, Shape] = {each.__name__: each for each in (slow, slow_popular, slow_pairs)}
MISSED: Mapping[str, Shape] = {each.__name__: each for each in (unlinked,)}
