"""The closed list: what money may do is exactly what the programme describes, in code and in the database alike."""

import re

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from bekal.ledger.movements import Kind, Movement, Reason, allowed_pairs

CASH = {Kind.PAYOUT_IN_TRANSIT, Kind.PAYOUT_SETTLED}
TRAINING = {
    Kind.TRAINING_BALANCE,
    Kind.ESCROW,
    Kind.INSTITUTION_PAYABLE,
    Kind.INSTITUTION_SETTLED,
    Kind.TRAINING_RECEIVABLE,
}

INSERT = (
    "INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)"
    " VALUES (1, %s, %s, %s, %s, %s, '2020-04-11T10:00+07')"
)


def test_a_training_balance_never_becomes_cash_by_any_chain_of_movements() -> None:
    reached, frontier = set(), {Kind.TRAINING_BALANCE}
    while frontier:
        reached |= frontier
        # The treasury is the end of the road: what returns there is no longer this person's.
        frontier = {m.credit_kind for m in Movement if m.debit_kind in frontier - {Kind.TREASURY}} - reached
    assert reached & CASH == set()
    assert reached == TRAINING | {Kind.TREASURY}


@pytest.mark.django_db
def test_the_database_lists_exactly_the_movements_of_the_code() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ledger_transfer_allowed_movement'"
        )
        definition = cursor.fetchone()[0]
    assert "(((reason * 10000) + (debit_kind * 100)) + credit_kind) = ANY" in definition
    codes = [int(code) for code in re.findall(r"\d+", definition.partition("ANY")[2])]
    found = sorted((code // 10_000, code // 100 % 100, code % 100) for code in codes)
    assert found == allowed_pairs()


@pytest.mark.django_db
def test_the_database_refuses_every_pair_that_is_not_listed() -> None:
    allowed, tried = set(allowed_pairs()), 0
    for debit in Kind:
        for credit in Kind:
            for reason in Reason:
                if (reason, debit, credit) in allowed:
                    continue
                tried += 1
                with (
                    pytest.raises(IntegrityError, match="allowed_movement"),
                    transaction.atomic(),
                    connection.cursor() as cursor,
                ):
                    cursor.execute(INSERT, [debit, credit, reason, 50, f"try:{tried}"])
    assert tried == len(Kind) ** 2 * len(Reason) - len(allowed)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -1, 1_000_000_000_001])
def test_the_database_refuses_an_amount_out_of_bounds(amount: int) -> None:
    movement = Movement.COMMIT_TRAINING
    with pytest.raises(IntegrityError, match="amount_in_bounds"), connection.cursor() as cursor:
        cursor.execute(INSERT, [movement.debit_kind, movement.credit_kind, movement.reason, amount, "key"])


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE ledger_transfer SET amount_rupiah = 1", "DELETE FROM ledger_transfer"])
def test_the_program_has_no_right_to_change_history(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)
