"""A synthetic population: profiles in the proportions the programme has published, everything else plausible.

Nothing here is a real person's: names are drawn from lists, a NIK and a phone number follow from a running number, so
that they never repeat however often people are added to the same database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from bekal.participants.models import Education, Employment, PaymentPartner, Sex
from bekal.participants.register import Registration
from bekal.simulation.draws import Draws, Numbers, Shares
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
    61: 2.0, 52: 2.0, 11: 2.0, 51: 1.6, 91: 1.6, 63: 1.5, 64: 1.4, 34: 1.4, 15: 1.3, 72: 1.1, 71: 1.0, 62: 1.0,
    74: 1.0, 21: 0.8, 17: 0.7, 81: 0.7, 19: 0.5, 76: 0.5, 82: 0.5, 75: 0.4, 92: 0.4, 65: 0.3,
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


@dataclass(frozen=True, slots=True)
class Districts:
    """Where people come from, as columns: published numbers, their provinces, how many were accepted in the year."""

    ids: Numbers
    provinces: Numbers
    weights: Numbers


class Population:
    """A cohort's people as columns; who they are in words is made when it is asked for, so that a million fit in.

    `facts` (N, 5) are coded as the recommender's: sex 0/1 (man), birth year, education, employment, province. Each is
    drawn stratified, so that the cohort, and nearly every wave of it, has the shares exactly. `district_ids` (N) are 0
    where no districts are known. Names and numbers follow from the running number.
    """

    def __init__(self, *, draws: Draws, first_number: int, of_age_on: date, districts: Districts | None = None) -> None:
        """One person for each of the draws, with the running numbers from `first_number` on, 18 or older on
        `of_age_on`; with `districts` these are drawn by their weights and the provinces follow from them.

        Raises ValueError where the running numbers go beyond what a NIK can hold."""
        count = draws.count
        if not 0 <= first_number <= first_number + count <= NIK_COUNT:
            raise ValueError(f"the numbers {first_number} to {first_number + count} are not within 0 to {NIK_COUNT}")
        self.first_number, self._draws = first_number, draws
        born_on = _birthdays(draws, of_age_on)
        self.born_on = [date.fromordinal(day) for day in born_on.tolist()]
        place = draws.each("place")
        self.district_ids = np.zeros(count, dtype=np.int64)
        if districts is None:
            province = _keys(place, PROVINCE_SHARES)
        else:
            row = _drawn(place, districts.weights.astype(np.float64))
            self.district_ids, province = districts.ids[row], districts.provinces[row]
        columns = [
            draws.each("sex") >= WOMEN_SHARE,
            _years(born_on),
            _keys(draws.each("education"), EDUCATION_SHARES),
            _keys(draws.each("employment"), EMPLOYMENT_SHARES),
            province,
        ]
        self.facts = np.column_stack(columns).astype(np.int64)
        self._partner = _drawn(draws.each("partner"), np.array(list(PARTNER_SHARES.values())))
        numbers = first_number + np.arange(count)
        self._name = np.column_stack([draws.at("name", numbers, word) for word in range(3)])

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
            district_id=int(self.district_ids[person]) or None,
        )

    def account(self, person: int, *, replacement: int = 0) -> tuple[PaymentPartner, str]:
        """The person's payout account: partner and number; `replacement` 1, 2, … is another account of theirs."""
        partner = list(PARTNER_SHARES)[self._partner[person]]
        return partner, account_number(self.first_number + person, partner, replacement=replacement)


def _birthdays(draws: Draws, of_age_on: date) -> Numbers:
    """[N] days of birth as ordinals, ages in the shares of the bands."""
    youngest, oldest = np.array(list(AGE_SHARES)).T
    band = _drawn(draws.each("age"), np.array(list(AGE_SHARES.values())))
    span = (oldest - youngest + 1) * 365
    days_old = youngest[band] * 365.25 + 1 + draws.each("birthday") * span[band]
    return np.asarray(of_age_on.toordinal() - days_old.astype(np.int64))


def _years(days: Numbers) -> Numbers:
    """The calendar years of ordinals."""
    since_1970 = (days - date(1970, 1, 1).toordinal()).astype("datetime64[D]").astype("datetime64[Y]")
    return since_1970.astype(np.int64) + 1970


def _drawn(shares: Shares, weights: Shares) -> Numbers:
    """[N] places in `weights`, as often as they weigh, from shares between 0 and 1."""
    edges = np.cumsum(weights)
    return np.minimum(np.searchsorted(edges, shares * edges[-1], side="right"), len(weights) - 1)


def _keys(shares: Shares, weights: Mapping[Number, float]) -> Numbers:
    """[N] keys of `weights`, as often as they weigh."""
    keys = np.array([int(key) for key in weights], dtype=np.int64)
    return np.asarray(keys[_drawn(shares, np.array(list(weights.values())))])


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
