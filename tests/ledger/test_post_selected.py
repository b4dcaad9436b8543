"""`post_selected`: the same rules as `post` for the set that a SELECT gives."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, PostedSum, Posting, movement_sql, post, post_selected
from bekal.ledger.queries import balances_of, granted, remaining, totals, transfers_of

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
ENVELOPE = f"""
SELECT owner_id, {movement_sql(Movement.COMMIT_TRAINING)}, 1000000, 'commit:training'
FROM generate_series(1, %(count)s) owner_id
UNION ALL
SELECT owner_id, {movement_sql(Movement.COMMIT_SURVEY)}, 150000, 'commit:survey'
FROM generate_series(1, %(count)s) owner_id
"""
SPENT = f"""
SELECT owner_id, {movement_sql(Movement.PURCHASE)}, 100000 * owner_id, 'purchase:1'
FROM generate_series(1, %(count)s) owner_id
"""


def commit(count: int) -> PostedSum:
    return post_selected(source=ENVELOPE, values={"count": count}, at=AT)


def values_of(postings: Iterable[Posting]) -> str:
    rows = ", ".join(
        f"({p.owner_id}, {movement_sql(p.movement)}, {p.amount_rupiah}, '{p.idempotency_key}')" for p in postings
    )
    return f"VALUES {rows}"


def test_a_movement_is_told_as_debit_credit_and_reason() -> None:
    assert movement_sql(Movement.REVOKE_TRAINING) == "2, 1, 7"


@pytest.mark.django_db
def test_a_set_is_posted_and_opens_the_balances() -> None:
    assert commit(5) == PostedSum(transfer_count=10, total_rupiah=5 * 1_150_000, refused_count=0)
    assert granted(owner_ids=range(9)) == remaining(owner_ids=range(9)) == dict.fromkeys(range(1, 6), 1_000_000)
    assert balances_of(owner_ids=[3])[3] == {
        Kind.TREASURY: -1_150_000,
        Kind.TRAINING_BALANCE: 1_000_000,
        Kind.SURVEY_COMMITTED: 150_000,
    }
    assert {line.posted_at for line in transfers_of(owner_id=3)} == {AT}


@pytest.mark.django_db
def test_the_same_set_again_changes_nothing_and_new_owners_are_posted() -> None:
    commit(3)
    assert commit(3) == PostedSum(0, 0, 0, repeated_count=6)
    assert commit(5) == PostedSum(4, 2 * 1_150_000, 0, repeated_count=6)
    assert totals()[Kind.TREASURY] == -5 * 1_150_000


@pytest.mark.django_db
def test_whose_balance_is_too_small_is_refused_and_all_others_pay() -> None:
    commit(12)
    assert post_selected(source=SPENT, values={"count": 12}, at=AT) == PostedSum(10, 5_500_000, 2)
    assert remaining(owner_ids=[1, 10, 11, 12]) == {1: 900_000, 10: 0, 11: 1_000_000, 12: 1_000_000}
    assert len(transfers_of(owner_id=12)) == 2


@pytest.mark.django_db
def test_an_owner_gets_all_or_nothing_and_one_without_a_balance_nothing() -> None:
    commit(2)
    postings = [
        Posting(1, Movement.PURCHASE, 600_000, "a"),
        Posting(1, Movement.PURCHASE, 600_000, "b"),
        Posting(1, Movement.SEND_SURVEY, 50_000, "c"),
        Posting(2, Movement.PURCHASE, 600_000, "a"),
        Posting(9, Movement.PURCHASE, 1, "a"),
    ]
    assert post_selected(source=values_of(postings), values={}, at=AT) == PostedSum(1, 600_000, 2)
    assert [len(transfers_of(owner_id=owner)) for owner in (1, 2, 9)] == [2, 3, 0]


@pytest.mark.django_db
def test_a_key_that_stands_for_something_else_raises_and_nothing_is_written() -> None:
    commit(2)
    post(postings=[Posting(1, Movement.PURCHASE, 5, "purchase:1")], at=AT)
    with pytest.raises(IdempotencyConflict, match="purchase:1"):
        post_selected(source=SPENT, values={"count": 2}, at=AT)
    assert remaining(owner_ids=[1, 2]) == {1: 999_995, 2: 1_000_000}


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -5])
def test_an_amount_that_is_not_positive_raises(amount: int) -> None:
    postings = [Posting(1, Movement.COMMIT_SURVEY, 5, "a"), Posting(2, Movement.COMMIT_SURVEY, amount, "a")]
    with pytest.raises(IntegrityError, match="amount_in_bounds"), transaction.atomic():
        post_selected(source=values_of(postings), values={}, at=AT)
    assert totals() == {}


@pytest.mark.django_db
def test_a_key_twice_in_one_set_raises() -> None:
    twice = [Posting(1, Movement.COMMIT_SURVEY, 5, "a")] * 2
    with pytest.raises(IntegrityError, match="posted_once"), transaction.atomic():
        post_selected(source=values_of(twice), values={}, at=AT)


@pytest.mark.django_db
def test_a_naive_instant_and_an_empty_set() -> None:
    with pytest.raises(ValueError, match="aware"):
        post_selected(source=ENVELOPE, values={"count": 1}, at=AT.replace(tzinfo=None))
    assert commit(0) == PostedSum(0, 0, 0)


@pytest.mark.django_db
def test_a_new_set_is_one_statement(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    with assert_queries(1):
        commit(500)


@pytest.mark.django_db
@pytest.mark.parametrize("by_set", [False, True])
def test_a_refund_raises_the_balance_but_never_above_the_grant(by_set: bool) -> None:
    commit(1)

    def move(*postings: Posting) -> Any:
        if by_set:
            return post_selected(source=values_of(postings), values={}, at=AT)
        return post(postings=postings, at=AT)

    move(Posting(1, Movement.PURCHASE, 400_000, "purchase:1"))
    move(Posting(1, Movement.REFUND_TO_BALANCE, 150_000, "refund:1"))
    assert remaining(owner_ids=[1]) == {1: 750_000}
    with pytest.raises(IntegrityError, match="within_grant"), transaction.atomic():
        move(Posting(1, Movement.REFUND_TO_BALANCE, 250_001, "refund:2"))
    assert remaining(owner_ids=[1]) == {1: 750_000}
    assert len(transfers_of(owner_id=1)) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("by_set", [False, True])
def test_a_grant_and_its_spending_in_one_call_raise_and_a_balance_opens_once(by_set: bool) -> None:
    """The balance is guarded as it stands when the call is made: then there is none."""
    both = [Posting(1, Movement.COMMIT_TRAINING, 10, "commit"), Posting(1, Movement.PURCHASE, 5, "purchase:1")]
    twice = [Posting(2, Movement.COMMIT_TRAINING, 10, "commit"), Posting(2, Movement.OPEN_TRAINING, 10, "open")]
    for postings in (both, twice):
        with pytest.raises(IntegrityError, match="trainingbalance_pkey"), transaction.atomic():
            if by_set:
                post_selected(source=values_of(postings), values={}, at=AT)
            else:
                post(postings=postings, at=AT)
    assert remaining(owner_ids=[1, 2]) == {}
    assert totals() == {}


# Three ways to the same end

OWNERS = (1, 2, 3)
MOVEMENTS = (
    Movement.PURCHASE,
    Movement.REFUND_TO_BALANCE,
    Movement.COMPLETION,
    Movement.END_TRAINING,
    Movement.COMMIT_INCENTIVE,
)
BATCHES = st.lists(
    st.dictionaries(
        st.tuples(st.sampled_from(OWNERS), st.sampled_from(MOVEMENTS), st.integers(0, 3)),
        st.sampled_from([1, 50, 250_000, 400_000, 999_950, 1_000_000]),
        min_size=1,
        max_size=6,
    ),
    max_size=12,
)


class Model:
    """What the ledger must do with a set, in plain Python."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[int, Kind], int] = defaultdict(int)
        self.seen: dict[tuple[int, str], tuple[Movement, int]] = {}

    def post(self, postings: list[Posting]) -> tuple[dict[str, set[tuple[int, str]]] | str, int]:
        """What became of each posting (or the error of them all), and the sum of what was posted."""
        names = {(p.owner_id, p.idempotency_key): p for p in postings}
        if any(self.seen.get(name, (p.movement, p.amount_rupiah)) != (p.movement, p.amount_rupiah)
               for name, p in names.items()):  # fmt: skip
            return "conflict", 0
        outcome: dict[str, set[tuple[int, str]]] = {"posted": set(), "repeated": set(), "refused": set()}
        made: list[Posting] = []
        for owner in OWNERS:
            fresh = [p for name, p in names.items() if p.owner_id == owner and name not in self.seen]
            outcome["repeated"] |= {name for name in names if name[0] == owner and name in self.seen}
            change = sum(p.amount_rupiah * _sign(p) for p in fresh)
            left = self.kinds[owner, Kind.TRAINING_BALANCE] + change
            if left > 1_000_000:
                return "above the grant", 0
            outcome["refused" if left < 0 else "posted"] |= {(owner, p.idempotency_key) for p in fresh}
            made += fresh if left >= 0 else []
        for posting in made:
            self.seen[posting.owner_id, posting.idempotency_key] = posting.movement, posting.amount_rupiah
            self.kinds[posting.owner_id, posting.movement.debit_kind] -= posting.amount_rupiah
            self.kinds[posting.owner_id, posting.movement.credit_kind] += posting.amount_rupiah
        return outcome, sum(p.amount_rupiah for p in made)


