"""What waits for a second officer is an open item with its age, until it is answered."""

from datetime import timedelta

import pytest
from django.db import connection

from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.models import Payout, PayoutException, PayoutRun
from bekal.incentives.open_complaints import NewComplaint, open_complaints
from bekal.incentives.reverse_payouts import ask_to_reverse_payouts, drop_reversals, reverse_payouts
from bekal.lifecycle.claw_back import withdraw_clawback
from bekal.lifecycle.mass_runs import approve_mass_run, ask_to_stop_mass_run, plan_mass_run, stop_mass_run
from bekal.proofs.exceptions import open_items
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 21)


def waiting(*, days: int, as_of_days: int | None = None) -> dict[str, tuple[str, int, int]]:
    """Kinds of items about mass runs, or that a second officer has to answer: (owner, count, age)."""
    as_of = None if as_of_days is None else AT + timedelta(days=as_of_days)
    with connection.cursor() as cursor:
        found = open_items(cursor, as_of, at=AT + timedelta(days=days))
    those = [each for each in found if each.kind.startswith("mass_") or each.kind.endswith("_waiting")]
    return {each.kind: (each.owner, each.count, each.age) for each in those}


def test_a_request_to_stop_a_run_waits_for_an_officer_and_what_it_leaves_undone_for_nobody() -> None:
    factories.accepted(1)
    run = plan_mass_run(operation="revoke", planned_by_id=None, at=AT)
    assert run.run_id is not None and run.list_sha256 is not None
    officers = [factories.officer().pk for _ in range(2)]
    approve_mass_run(run_id=run.run_id, officer_id=officers[0], list_sha256=run.list_sha256, at=AT)
    ask_to_stop_mass_run(run_id=run.run_id, officer_id=officers[0], because="Keliru.", at=AT + timedelta(days=1))
    asked = {"mass_chunk_unfinished": ("worker", 1, 3), "mass_run_stop_waiting": ("officer", 1, 2)}
    assert waiting(days=3) == asked
    refusal = stop_mass_run(run_id=run.run_id, officer_id=officers[1], because="Keliru.", at=AT + timedelta(days=4))
    assert refusal is None and waiting(days=5) == {}
    assert waiting(days=3, as_of_days=3) == asked, "as of then it waited"


def test_what_two_officers_have_to_do_waits_until_it_is_answered() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person, at=AT)
    first, second = money_back.paid(2)
    asker = factories.officer().pk
    withdraw_clawback(clawback_id=clawback_id, officer_id=asker, because="Banding.", at=AT + timedelta(days=1))
    payouts = Payout.objects.filter(entitlement__participation_id__in=[first, second]).order_by("reference")
    one, other = payouts.values_list("reference", flat=True)
    ask_to_reverse_payouts(references=[one, other], reason_code="DUPL", officer_id=asker, at=AT + timedelta(days=2))
    asked = {"clawback_withdrawal_waiting": ("officer", 1, 3), "payout_reversal_waiting": ("officer", 2, 2)}
    assert asked.items() <= waiting(days=4).items()
    money_back.agree(clawback_id, at=AT + timedelta(days=5))
    drop_reversals(references=[one], officer_id=asker, at=AT + timedelta(days=5))
    reverse_payouts(
        references=[other], reason_code="DUPL", officer_id=factories.officer().pk, at=AT + timedelta(days=5)
    )
    assert not asked.keys() & waiting(days=6).keys()
    assert asked.items() <= waiting(days=4, as_of_days=4).items(), "as of then they waited"


def test_what_was_paid_is_not_open_though_its_run_is_noted_later() -> None:
    """History that is brought in may have one run for a day, noted at its end: what was answered before is paid."""
    money_back.paid(1)
    payout = Payout.objects.get()
    answered_at = payout.statuses.get(state="settled").recorded_at
    noted_at = answered_at + timedelta(hours=5)
    PayoutRun.objects.filter(pk=payout.run_id).update(planned_at=noted_at, approved_at=noted_at, exported_at=noted_at)
    with connection.cursor() as cursor:
        found = open_items(cursor, answered_at + timedelta(hours=1))
    assert [(item.kind, item.count) for item in found if item.explains in (5, 7)] == [("payout_not_yet_due", 3)]


def test_what_the_books_could_not_take_is_open_with_its_owner_until_it_is_cleared_up() -> None:
    opened = [Opened(Trouble.UNKNOWN_REFERENCE, 1, "BKL1"), Opened(Trouble.SILENT, 0, "BKL2")]
    open_exceptions(opened, partner="bni", at=AT)
    open_exceptions([Opened(Trouble.FILE_REFUSED, 0, "BKL3")], partner="bni", at=AT + timedelta(days=1))
    cleared = PayoutException.objects.get(kind="file_refused")
    clear_exception(
        exception_id=cleared.pk, officer_id=factories.officer().pk, note="Tidak dibayar.", at=AT + timedelta(days=3)
    )

    def found(days: int) -> list[tuple[str, str, int, int, int | None]]:
        with connection.cursor() as cursor:
            items = open_items(cursor, AT + timedelta(days=days))
        ours = [each for each in items if each.kind == "payout_exception_open"]
        return [(each.owner, each.of, each.count, each.age, each.explains) for each in ours]

    assert found(2) == [("officer", "", 1, 1, None), ("partner", "bni", 2, 2, None)]
    assert found(4) == [("partner", "bni", 2, 4, None)]


def test_a_complaint_is_open_with_its_owner_and_late_once_its_day_is_past() -> None:
    learned, learning = factories.accepted(2)
    journey.learned((learned,))
    factories.redeemed(learning, factories.training())
    complaints = [NewComplaint(person, "incentive", 1, Complaint.About.NOT_RIGHT) for person in (learned, learning)]
    open_complaints(complaints=complaints, at=AT)

    def found(days: int) -> list[tuple[str, str, int, int]]:
        with connection.cursor() as cursor:
            items = open_items(cursor, AT + timedelta(days=days))
        return [(each.kind, each.owner, each.count, each.age) for each in items if each.kind.startswith("complaint_")]

    # Thursday, 21 May 2020; Monday the 25th is Idul Fitri, so the third working day is Wednesday the 27th.
    assert found(6) == [("complaint_open", "institution", 1, 6), ("complaint_open", "officer", 1, 6)]
    assert found(7) == [("complaint_overdue", "institution", 1, 7), ("complaint_overdue", "officer", 1, 7)]
    Complaint.objects.filter(participation_id=learned).update(
        closed_at=AT + timedelta(days=9), ending="moved", moved_to="earned"
    )
    assert found(10) == [("complaint_overdue", "institution", 1, 10)]
