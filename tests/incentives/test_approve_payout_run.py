from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.models import Payout, PayoutRun
from bekal.incentives.refusals import PayoutRefusal
from bekal.participants.models import Participation, PayoutAccount
from tests import factories
from tests.incentives.journey import APPROVED_AT, earners, officers, planned

pytestmark = pytest.mark.django_db


def code_of(run_id: int, officer_id: int, list_sha256: bytes) -> str | None:
    """The code of the refusal, if any; a refused approval leaves the run unapproved."""
    before = PayoutRun.objects.filter(pk=run_id).values_list("approved_by", "approved_at").first()
    refusal = approve_payout_run(run_id=run_id, officer_id=officer_id, list_sha256=list_sha256, at=APPROVED_AT).refusal
    if refusal is None:
        return None
    assert refusal == Refusal(refusal.code, {"run_id": run_id})
    assert PayoutRun.objects.filter(pk=run_id).values_list("approved_by", "approved_at").first() == before
    return refusal.code


def test_a_second_person_approves_the_list_that_was_shown() -> None:
    earners()
    planner, approver = officers()
    run = planned(officer=planner)
    assert run.run_id is not None and run.list_sha256 is not None
    assert code_of(run.run_id, approver.pk, run.list_sha256) is None
    row = PayoutRun.objects.get(pk=run.run_id)
    assert (row.approved_by, row.approved_at) == (approver, APPROVED_AT)
    assert row.approved_sha256 is not None and bytes(row.approved_sha256) == run.list_sha256


def test_the_planner_cannot_approve() -> None:
    earners()
    planner, _ = officers()
    run = planned(officer=planner)
    assert code_of(run.run_id or 0, planner.pk, run.list_sha256 or b"") == PayoutRefusal.SAME_PERSON


def test_the_database_refuses_the_planner_whatever_the_program_says() -> None:
    earners()
    planner, _ = officers()
    run = planned(officer=planner)
    with (
        pytest.raises(IntegrityError, match="incentives_payoutrun_second_person"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("bekal_app",)
        cursor.execute(
            "UPDATE incentives_payoutrun SET approved_by_id = planned_by_id, approved_at = %s,"
            " approved_sha256 = list_sha256 WHERE id = %s",
            [APPROVED_AT, run.run_id],
        )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("approved_at = now()", "approval_bound_to_list"),
        ("approved_by_id = %(other)s, approved_at = now(), approved_sha256 = '\\x00'", "approval_bound_to_list"),
        ("approved_by_id = %(other)s, approved_at = now()", "approval_bound_to_list"),
        ("exported_at = now()", "export_needs_approval"),
        ("cancelled_at = now()", "cancelled_by_someone"),
        ("payout_count = 0", "not_empty"),
    ],
)
def test_the_database_refuses_states_no_run_can_have(change: str, constraint: str) -> None:
    earners()
    planner, other = officers()
    run = planned(officer=planner)
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE incentives_payoutrun SET {change} WHERE id = %(run_id)s",
            {"other": other.pk, "run_id": run.run_id},
        )


def test_another_hash_than_the_runs_is_refused() -> None:
    earners()
    run = planned()
    for seen in (b"", bytes(32), (run.list_sha256 or b"")[:-1]):
        assert code_of(run.run_id or 0, factories.officer().pk, seen) == PayoutRefusal.LIST_CHANGED


@pytest.mark.parametrize("change", [{"amount_rupiah": 600_001}, {"ended_at": APPROVED_AT}, {"account_hash": bytes(32)}])
def test_a_list_that_changed_after_it_was_planned_is_refused(change: dict[str, Any]) -> None:
    person, _ = earners(2)
    run = planned()
    Payout.objects.filter(run_id=run.run_id, entitlement__participation_id=person).update(**change)
    assert code_of(run.run_id or 0, factories.officer().pk, run.list_sha256 or b"") == PayoutRefusal.LIST_CHANGED


@pytest.mark.parametrize("change", ["account", "unverified"])
def test_an_account_that_changes_leaves_the_list_as_it_was_planned(change: str) -> None:
    """Its line stays out of the files: `test_export_payout_run`."""
    person, _ = earners(2)
    run = planned()
    participant_id = Participation.objects.get(pk=person).participant_id
    if change == "account":
        assert factories.changed_account(participant_id, "ovo", "081234567890", at=APPROVED_AT).verified
    else:
        PayoutAccount.objects.filter(participant_id=participant_id).update(verified_at=None)
    assert code_of(run.run_id or 0, factories.officer().pk, run.list_sha256 or b"") is None


def test_a_run_is_approved_once_and_not_after_it_was_cancelled() -> None:
    earners()
    run = planned()
    approver, sha256 = factories.officer(), run.list_sha256 or b""
    assert code_of(run.run_id or 0, approver.pk, sha256) is None
    assert code_of(run.run_id or 0, approver.pk, sha256) == PayoutRefusal.ALREADY_APPROVED
    cancel_payout_run(run_id=run.run_id or 0, officer_id=approver.pk, at=APPROVED_AT)
    assert code_of(run.run_id or 0, approver.pk, sha256) == PayoutRefusal.RUN_CANCELLED
    assert code_of(10**9, approver.pk, sha256) == PayoutRefusal.RUN_NOT_FOUND