def _sign(posting: Posting) -> int:
    into = posting.movement.credit_kind is Kind.TRAINING_BALANCE
    return into - (posting.movement.debit_kind is Kind.TRAINING_BALANCE)


def by_post(postings: list[Posting]) -> dict[str, set[tuple[int, str]]] | str:
    try:
        with transaction.atomic():
            done = post(postings=postings, at=AT)
    except IdempotencyConflict:
        return "conflict"
    except IntegrityError as error:
        assert "within_grant" in str(error)
        return "above the grant"
    return {"posted": set(done.posted), "repeated": set(done.repeated), "refused": set(done.refused)}


def by_selection(postings: list[Posting]) -> PostedSum | str:
    try:
        with transaction.atomic():
            return post_selected(source=values_of(postings), values={}, at=AT)
    except IdempotencyConflict:
        return "conflict"
    except IntegrityError as error:
        assert "within_grant" in str(error)
        return "above the grant"


def at_distance(postings: list[Posting]) -> list[Posting]:
    """The same of other people, for the second way."""
    return [Posting(p.owner_id + 100, p.movement, p.amount_rupiah, p.idempotency_key) for p in postings]


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_post_and_post_selected_agree_with_a_plain_model(
    batches: list[Any], django_db_blocker: DjangoDbBlocker
) -> None:
    with transaction.atomic():
        model = Model()
        opening = [Posting(owner, Movement.COMMIT_TRAINING, 1_000_000, "commit:training") for owner in OWNERS]
        assert by_post(opening) == model.post(opening)[0]
        by_selection(at_distance(opening))
        for batch in batches:
            postings = [
                Posting(o, movement, amount, f"{movement.name}:{n}") for (o, movement, n), amount in batch.items()
            ]
            want, rupiah = model.post(postings)
            assert by_post(postings) == want
            summed = by_selection(at_distance(postings))
            if isinstance(want, str):
                assert summed == want
            else:
                refused_count = len({owner for owner, _ in want["refused"]})
                assert summed == PostedSum(len(want["posted"]), rupiah, refused_count, len(want["repeated"]))
        for owner in OWNERS:
            kinds = {kind: amount for (who, kind), amount in model.kinds.items() if who == owner and amount}
            for number in (owner, owner + 100):
                assert {k: v for k, v in balances_of(owner_ids=[number])[number].items() if v} == kinds
                assert remaining(owner_ids=[number])[number] == model.kinds[owner, Kind.TRAINING_BALANCE]
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_rivals_with_the_same_sets_post_everything_once() -> None:
    commit(40)
    results: list[PostedSum] = []
    barrier = Barrier(6)

    def spend(amount: int) -> None:
        try:
            barrier.wait()
            source = (
                f"SELECT owner_id, {movement_sql(Movement.PURCHASE)}, %(amount)s, 'purchase:' || %(amount)s "
                "FROM generate_series(1, 40) owner_id"
            )
            results.append(post_selected(source=source, values={"amount": amount}, at=AT + timedelta(days=1)))
        finally:
            connection.close()

    threads = [
        Thread(target=spend, args=(amount,)) for amount in (300_000, 300_000, 400_000, 400_000, 500_000, 500_000)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    left = remaining(owner_ids=range(1, 41))
    spent = sum(result.total_rupiah for result in results)
    assert sum(left.values()) == 40_000_000 - spent
    assert all(amount >= 0 for amount in left.values())
    assert sum(len(transfers_of(owner_id=owner)) - 2 for owner in left) == sum(r.transfer_count for r in results)
    for owner in left:
        keys = [line.idempotency_key for line in transfers_of(owner_id=owner)]
        assert len(keys) == len(set(keys)) and len(keys) == 4
