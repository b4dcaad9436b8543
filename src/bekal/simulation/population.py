"""A synthetic population: profiles in the proportions the programme has published, everything else plausible.

Nothing here is a real person's: names are drawn from lists, a NIK and a phone number follow from a running number, so
that they never repeat however often people are added to the same database.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bekal.participants.models import Education, Employment, PaymentPartner, Sex
from bekal.participants.register import Registration
from bekal.simulation.names import MEN, PLACEHOLDER_DOMAIN, SECOND, WOMEN

# Shares in per cent. Employment: survey of 19 May to 1 June 2020 (80.8 / 12.1 / 7.1). Provinces: census of 2020,
# rounded. Sex, age and education: this project's assumption about the participants of 2020.
EMPLOYMENT_SHARES = {Employment.UNEMPLOYED: 80.8, Employment.EMPLOYEE: 12.1, Employment.BUSINESS: 7.1}
EDUCATION_SHARES = {
    Education.PRIMARY: 3.0,
    Education.JUNIOR: 9.0,
    Education.SENIOR: 37.0,
    Education.VOCATIONAL: 26.0,
    Education.DIPLOMA: 9.0,
    Education.BACHELOR: 16.0,
}
AGE_SHARES = {(18, 24): 33.0, (25, 34): 39.0, (35, 44): 19.0, (45, 54): 7.5, (55, 63): 1.5}
WOMEN_SHARE = 0.46
PROVINCE_SHARES = {
    32: 17.9, 35: 15.0, 33: 13.5, 12: 5.5, 36: 4.4, 31: 3.9, 73: 3.4, 18: 3.3, 16: 3.1, 14: 2.4, 13: 2.0, 53: 2.0,
    61: 2.0, 52: 2.0, 11: 2.0, 51: 1.6, 94: 1.6, 63: 1.5, 64: 1.4, 34: 1.4, 15: 1.3, 72: 1.1, 71: 1.0, 62: 1.0,
    74: 1.0, 21: 0.8, 17: 0.7, 81: 0.7, 19: 0.5, 76: 0.5, 82: 0.5, 75: 0.4, 91: 0.4, 65: 0.3,
}  # fmt: skip
PARTNER_SHARES = {
    PaymentPartner.BNI: 22.0,
    PaymentPartner.OVO: 31.0,
    PaymentPartner.GOPAY: 29.0,
    PaymentPartner.LINKAJA: 18.0,
}
PHONE_PREFIXES = ("0812", "0813", "0821", "0822", "0852", "0857", "0858", "0877", "0878", "0896")

# A NIK has a place (two digits of province, two of regency, two of district), a birth date and a running number.
REGENCY_COUNT, DISTRICT_COUNT, RUNNING_COUNT = 20, 40, 9973
NIK_COUNT = REGENCY_COUNT * DISTRICT_COUNT * RUNNING_COUNT
# Coprime to the count, so that numbers in a row become numbers far apart, each still once.
NIK_STRIDE = 3_145_739
PHONE_COUNT, PHONE_STRIDE = 10**8, 61_803_399


Number = TypeVar("Number", bound=int)


class Population:
    """N people as columns; who they are in words is made when it is asked for, so that a million fit into memory.

    `facts` (N, 5) are coded as the recommender's: sex 0/1 (man), birth year, education, employment, province.
    """

    def __init__(self, *, count: int, first_number: int, of_age_on: date, random: np.random.Generator) -> None:
        """`count` people with the running numbers from `first_number` on, 18 or older on `of_age_on`.

        Raises ValueError where the running numbers go beyond what a NIK can hold."""
        if not 0 <= first_number <= first_number + count <= NIK_COUNT:
            raise ValueError(f"the numbers {first_number} to {first_number + count} are not within 0 to {NIK_COUNT}")
        self.first_number = first_number
        bands = list(AGE_SHARES)
        band = _drawn(random, count, dict(enumerate(AGE_SHARES.values())))
        youngest = np.array([youngest for youngest, _ in bands])[band] * 365.25 + 1
        span = np.array([(oldest - youngest + 1) * 365 for youngest, oldest in bands])[band]
        days_old = (youngest + random.random(count) * span).astype(int)
        self.born_on = [of_age_on - timedelta(days=int(days)) for days in days_old]
        self.facts = np.column_stack(
            [
                random.random(count) >= WOMEN_SHARE,
                np.array([day.year for day in self.born_on], dtype=np.int64),
                _drawn(random, count, EDUCATION_SHARES),
                _drawn(random, count, EMPLOYMENT_SHARES),
                _drawn(random, count, PROVINCE_SHARES),
            ]
        ).astype(np.int64)
        self._partner = _drawn(random, count, dict(enumerate(PARTNER_SHARES.values())))
        self._name = random.random((count, 3))

    def __len__(self) -> int:
        return len(self.facts)

    def full_name(self, person: int) -> str:
        """Two words for most, three for some, one for a few."""
        first, second, third = self._name[person].tolist()
        names = MEN if self.facts[person, 0] else WOMEN
        words = [names[int(first * len(names))], SECOND[int(second * len(SECOND))]]
        if third < 0.06:
            return words[0]
        if third > 0.72:
            words.insert(1, names[int((third - 0.72) / 0.28 * len(names)) % len(names)])
        return " ".join(dict.fromkeys(words))

    def registration(self, person: int) -> Registration:
        """What the person writes when they register."""
        number, name = self.first_number + person, self.full_name(person)
        is_man, _, education, employment, province = self.facts[person].tolist()
        return Registration(
            full_name=name,
            nik=nik(number, province=province, born_on=self.born_on[person], is_man=bool(is_man)),
            sex=Sex.MALE if is_man else Sex.FEMALE,
            born_on=self.born_on[person],
            education=education,
            employment=employment,
            province=province,
            phone=phone(number),
            email=f"{name.lower().replace(' ', '.')}.{number}@{PLACEHOLDER_DOMAIN}",
        )

    def account(self, person: int, *, replacement: int = 0) -> tuple[PaymentPartner, str]:
        """The person's payout account: partner and number; `replacement` 1, 2, … is another account of theirs."""
        partner = list(PARTNER_SHARES)[self._partner[person]]
        return partner, account_number(self.first_number + person, partner, replacement=replacement)


