"""A difference that the proof has found stops the money, until a proof finds none; and so does no proof at all."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.models import PayoutFile
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.proof_results import PROOF_LIMIT
from tests.conftest import StoppedClock
from tests.incentives.journey import EXPORTED_AT, approved, earners, export

PROVED = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
MOMENT = timedelta(microseconds=1)


def _change_balance(owner_id: int, by_rupiah: int) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah + %s WHERE owner_id = %s",
            [by_rupiah, owner_id],
        )


def _refused(run_id: int, proof_limit: timedelta | None = PROOF_LIMIT) -> tuple[object, object]:
    refusal = export_payout_run(run_id=run_id, at=EXPORTED_AT, proof_limit=proof_limit).refusal
    assert refusal is not None and not PayoutFile.objects.exists()
    return refusal.code, refusal.values


@PROVED
def test_no_payout_run_is_exported_without_a_proof_of_the_last_two_days(clock: StoppedClock) -> None:
    earners()
    run_id = approved()
    unproved = (PayoutRefusal.LEDGER_NOT_PROVED, {"run_id": run_id, "hours_count": 48})
    assert _refused(run_id) == unproved
    for clock.at in (EXPORTED_AT - PROOF_LIMIT - MOMENT, EXPORTED_AT + PROOF_LIMIT + MOMENT):
        call_command("prove", "ledger", stdout=StringIO())
        assert _refused(run_id) == unproved, "the clock was set back: a proof from its future says nothing"
    clock.at = EXPORTED_AT
    call_command("prove", "ledger", as_of="2020-04-27", stdout=StringIO())
    assert _refused(run_id) == unproved, "a proof of the past says nothing of now"
    clock.at = EXPORTED_AT - PROOF_LIMIT
    call_command("prove", "ledger", stdout=StringIO())
    exported = export_payout_run(run_id=run_id, at=EXPORTED_AT)
    assert (exported.refusal, len(exported.files)) == (None, 1)
    clock.at = EXPORTED_AT + timedelta(days=30)
    assert export_payout_run(run_id=run_id, at=clock.at).repeated, "what has left can be asked for again"


@PROVED
def test_where_no_worker_proves_a_difference_stops_the_money_all_the_same() -> None:
    (owner_id,) = earners()
    run_id = approved()
    _change_balance(owner_id, 1)
    with pytest.raises(CommandError, match="do not hold"):
        call_command("prove", "ledger", stdout=StringIO())
    assert _refused(run_id, proof_limit=None)[0] is PayoutRefusal.LEDGER_DIFFERENCE
    _change_balance(owner_id, -1)
    call_command("prove", "ledger", stdout=StringIO())
    assert export(run_id=run_id, at=EXPORTED_AT).refusal is None, "however old"


@PROVED
def test_no_payout_run_is_exported_while_the_newest_proof_has_a_difference(clock: StoppedClock) -> None:
    clock.at = EXPORTED_AT
    (owner_id,) = earners()
    run_id = approved()
    _change_balance(owner_id, 1)
    with pytest.raises(CommandError, match="do not hold"):
        call_command("prove", "ledger", stdout=StringIO())
    refused = export_payout_run(run_id=run_id, at=EXPORTED_AT)
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.values) == (PayoutRefusal.LEDGER_DIFFERENCE, {"run_id": run_id})
    assert not PayoutFile.objects.exists()
    _change_balance(owner_id, -1)
    assert export_payout_run(run_id=run_id, at=EXPORTED_AT).refusal is not None  # nobody has proved it yet
    call_command("prove", "ledger", stdout=StringIO())
    exported = export_payout_run(run_id=run_id, at=EXPORTED_AT)
    assert (exported.refusal, len(exported.files)) == (None, 1)
