"""What has to be at each partner by when: from the rows alone, spread as windows and limits let it go."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.incentives.cash_forecast import CashForecast, _Days, _Group, cash_forecast
from bekal.incentives.models import PayoutDay
from bekal.incentives.partners.hours import Amount, Limits, hours_of
from bekal.incentives.partners.rails import Rail
from bekal.incentives.preview_payout_run import Share
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import held
from tests.incentives.journey import EXPORTED_AT, PLANNED_AT, earners, exported, planned, references, settled
from tests.incentives.test_export_payout_run import set_account

ONE = 600_000
MONDAY = date(2020, 4, 27)
# The days of the four instalments, as the calendar has them.
DAYS = [date(2020, 4, 27), date(2020, 5, 26), date(2020, 6, 25), date(2020, 7, 27)]
OFFICE_HOURS = hours_of({"windows": ["08:00-15:00"], "days": "working"})


def seen(forecast: CashForecast) -> list[tuple[date, str, int, int]]:
    return [(line.day, line.partner, line.whole.payment_count, line.listed.payment_count) for line in forecast.lines]


@pytest.mark.django_db
def test_what_is_entitled_falls_due_on_its_day_at_the_partner_of_its_account() -> None:
    _, other = earners(2)
    set_account(other, "ovo", "081234567890")
    forecast = cash_forecast(at=PLANNED_AT)
    assert seen(forecast) == [(day, partner, 1, 0) for day in DAYS for partner in ("bni", "ovo")]
    assert forecast.days == dict.fromkeys(DAYS, 2 * ONE)
    assert [line.since_today_rupiah // ONE for line in forecast.lines] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [line.needed_at for line in forecast.lines][:3] == [PLANNED_AT, PLANNED_AT, jakarta(2020, 5, 26, 0)]


@pytest.mark.django_db
def test_what_is_on_a_list_sent_or_paid_and_what_is_overdue() -> None:
    earners(3)
    planned()
    assert seen(cash_forecast(at=PLANNED_AT))[0] == (MONDAY, "bni", 3, 3)
    late = jakarta(2020, 4, 29)
    assert seen(cash_forecast(at=late))[0] == (date(2020, 4, 29), "bni", 3, 3), "overdue is due today"


@pytest.mark.django_db
def test_what_was_settled_is_needed_no_more_and_what_was_rejected_is_due_again() -> None:
    earners(2)
    run = exported()
    assert seen(cash_forecast(at=EXPORTED_AT))[0] == (MONDAY, "bni", 2, 2)
    settled(run, {references(run.run_id)[0]: "AC04"})
    assert seen(cash_forecast(at=EXPORTED_AT))[0] == (MONDAY, "bni", 1, 0)


@pytest.mark.django_db
def test_what_nobody_knows_the_day_of_stands_apart_and_a_changed_account_has_a_day() -> None:
    is_held, changed = earners(2)
    earners(with_accounts=False)
    held(is_held)
    factories.changed_account(
        Participation.objects.get(pk=changed).participant_id, "ovo", "081234567890", at=PLANNED_AT
    )
    forecast = cash_forecast(at=PLANNED_AT)
    assert forecast.held_back == (Share("held", 4, 4 * ONE), Share("no_account", 4, 4 * ONE))
    assert seen(forecast)[0] == (date(2020, 4, 30), "ovo", 1, 0), "72 hours later"


@pytest.mark.django_db
def test_windows_and_limits_spread_it_over_the_days() -> None:
    earners(5)
    known = {"bni": Rail("bni", hours=OFFICE_HOURS, limits=Limits(day_count=2))}
    PayoutDay.objects.create(partner="bni", counted_on=MONDAY, payment_count=1, total_rupiah=ONE)
    forecast = cash_forecast(at=PLANNED_AT, rails=known)
    expected = [(MONDAY, 1), (date(2020, 4, 28), 2), (date(2020, 4, 29), 2)]
    assert [(line.day, line.whole.payment_count) for line in forecast.lines][:3] == expected
    assert forecast.lines[1].needed_at == jakarta(2020, 4, 28, 8)
    # After the cut-off nothing more is needed today; Friday is Labour Day.
    evening = jakarta(2020, 4, 30, 16)
    assert cash_forecast(at=evening, rails=known).lines[0].day == date(2020, 5, 4)


@pytest.mark.django_db
def test_nothing_to_pay() -> None:
    forecast = cash_forecast(at=PLANNED_AT)
    assert (forecast.lines, forecast.held_back, forecast.days) == ((), (), {})


GROUPS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([50_000, 600_000]), st.booleans(), st.integers(1, 9)), max_size=6
)


@given(GROUPS, st.one_of(st.none(), st.integers(1, 5)), st.one_of(st.none(), st.integers(1, 5)), st.booleans())
def test_nothing_is_lost_or_early_and_no_day_is_over_its_limits(
    drawn: list[tuple[int, int, bool, int]], day_count: int | None, times: int | None, working: bool
) -> None:
    limits = Limits(day_count=day_count, day_rupiah=None if times is None else times * ONE)
    hours = hours_of({"windows": ["08:00-15:00"], "days": "working" if working else "every"})
    last_day = MONDAY + timedelta(days=20)
    groups = sorted(
        (
            _Group("bni", MONDAY + timedelta(days=later), amount, listed, False, count)
            for later, amount, listed, count in drawn
        ),
        key=lambda group: (group.day, not group.is_listed, group.amount_rupiah),
    )
    placed = _Days(Rail("bni", hours=hours, limits=limits), jakarta(2020, 4, 27, 8), last_day, Amount())
    later = placed.put(groups)
    lines = list(placed.lines())
    whole = sum((Amount(group.payment_count, group.payment_count * group.amount_rupiah) for group in groups), Amount())
    assert sum((line.whole for line in lines), later) == whole
    assert all(line.whole.fits(limits.room(Amount())) for line in lines)
    assert all(hours.opens_on(line.day).date() == line.day <= last_day for line in lines)
    due: Counter[date] = Counter()
    for group in groups:
        due[group.day] += group.payment_count
    for line in lines:
        paid_count = sum(one.whole.payment_count for one in lines if one.day <= line.day)
        assert paid_count <= sum(count for day, count in due.items() if day <= line.day)
    if later.payment_count == 0 and lines and day_count is None and times is None and not working:
        assert {line.day for line in lines} == set(due)
