"""Reads of the ledger agree with each other, whatever was posted and as of whatever instant."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.ledger import queries
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import (
    Holding,
    balances_after,
    balances_of,
    every_holder,
    holders,
    ledger_totals,
    statement_of,
    totals,
    transfer_of,
    transfer_under,
    transfers_of,
)
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
START = jakarta(2020, 4, 20)
GRANT = 1_000_000
# Whatever only pays out of a balance, or never touches it.
MOVES = [move for move in Movement if move.debit_kind != Kind.TREASURY and move.credit_kind != Kind.TRAINING_BALANCE]
POSTINGS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(MOVES), st.integers(1, 5_000)), max_size=25)


def paged(kind: Kind, as_of: datetime) -> list[Holding]:
    """The holders of these owners, two at a time, few transfers looked through for each page."""
    found: list[Holding] = []
    after_id = 0
    while True:
        with mock.patch.object(queries, "LOOKED_THROUGH_COUNT", 7):
            page = holders(kind=kind, as_of=as_of, limit=2, after_id=after_id)
        assert len(page.holdings) <= 2
        found += page.holdings
        if page.looked_until is None:
            return found
        assert page.looked_until > after_id
        after_id = page.looked_until


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=POSTINGS, minutes=st.integers(0, 30))
def test_statements_holders_and_totals_are_the_same_money(moves: list[tuple[int, Movement, int]], minutes: int) -> None:
    base = max((each.owner_id for each in every_holder(kind=Kind.TREASURY)), default=0)
    owners = [base + number for number in range(1, 5)]
    post(postings=[Posting(owner, Movement.COMMIT_TRAINING, GRANT, "commit:training") for owner in owners], at=START)
    for number, (owner, movement, amount) in enumerate(moves, start=1):
        posting = Posting(base + owner, movement, amount, f"lost:{number}")
        post(postings=[posting], at=START + timedelta(minutes=number))
    as_of = START + timedelta(minutes=minutes)
    balances = balances_of(owner_ids=owners, as_of=as_of)
    for owner in owners:
        lines = statement_of(owner_id=owner, as_of=as_of)
        assert [line.transfer for line in lines] == list(transfers_of(owner_id=owner, as_of=as_of))
        assert balances_after(line.transfer for line in lines) == balances[owner]
        assert lines[-1].training_rupiah == balances[owner][Kind.TRAINING_BALANCE]
        assert lines[-1].received_rupiah == balances[owner].get(Kind.PAYOUT_SETTLED, 0)
    sums = totals(as_of=as_of)
    assert sum(sums.values()) == ledger_totals(as_of=as_of).difference_rupiah == 0
    for kind in Kind:
        found = tuple(every_holder(kind=kind, as_of=as_of))
        assert sum(each.rupiah for each in found) == sums.get(kind, 0)
        assert [abs(each.rupiah) for each in found] == sorted((abs(each.rupiah) for each in found), reverse=True)
        by_number = sorted(found, key=lambda each: each.owner_id)
        assert paged(kind, as_of) == by_number
        held = {each.owner_id: each.rupiah for each in found}
        assert all(held.get(owner, 0) == balances[owner].get(kind, 0) for owner in owners)


def test_one_transfer_is_found_by_its_number_and_by_its_key_of_its_owner_alone() -> None:
    post(postings=[Posting(1, Movement.COMMIT_TRAINING, GRANT, "commit:training")], at=START)
    (line,) = transfers_of(owner_id=1)
    assert transfer_of(owner_id=1, transfer_id=line.id) == line
    assert transfer_under(owner_id=1, idempotency_key="commit:training") == line
    assert transfer_of(owner_id=2, transfer_id=line.id) is None
    assert transfer_under(owner_id=2, idempotency_key="commit:training") is None
    assert (line.change_of(Kind.TREASURY), line.change_of(Kind.TRAINING_BALANCE)) == (-GRANT, GRANT)
    assert line.change_of(Kind.ESCROW) == 0
