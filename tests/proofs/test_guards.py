"""A guard that was weakened under its own name is found, and so is a right that nobody was meant to have."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.db import connections, transaction

from bekal.ledger.append_only import AppendOnlyModel
from bekal.proofs.guards import FACTS, GUARDS

HERE = pytest.mark.django_db(databases=["owner"])
_TRANSFER = "ALTER TABLE ledger_transfer"
_REPLACE = _TRANSFER + " DROP CONSTRAINT {name}, ADD CONSTRAINT {name} "
_LIST = _REPLACE.format(name="ledger_transfer_allowed_movement")
_CODE = "reason * 10000 + debit_kind * 100 + credit_kind"
_AGAIN = (
    "DROP TRIGGER ledger_transfer_append_only ON ledger_transfer;"
    "CREATE TRIGGER ledger_transfer_append_only BEFORE {event} ON ledger_transfer FOR EACH ROW {when}"
    " EXECUTE FUNCTION {function}()"
)
_NOTHING = "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {rights} AS 'BEGIN RETURN OLD; END'"


class Damage(NamedTuple):
    """What is done, and what the row of the difference is called."""

    deed: str
    name: str
    tells: str = "as it was written"


_TRIGGER, _RIGHT = "the triggers that refuse", "the program has no right"
DAMAGES: dict[str, Damage] = {
    "the closed list says true": Damage(_LIST + "CHECK (true)", "ledger_transfer_allowed_movement"),
    "a pair more in the closed list": Damage(
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE ledger_transfer DROP CONSTRAINT ' || conname || ', ADD CONSTRAINT '"
        " || conname || ' ' || replace(pg_get_constraintdef(oid), '20203,', '20203, 20207,') FROM pg_constraint"
        " WHERE conname = 'ledger_transfer_allowed_movement'); END $$",
        "ledger_transfer_allowed_movement",
    ),
    "the closed list lets old rows pass": Damage(
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE ledger_transfer DROP CONSTRAINT ' || conname || ', ADD CONSTRAINT '"
        " || conname || ' ' || pg_get_constraintdef(oid) || ' NOT VALID' FROM pg_constraint"
        " WHERE conname = 'ledger_transfer_allowed_movement'); END $$",
        "ledger_transfer_allowed_movement",
    ),
    "amounts without a bound": Damage(
        _REPLACE.format(name="ledger_transfer_amount_in_bounds") + "CHECK (amount_rupiah <> 0)",
        "ledger_transfer_amount_in_bounds",
    ),
    "a key that is never the same": Damage(
        _REPLACE.format(name="ledger_transfer_posted_once") + "UNIQUE (owner_id, idempotency_key, id)",
        "ledger_transfer_posted_once",
    ),
    "a key of another table": Damage(
        _TRANSFER + " DROP CONSTRAINT ledger_transfer_posted_once;"
        "ALTER TABLE ledger_digestlink ADD CONSTRAINT ledger_transfer_posted_once UNIQUE (after_id, number)",
        "ledger_transfer_posted_once",
    ),
    "a balance without a bound": Damage(
        "ALTER TABLE ledger_trainingbalance DROP CONSTRAINT ledger_trainingbalance_within_grant,"
        " ADD CONSTRAINT ledger_trainingbalance_within_grant CHECK (remaining_rupiah <= granted_rupiah)",
        "ledger_trainingbalance_within_grant",
    ),
    "one person is enough": Damage(
        "ALTER TABLE incentives_payoutrun DROP CONSTRAINT incentives_payoutrun_second_person",
        "incentives_payoutrun_second_person",
    ),
    "two live attempts": Damage(
        "DROP INDEX incentives_payout_one_live_attempt; CREATE UNIQUE INDEX incentives_payout_one_live_attempt"
        " ON incentives_payout (entitlement_id) WHERE ended_at IS NULL AND attempt = 1",
        "incentives_payout_one_live_attempt",
    ),
    "an index that is not unique": Damage(
        "DROP INDEX incentives_payout_one_live_attempt; CREATE INDEX incentives_payout_one_live_attempt"
        " ON incentives_payout (entitlement_id) WHERE ended_at IS NULL",
        "incentives_payout_one_live_attempt",
    ),
    "an amount may be unknown": Damage(
        _TRANSFER + " ALTER amount_rupiah DROP NOT NULL", "ledger_transfer.amount_rupiah"
    ),
    "a trigger that is off": Damage(
        _TRANSFER + " DISABLE TRIGGER ledger_transfer_append_only", "ledger_transfer_append_only", _TRIGGER
    ),
    "a trigger that was dropped": Damage(
        "DROP TRIGGER purchases_evidence_no_truncate ON purchases_evidence", "purchases_evidence_no_truncate", _TRIGGER
    ),
    "a trigger for replicas alone": Damage(
        _TRANSFER + " ENABLE REPLICA TRIGGER ledger_transfer_append_only", "ledger_transfer_append_only", _TRIGGER
    ),
    "a trigger that never fires": Damage(
        _AGAIN.format(event="DELETE OR UPDATE", when="WHEN (false)", function="refuse_change"),
        "ledger_transfer_append_only",
        _TRIGGER,
    ),
    "a trigger for half of it": Damage(
        _AGAIN.format(event="UPDATE", when="", function="refuse_change"), "ledger_transfer_append_only", _TRIGGER
    ),
    "a trigger that does nothing": Damage(
        _NOTHING.format(name="pass_change", rights="")
        + ";"
        + _AGAIN.format(event="DELETE OR UPDATE", when="", function="pass_change"),
        "ledger_transfer_append_only",
        _TRIGGER,
    ),
    "a function that refuses nothing": Damage(
        _NOTHING.format(name="refuse_change", rights="").replace("CREATE", "CREATE OR REPLACE"),
        "refuse_change()",
        _TRIGGER,
    ),
    "a trigger that nobody knows": Damage(
        "CREATE TRIGGER sleight BEFORE INSERT ON ledger_trainingbalance FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "sleight",
        _TRIGGER,
    ),
    "a rule that swallows what is posted": Damage(
        "CREATE RULE swallow AS ON INSERT TO ledger_transfer DO INSTEAD NOTHING", "ledger_transfer", _TRIGGER
    ),
    "rows that are hidden": Damage(_TRANSFER + " ENABLE ROW LEVEL SECURITY", "ledger_transfer", _TRIGGER),
    "a right to change": Damage(
        "GRANT UPDATE ON ledger_transfer TO bekal_app", "bekal_app may UPDATE ledger_transfer", _RIGHT
    ),
    "a right to change one column": Damage(
        "GRANT UPDATE (posted_at) ON ledger_transfer TO bekal_app", "bekal_app may UPDATE ledger_transfer", _RIGHT
    ),
    "a right of everybody": Damage(
        "GRANT DELETE ON ledger_proofresult TO PUBLIC", "bekal_app may DELETE ledger_proofresult", _RIGHT
    ),
    "a right to empty": Damage(
        "GRANT TRUNCATE ON purchases_purchase TO bekal_app", "bekal_app may TRUNCATE purchases_purchase", _RIGHT
    ),
    "a proof that may write": Damage(
        "GRANT INSERT ON ledger_transfer TO bekal_proof", "bekal_proof may INSERT ledger_transfer", _RIGHT
    ),
    "a proof that may write a column": Damage(
        "GRANT UPDATE (remaining_rupiah) ON ledger_trainingbalance TO bekal_proof",
        "bekal_proof may UPDATE ledger_trainingbalance",
        _RIGHT,
    ),
    "a function with the owner's rights": Damage(
        "CREATE FUNCTION change_anything() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT'",
        "change_anything() works with the rights of bekal_owner",
        _RIGHT,
    ),
}


@pytest.fixture
def cursor(db: None) -> Iterator[Any]:
    """The owner's; what it does is undone."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        yield cursor
        transaction.set_rollback(True, using="owner")


@HERE
def test_the_guards_stand_as_they_were_written(cursor: Any) -> None:
    assert GUARDS.violations(cursor, "infinity", now=True) == []


@HERE
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_guard_that_was_weakened_is_found(damage: Damage, cursor: Any) -> None:
    cursor.execute(damage.deed)
    ((invariant, rows),) = GUARDS.violations(cursor, "infinity", now=True)
    assert damage.tells in invariant.holds
    assert damage.name in {row["name"] for row in rows}, rows


def test_every_table_of_facts_is_guarded() -> None:
    models = [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]
    assert sorted(model._meta.db_table for model in models) == sorted(FACTS)


def test_every_kind_of_guard_has_a_damage() -> None:
    told = [each for each in GUARDS.invariants if any(damage.tells in each.holds for damage in DAMAGES.values())]
    assert told == list(GUARDS.invariants)
