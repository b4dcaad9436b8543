"""The rest of a run: each instalment in one place, and one step that plans exactly what is due again."""

from datetime import datetime, timedelta

import pytest

from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.models import Payout, PayoutRun
from bekal.incentives.plan_follow_up import Place, RunLinks, plan_follow_up, rest_of, rest_people, run_links
from bekal.incentives.plan_payout_run import LeftOutReason, PlannedRun
from bekal.incentives.preview_payout_run import preview_payout_run
from bekal.incentives.refusals import PayoutRefusal
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import held
from tests.incentives.journey import (
    EXPORTED_AT,
    FIRST_PAY_ON,
    PLANNED_AT,
    SETTLED_AT,
    earners,
    exported,
    planned,
    references,
    settled,
)

pytestmark = pytest.mark.django_db
NEXT_DAY = jakarta(2020, 4, 28)


def follow(run_id: int, at: datetime = NEXT_DAY) -> PlannedRun:
    return plan_follow_up(run_id=run_id, officer_id=factories.officer().pk, at=at)


def places(run_id: int, at: datetime = NEXT_DAY) -> dict[str, int]:
    rest = rest_of(run_id=run_id, at=at)
    assert rest is not None
    assert sum(share.payout_count for share in rest.places) == PayoutRun.objects.get(pk=run_id).payout_count
    return {share.what: share.payout_count for share in rest.places}


def test_exactly_what_is_due_again_is_planned_with_its_link_back() -> None:
    _, rejected, is_held = earners(3)
    run = exported()
    first, second, third = references(run.run_id)
    settled(run, {second: "AC04", third: "AC04"})
    held(is_held)
    (somebody_else,) = earners()
    assert places(run.run_id) == {"due": 1, "paid": 1, "held": 1}
    assert [one.participation_id for one in rest_people(run_id=run.run_id, at=NEXT_DAY, place=Place.DUE)] == [rejected]
    assert [one.participation_id for one in rest_people(run_id=run.run_id, at=NEXT_DAY, place=LeftOutReason.HELD)] == [
        is_held
    ]
    planned_run = follow(run.run_id)
    assert planned_run.payout_count == 1
    assert references(planned_run.run_id) == [second.replace("A01", "A02")]
    row = PayoutRun.objects.get(pk=planned_run.run_id)
    assert (row.follows_id, row.planned_for) == (run.run_id, NEXT_DAY.date())
    assert run_links(run_id=run.run_id) == RunLinks(None, (row.pk,))
    assert run_links(run_id=row.pk) == RunLinks(run.run_id, ())
    assert not Payout.objects.filter(entitlement__participation_id=somebody_else).exists()
    assert places(run.run_id) == {"other_run": 1, "paid": 1, "held": 1}
    assert first.endswith("A01")


def test_a_further_instalment_of_the_same_person_is_not_in_it() -> None:
    earners()
    run = exported()
    (reference,) = references(run.run_id)
    settled(run, {reference: "AC04"})
    later = jakarta(2020, 5, 27)
    assert references(follow(run.run_id, later).run_id) == [reference.replace("A01", "A02")]


def test_again_nothing_is_due() -> None:
    earners()
    run = exported()
    settled(run, {references(run.run_id)[0]: "AC04"})
    first, second = follow(run.run_id), follow(run.run_id)
    assert first.run_id is not None
    assert second.refusal is not None and second.refusal.code is PayoutRefusal.NOTHING_DUE


def test_the_rest_of_a_run_that_was_cancelled_is_planned_for_its_day() -> None:
    earners(2)
    run_id = planned(planned_for=FIRST_PAY_ON + timedelta(days=5)).run_id or 0
    assert places(run_id, PLANNED_AT) == {"under_way": 2}
    cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=EXPORTED_AT)
    again = follow(run_id, EXPORTED_AT)
    assert again.payout_count == 2
    assert PayoutRun.objects.get(pk=again.run_id).planned_for == FIRST_PAY_ON + timedelta(days=5)


def test_what_was_paid_by_the_follow_up_is_said_so() -> None:
    earners(2)
    run = exported()
    one, other = references(run.run_id)
    assert places(run.run_id, SETTLED_AT) == {"under_way": 2}
    settled(run, {one: "AM14"})
    settled(exported(at=SETTLED_AT))
    assert places(run.run_id) == {"paid": 1, "paid_since": 1}
    assert other


def test_a_follow_up_is_no_last_run() -> None:
    earners(2)
    run = exported()
    settled(run, {references(run.run_id)[0]: "AM14"})
    follow(run.run_id)
    seen = preview_payout_run(planned_for=NEXT_DAY.date(), at=NEXT_DAY)
    assert seen.last_run is not None and seen.last_run.run_id == run.run_id


def test_a_run_that_does_not_exist() -> None:
    assert rest_of(run_id=10**9, at=NEXT_DAY) is None
    assert rest_people(run_id=10**9, at=NEXT_DAY, place=Place.DUE) == ()
    refused = follow(10**9)
    assert refused.refusal is not None and refused.refusal.code is PayoutRefusal.RUN_NOT_FOUND