def _drawn(random: np.random.Generator, count: int, shares: Mapping[Number, float]) -> NDArray[np.int64]:
    """`count` keys of `shares` in these proportions."""
    edges = np.cumsum(np.array(list(shares.values())))
    places = np.searchsorted(edges, random.random(count) * edges[-1], side="right")
    return np.array([int(key) for key in shares], dtype=np.int64)[places]


def nik(number: int, *, province: int, born_on: date, is_man: bool) -> str:
    """The NIK of a running number: no two numbers below 7,978,400 share one, wherever and whenever they were born."""
    if not 0 <= number < NIK_COUNT:
        raise ValueError(f"number must be 0 to {NIK_COUNT - 1}, not {number}: this many synthetic people have a NIK")
    spread = number * NIK_STRIDE % NIK_COUNT
    place, running = divmod(spread, RUNNING_COUNT)
    regency, district = divmod(place, DISTRICT_COUNT)
    day = born_on.day + (0 if is_man else 40)
    return f"{province:02d}{regency + 1:02d}{district + 1:02d}{day:02d}{born_on:%m%y}{running + 1:04d}"


def phone(number: int) -> str:
    """A mobile number of twelve digits, each once: the prefix follows from it."""
    spread = number * PHONE_STRIDE % PHONE_COUNT
    return f"{PHONE_PREFIXES[spread % len(PHONE_PREFIXES)]}{spread:08d}"


def account_number(number: int, partner: PaymentPartner, *, replacement: int = 0) -> str:
    """A bank account (BNI, ten digits) or the telephone number of a wallet; `replacement` 1, 2, … gives others."""
    if partner == PaymentPartner.BNI:
        return f"{replacement:02d}{number * PHONE_STRIDE % PHONE_COUNT:08d}"
    return phone(number) if not replacement else f"{phone(number)[:4]}{replacement}{phone(number)[4:]}"[:13]
