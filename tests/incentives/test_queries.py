from datetime import date

import pytest

from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.models import PayoutStatus
from bekal.incentives.queries import (
    DueDay,
    Rejections,
    RunState,
    due_days,
    earned_unpaid,
    run_detail,
    run_lines,
    runs,
)
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.movements import Kind
from bekal.participants.models import Participant
from tests import factories
from tests.incentives.journey import (
    APPROVED_AT,
    EXPORTED_AT,
    FIRST_PAY_ON,
    PLANNED_AT,
    SETTLED_AT,
    approved,
    earners,
    exported,
    planned,
    references,
    settled,
    taken_back,
)
from tests.incentives.partner import status_file
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db


def state_of(run_id: int) -> RunState:
    detail = run_detail(run_id=run_id)
    assert detail is not None
    (line,) = (one for one in runs() if one.run_id == run_id)
    assert line == detail.run
    return line.state


def test_a_run_is_followed_to_zero() -> None:
    *_, third = earners(3)
    set_account(third, "ovo", "081234567890")
    run_id = planned().run_id or 0
    assert state_of(run_id) == RunState.PLANNED
    cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=PLANNED_AT)
    assert state_of(run_id) == RunState.CANCELLED
    assert state_of(approved()) == RunState.APPROVED
    cancel_payout_run(run_id=run_id + 1, officer_id=factories.officer().pk, at=PLANNED_AT)
    run = exported()
    assert state_of(run.run_id) == RunState.EXPORTED
    detail = run_detail(run_id=run.run_id)
    assert detail is not None and detail.in_transit_rupiah == 1_800_000
    settled(run, {references(run.run_id)[1]: "AM14"})
    assert state_of(run.run_id) == RunState.FINISHED
    detail = run_detail(run_id=run.run_id)
    assert detail is not None and detail.in_transit_rupiah == 0
    bni, ovo = detail.partners
    assert (bni.partner, bni.payout_count, bni.settled_rupiah, bni.rejected_count) == ("bni", 2, 600_000, 1)
    assert (ovo.partner, ovo.total_rupiah, ovo.settled_count, ovo.unanswered_rupiah) == ("ovo", 600_000, 1, 0)
    assert detail.rejections == (Rejections("bni", PayoutStatus.State.REJECTED, "AM14", 1),)
    assert [(one.direction, one.partner, one.line_count) for one in detail.files] == [
        ("out", "bni", 2),
        ("out", "ovo", 1),
        ("back", "bni", 2),
        ("back", "ovo", 1),
    ]
    assert detail.run.planned_by_name and detail.run.approved_by_name != detail.run.planned_by_name
    assert (detail.run.planned_at, detail.run.approved_at, detail.run.exported_at) == (
        PLANNED_AT,
        APPROVED_AT,
        EXPORTED_AT,
    )
    assert run_detail(run_id=10**9) is None


def test_what_came_back_is_neither_paid_nor_in_transit() -> None:
    earners(3)
    run = exported()
    first, second, third = references(run.run_id)
    settled(run, {third: "AC04"})
    content = status_file([(first, 600_000, "returned", "AC04")])
    settle_payouts(partner="bni", name="retur.csv", content=content, at=SETTLED_AT)
    assert taken_back(second)[0].refusal is None
    detail = run_detail(run_id=run.run_id)
    assert detail is not None and detail.run.state is RunState.FINISHED and detail.in_transit_rupiah == 0
    assert (detail.run.settled_count, detail.run.rejected_count, detail.run.returned_count) == (0, 1, 2)
    (bni,) = detail.partners
    assert (bni.settled_rupiah, bni.rejected_rupiah, bni.returned_count, bni.returned_rupiah, bni.payout_count) == (
        0,
        600_000,
        2,
        1_200_000,
        3,
    )
    assert [(each.state, each.reason_code, each.payout_count) for each in detail.rejections] == [
        ("rejected", "AC04", 1),
        ("returned", "AC04", 1),
        ("reversed", "DUPL", 1),
    ]
    assert [each.state for each in run_lines(run_id=run.run_id)] == ["returned", "reversed", "rejected"]


def test_runs_come_in_pages_the_newest_first() -> None:
    earners()
    made = []
    for _ in range(3):
        made.append(planned().run_id or 0)
        cancel_payout_run(run_id=made[-1], officer_id=factories.officer().pk, at=PLANNED_AT)
    assert [one.run_id for one in runs(limit=2)] == made[:0:-1]
    assert [one.run_id for one in runs(limit=2, before_id=made[1])] == made[:1]


def test_the_list_of_a_run_comes_in_pages_with_names_and_masked_accounts() -> None:
    earners(3)
    run_id = approved()
    page = run_lines(run_id=run_id, limit=2)
    assert [one.reference for one in page] == references(run_id)[:2]
    rest = run_lines(run_id=run_id, after_reference=page[-1].reference, limit=2)
    assert [one.reference for one in rest] == references(run_id)[2:]
    assert {(one.name, one.kind, one.instalment, one.amount_rupiah, one.state) for one in (*page, *rest)} == {
        (Participant.objects.order_by("id")[0].full_name, "incentive", 1, 600_000, None)
    }
    assert all("•" in one.masked_account for one in page)


def test_the_list_of_a_run_says_what_became_of_each() -> None:
    earners(3)
    run = exported()
    _, second, _ = references(run.run_id)
    assert {one.state for one in run_lines(run_id=run.run_id)} == {"sent"}
    settled(run, {second: "AC04"})
    assert [(one.state, one.reason_code) for one in run_lines(run_id=run.run_id)] == [
        ("settled", ""),
        ("rejected", "AC04"),
        ("settled", ""),
    ]


def test_the_days_with_something_to_pay() -> None:
    earners(2)
    later = [DueDay(day, 2, 1_200_000) for day in (date(2020, 5, 26), date(2020, 6, 25), date(2020, 7, 27))]
    assert list(due_days()) == [DueDay(FIRST_PAY_ON, 2, 1_200_000), *later]
    planned()
    assert list(due_days()) == later
    assert due_days(limit=1) == (later[0],)


def test_earned_and_unpaid_is_what_must_stay_committed() -> None:
    (person,) = earners()
    key = person, Kind.INCENTIVE_COMMITTED
    assert earned_unpaid(participation_ids=[person]) == {key: 2_400_000}
    run = exported()
    assert earned_unpaid(participation_ids=[person]) == {key: 1_800_000}
    settled(run, {references(run.run_id)[0]: "AC04"}, at=SETTLED_AT)
    assert earned_unpaid(participation_ids=[person]) == {key: 2_400_000}
    settled(exported())
    assert earned_unpaid(participation_ids=[person]) == {key: 1_800_000}
    assert earned_unpaid(participation_ids=[]) == {}
