"""Paid on the promised day: measured from what reached the account and stayed there, and from what did not."""

from datetime import timedelta

import pytest

from bekal.incentives.models import Entitlement
from bekal.incentives.on_time import OnTimeShare, on_time_share, promised_months
from bekal.incentives.settle_payouts import settle_payouts
from bekal.participants.models import Participation
from tests.factories import RECONCILED_AT, jakarta
from tests.incentives.journey import PLANNED_AT, earners, exported, references, settled
from tests.incentives.partner import status_file

pytestmark = pytest.mark.django_db
# The promised days of who is reconciled on 25 April 2020: 27 April, 26 May, 25 June, 27 July.
EVENING, MIDNIGHT = jakarta(2020, 4, 27, 23, 59), jakarta(2020, 4, 28, 0, 0)


def test_nothing_is_counted_before_its_day_is_over_or_it_is_paid() -> None:
    assert on_time_share(at=EVENING) == OnTimeShare(0, 0, 0) and on_time_share(at=EVENING).share is None
    earners(4)
    assert on_time_share(at=EVENING) == OnTimeShare(0, 0, 0)
    assert on_time_share(at=MIDNIGHT) == OnTimeShare(4, 0, 0)
    assert on_time_share(at=jakarta(2020, 5, 27)) == OnTimeShare(8, 0, 0)


def test_the_last_minute_of_the_day_is_on_time_and_the_next_is_late() -> None:
    earners(4)
    run = exported()
    settled(run, {references(run.run_id)[0]: "AM14"}, at=EVENING)
    assert on_time_share(at=EVENING) == OnTimeShare(3, 3, 0), "whose day is not over waits"
    assert on_time_share(at=MIDNIGHT) == OnTimeShare(4, 3, 0) and on_time_share(at=MIDNIGHT).unpaid_count == 1
    settled(exported(at=PLANNED_AT + timedelta(days=1)), at=MIDNIGHT)
    late = on_time_share(at=MIDNIGHT)
    assert late == OnTimeShare(4, 3, 1) and late.unpaid_count == 0 and late.share == 0.75


def test_what_came_back_was_not_paid() -> None:
    earners(2)
    run = exported()
    settled(run)
    back = references(run.run_id)[0]
    settle_payouts(
        partner="bni", name="retur.csv", content=status_file([(back, 600_000, "returned", "AC04")]), at=EVENING
    )
    assert on_time_share(at=MIDNIGHT) == OnTimeShare(2, 1, 0)


def test_only_what_was_promised_counts() -> None:
    first, second, _ = earners(3)
    Entitlement.objects.filter(participation_id=first).update(lapsed_at=MIDNIGHT)
    Participation.objects.filter(pk=second).update(revoked_at=RECONCILED_AT)
    assert on_time_share(at=MIDNIGHT) == OnTimeShare(1, 0, 0)


def test_the_survey_pay_is_another_promise() -> None:
    (person,) = earners(1)
    Entitlement.objects.filter(participation_id=person, instalment=1).update(kind="survey")
    assert on_time_share(at=MIDNIGHT) == OnTimeShare(0, 0, 0)


def test_the_months_of_the_promises_up_to_today() -> None:
    assert promised_months(at=MIDNIGHT) == ()
    earners(1)
    assert [f"{day:%Y-%m-%d}" for day in promised_months(at=jakarta(2020, 6, 1))] == [
        "2020-04-01",
        "2020-05-01",
        "2020-06-01",
    ]
