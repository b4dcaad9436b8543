import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import ProtectedError
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.models import Entitlement, Payout, PayoutException, PayoutRun
from bekal.incentives.plan_payout_run import MAX_DAYS_AHEAD, LeftOut, LeftOutReason, PlannedRun, plan_payout_run
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.participants.models import Participation, PayoutAccount, PayoutAccountDirectory
from tests import factories
from tests.factories import RECONCILED_AT, jakarta
from tests.incentives.journey import (
    EXPORTED_AT,
    FIRST_PAY_ON,
    INSTALMENT_RUPIAH,
    PLANNED_AT,
    SETTLED_AT,
    approved,
    earners,
    export,
    exported,
    planned,
    references,
    settled,
)
from tests.incentives.partner import read_instructions, status_file

pytestmark = pytest.mark.django_db


def plan(planned_for: date = FIRST_PAY_ON) -> PlannedRun:
    return plan_payout_run(planned_for=planned_for, officer_id=factories.officer().pk, at=PLANNED_AT)


def test_everything_due_by_the_day_and_nothing_later_is_on_the_list() -> None:
    first, second = earners(2)
    run = plan()
    assert (run.payout_count, run.total_rupiah, run.left_out, run.refusal) == (2, 1_200_000, (), None)
    payouts = Payout.objects.filter(run_id=run.run_id).order_by("entitlement__participation_id")
    assert [(one.entitlement.participation_id, one.entitlement.instalment) for one in payouts] == [
        (first, 1),
        (second, 1),
    ]
    for one in payouts:
        account = PayoutAccount.objects.get(participant__participation=one.entitlement.participation_id)
        assert one.account == account
        assert (one.partner, one.masked_account, one.attempt) == (account.partner, account.masked, 1)
        assert one.reference == f"BKL{one.entitlement_id:014d}A01"


def test_the_seal_is_count_sum_and_hash_of_the_list() -> None:
    earners(3)
    run = plan(FIRST_PAY_ON)
    lines = [
        (one.reference, one.account.partner, bytes(one.account.payoutaccountdirectory.account_hash), one.amount_rupiah)
        for one in Payout.objects.filter(run_id=run.run_id).order_by("reference")
    ]
    text = "".join(f"{reference},{partner},{key.hex()},{amount}\n" for reference, partner, key, amount in lines)
    assert run.list_sha256 == hashlib.sha256(text.encode()).digest()
    row = PayoutRun.objects.get(pk=run.run_id)
    assert (row.payout_count, row.total_rupiah, bytes(row.list_sha256)) == (3, 1_800_000, run.list_sha256)


def test_nothing_due_is_a_refusal_and_no_run() -> None:
    earners()
    day_before = FIRST_PAY_ON - timedelta(days=1)
    assert plan(day_before).refusal == Refusal(PayoutRefusal.NOTHING_DUE, {"on": day_before, "left_out_count": 0})
    assert plan().refusal is None
    assert plan().refusal == Refusal(PayoutRefusal.NOTHING_DUE, {"on": FIRST_PAY_ON, "left_out_count": 0})
    assert PayoutRun.objects.count() == 1


def test_who_cannot_be_paid_is_left_out_with_the_reason() -> None:
    no_account = earners(2, with_accounts=False)
    unverified, revoked_before, revoked_after, payable = earners(4)
    PayoutAccount.objects.filter(participant__participation=unverified).update(verified_at=None)
    Participation.objects.filter(pk=revoked_before).update(revoked_at=RECONCILED_AT)
    Participation.objects.filter(pk=revoked_after).update(revoked_at=PLANNED_AT)
    run = plan()
    assert run.left_out == (
        LeftOut(LeftOutReason.ACCOUNT_NOT_VERIFIED, 1),
        LeftOut(LeftOutReason.NO_ACCOUNT, len(no_account)),
        LeftOut(LeftOutReason.REVOKED, 1),
    )
    paid = Payout.objects.filter(run_id=run.run_id).order_by("id")
    assert list(paid.values_list("entitlement__participation_id", flat=True)) == [revoked_after, payable]
    assert plan().refusal == Refusal(PayoutRefusal.NOTHING_DUE, {"on": FIRST_PAY_ON, "left_out_count": 4})


