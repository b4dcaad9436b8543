"""Windows, working days and limits of a partner, for any instant and any payments."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.schedule import is_working_day
from bekal.incentives.partners.csv_rail import Instruction
from bekal.incentives.partners.hours import Amount, Hours, Limits, hours_of, limits_of, packed
from bekal.ledger.clock import JAKARTA
from tests.factories import jakarta

OFFICE_HOURS = hours_of({"windows": ["08:00-12:00", "13:00-15:00"], "days": "working"})


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    edges = sorted(draw(st.sets(st.integers(0, 24 * 60), max_size=6)))
    return Hours(tuple(zip(edges[::2], edges[1::2], strict=False)), draw(st.booleans()))


INSTANTS = st.integers(0, 6 * 365 * 24 * 3600).map(lambda seconds: jakarta(2020, 1, 1) + timedelta(seconds=seconds))


def test_after_the_cut_off_of_a_friday_it_opens_on_monday() -> None:
    assert OFFICE_HOURS.opens_at(jakarta(2020, 4, 24, 7)) == jakarta(2020, 4, 24, 8)
    assert OFFICE_HOURS.is_open(jakarta(2020, 4, 24, 8)) and not OFFICE_HOURS.is_open(jakarta(2020, 4, 24, 12))
    assert OFFICE_HOURS.opens_at(jakarta(2020, 4, 24, 12, 30)) == jakarta(2020, 4, 24, 13)
    assert OFFICE_HOURS.opens_at(jakarta(2020, 4, 24, 15)) == jakarta(2020, 4, 27, 8)
    # The 1st of May is Labour Day, a Friday: the next working day is Monday.
    assert OFFICE_HOURS.opens_on(date(2020, 5, 1)) == jakarta(2020, 5, 4, 8)


def test_without_windows_it_is_open_at_any_time() -> None:
    assert Hours().is_open(jakarta(2020, 5, 3, 2))
    assert Hours(working_days_only=True).opens_at(jakarta(2020, 5, 3, 2)) == jakarta(2020, 5, 4, 0)


@given(hours(), INSTANTS)
def test_it_opens_at_the_first_instant_that_is_within_a_window(one: Hours, at: datetime) -> None:
    def within(instant: datetime) -> bool:
        """What the rule says, minute by minute, without the function that is tried."""
        local = instant.astimezone(JAKARTA)
        minute = local.hour * 60 + local.minute
        is_hour = not one.windows or any(first <= minute < end for first, end in one.windows)
        return is_hour and (not one.working_days_only or is_working_day(local.date()))

    opens_at = one.opens_at(at)
    assert opens_at >= at and within(opens_at) and one.is_open(at) == within(at)
    if opens_at > at:
        assert not within(opens_at - timedelta(microseconds=1))
        step = (opens_at - at) / 16
        assert not any(within(at + part * step) for part in range(16))


@given(
    st.lists(st.integers(1, 900_000), max_size=60),
    st.one_of(st.none(), st.integers(1, 20)),
    st.one_of(st.none(), st.integers(1, 3_000_000)),
)
def test_files_hold_every_payment_once_and_no_more_than_a_day(
    amounts: list[int], day_count: int | None, day_rupiah: int | None
) -> None:
    limits = Limits(day_count=day_count, day_rupiah=day_rupiah)
    lines = [Instruction(f"BKL{number}", "bni", "1", "Siti", amount) for number, amount in enumerate(amounts)]
    files = list(packed(lines, limits))
    assert [one for file in files for one in file] == lines and all(files)
    for file in files:
        amount = Amount(len(file), sum(one.amount_rupiah for one in file))
        assert amount.fits(limits.room(Amount())) or (len(file) == 1 and amount.total_rupiah > limits.largest_rupiah)


def test_files_of_a_day_are_of_one_size() -> None:
    lines = [Instruction(f"BKL{number}", "bni", "1", "Siti", 600_000) for number in range(140_000)]
    assert [len(file) for file in packed(lines, Limits(day_count=70_000))] == [35_000] * 4
    assert [len(file) for file in packed(lines, Limits())] == [50_000, 50_000, 40_000]


def test_what_is_left_of_a_day() -> None:
    limits = limits_of({"day_count": 3, "day_rupiah": "1000000"})
    assert limits.room(Amount(1, 600_000)) == Amount(2, 400_000)
    assert limits.room(Amount(9, 9_000_000)) == Amount(0, 0), "they were lowered during the day"
    assert (limits.payment_rupiah, limits.largest_rupiah) == (250_000_000, 1_000_000)
    assert Amount(10**9, 10**15).fits(Limits().room(Amount(10**9, 10**15)))


@pytest.mark.parametrize(
    "said",
    [
        {"windows": ["8:00-15:00"]},
        {"windows": ["15:00-08:00"]},
        {"windows": ["08:00-08:00"]},
        {"windows": ["08:00-24:01"]},
        {"windows": ["08:00-12:00", "11:00-15:00"]},
        {"windows": "08:00-15:00"},
        {"days": "weekend"},
    ],
)
def test_hours_that_cannot_be_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"windows|days"):
        hours_of(said)


@pytest.mark.parametrize(
    "said",
    [
        {"day_count": 0},
        {"day_count": True},
        {"day_rupiah": 1.5},
        {"day_rupiah": "1.000"},
        {"day_rupiah": -1},
        {"payment_rupiah": None},
        {"daily": 1},
    ],
)
def test_limits_that_cannot_be_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="limits"):
        limits_of(said)
