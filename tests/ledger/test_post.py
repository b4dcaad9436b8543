"""`post`: once for ever, all or nothing per owner, never below Rp0."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, Posting, post
from bekal.ledger.queries import balances_of, granted, remaining, totals, transfers_of

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)


def commit(*owner_ids: int, amount: int = 1_000_000) -> None:
    post(postings=[Posting(o, Movement.COMMIT_TRAINING, amount, "commit:training") for o in owner_ids], at=AT)


def purchase(owner_id: int, amount: int, key: str = "purchase:1") -> Posting:
    return Posting(owner_id, Movement.PURCHASE, amount, key)


@pytest.mark.django_db
def test_a_commitment_opens_the_balance_and_is_taken_from_the_treasury() -> None:
    commit(7)
    assert remaining(owner_ids=[7, 8]) == {7: 1_000_000}
    assert granted(owner_ids=[7]) == {7: 1_000_000}
    assert balances_of(owner_ids=[7]) == {7: {Kind.TREASURY: -1_000_000, Kind.TRAINING_BALANCE: 1_000_000}}


@pytest.mark.django_db
def test_spending_moves_the_stored_and_the_derived_balance_alike() -> None:
    commit(7)
    result = post(postings=[purchase(7, 699_950)], at=AT + timedelta(days=1))
    assert result.posted == {(7, "purchase:1")}
    assert remaining(owner_ids=[7]) == {7: 300_050}
    assert balances_of(owner_ids=[7])[7] == {
        Kind.TREASURY: -1_000_000,
        Kind.TRAINING_BALANCE: 300_050,
        Kind.ESCROW: 699_950,
    }


@pytest.mark.django_db
def test_the_last_rupiah_can_be_spent_and_not_one_more() -> None:
    commit(7, 8)
    result = post(postings=[purchase(7, 1_000_000), purchase(8, 1_000_001)], at=AT)
    assert result.posted == {(7, "purchase:1")}
    assert result.refused == {(8, "purchase:1")}
    assert remaining(owner_ids=[7, 8]) == {7: 0, 8: 1_000_000}
    assert [line.amount_rupiah for line in transfers_of(owner_id=8)] == [1_000_000]


@pytest.mark.django_db
def test_a_purchase_alone_of_a_rupiah_too_much_is_refused_and_of_the_last_one_made() -> None:
    """One purchase by itself is another statement than several."""
    commit(7)
    assert post(postings=[purchase(7, 1_000_001)], at=AT).refused == {(7, "purchase:1")}
    assert remaining(owner_ids=[7]) == {7: 1_000_000}
    assert post(postings=[purchase(7, 1_000_000)], at=AT).posted == {(7, "purchase:1")}
    assert remaining(owner_ids=[7]) == {7: 0}


@pytest.mark.django_db
def test_an_owner_without_a_balance_is_refused() -> None:
    assert post(postings=[purchase(9, 1)], at=AT).refused == {(9, "purchase:1")}
    assert transfers_of(owner_id=9) == ()


@pytest.mark.django_db
def test_an_owner_gets_all_postings_of_a_call_or_none() -> None:
    commit(7)
    result = post(postings=[purchase(7, 600_000, "a"), purchase(7, 600_000, "b")], at=AT)
    assert result.refused == {(7, "a"), (7, "b")}
    assert remaining(owner_ids=[7]) == {7: 1_000_000}


@pytest.mark.django_db
def test_the_same_key_again_changes_nothing() -> None:
    commit(7)
    post(postings=[purchase(7, 400_000)], at=AT)
    again = post(postings=[purchase(7, 400_000)], at=AT + timedelta(days=9))
    assert again.repeated == {(7, "purchase:1")}
    assert not again.posted
    assert remaining(owner_ids=[7]) == {7: 600_000}
    assert len(transfers_of(owner_id=7)) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [purchase(7, 400_001), Posting(7, Movement.REVOKE_TRAINING, 400_000, "purchase:1")],
    ids=["amount", "movement"],
)
def test_a_key_used_for_something_else_is_refused_and_nothing_is_written(other: Posting) -> None:
    commit(7, 8)
    post(postings=[purchase(7, 400_000)], at=AT)
    with pytest.raises(IdempotencyConflict, match="purchase:1"):
        post(postings=[purchase(8, 5), other], at=AT)
    assert remaining(owner_ids=[7, 8]) == {7: 600_000, 8: 1_000_000}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("posting", "message"),
    [
        (purchase(7, 0), "amount_rupiah"),
        (purchase(7, -5), "amount_rupiah"),
        (purchase(7, 1.5), "amount_rupiah"),  # type: ignore[arg-type]
        (purchase(7, True), "amount_rupiah"),
        (purchase(7, 5, ""), "idempotency_key"),
        (purchase(7, 5, "x" * 65), "idempotency_key"),
    ],
)
def test_a_posting_that_makes_no_sense_raises(posting: Posting, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        post(postings=[posting], at=AT)


@pytest.mark.django_db
def test_a_naive_instant_or_a_key_twice_in_one_call_raises() -> None:
    with pytest.raises(ValueError, match="aware"):
        post(postings=[purchase(7, 5)], at=datetime(2020, 4, 11))  # noqa: DTZ001
    with pytest.raises(ValueError, match="twice"):
        post(postings=[purchase(7, 5), purchase(7, 5)], at=AT)


@pytest.mark.django_db
def test_balances_as_of_a_past_instant() -> None:
    commit(7)
    post(postings=[purchase(7, 400_000)], at=AT + timedelta(days=1))
    assert balances_of(owner_ids=[7], as_of=AT)[7] == {Kind.TREASURY: -1_000_000, Kind.TRAINING_BALANCE: 1_000_000}
    assert balances_of(owner_ids=[7], as_of=AT - timedelta(seconds=1)) == {}
    assert sum(totals().values()) == 0
    assert totals(as_of=AT)[Kind.TRAINING_BALANCE] == 1_000_000


@pytest.mark.django_db
def test_one_call_is_one_statement_however_many_people(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    commit(*range(1, 501))
    with django_assert_num_queries(3):  # the statement and its savepoint
        result = post(postings=[purchase(o, 1_000) for o in range(1, 501)], at=AT)
    assert len(result.posted) == 500


@pytest.mark.django_db(transaction=True)
def test_rivals_for_the_last_rupiah_and_rivals_with_one_key() -> None:
    """Sixteen threads want Rp300,000 of Rp1,000,000 each: exactly three get it. Then all use one key."""
    commit(7)
    outcomes: list[str] = []
    barrier = Barrier(16)

    def spend(key: str, amount: int) -> None:
        try:
            barrier.wait()
            result = post(postings=[purchase(7, amount, key)], at=AT)
            outcomes.append("posted" if result.posted else "repeated" if result.repeated else "refused")
        finally:
            connection.close()

    def run(keys: list[str], amount: int) -> None:
        threads = [Thread(target=spend, args=(key, amount)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run([f"rival:{n}" for n in range(16)], 300_000)
    assert sorted(outcomes) == ["posted"] * 3 + ["refused"] * 13
    assert remaining(owner_ids=[7]) == {7: 100_000}
    outcomes.clear()
    # After the first has posted, what is left is too little for a second: the others must still hear "repeated".
    run(["same"] * 16, 60_000)
    assert sorted(outcomes) == ["posted"] + ["repeated"] * 15
    assert remaining(owner_ids=[7]) == {7: 40_000}
