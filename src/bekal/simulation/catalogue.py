"""The synthetic catalogue: 300 trainings, 12 categories, 40 institutions, 5 platforms, the same in every database."""

from dataclasses import dataclass
from datetime import datetime
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import yaml

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.simulation.population import PROVINCE_SHARES

SHELF = Path(__file__).parent / "shelf"
SHELF_SEED = 2020
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
        return f"{self.category['slug']}-{self.topic_number:02d}-{self.level + 1}"


def put_on_shelf(*, at: datetime) -> int:
    """Put the synthetic catalogue into an empty one, through the verb of the import; returns how many trainings.

    A catalogue that has trainings already (an imported one) is left as it is: 0.
    """
    if Training.objects.exists():
        return 0
    return import_trainings(trainings=synthetic_trainings(), at=at).added_count


def synthetic_trainings() -> list[NewTraining]:
    """All 300, always the same."""
    titles = _titles()
    random = np.random.default_rng(SHELF_SEED)
    prices = _prices(titles, random)
    homes = _homes(titles, random)
    return [_training(title, price, home, random) for title, price, home in zip(titles, prices, homes, strict=True)]


def _titles() -> list[_Title]:
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
    normal = NormalDist(log(MEDIAN_RUPIAH), PRICE_SPREAD)
    low, high = normal.cdf(log(LOW_RUPIAH)), normal.cdf(log(HIGH_RUPIAH))
    shares = [low + (high - low) * rank / (len(titles) - 1) for rank in place.tolist()]
    return [round(exp(normal.inv_cdf(share)) / STEP_RUPIAH) * STEP_RUPIAH for share in shares]


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


def _training(title: _Title, price_rupiah: int, institution: str, random: np.random.Generator) -> NewTraining:
    webinar, on_site = MODE_SHARES.get(title.category["slug"], OTHER_MODE_SHARES)
    drawn = random.random()
    mode = "on_site" if drawn < on_site else "webinar" if drawn < on_site + webinar else "self_paced"
    fewest, most = SESSIONS[mode]
    sessions = int(random.integers(fewest, most + 1))
    shares = np.array(list(PROVINCE_SHARES.values()))
    province = int(random.choice(list(PROVINCE_SHARES), p=shares / shares.sum()))
    platform = PLATFORMS[int(random.integers(len(PLATFORMS)))]
    parts = (
        f"Pelatihan ini mengajarkan cara {title.about}.",
        FOR_MODE[mode].format(sessions=sessions),
        FOR_LEVEL[title.level],
    )
    return NewTraining(
        code=title.code,
        title=title.title,
        institution=institution,
        category=title.category["name_id"],
        category_en=title.category["name_en"],
        price_rupiah=price_rupiah,
        description=" ".join(parts),
        platform=platform,
        mode=mode,
        province=province if mode == "on_site" else None,
        hours=sessions * int(random.integers(2, 5)),
        session_count=sessions,
        given=frozenset({"description", "platform", "mode", "province", "hours", "session_count"}),
    )
