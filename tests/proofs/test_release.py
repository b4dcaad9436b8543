"""A difference that the proof has found stops the money, until a proof finds none."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.models import PayoutFile
from bekal.incentives.refusals import PayoutRefusal
from tests.incentives.journey import EXPORTED_AT, approved, earners


def _change_balance(owner_id: int, by_rupiah: int) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_trainingbalance SET remaining_rupiah = remaining_rupiah + %s WHERE owner_id = %s",
            [by_rupiah, owner_id],
        )


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_no_payout_run_is_exported_while_the_newest_proof_has_a_difference() -> None:
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
