"""The payout calendar: properties over all days that the rules know. Readable cases are in tests/rules."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.rules import RULES
from bekal.core.schedule import (
    Closed,
    DayOff,
    balance_ends_on,
    day_off,
    first_purchase_due_on,
    is_calendar_published,
    is_working_day,
    payment_day,
    payment_on,
    scheduled_on,
    working_day_from,
)

days = st.dates(date(2020, 1, 1), date(2026, 6, 30))
instalments = st.integers(1, 4)


@given(days, instalments)
def test_scheduled_on_the_25th_and_one_a_month(entitled_on: date, number: int) -> None:
    first, due_on = scheduled_on(entitled_on, 1), scheduled_on(entitled_on, number)
    assert due_on.day == 25
    assert entitled_on <= first < entitled_on + timedelta(days=31)
    assert (due_on.year - first.year) * 12 + due_on.month - first.month == number - 1


@given(days, instalments)
def test_paid_on_a_working_day_of_its_month_and_never_before_being_entitled(entitled_on: date, number: int) -> None:
    due_on = scheduled_on(entitled_on, number)
    paid_on = payment_on(due_on, entitled_on)
    assert is_working_day(paid_on)
    assert paid_on >= max(entitled_on, due_on.replace(day=1))
    # Nothing is put off for longer than the longest closure, eleven days around Idul Fitri.
    assert paid_on <= due_on + timedelta(days=11)


@given(days)
def test_a_later_instalment_is_paid_later(entitled_on: date) -> None:
    paid_on = [payment_on(scheduled_on(entitled_on, number), entitled_on) for number in range(1, 5)]
    assert paid_on == sorted(set(paid_on))


@given(days, days)
def test_who_is_entitled_later_is_not_paid_earlier(one: date, other: date) -> None:
    early, late = sorted((one, other))
    assert payment_on(scheduled_on(early, 1), early) <= payment_on(scheduled_on(late, 1), late)


@given(st.dates(date(2020, 1, 1), date(2026, 12, 31)))
def test_front_loading_changes_over_with_january_2021(day: date) -> None:
    due_on = day.replace(day=25)
    earliest = due_on if due_on.year == 2020 else due_on.replace(day=1)
    assert payment_on(due_on) == working_day_from(earliest)


@given(days)
def test_the_first_working_day_skips_only_closed_days(day: date) -> None:
    found = working_day_from(day)
    assert is_working_day(found)
    assert not any(is_working_day(day + timedelta(days=n)) for n in range((found - day).days))


@given(st.dates(date(2020, 1, 1), date(2029, 12, 31)))
def test_deadlines_follow_acceptance(accepted_on: date) -> None:
    due_on, ends_on = first_purchase_due_on(accepted_on), balance_ends_on(accepted_on)
    assert accepted_on <= due_on <= ends_on < accepted_on + timedelta(days=366)
    assert (due_on - accepted_on).days <= RULES.scheme(accepted_on).first_purchase_days
    assert due_on == ends_on or (due_on - accepted_on).days == RULES.scheme(accepted_on).first_purchase_days


def test_a_year_without_its_decree_knows_only_weekends_and_fixed_holidays() -> None:
    year = RULES.history("movable_holiday_month_days")[-1].since_on.year + 1
    new_year = date(year, 1, 1)
    assert not is_calendar_published(new_year)
    assert is_calendar_published(new_year - timedelta(days=1))
    assert not is_calendar_published(date.min)
    assert not is_working_day(new_year)
    closed = [day for day in (new_year + timedelta(days=n) for n in range(365)) if not is_working_day(day)]
    assert 104 <= len(closed) <= 104 + 7


@pytest.mark.parametrize("number", [0, -1])
def test_instalments_count_from_one(number: int) -> None:
    with pytest.raises(ValueError, match="count from 1"):
        scheduled_on(date(2020, 4, 11), number)


@given(days, instalments)
def test_why_then_names_every_day_between_the_rule_and_the_payment(entitled_on: date, number: int) -> None:
    due_on = scheduled_on(entitled_on, number)
    why = payment_day(due_on, entitled_on)
    assert why.payment_on == payment_on(due_on, entitled_on)
    by_rule = due_on.replace(day=1) if why.is_front_loaded else due_on
    assert why.earliest_on == (entitled_on if why.is_earned_late else by_rule)
    assert why.is_earned_late == (entitled_on > by_rule)
    assert [off.on for off in why.days_off] == [
        why.earliest_on + timedelta(days=day) for day in range((why.payment_on - why.earliest_on).days)
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2020, 5, 25), DayOff(date(2020, 5, 25), Closed.HOLIDAY, "Idul Fitri")),
        # A holiday that falls on a weekend has its name, too.
        (date(2020, 1, 25), DayOff(date(2020, 1, 25), Closed.HOLIDAY, "Lunar New Year")),
        (date(2020, 4, 25), DayOff(date(2020, 4, 25), Closed.WEEKEND)),
        (date(2020, 12, 24), DayOff(date(2020, 12, 24), Closed.JOINT_LEAVE, "Christmas")),
        # The list of another year says nothing of this one.
        (date(2027, 3, 19), None),
        (date(2020, 4, 27), None),
    ],
)
def test_a_day_off_has_its_name(day: date, expected: DayOff | None) -> None:
    assert day_off(day) == expected
