"""People who do not exist are plausible, in the published shares, and never twice the same."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.entitlement import age_years
from bekal.participants.models import Employment, PaymentPartner
from bekal.participants.register import phone_number
from bekal.simulation.draws import Draws
from bekal.simulation.population import (
    NIK_COUNT,
    PROVINCE_SHARES,
    Districts,
    Population,
    account_number,
    nik,
    phone,
)

OF_AGE_ON = date(2020, 4, 11)


def people(count: int, *, first_number: int = 0, seed: int = 1, districts: Districts | None = None) -> Population:
    draws = Draws(seed, count)
    return Population(draws=draws, first_number=first_number, of_age_on=OF_AGE_ON, districts=districts)


def test_profiles_have_the_published_shares() -> None:
    drawn = people(20_000)
    employment = Counter(drawn.facts[:, 3].tolist())
    shares = [
        employment[kind] / len(drawn) for kind in (Employment.UNEMPLOYED, Employment.EMPLOYEE, Employment.BUSINESS)
    ]
    assert shares == pytest.approx([0.808, 0.121, 0.071], abs=0.0001)
    wave = drawn.facts[2_000:4_200, 3]
    assert np.mean(wave == Employment.UNEMPLOYED) == pytest.approx(0.808, abs=0.005)
    assert np.mean(drawn.facts[:, 4] == 32) == pytest.approx(
        PROVINCE_SHARES[32] / sum(PROVINCE_SHARES.values()), abs=0.0001
    )
    assert set(drawn.facts[:, 4].tolist()) == set(PROVINCE_SHARES)
    assert drawn.facts[:, 1].tolist() == [day.year for day in drawn.born_on]
    ages = [age_years(day, OF_AGE_ON) for day in drawn.born_on]
    assert min(ages) == 18 and max(ages) < 65


def test_a_person_registers_with_what_belongs_together() -> None:
    drawn = people(300, first_number=5_000)
    for place in range(len(drawn)):
        one = drawn.registration(place)
        assert one.nik.startswith(f"{one.province:02d}") and one.nik[8:12] == f"{one.born_on:%m%y}"
        assert int(one.nik[6:8]) == one.born_on.day + (40 if one.sex == "F" else 0)
        assert phone_number(one.phone) is not None and len(one.email) <= 80
        assert drawn.full_name(place) == one.full_name
    assert len({drawn.registration(place).nik for place in range(300)}) == 300
    assert len({drawn.full_name(place) for place in range(300)}) > 250


def test_the_same_seed_gives_the_same_people_with_other_numbers_other_niks() -> None:
    one, same, more = people(50), people(50), people(50, first_number=50)
    assert [one.registration(i) for i in range(50)] == [same.registration(i) for i in range(50)]
    assert np.array_equal(one.facts, more.facts)
    assert [one.full_name(i) for i in range(50)] != [more.full_name(i) for i in range(50)]
    assert not {one.registration(i).nik for i in range(50)} & {more.registration(i).nik for i in range(50)}


@given(
    first=st.integers(0, NIK_COUNT - 1),
    second=st.integers(0, NIK_COUNT - 1),
    born_on=st.dates(date(1950, 1, 1), date(2002, 1, 1)),
)
def test_two_numbers_never_share_a_nik_a_phone_or_an_account(first: int, second: int, born_on: date) -> None:
    if first == second:
        return
    assert nik(first, province=32, born_on=born_on, is_man=True) != nik(
        second, province=32, born_on=born_on, is_man=True
    )
    assert phone(first) != phone(second)
    for partner in PaymentPartner:
        accounts = {account_number(n, partner, replacement=r) for n in (first, second) for r in (0, 1, 2)}
        assert len(accounts) == 6


def test_people_come_from_the_districts_there_are_as_often_as_these_weigh() -> None:
    known = Districts(np.array([39, 41, 7]), np.array([12, 12, 91]), np.array([938, 7_838, 1_224]))
    drawn = people(10_000, districts=known)
    assert np.bincount(drawn.district_ids)[[39, 41, 7]].tolist() == [938, 7_838, 1_224]
    assert set(drawn.facts[drawn.district_ids == 7, 4].tolist()) == {91}
    one = drawn.registration(5)
    assert one.district_id == drawn.district_ids[5] and one.nik.startswith(str(one.province))
    assert people(1).registration(0).district_id is None


def test_more_people_than_identity_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not within"):
        people(2, first_number=NIK_COUNT - 1)
