"""A population of families for trying alarms on, and rings of many shapes to plant among them.

Nothing of it touches the ledger: only what detectors read is written (people, places, purchases, what they share). 30 %
of the innocent live in families of two to six who share a phone, a device or a wallet; one in a hundred uses a device
of an internet café, three in a thousand were helped by somebody who left the own number for a whole village.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bekal.accounts.models import DeviceSighting, Role, User
from bekal.catalogue.models import Category, Institution, Owner, Ownership, Training
from bekal.ledger.copy_rows import copy_rows, new_ids
from bekal.participants.models import AttributeSighting, Participant, Participation, Wave
from bekal.purchases.models import Purchase

WAVE_COUNT, INSTITUTION_COUNT = 6, 60
FAMILY_SHARE, CAFE_SHARE, HELPED_SHARE = 0.30, 0.010, 0.003
# How often a member of a family is accepted with another, buys where another does, and then in the same hours.
SAME_WAVE, FOLLOWS, TOGETHER = 0.5, 0.35, 0.3
RING_COUNT = 200
RING_INSTITUTION = 7  # by popularity: neither the largest nor a small one
OWNED_INSTITUTIONS = range(20, 32)  # small ones that belong to one company


@dataclass(slots=True)
class Person:
    """Values as (kind, text) that others may have, too; purchases as (institution, instant)."""

    wave: int
    values: set[tuple[str, str]] = field(default_factory=set)
    purchases: list[tuple[int, datetime]] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """Numbers of institutions (most popular first), of waves, and where in time it lies."""

    dice: random.Random
    opens_at: datetime
    institution_ids: list[int]
    training_ids: dict[int, int]
    wave_ids: list[int]
    weights: list[float]

    def any_institution(self) -> int:
        return self.dice.choices(range(INSTITUTION_COUNT), self.weights)[0]

    def accepted_at(self, wave: int) -> datetime:
        return self.opens_at + timedelta(days=25 * wave)

    def buys_at(self, wave: int, *, within_days: float = 30) -> datetime:
        return self.accepted_at(wave) + timedelta(days=self.dice.uniform(0.1, within_days))

    @property
    def looked_at(self) -> datetime:
        return self.opens_at + timedelta(days=178)


def build_world(*, seed: int, opens_at: datetime) -> World:
    """Institutions of a market in which the largest has a tenth of all buyers and one company owns twelve small ones,
    and six waves."""
    dice = random.Random(seed)
    category, _ = Category.objects.get_or_create(slug="alarm", defaults={"name_id": "Alarm", "name_en": "Alarm"})
    institution_ids = new_ids(Institution, INSTITUTION_COUNT)
    copy_rows(
        Institution,
        ("id", "code", "name"),
        [(number, f"alarm-{seed}-{number}", f"Lembaga {number}") for number in institution_ids],
    )
    company = Owner.objects.create(name=f"Grup Alarm {seed}", kind=Owner.Kind.COMPANY)
    Ownership.objects.bulk_create(
        Ownership(
            shareholder=company,
            institution_id=institution_ids[rank],
            share_percent=60,
            since_on=opens_at.date() - timedelta(days=365),
            recorded_at=opens_at,
        )
        for rank in OWNED_INSTITUTIONS
    )
    trainings = [
        Training(
            code=f"alarm-{seed}-{number}",
            title=f"Pelatihan {number}",
            category=category,
            institution_id=number,
            price_rupiah=300_000,
            listed_at=opens_at,
        )
        for number in institution_ids
    ]
    Training.objects.bulk_create(trainings)
    days = [opens_at.date() + timedelta(days=25 * wave) for wave in range(WAVE_COUNT)]
    first = 1 + (Wave.objects.order_by("-number").values_list("number", flat=True).first() or 0)
    waves = Wave.objects.bulk_create(
        Wave(number=first + index, opens_on=day, closes_on=day, quota_count=10**6) for index, day in enumerate(days)
    )
    return World(
        dice,
        opens_at,
        institution_ids,
        {row.institution_id: row.pk for row in trainings},
        [wave.pk for wave in waves],
        [1 / (rank + 3) for rank in range(INSTITUTION_COUNT)],
    )


def innocents(world: World, count: int) -> list[Person]:
    """So many people who deceive nobody."""
    people: list[Person] = []
    dice = world.dice
    while len(people) < count:
        if dice.random() < FAMILY_SHARE / (FAMILY_SHARE + (1 - FAMILY_SHARE) * _MEAN_FAMILY):
            people += _family(world, dice.choices((2, 3, 4, 5, 6), _FAMILY_WEIGHTS)[0])
        else:
            people.append(_lonely(world))
    _gather(world, people, CAFE_SHARE, ("device",), (10, 60), follows=0.0)
    _gather(world, people, HELPED_SHARE, ("phone", "device"), (10, 40), follows=0.3)
    return people


_FAMILY_WEIGHTS = (40, 25, 18, 10, 7)
_MEAN_FAMILY = sum(size * weight for size, weight in zip(range(2, 7), _FAMILY_WEIGHTS, strict=True)) / 100


def _own(world: World) -> set[tuple[str, str]]:
    return {(kind, world.dice.randbytes(12).hex()) for kind in ("phone", "device", "account")}


def _lonely(world: World) -> Person:
    person = Person(world.dice.randrange(WAVE_COUNT), _own(world))
    for _ in range(world.dice.choices((1, 2, 3), (45, 40, 15))[0]):
        person.purchases.append((world.any_institution(), world.buys_at(person.wave, within_days=60)))
    return person


def _family(world: World, size: int) -> list[Person]:
    dice = world.dice
    family = [_lonely(world) for _ in range(size)]
    leader = family[0]
    kinds = [kind for kind, rate in (("phone", 0.5), ("device", 0.6), ("account", 0.2)) if dice.random() < rate]
    for person in family:
        if person is not leader and dice.random() < SAME_WAVE:
            person.wave = leader.wave
            person.purchases = [(where, world.buys_at(person.wave)) for where, _ in person.purchases]
        if person is not leader and dice.random() < FOLLOWS:
            where, moment = leader.purchases[0]
            together = person.wave == leader.wave and dice.random() < TOGETHER
            person.purchases[0] = (
                where,
                moment + timedelta(minutes=dice.uniform(1, 120)) if together else world.buys_at(person.wave),
            )
    for kind in kinds or ["device"]:
        share(family, kind)
    return family


def share(people: Iterable[Person], kind: str, text: str | None = None) -> None:
    """All of them have this value, instead of an own one of its kind."""
    group = list(people)
    value = text or next(value for of, value in sorted(group[0].values) if of == kind)
    for person in group:
        person.values = {each for each in person.values if each[0] != kind} | {(kind, value)}


def _gather(
    world: World, people: Sequence[Person], rate: float, kinds: Sequence[str], sizes: tuple[int, int], *, follows: float
) -> None:
    """Strangers in one place: each group has a device or a number in common, and some follow one of them."""
    left = int(len(people) * rate)
    while left > 0:
        group = world.dice.sample(people, min(world.dice.randint(*sizes), len(people)))
        kind = world.dice.choice(kinds)
        value = (kind, world.dice.randbytes(12).hex())
        where = group[0].purchases[0][0]
        for person in group:
            person.values = person.values | {value}
            if world.dice.random() < follows:
                person.purchases[0] = (where, person.purchases[0][1])
        left -= len(group)


def write_people(world: World, people: Sequence[Person]) -> list[int]:
    """Their rows, by COPY; the numbers of their participations in the order of `people`."""
    ids, users = new_ids(Participant, len(people)), new_ids(User, len(people))
    _write_persons(world, people, ids, users)
    places = new_ids(Participation, len(people))
    columns = ("id", "participant_id", "wave_id", "accepted_at", "accepted_on")
    ends_on = (world.opens_at + timedelta(days=400)).date()
    accepted = [world.accepted_at(person.wave) for person in people]
    copy_rows(
        Participation,
        (*columns, "first_purchase_due_on", "balance_ends_on", "opened_rupiah"),
        [
            (place, number, world.wave_ids[person.wave], at, at.date(), ends_on, ends_on, 0)
            for place, number, person, at in zip(places, ids, people, accepted, strict=True)
        ],
    )
    copy_rows(
        Purchase,
        ("participation_id", "training_id", "price_rupiah", "ordinal", "bought_at", "ending", "refunded_rupiah"),
        [
            (place, world.training_ids[world.institution_ids[where]], 300_000, ordinal, at, "", 0)
            for place, person in zip(places, people, strict=True)
            for ordinal, (where, at) in enumerate(sorted(dict(person.purchases).items()), 1)
        ],
    )
    return places


def _write_persons(world: World, people: Sequence[Person], ids: Sequence[int], users: Sequence[int]) -> None:
    at = world.opens_at
    columns = ("id", "password", "login_name", "display_name", "role", "language", "is_active", "is_demo")
    role = Role.PARTICIPANT.value
    copy_rows(User, columns, [(user, "!", f"alarm-{user}", "Warga", role, "id", True, False) for user in users])
    born_on = date(1990, 1, 1)
    names = ("id", "user_id", "full_name", "nik_encrypted", "sex", "born_on", "education", "employment", "province")
    copy_rows(
        Participant,
        (*names, "registered_at"),
        [(number, user, "Warga", b"", "F", born_on, 3, 1, 32, at) for number, user in zip(ids, users, strict=True)],
    )
    copy_rows(
        DeviceSighting,
        ("user_id", "device_hash", "first_seen_at", "last_seen_at", "sign_in_count", "purchase_count"),
        [
            (user, text.encode(), at, at, 1, 0)
            for user, person in zip(users, people, strict=True)
            for kind, text in sorted(person.values)
            if kind == "device"
        ],
    )
    copy_rows(
        AttributeSighting,
        ("participant_id", "kind", "value_hash", "source_sha256", "first_seen_at"),
        [
            (number, kind, text.encode(), world.dice.randbytes(32), at)
            for number, person in zip(ids, people, strict=True)
            for kind, text in sorted(person.values)
            if kind != "device"
        ],
    )
