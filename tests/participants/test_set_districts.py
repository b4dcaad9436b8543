"""`set_districts`: new ones are added, others changed, none deleted, and the same list twice changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError

from bekal.participants.models import District, DistrictYear
from bekal.participants.set_districts import NewDistrict, SetDistricts, set_districts
from tests.factories.unchanged import nothing_changes

BANDUNG = NewDistrict(id=182, name="Kota Bandung", province=32, accepted_count_by_year={2020: 42_101, 2021: 38_412})
BOGOR = NewDistrict(id=181, name="Kota Bogor", province=32, accepted_count_by_year={2020: 17_000})


def stored() -> dict[int, tuple[str, int, dict[int, int]]]:
    years: dict[int, dict[int, int]] = {}
    for row in DistrictYear.objects.order_by("id"):
        years.setdefault(row.district_id, {})[row.year] = row.accepted_count
    return {d.id: (d.name, d.province, years.get(d.id, {})) for d in District.objects.order_by("id")}


@pytest.mark.django_db
def test_districts_are_added_with_their_years_and_twice_change_nothing() -> None:
    assert set_districts(districts=[BANDUNG, BOGOR]) == SetDistricts(2, 0, 0)
    assert stored() == {
        181: ("Kota Bogor", 32, {2020: 17_000}),
        182: ("Kota Bandung", 32, {2020: 42_101, 2021: 38_412}),
    }
    with nothing_changes():
        assert set_districts(districts=[BOGOR, BANDUNG]) == SetDistricts(0, 0, 2)


@pytest.mark.django_db
def test_what_differs_is_changed_and_what_is_not_named_stays() -> None:
    set_districts(districts=[BANDUNG, BOGOR])
    renamed = replace(BOGOR, name="Kota Buitenzorg", accepted_count_by_year={})
    corrected = replace(BANDUNG, accepted_count_by_year={2021: 38_413, 2022: 0})
    assert set_districts(districts=[renamed, corrected]) == SetDistricts(0, 2, 0)
    assert stored() == {
        181: ("Kota Buitenzorg", 32, {2020: 17_000}),
        182: ("Kota Bandung", 32, {2020: 42_101, 2021: 38_413, 2022: 0}),
    }
    assert set_districts(districts=[replace(renamed, province=36)]) == SetDistricts(0, 1, 0)


@pytest.mark.django_db
def test_two_districts_can_change_names_with_each_other() -> None:
    set_districts(districts=[BANDUNG, BOGOR])
    swapped = [replace(BANDUNG, name=BOGOR.name), replace(BOGOR, name=BANDUNG.name)]
    assert set_districts(districts=swapped) == SetDistricts(0, 2, 0)
    assert stored()[181][0] == "Kota Bandung"


@pytest.mark.django_db
def test_a_trial_counts_and_keeps_nothing() -> None:
    set_districts(districts=[BOGOR])
    with nothing_changes():
        tried = set_districts(districts=[BANDUNG, replace(BOGOR, name="Kota Buitenzorg")], dry_run=True)
    assert tried == SetDistricts(1, 1, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ([BOGOR, BOGOR], ValueError),
        ([BANDUNG, replace(BOGOR, province=54)], IntegrityError),
        ([BANDUNG, replace(BOGOR, name="Kota Bandung")], IntegrityError),
        ([BANDUNG, replace(BOGOR, accepted_count_by_year={20: 1})], IntegrityError),
        ([BANDUNG, replace(BOGOR, accepted_count_by_year={2020: -1})], IntegrityError),
    ],
)
def test_an_impossible_list_changes_nothing(wrong: list[NewDistrict], error: type[Exception]) -> None:
    with nothing_changes(), pytest.raises(error):
        set_districts(districts=wrong)


@pytest.mark.django_db
def test_many_districts_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    for first, count in ((1, 1), (100, 60)):
        with assert_queries(4):
            set_districts(
                districts=[
                    NewDistrict(id=n, name=f"Kota {n}", province=32, accepted_count_by_year={2020: n, 2021: n})
                    for n in range(first, first + count)
                ]
            )
