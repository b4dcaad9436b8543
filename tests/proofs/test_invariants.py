"""Every invariant has a damage that breaks it, and every damage is named by the invariants that it breaks."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bekal.ledger.digests import close_digest
from bekal.lifecycle.closed_sums import close_sums
from bekal.proofs.built import INSTANTS, NOW, build
from bekal.proofs.check import EXPLAINED, SUMMED, UNCHANGED, Proof, prove_ledger
from bekal.proofs.guards import GUARDS
from bekal.proofs.invariants import INVARIANTS
from tests.conftest import NewDatabase
from tests.proofs.damages import DAMAGES as OF_BOOKS
from tests.proofs.damages import GUARDS_DOWN
from tests.proofs.damages_statements import BESIDE_STATEMENTS, STATEMENT_GUARDS_DOWN

HERE = pytest.mark.django_db(databases=["default", "owner"])
DAMAGES = OF_BOOKS | BESIDE_STATEMENTS
GUARDED = frozenset(GUARDS.invariants)


@pytest.fixture(scope="module")
def database(new_database: NewDatabase, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    """The owner's connection to a built programme with a closed digest chain."""
    with django_db_blocker.unblock():
        made = new_database("invariants")
        own = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
        try:
            for alias in connections:
                connections[alias].close()
                connections[alias].settings_dict["NAME"] = made.name
            with connections["owner"].cursor() as cursor:
                build(cursor, 40, after_stage=lambda at: close_digest(at=at))
            close_sums()
            connection = connections["owner"].copy()
            connection.settings_dict = connection.settings_dict | {"NAME": made.name}
        finally:
            for alias, name in own.items():
                connections[alias].close()
                connections[alias].settings_dict["NAME"] = name
        yield connection
        connection.close()


@pytest.fixture
def prove(database: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Proof]]:
    """`prove(deed)`: the proof with that damage done, the guards down, perhaps as of an instant; all is undone
    afterwards."""
    monkeypatch.setattr("bekal.proofs.check.programme_now", lambda: NOW)

    def with_damage(deed: str, *as_of: datetime) -> Proof:
        with database.cursor() as cursor:
            for statement in (*GUARDS_DOWN, *STATEMENT_GUARDS_DOWN, *filter(None, deed.split(";"))):
                cursor.execute(statement.replace("%%", "%"))
            if deed:
                assert cursor.rowcount >= 1, "nothing was damaged"
        return prove_ledger(database, as_of=as_of[0] if as_of else None)

    database.set_autocommit(False)
    yield with_damage
    database.rollback()
    database.set_autocommit(True)


def _broken(proof: Proof) -> set[str]:
    return {each.invariant.name for each in proof.violations if each.invariant not in GUARDED | {UNCHANGED}}


@HERE
def test_a_built_programme_is_proved_with_every_movement_in_it(database: BaseDatabaseWrapper) -> None:
    proof = prove_ledger(database)
    assert proof.violations == ()
    assert (proof.participation_count, proof.transfer_count) == (40, 576)
    assert proof.digest is not None
    assert (proof.digest.link_count, proof.digest.uncovered_count) == (4, 0)
    assert set(proof.kinds) == set(range(1, 12))
    assert proof.total_in_rupiah == 40 * 3_550_000


@HERE
@pytest.mark.parametrize("instant", sorted(set(INSTANTS.values())))
def test_it_is_proved_as_of_every_instant_and_the_moment_before(
    instant: datetime, database: BaseDatabaseWrapper
) -> None:
    for as_of in (instant, instant - timedelta(microseconds=1)):
        assert prove_ledger(database, as_of=as_of).violations == ()


@HERE
@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_told_by_its_invariant(name: str, prove: Callable[[str], Proof]) -> None:
    damage = DAMAGES[name]
    proof = prove(damage.deed)
    told = [each.invariant.holds for each in proof.violations]
    assert any(damage.tells in holds for holds in told), told
    assert damage.names <= _broken(proof)
    assert all(each.rows for each in proof.violations)
    is_of_transfers = bool(re.search(r"(UPDATE|DELETE FROM) ledger_transfer", damage.deed))
    assert (UNCHANGED in {each.invariant for each in proof.violations}) == is_of_transfers


# The instant from which on a damage could be seen, where there was a moment before it.
SEEN_SINCE = {
    "an incentive without a proven training": INSTANTS["answered_at"],
    "an incentive earned before the training was proven": datetime(2020, 4, 22, 3, tzinfo=UTC),
    "instalments worth more than was promised": INSTANTS["answered_at"],
    "a survey worth less than was promised": INSTANTS["answered_at"],
    "a purchase after the last day": datetime(2020, 12, 15, 17, tzinfo=UTC),
    "a last day of the balance put off": INSTANTS["accepted_at"],
    "a longer time to buy first": INSTANTS["accepted_at"],
}


@HERE
@pytest.mark.parametrize("name", SEEN_SINCE)
def test_a_damage_is_told_as_of_the_instant_it_can_be_seen(
    name: str, prove: Callable[..., Proof], database: BaseDatabaseWrapper
) -> None:
    damage, since_at = DAMAGES[name], SEEN_SINCE[name]

    def is_told(proof: Proof) -> bool:
        return any(damage.tells in each.invariant.holds for each in proof.violations)

    assert is_told(prove(damage.deed, since_at))
    assert not is_told(prove_ledger(database, as_of=since_at - timedelta(microseconds=1)))


@HERE
def test_guards_that_were_taken_down_are_named(prove: Callable[[str], Proof]) -> None:
    proof = prove("")
    assert {each.invariant.name for each in proof.violations} == {"I9", "I10"}
    assert {each.invariant for each in proof.violations} <= GUARDED
    assert {row["name"] for each in proof.violations for row in each.rows} >= {
        "ledger_transfer_allowed_movement",
        "ledger_transfer_append_only",
        "ledger_transfer_no_truncate",
        "incentives_payout_one_live_attempt",
    }


def test_every_invariant_has_a_damage() -> None:
    untold = [
        each.holds
        for each in (*INVARIANTS, SUMMED, EXPLAINED)
        if each not in GUARDED and not any(damage.tells in each.holds for damage in DAMAGES.values())
    ]
    assert untold == []
