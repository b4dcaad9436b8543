"""The synthetic catalogue: 300 to 3,000 trainings, the first 300 always the same, alike in every database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import yaml
from django.db import transaction

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.catalogue.schedule_sessions import schedule_sessions
from bekal.simulation import listings
from bekal.simulation.listings import MARKS, Terms, Titles
from bekal.simulation.seats import dated_sessions, with_seats

SHELF = Path(__file__).parent / "shelf"
SHELF_SEED = 2020
FIRST_COUNT, MOST_COUNT = 300, 3_000
# The uncut distribution's median; cutting it at both ends brings the catalogue's own to about Rp300,000.
MEDIAN_RUPIAH, LOW_RUPIAH, HIGH_RUPIAH, STEP_RUPIAH = 312_000, 24_000, 1_000_000, 1_000
PRICE_SPREAD = 0.7  # of the logarithm
LEVEL_SHIFT = 0.5  # how much dearer a topic's next training tends to be, in spreads

PLATFORMS = ("Karsa Belajar", "Lentera Kerja", "Bilik Ilmu", "Tangga Karier", "Serambi Terampil")
INSTITUTIONS = (
    "Akademi Cakap Digital", "Balai Latih Nusantara", "Bengkel Karya Muda", "Bina Insan Terampil",
    "Bumi Pelatihan Hijau", "Cahaya Kursus Mandiri", "Cendana Skill Center", "Cipta Kreasi Utama",
    "Dapur Ilmu Indonesia", "Dian Bahasa", "Edukarya Timur", "Gapura Kompetensi", "Graha Vokasi",
    "Griya Jahit Mekar", "Inspira Kelas", "Jembatan Kerja", "Kampung Terampil", "Kelas Rasa Nusantara",
    "Kriya Cendekia", "Kursus Maju Bersama", "Langkah Awal Institut", "LKP Anggrek Putih", "LKP Harapan Baru",
    "LKP Mekar Sari", "LKP Permata Hati", "LPK Bahari Jaya", "LPK Karya Teknik", "LPK Sinar Surya",
    "LPK Tunas Bangsa", "Mitra Belajar Desa", "Nalar Data", "Pandu Usaha", "Pelita Bahasa Dunia",
    "Prima Akuntansi", "Rumah Kreatif Pasundan", "Sanggar Busana Ayu", "Sehati Care Academy",
    "Sentra Tani Makmur", "Teknika Mandiri", "Wira Niaga Academy",
)  # fmt: skip

# Share of webinars and of trainings held on site; the rest is at one's own pace.
MODE_SHARES = {
    "teknik-dan-keterampilan-kerja": (0.2, 0.4),
    "kecantikan-dan-gaya-hidup": (0.25, 0.3),
    "makanan-dan-minuman": (0.3, 0.2),
    "pertanian-dan-perikanan": (0.25, 0.25),
}
OTHER_MODE_SHARES = (0.3, 0.06)
SESSIONS = {"self_paced": (1, 3), "webinar": (2, 4), "on_site": (3, 5)}  # fewest and most
# Beyond the first 300 trainings are shorter: 1.8 sessions on average, so that all of them have less than two.
LISTING_SESSIONS = {"self_paced": (1, 2), "webinar": (1, 3), "on_site": (2, 4)}

FOR_LEVEL = (
    "Kamu mulai dari nol; tidak perlu pengalaman sebelumnya.",
    "Cocok untuk kamu yang sudah mengenal dasarnya dan ingin lebih terampil.",
    "Kamu menyelesaikan satu proyek nyata sebagai bekal bekerja atau membuka usaha.",
)
FOR_MODE = {
    "self_paced": "Materinya video dan latihan yang bisa diulang kapan saja lewat ponsel, {sessions} modul.",
    "webinar": "Belajar langsung bersama pengajar lewat tatap muka daring, {sessions} pertemuan.",
    "on_site": "Praktik langsung di tempat pelatihan, {sessions} pertemuan, alat disediakan.",
}


@dataclass(frozen=True, slots=True)
class _Title:
    """One title of one topic; level 0 is the first step."""

    category: dict[str, Any]
    topic_number: int
    level: int
    about: str
    title: str

    @property
    def code(self) -> str:
        return f"{self.topic}-{MARKS[self.level]}"

    @property
    def topic(self) -> str:
        return f"{self.category['slug']}-{self.topic_number:02d}"


def put_on_shelf(*, at: datetime, training_count: int = FIRST_COUNT, seats_for: int | None = None) -> int:
    """Put the synthetic catalogue into an empty one, through the verbs of the import; returns how many trainings.

    With `seats_for`, the number of people expected in a year, some trainings have limited seats (`seats.py`).
    A catalogue that has trainings already (an imported one) is left as it is: 0.
    """
    if Training.objects.exists():
        return 0
    trainings = synthetic_trainings(training_count, seats_for=seats_for)
    with transaction.atomic():
        added_count = import_trainings(trainings=trainings, at=at).added_count
        schedule_sessions(sessions=dated_sessions(trainings, at=at), at=at)
    return added_count


def synthetic_trainings(training_count: int = FIRST_COUNT, *, seats_for: int | None = None) -> list[NewTraining]:
    """The first so many trainings, 300 to 3,000, always the same; only the seats depend on how many people come.

    Raises ValueError for another count.
    """
    if not FIRST_COUNT <= training_count <= MOST_COUNT:
        raise ValueError(f"training_count must be {FIRST_COUNT} to {MOST_COUNT:,}, not {training_count:,}")
    titles = _titles()
    random = np.random.default_rng(SHELF_SEED)
    prices = _prices(titles, random)
    homes = _homes(titles, random)
    first = [
        _training(title, title.title, title.code, price, home, _terms(title, random, SESSIONS))
        for title, price, home in zip(titles, prices, homes, strict=True)
    ]
    trainings = first + _further(titles, first, training_count - FIRST_COUNT)
    return trainings if seats_for is None else with_seats(trainings, seats_for)


def _titles() -> list[_Title]:
    """The 300 titles that everything is made of."""
    categories = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SHELF.glob("*.yaml"))]
    return [
        _Title(category, number, level, topic["about"], title)
        for category in categories
        for number, topic in enumerate(category["topics"], start=1)
        for level, title in enumerate(topic["titles"])
    ]


def _prices(titles: list[_Title], random: np.random.Generator) -> list[int]:
    """Log-normal about a median of Rp300,000, cut at both ends, in steps of Rp1,000, dearer from level to level."""
    wish = np.array([title.level * LEVEL_SHIFT for title in titles]) + random.standard_normal(len(titles))
    place = np.argsort(np.argsort(wish))
    return [_price_at(rank / (len(titles) - 1)) for rank in place.tolist()]


def _price_at(rank: float) -> int:
    """The price below which this share (0 to 1) of all prices lies."""
    normal = NormalDist(log(MEDIAN_RUPIAH), PRICE_SPREAD)
    low, high = normal.cdf(log(LOW_RUPIAH)), normal.cdf(log(HIGH_RUPIAH))
    return round(exp(normal.inv_cdf(low + (high - low) * rank)) / STEP_RUPIAH) * STEP_RUPIAH


def _homes(titles: list[_Title], random: np.random.Generator) -> list[str]:
    """An institution for each title: each teaches three categories, some more often than others."""
    slugs = list(dict.fromkeys(title.category["slug"] for title in titles))
    teaches = {name: {(number + step) % len(slugs) for step in (0, 3, 7)} for number, name in enumerate(INSTITUTIONS)}
    weight = dict(zip(INSTITUTIONS, random.gamma(2.0, size=len(INSTITUTIONS)) + 0.5, strict=True))
    homes = []
    for title in titles:
        able = [name for name in INSTITUTIONS if slugs.index(title.category["slug"]) in teaches[name]]
        shares = np.array([weight[name] for name in able])
        homes.append(able[int(random.choice(len(able), p=shares / shares.sum()))])
    return homes


def _further(titles: Sequence[_Title], first: Sequence[NewTraining], count: int) -> list[NewTraining]:
    """`count` listings more, one after the other, so that a larger catalogue begins with the smaller one."""
    random = np.random.default_rng([SHELF_SEED, 1])
    slugs = list(dict.fromkeys(title.category["slug"] for title in titles))
    homes = listings.homes(slugs, random)
    for title, training in zip(titles, first, strict=True):  # the institutions of the first 300 go on listing, too
        able, weights = homes[title.category["slug"]]
        if training.institution not in able:
            able.append(training.institution)
            weights.append(2.0)
    shares = {slug: np.array(weights) / sum(weights) for slug, (_, weights) in homes.items()}
    named = Titles([title.title for title in titles], random)
    listed = Counter(title.topic for title in titles)
    levels = [title.level * LEVEL_SHIFT for title in titles]
    wishes = NormalDist(float(np.mean(levels)), float(np.sqrt(1 + np.var(levels))))
    further = []
    for title in map(titles.__getitem__, islice(listings.in_turns(len(titles), random), count)):
        slug = title.category["slug"]
        terms = _terms(title, random, LISTING_SESSIONS)
        if terms.province is not None:
            terms = replace(terms, city=listings.city_in(terms.province, random))
        text = named.another(title.title, category=slug, level=title.level, terms=terms)
        home = homes[slug][0][int(random.choice(len(shares[slug]), p=shares[slug]))]
        price = _price_at(wishes.cdf(title.level * LEVEL_SHIFT + random.standard_normal()))
        code = f"{title.topic}-{MARKS[listed[title.topic]]}"
        listed[title.topic] += 1
        further.append(_training(title, text, code, price, home, terms))
    return further


def _terms(title: _Title, random: np.random.Generator, sessions: dict[str, tuple[int, int]]) -> Terms:
    webinar, on_site = MODE_SHARES.get(title.category["slug"], OTHER_MODE_SHARES)
    drawn = random.random()
    mode = "on_site" if drawn < on_site else "webinar" if drawn < on_site + webinar else "self_paced"
    fewest, most = sessions[mode]
    session_count = int(random.integers(fewest, most + 1))
    provinces, shares = listings.provinces()
    province = int(random.choice(provinces, p=np.array(shares) / sum(shares)))
    platform = PLATFORMS[int(random.integers(len(PLATFORMS)))]
    hours = session_count * int(random.integers(2, 5))
    return Terms(mode, session_count, hours, platform, province if mode == "on_site" else None)


def _training(title: _Title, text: str, code: str, price_rupiah: int, institution: str, terms: Terms) -> NewTraining:
    parts = (
        f"Pelatihan ini mengajarkan cara {title.about}.",
        FOR_MODE[terms.mode].format(sessions=terms.session_count),
        FOR_LEVEL[title.level],
    )
    return NewTraining(
        code=code,
        title=text,
        institution=institution,
        category=title.category["name_id"],
        category_en=title.category["name_en"],
        price_rupiah=price_rupiah,
        description=" ".join(parts),
        platform=terms.platform,
        mode=terms.mode,
        province=terms.province,
        hours=terms.hours,
        session_count=terms.session_count,
        given=frozenset({"description", "platform", "mode", "province", "hours", "session_count"}),
    )