def test_what_goes_to_a_changed_account_waits_72_hours() -> None:
    (person,) = earners()
    participant_id = Participation.objects.get(pk=person).participant_id
    changed_at = PLANNED_AT - timedelta(hours=72) + timedelta(seconds=1)
    factories.changed_account(participant_id, "ovo", "081234567890", at=changed_at)
    run = plan()
    assert (run.run_id, run.left_out) == (None, (LeftOut(LeftOutReason.ACCOUNT_CHANGED, 1),))
    late = plan_payout_run(
        planned_for=FIRST_PAY_ON, officer_id=factories.officer().pk, at=PLANNED_AT + timedelta(seconds=1)
    )
    assert (late.payout_count, late.left_out) == (1, ())


def test_a_run_for_a_later_day_does_not_shorten_the_wait() -> None:
    """Its files can leave before its day."""
    (person,) = earners()
    participant_id = Participation.objects.get(pk=person).participant_id
    factories.changed_account(participant_id, "ovo", "081234567890", at=PLANNED_AT)
    assert plan(FIRST_PAY_ON + timedelta(days=MAX_DAYS_AHEAD)).left_out == (LeftOut(LeftOutReason.ACCOUNT_CHANGED, 1),)


def test_what_is_left_out_is_paid_once_the_reason_is_gone() -> None:
    (person,) = earners(with_accounts=False)
    assert plan().refusal is not None
    factories.with_account(Participation.objects.get(pk=person).participant_id)
    assert plan().payout_count == 1


def test_only_those_named() -> None:
    _, second = earners(2)
    officer_id = factories.officer().pk
    run = plan_payout_run(
        planned_for=FIRST_PAY_ON, officer_id=officer_id, at=PLANNED_AT, participation_ids=[second, 10**9]
    )
    on_list = Payout.objects.filter(run_id=run.run_id).order_by("id")
    assert list(on_list.values_list("entitlement__participation_id", flat=True)) == [second]
    nobody = plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=officer_id, at=PLANNED_AT, participation_ids=[])
    assert nobody.refusal is not None


def test_a_mistyped_year_does_not_pay_every_instalment_at_once() -> None:
    earners()
    latest_on = PLANNED_AT.date() + timedelta(days=MAX_DAYS_AHEAD)
    too_far = plan(latest_on + timedelta(days=1))
    assert too_far.refusal == Refusal(
        PayoutRefusal.TOO_FAR_AHEAD, {"on": latest_on + timedelta(days=1), "latest_on": latest_on}
    )
    assert plan(latest_on).payout_count == 1


def test_without_the_years_holidays_no_run_is_planned() -> None:
    run = plan_payout_run(planned_for=date(2035, 1, 2), officer_id=factories.officer().pk, at=jakarta(2035, 1, 2))
    assert run.refusal == Refusal(PayoutRefusal.CALENDAR_NOT_PUBLISHED, {"on": date(2035, 1, 2), "year": 2035})


def test_a_rejected_or_cancelled_payout_is_due_again_as_the_next_attempt() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    settled(run, {second: "AM14"})
    again = planned()
    assert references(again.run_id or 0) == [second.replace("A01", "A02")]
    cancel_payout_run(run_id=again.run_id or 0, officer_id=factories.officer().pk, at=EXPORTED_AT)
    assert references(planned().run_id or 0) == [second.replace("A01", "A03")]
    assert first.endswith("A01")


def test_what_a_partner_calls_rejected_and_paid_is_not_sent_again_before_it_is_cleared_up() -> None:
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    settled(run, {first: "AM14", second: "AM14"})
    contrary = status_file([(first, INSTALMENT_RUPIAH, "settled", "")])
    outcome = settle_payouts(partner="bni", name="lagi.csv", content=contrary, at=SETTLED_AT)
    assert [one.kind for one in outcome.opened] == ["contradiction"]
    again = planned()
    assert references(again.run_id or 0) == [second.replace("A01", "A02")]
    assert again.left_out == (LeftOut(LeftOutReason.IN_QUESTION, 1),)
    exception, officer = PayoutException.objects.get(), factories.officer()
    clear_exception(exception_id=exception.pk, officer_id=officer.pk, note="Tidak dibayar.", at=SETTLED_AT)
    assert references(planned().run_id or 0) == [first.replace("A01", "A02")]


