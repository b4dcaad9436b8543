"""The scripts of pgbench: what is measured is what the program sends."""

import pytest

from benchmarks import _ledger_purchase


@pytest.mark.django_db
def test_the_measured_purchase_is_word_for_word_what_the_program_sends() -> None:
    committed = (_ledger_purchase.SCRIPTS / "purchase.sql").read_text(encoding="utf-8")
    assert committed == _ledger_purchase.purchase_script()
    assert "remaining_rupiah >= :amount" in committed
    for variable in (":owner_id", ":number"):
        assert variable in committed


def test_beside_it_stand_the_same_writes_without_any_condition() -> None:
    checked, unchecked = (
        (_ledger_purchase.SCRIPTS / name).read_text(encoding="utf-8") for name in ("purchase.sql", "unchecked.sql")
    )
    columns = "(owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)"
    assert columns in checked and columns in unchecked
    assert checked.splitlines()[:3] == unchecked.splitlines()[:3]
    assert ">=" in checked and ">=" not in unchecked and "RETURNING" not in unchecked
