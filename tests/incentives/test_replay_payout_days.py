"""The replay reads every instalment once and gives it the days that the schedule gives."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bekal.core.replay_payments import Scheduled
from bekal.incentives.models import Entitlement
from bekal.incentives.replay_payout_days import first_front_loaded_on, replay_year, scheduled_in
from tests.conftest import StoppedClock
from tests.factories import RECONCILED_AT, jakarta
from tests.incentives.journey import earners

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 6, 1)
EARNED_ON = date(2020, 4, 25)


def test_the_rows_are_read_as_groups_of_what_is_alike() -> None:
    people = earners(3)
    Entitlement.objects.filter(participation_id=people[0], instalment=4).update(lapsed_at=AT)
    found = scheduled_in(year=2020, at=AT)
    counts = {group.payment_on: group.scheduled for group in found}
    assert counts[date(2020, 4, 27)] == Scheduled(EARNED_ON, EARNED_ON, 3, 1_800_000)
    assert counts[date(2020, 7, 27)] == Scheduled(date(2020, 7, 25), EARNED_ON, 2, 1_200_000)
    assert len(found) == 4 and scheduled_in(year=2021, at=AT) == ()
    assert scheduled_in(year=2020, at=RECONCILED_AT) == (), "nothing was earned by then"


def test_a_year_is_replayed_by_the_schedule() -> None:
    """25 April stays (it was earned that day); 26 May, 25 June and 27 July would have been 4 May, 2 June, 1 July."""
    earners(2)
    replayed = replay_year(scheduled_in(year=2020, at=AT), year=2020)
    assert replayed.under_on == first_front_loaded_on() == date(2021, 1, 1) and replayed.differing_count == 0
    assert replayed.replay.by_days_earlier == ((0, 2), (22, 2), (23, 2), (26, 2))
    assert [day.on for day in replayed.replay.cash if day.other_rupiah] == [
        date(2020, 4, 27),
        date(2020, 5, 4),
        date(2020, 6, 2),
        date(2020, 7, 1),
    ]


def test_days_that_the_schedule_would_not_give_are_counted() -> None:
    earners(2)
    Entitlement.objects.filter(instalment=2).update(payment_on=date(2020, 5, 29))
    assert replay_year(scheduled_in(year=2020, at=AT), year=2020).differing_count == 2


def test_the_command_says_it_in_sentences_and_by_day(clock: StoppedClock) -> None:
    clock.at = AT
    out = StringIO()
    call_command("replay-payouts", stdout=out)
    assert out.getvalue() == "Nothing that is earned is scheduled for 2020.\n"
    earners(2)
    call_command("replay-payouts", "--year", "2020", stdout=out)
    said = out.getvalue()
    assert "8 instalments scheduled for 2020, Rp4.800.000, under the rule in force since 2021-01-01:" in said
    assert "17.75 days earlier on average, half of them by 22 days or fewer." in said
    assert "  26 days earlier: 2" in said
    assert "Most on one day: Rp1.200.000 on 2020-04-27 as it was, Rp1.200.000 on 2020-04-27 front loaded." in said
    line = next(line for line in said.splitlines() if line.startswith("2020-05-04"))
    assert line.split() == ["2020-05-04", "Rp0", "Rp1.200.000", "Rp1.200.000"]
    with pytest.raises(CommandError, match="--year is 1: write a year from 2020"):
        call_command("replay-payouts", "--year", "1")