def test_what_was_paid_after_all_while_its_next_attempt_waits_on_a_list_does_not_leave() -> None:
    """The partner says so after the approval and before the export: it would be paid twice."""
    earners(2)
    run = exported()
    first, second = references(run.run_id)
    settled(run, {first: "AM14", second: "AM14"})
    run_id = approved()
    contrary = status_file([(first, INSTALMENT_RUPIAH, "settled", "")])
    settle_payouts(partner="bni", name="lagi.csv", content=contrary, at=SETTLED_AT)
    done = export(run_id=run_id, at=SETTLED_AT)
    assert (done.withheld_count, [file.line_count for file in done.files]) == (1, [1])
    assert [row["reference"] for row in read_instructions(done.files[0].content)] == [second.replace("A01", "A02")]
    kept_back = Payout.objects.get(reference=first.replace("A01", "A02"))
    assert [one.state for one in kept_back.statuses.all()] == ["withheld"] and kept_back.ended_at == SETTLED_AT


def test_the_hundredth_attempt_has_a_reference_of_its_own() -> None:
    earners()
    for attempt in (1, 99):
        run = planned()
        Payout.objects.filter(run_id=run.run_id).update(attempt=attempt)
        cancel_payout_run(run_id=run.run_id or 0, officer_id=factories.officer().pk, at=EXPORTED_AT)
    (reference,) = references(planned().run_id or 0)
    assert reference.endswith("A100")


def test_a_second_live_attempt_is_refused_by_the_database() -> None:
    earners()
    run = planned()
    live = Payout.objects.get(run_id=run.run_id)
    live.pk, live.attempt, live.reference = None, 2, live.reference.replace("A01", "A02")
    with pytest.raises(IntegrityError, match="incentives_payout_one_live_attempt"), transaction.atomic():
        live.save(force_insert=True)


def test_what_a_payout_stands_on_cannot_be_removed() -> None:
    earners()
    planned()
    with pytest.raises(ProtectedError):
        Entitlement.objects.all().delete()


def test_many_people_are_three_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    earners(30)
    officer = factories.officer()
    with assert_queries(3):
        run = plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=officer.pk, at=PLANNED_AT)
    assert run.payout_count == 30


@pytest.mark.django_db(transaction=True)
def test_two_officers_who_plan_at_once_put_nothing_on_two_lists(race: Callable[..., list[Any]]) -> None:
    earners(20)
    one, other = factories.officer(), factories.officer()

    def rival(officer_id: int) -> Callable[[], PlannedRun]:
        return lambda: plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=officer_id, at=PLANNED_AT)

    for _ in range(5):
        results = race(rival(one.pk), rival(other.pk), rival(one.pk))
        assert sorted(run.payout_count for run in results) == [0, 0, 20]
        assert Payout.objects.filter(ended_at__isnull=True).count() == 20
        (winner,) = (run.run_id for run in results if run.run_id)
        cancel_payout_run(run_id=winner, officer_id=one.pk, at=EXPORTED_AT)


def test_an_account_is_known_to_the_list_by_its_keyed_hash_only() -> None:
    earners()
    run = planned()
    entry = PayoutAccountDirectory.objects.get(account__payouts__run_id=run.run_id)
    entry.delete()
    PayoutAccountDirectory.objects.create(account_hash=bytes(32), account_id=entry.account_id)
    cancel_payout_run(run_id=run.run_id or 0, officer_id=factories.officer().pk, at=EXPORTED_AT)
    Payout.objects.filter(run_id=run.run_id).update(attempt=90)
    assert planned().list_sha256 != run.list_sha256
