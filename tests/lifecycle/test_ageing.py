"""How much is left for how long, what lapses where, and exactly the people behind each number."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bekal.lifecycle import ageing
from bekal.lifecycle.ageing import (
    DAYS_BANDS,
    LEFT_BANDS,
    OVERDUE_BANDS,
    AgeingCell,
    Behind,
    LapsingDay,
    LapsingPerson,
    balance_ageing,
    due_between,
    ends_between,
    every_lapsing_person,
    lapsing,
    lapsing_people,
    left_between,
)
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db

# Everybody of 2020 has until 15 December.
ENDS_ON = date(2020, 12, 15)
AT = jakarta(2020, 6, 1)


def behind(at: datetime, **which: Any) -> list[LapsingPerson]:
    """Everybody behind a number, by the page and by the file alike."""
    paged, after_id = [], 0
    while True:
        page = lapsing_people(Behind(**which), at=at, after_id=after_id, limit=2)
        paged += page.people
        if page.looked_until is None:
            break
        after_id = page.looked_until
    assert paged == list(every_lapsing_person(Behind(**which), at=at))
    for then in (at, at + timedelta(days=400)):
        assert paged == list(every_lapsing_person(Behind(**which), at=then, as_of=at)), "what the transfers tell"
    return paged


@pytest.fixture
def people(db: None) -> tuple[int, ...]:
    """Rp1,000,000, 999,999, 700,000, 50 and nothing left; the first two in Java (32), the others in Bali (51)."""
    java, bali = factories.accepted(2), factories.accepted(3, province=51)
    for person, price in zip((java[1], *bali), (1, 300_000, 999_950, 1_000_000), strict=True):
        factories.bought(person, factories.training(price_rupiah=price))
    return *java, *bali


def test_everybody_stands_in_one_cell(people: tuple[int, ...]) -> None:
    cells = balance_ageing(at=AT)
    assert cells == (
        AgeingCell(0, 4, 1, 0),
        AgeingCell(1, 4, 1, 50),
        AgeingCell(4, 4, 2, 1_699_999),
        AgeingCell(5, 4, 1, 1_000_000),
    )
    for cell in cells:
        found = behind(AT, left_band=cell.left_band, days_band=cell.days_band)
        assert (len(found), sum(each.left_rupiah for each in found)) == (cell.people_count, cell.left_rupiah)


@pytest.mark.parametrize(
    ("day", "band"),
    [
        (date(2020, 9, 14), 4),
        (date(2020, 9, 15), 4),
        (date(2020, 9, 16), 3),
        (date(2020, 11, 14), 3),
        (date(2020, 11, 15), 2),
        (date(2020, 12, 7), 2),
        (date(2020, 12, 8), 1),
        (date(2020, 12, 15), 1),
        (date(2020, 12, 16), 0),
    ],
)
def test_days_are_counted_from_the_day_in_jakarta(day: date, band: int) -> None:
    (person,) = factories.accepted()
    at = jakarta(day.year, day.month, day.day, 23, 59)
    (cell,) = balance_ageing(at=at)
    assert cell.days_band == band
    assert [each.participation_id for each in behind(at, days_band=band)] == [person]
    for other in set(range(len(DAYS_BANDS))) - {band}:
        assert behind(at, days_band=other) == []


def test_what_lapses_by_day_and_province(people: tuple[int, ...]) -> None:
    (later,) = factories.accepted(at=jakarta(2020, 12, 20), province=51)
    lines = lapsing(at=jakarta(2020, 12, 21))
    assert lines[:2] == (LapsingDay(ENDS_ON, 32, 2, 1_999_999), LapsingDay(ENDS_ON, 51, 2, 700_050))
    (last,) = lines[2:]
    assert (last.province, last.people_count, last.left_rupiah) == (51, 1, 1_000_000)
    at = jakarta(2020, 12, 21)
    for line in lines:
        found = behind(at, balance_ends_on=line.balance_ends_on, province=line.province)
        assert (len(found), sum(each.left_rupiah for each in found)) == (line.people_count, line.left_rupiah)
    assert later in {each.participation_id for each in behind(at, province=51)}


def test_what_has_returned_is_no_living_balance(people: tuple[int, ...]) -> None:
    revoke(at=jakarta(2020, 5, 21))
    assert sum(cell.people_count for cell in balance_ageing(at=AT)) == 4, "one never bought"
    end_balances(at=jakarta(2020, 12, 16))
    assert balance_ageing(at=jakarta(2020, 12, 17)) == () == lapsing(at=jakarta(2020, 12, 17))


def test_as_of_an_earlier_instant_it_is_what_was_then(people: tuple[int, ...]) -> None:
    revoke(at=jakarta(2020, 5, 21))
    end_balances(at=jakarta(2020, 12, 16))
    now = jakarta(2021, 1, 5)
    before_buying = factories.ACCEPTED_AT + timedelta(hours=1)
    assert balance_ageing(at=now, as_of=before_buying) == (AgeingCell(5, 4, 5, 5_000_000),)
    assert sum(cell.left_rupiah for cell in balance_ageing(at=now, as_of=jakarta(2020, 12, 15))) == 1_700_049
    assert sum(line.left_rupiah for line in lapsing(at=now, as_of=jakarta(2020, 12, 15))) == 1_700_049
    assert balance_ageing(at=now, as_of=factories.ACCEPTED_AT - timedelta(seconds=1)) == ()
    stored, derived = balance_ageing(at=now), balance_ageing(at=now, as_of=now)
    assert stored == derived == ()


def test_the_list_is_paged_by_number(people: tuple[int, ...]) -> None:
    first = lapsing_people(Behind(), at=AT, limit=3)
    assert first.looked_until == people[2]
    rest = lapsing_people(Behind(), at=AT, after_id=people[2], limit=3)
    found = [each.participation_id for each in (*first.people, *rest.people)]
    assert found == list(people[:4]), "who has nothing left is not asked"
    assert rest.looked_until is None


def test_a_page_looks_through_so_many_and_says_how_far(
    people: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "LOOKED_THROUGH_COUNT", 2)
    found = lapsing_people(Behind(province=51, left_band=1), at=AT, limit=3)
    assert (found.people, found.looked_until) == ((), people[2])
    found = lapsing_people(Behind(province=51, left_band=1), at=AT, after_id=people[2], limit=3)
    assert ([each.participation_id for each in found.people], found.looked_until) == ([people[3]], None)


def test_bands_follow_one_another_without_a_gap() -> None:
    day = date(2020, 6, 1)
    for band in range(len(LEFT_BANDS) - 1):
        assert left_between(band)[1] == left_between(band + 1)[0]
    assert left_between(len(LEFT_BANDS) - 1)[1] is None
    for band in range(len(DAYS_BANDS) - 1):
        assert ends_between(band, day)[1] + timedelta(days=1) == ends_between(band + 1, day)[0]
    for band in range(len(OVERDUE_BANDS) - 1):
        assert due_between(band, day)[0] - timedelta(days=1) == due_between(band + 1, day)[1]
    assert (ends_between(0, day)[0], ends_between(4, day)[1]) == (date.min, date.max)
    assert (due_between(4, day)[0], due_between(0, day)[1]) == (date.min, date.max)


def test_each_answer_is_one_statement(
    people: tuple[int, ...], assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    with assert_queries(2):
        balance_ageing(at=AT)
        lapsing(at=AT)
    with assert_queries(2):
        lapsing_people(Behind(), at=AT, limit=50)
