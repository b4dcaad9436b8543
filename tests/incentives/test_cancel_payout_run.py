import pytest

from bekal.core.refusal import Refusal
from bekal.incentives.cancel_payout_run import CancelledRun, cancel_payout_run
from bekal.incentives.models import Payout, PayoutRun
from bekal.incentives.refusals import PayoutRefusal
from tests import factories
from tests.incentives.journey import APPROVED_AT, approved, earners, exported, planned

pytestmark = pytest.mark.django_db


def cancel(run_id: int) -> CancelledRun:
    return cancel_payout_run(run_id=run_id, officer_id=factories.officer().pk, at=APPROVED_AT)


def test_before_its_export_a_run_can_be_cancelled_and_everything_is_due_again() -> None:
    earners(2)
    for make in (lambda: planned().run_id or 0, approved):
        run_id = make()
        assert cancel(run_id) == CancelledRun(run_id, 2)
        row = PayoutRun.objects.get(pk=run_id)
        assert row.cancelled_at == APPROVED_AT and row.cancelled_by is not None
        assert not Payout.objects.filter(run_id=run_id, ended_at__isnull=True).exists()
    assert planned().payout_count == 2


def test_an_exported_run_is_not_cancelled() -> None:
    earners()
    run_id = exported().run_id
    assert cancel(run_id) == CancelledRun(run_id, 0, Refusal(PayoutRefusal.RUN_EXPORTED, {"run_id": run_id}))
    assert Payout.objects.filter(run_id=run_id, ended_at__isnull=True).count() == 1


def test_twice_or_an_unknown_run_is_refused() -> None:
    earners()
    run_id = planned().run_id or 0
    cancel(run_id)
    assert cancel(run_id).refusal == Refusal(PayoutRefusal.RUN_CANCELLED, {"run_id": run_id})
    assert cancel(10**9).refusal == Refusal(PayoutRefusal.RUN_NOT_FOUND, {"run_id": 10**9})
