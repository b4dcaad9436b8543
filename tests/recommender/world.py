"""A small world to learn from: 60 trainings, earlier learners whose taste follows their profile, and participants."""

import random
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.exchange.choices import KIND
from bekal.exchange.progress import SILENT
from bekal.exchange.table_fields import ColumnMap
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.participants.accept import accept
from bekal.participants.models import Education, Employment
from bekal.participants.register import register
from tests import factories

AT = factories.jakarta(2020, 11, 19, 10)
ACCEPTED_AT = factories.jakarta(2020, 11, 4)
CATEGORIES = ("Makanan", "Teknik", "Bahasa", "Keuangan", "Kecantikan")
PROVINCES = (31, 32, 35, 73)


def stock(*, listed_at: datetime = AT) -> list[Training]:
    """60 trainings of 8 institutions, Rp25,000 to Rp965,000, twelve a category."""
    trainings = [
        NewTraining(
            code=f"t-{n:02d}",
            title=f"Pelatihan {n}",
            institution=f"Balai {n % 8}",
            category=CATEGORIES[n // 12],
            price_rupiah=25_000 + n * 37 % 60 * 16_000 - n * 37 % 60 * 16_000 % 1000,
        )
        for n in range(60)
    ]
    import_trainings(trainings=trainings, at=listed_at)
    return list(Training.objects.order_by("code"))


def learn_from_others(folder: Path, *, count: int = 2500, seed: int = 5) -> None:
    """Import `count` earlier learners: women and the young differ in what they like, and trainings go in pairs."""
    draw = random.Random(seed)
    lines = ["learner,training,sex,birth_year,education,employment,province"]
    for number in range(count):
        profile = person(draw)
        taken = choices(draw, profile)
        sex, born_on, education, employment, province = profile
        lines += [
            f"o-{number},t-{n:02d},{sex},{born_on.year},{education},{employment},{province}" for n in sorted(taken)
        ]
    path = folder / "choices.csv"
    path.write_text("\n".join(lines) + "\n")
    loaded = KIND.load(path, ColumnMap(), at=AT, dry_run=False, progress=SILENT)
    assert loaded.findings.problems == []


def person(draw: random.Random) -> tuple[str, date, int, int, int]:
    """Sex, birth date, education, employment, province."""
    born_on = date(draw.randint(1960, 2000), draw.randint(1, 12), draw.randint(1, 28))
    return (
        draw.choice("FM"),
        born_on,
        draw.choice(Education.values),
        draw.choice(Employment.values),
        draw.choice(PROVINCES),
    )


def choices(draw: random.Random, profile: tuple[str, date, int, int, int]) -> set[int]:
    """One to four trainings of one or two categories that the profile likes; an even one brings its odd neighbour."""
    sex, born_on, education, employment, province = profile
    likes = [1 + 4 * (sex == "F"), 1 + 4 * (sex == "M"), 1 + 4 * (born_on.year > 1990), 1 + 4 * (education > 4), 2]
    likes[0] += 3 * (employment == Employment.BUSINESS)
    likes[4] += 4 * (province == 32)
    taken: set[int] = set()
    for _ in range(draw.randint(1, 2)):
        category = draw.choices(range(5), likes)[0]
        n = category * 12 + min(int(draw.expovariate(0.35)), 11)
        taken.add(n)
        if n % 2 == 0 and draw.random() < 0.6:
            taken.add(n + 1)
    return taken


def participants(count: int, *, seed: int = 9) -> tuple[int, ...]:
    """Accepted participations of people with random profiles; no purchases."""
    draw = random.Random(seed)
    names = ("sex", "born_on", "education", "employment", "province")
    registrations = []
    for _ in range(count):
        profile = dict(zip(names, person(draw), strict=True))
        registrations.append(
            factories.registration(nik=factories.new_nik(profile["born_on"], profile["sex"]), **profile)
        )
    outcomes = register(registrations=registrations, at=ACCEPTED_AT)
    ids = [outcome.participant_id for outcome in outcomes if outcome.participant_id is not None]
    wave = factories.wave(opens_on=date(2020, 11, 2), closes_on=date(2020, 11, 4))
    accepted = accept(wave_id=wave.pk, participant_ids=ids, at=ACCEPTED_AT)
    assert all(one.refusal is None for one in accepted)
    return tuple(one.participation_id for one in accepted if one.participation_id is not None)


def spend(amounts: dict[int, int], *, at: datetime = AT) -> None:
    """Leave each participation with another balance: so much of it goes to escrow."""
    postings = [Posting(owner, Movement.PURCHASE, amount, "purchase:0") for owner, amount in amounts.items() if amount]
    assert not post(postings=postings, at=at).refused


def some(draw: random.Random, ids: Sequence[int], count: int) -> list[int]:
    return draw.sample(list(ids), count)
