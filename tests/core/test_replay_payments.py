"""Payments replayed under another calendar: the same money on other days, computed by the schedule itself."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bekal.core.replay_payments import Scheduled, replay_payments
from bekal.core.rules import RULES
from bekal.core.schedule import is_working_day, payment_on, scheduled_on

FRONT_LOADED = RULES.throughout("front_loading", date(2021, 1, 1))


@st.composite
def scheduled(draw: st.DrawFn) -> Scheduled:
    """What somebody earned in 2020, as the calendar schedules it."""
    entitled_on = draw(st.dates(date(2020, 1, 1), date(2020, 12, 25)))
    count = draw(st.integers(1, 5_000))
    number = draw(st.integers(1, 4))
    return Scheduled(scheduled_on(entitled_on, number), entitled_on, count, count * draw(st.integers(1, 600_000)))


rows = st.lists(scheduled(), max_size=25)


@given(rows)
def test_the_same_money_leaves_on_other_days(given_rows: list[Scheduled]) -> None:
    replay = replay_payments(given_rows, other=FRONT_LOADED)
    assert replay.total_rupiah == sum(row.total_rupiah for row in given_rows)
    assert replay.instalment_count == sum(row.instalment_count for row in given_rows)
    assert sum(day.own_rupiah for day in replay.cash) == sum(day.other_rupiah for day in replay.cash)
    assert sum(count for _, count in replay.by_days_earlier) == replay.instalment_count
    if replay.cash:
        assert replay.cash[-1].own_until_rupiah == replay.cash[-1].other_until_rupiah == replay.total_rupiah
    days = [day.on for day in replay.cash]
    assert days == sorted(set(days)) and all(is_working_day(day) for day in days)


@given(rows)
def test_rupiah_days_are_the_area_between_the_two_curves(given_rows: list[Scheduled]) -> None:
    """Counted twice: instalment by instalment, and as what has left earlier, day by day."""
    replay = replay_payments(given_rows, other=FRONT_LOADED)
    area = sum(
        (day.other_until_rupiah - day.own_until_rupiah) * (following.on - day.on).days
        for day, following in zip(replay.cash, replay.cash[1:], strict=False)
    )
    assert area == replay.rupiah_days


@given(rows)
def test_front_loading_pays_nobody_later_and_nobody_before_they_have_earned_it(given_rows: list[Scheduled]) -> None:
    replay = replay_payments(given_rows, other=FRONT_LOADED)
    assert all(days >= 0 for days, _ in replay.by_days_earlier)
    assert all(day.other_until_rupiah >= day.own_until_rupiah for day in replay.cash)
    for row in given_rows:
        paid_on = payment_on(row.scheduled_on, row.entitled_on, FRONT_LOADED)
        assert paid_on >= max(row.entitled_on, row.scheduled_on.replace(day=1))
        assert paid_on <= payment_on(row.scheduled_on, row.entitled_on)


@given(rows)
def test_under_the_same_rule_nothing_moves(given_rows: list[Scheduled]) -> None:
    replay = replay_payments(given_rows, other=RULES)
    assert replay.rupiah_days == 0 and set(replay.by_days_earlier) <= {(0, replay.instalment_count)}
    assert all(day.own_rupiah == day.other_rupiah for day in replay.cash)


@given(rows, rows)
def test_two_replays_add_up_whatever_the_order(one: list[Scheduled], other: list[Scheduled]) -> None:
    first, second = (replay_payments(part, other=FRONT_LOADED) for part in (one, other))
    together = replay_payments([*reversed(other), *one], other=FRONT_LOADED)
    assert together.rupiah_days == first.rupiah_days + second.rupiah_days
    assert Counter(dict(together.by_days_earlier)) == Counter(dict(first.by_days_earlier)) + Counter(
        dict(second.by_days_earlier)
    )
    by_day = Counter({day.on: day.other_rupiah for day in first.cash})
    by_day.update({day.on: day.other_rupiah for day in second.cash})
    assert +by_day == +Counter({day.on: day.other_rupiah for day in together.cash})


@given(rows)
def test_mean_and_median_are_those_of_the_instalments_one_by_one(given_rows: list[Scheduled]) -> None:
    replay = replay_payments(given_rows, other=FRONT_LOADED)
    each = [
        (
            payment_on(row.scheduled_on, row.entitled_on) - payment_on(row.scheduled_on, row.entitled_on, FRONT_LOADED)
        ).days
        for row in given_rows
        for _ in range(row.instalment_count)
    ]
    if not each:
        assert replay.mean_days_earlier is replay.median_days_earlier is replay.own_peak is replay.other_peak is None
        return
    assert replay.mean_days_earlier == Fraction(sum(each), len(each))
    assert replay.median_days_earlier == sorted(each)[(len(each) - 1) // 2]


def test_a_month_that_a_person_can_follow() -> None:
    """Scheduled for 25 August 2020, a Tuesday. Front loaded: 3 August, the Monday after a Saturday; who earned it on
    the 12th is paid on the 12th, who earned it on Friday the 14th on the 14th."""
    day = date(2020, 8, 25)
    replay = replay_payments(
        [
            Scheduled(day, date(2020, 7, 1), 10, 6_000_000),
            Scheduled(day, date(2020, 8, 12), 2, 1_200_000),
            Scheduled(day, day, 1, 50_000),
        ],
        other=FRONT_LOADED,
    )
    assert [(cash.on.day, cash.own_rupiah, cash.other_rupiah) for cash in replay.cash] == [
        (3, 0, 6_000_000),
        (12, 0, 1_200_000),
        (25, 7_250_000, 50_000),
    ]
    assert replay.by_days_earlier == ((0, 1), (13, 2), (22, 10))
    assert replay.mean_days_earlier == Fraction(246, 13) and replay.median_days_earlier == 22
    assert replay.own_peak is not None and replay.own_peak.on == day
    assert replay.other_peak is not None and replay.other_peak.on == day - timedelta(days=22)
