"""`post_commitments`: the same rules as `post` for what the treasury commits to many owners alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from bekal.ledger.models import Transfer
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, PostedSum, Posting, post, post_commitments
from bekal.ledger.queries import balances_of, granted, remaining, totals, transfers_of

AT = datetime(2020, 4, 11, 3, 0, 0, 654_321, tzinfo=UTC)
ENVELOPE = [
    (Movement.COMMIT_TRAINING, 1_000_000, "commit:training"),
    (Movement.COMMIT_INCENTIVE, 2_400_000, "commit:incentive"),
    (Movement.COMMIT_SURVEY, 150_000, "commit:survey"),
]


def commit(*owner_ids: int) -> PostedSum:
    return post_commitments(owner_ids=owner_ids, commitments=ENVELOPE, at=AT)


@pytest.mark.django_db
def test_everybody_gets_the_same_and_a_balance() -> None:
    assert commit(3, 1, 2, 2) == PostedSum(9, 3 * 3_550_000, 0)
    assert granted(owner_ids=[1, 2, 3]) == remaining(owner_ids=[1, 2, 3]) == dict.fromkeys((1, 2, 3), 1_000_000)
    assert balances_of(owner_ids=[2])[2] == {
        Kind.TREASURY: -3_550_000,
        Kind.TRAINING_BALANCE: 1_000_000,
        Kind.INCENTIVE_COMMITTED: 2_400_000,
        Kind.SURVEY_COMMITTED: 150_000,
    }
    lines = transfers_of(owner_id=3)
    assert {line.posted_at for line in lines} == {AT}
    assert [line.idempotency_key for line in lines] == [key for *_, key in ENVELOPE]


@pytest.mark.django_db
def test_again_changes_nothing_and_new_owners_are_posted() -> None:
    commit(1, 2)
    assert commit(1, 2) == PostedSum(0, 0, 0, repeated_count=6)
    assert commit(1, 2, 5) == PostedSum(3, 3_550_000, 0, repeated_count=6)
    assert totals()[Kind.TREASURY] == -3 * 3_550_000
    assert remaining(owner_ids=[1, 5]) == {1: 1_000_000, 5: 1_000_000}


@pytest.mark.django_db
def test_a_key_that_stands_for_something_else_raises_and_nothing_is_written() -> None:
    post(postings=[Posting(2, Movement.COMMIT_SURVEY, 100_000, "commit:survey")], at=AT)
    with pytest.raises(IdempotencyConflict, match="commit:survey"):
        commit(1, 2)
    assert totals() == {Kind.TREASURY: -100_000, Kind.SURVEY_COMMITTED: 100_000}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("commitment", "message"),
    [
        ((Movement.PURCHASE, 1, "purchase:1"), "PURCHASE takes from another kind"),
        ((Movement.SETTLE, 1, "settle"), "SETTLE takes from another kind"),
        ((Movement.COMMIT_SURVEY, 0, "commit:survey"), "above 0"),
        ((Movement.COMMIT_SURVEY, True, "commit:survey"), "above 0"),
        ((Movement.COMMIT_SURVEY, 1, ""), "1 to 64 characters"),
        ((Movement.COMMIT_SURVEY, 1, "commit:training"), "stand twice"),
    ],
)
def test_a_commitment_that_makes_no_sense_raises(commitment: tuple[Movement, int, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        post_commitments(owner_ids=[1], commitments=[ENVELOPE[0], commitment], at=AT)
    assert not Transfer.objects.exists()


@pytest.mark.django_db
def test_a_naive_instant_nobody_and_nothing() -> None:
    with pytest.raises(ValueError, match="aware"):
        post_commitments(owner_ids=[1], commitments=ENVELOPE, at=AT.replace(tzinfo=None))
    assert commit() == post_commitments(owner_ids=[1], commitments=[], at=AT) == PostedSum(0, 0, 0)


@pytest.mark.django_db
def test_many_are_two_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    with assert_queries(2):
        commit(*range(1, 501))


@pytest.mark.django_db(transaction=True)
def test_rivals_with_the_same_owners_commit_once(race: Callable[..., list[Any]]) -> None:
    done = race(lambda: commit(*range(1, 40)), lambda: commit(*range(39, 0, -1)), lambda: commit(*range(20, 60)))
    assert sum(each.transfer_count for each in done) == 3 * 59
    assert sum(each.repeated_count for each in done) == 3 * (39 + 39 + 40 - 59)
    assert totals()[Kind.TREASURY] == -59 * 3_550_000


@pytest.mark.django_db
@given(
    known=st.sets(st.integers(1, 9)),
    owners=st.lists(st.integers(1, 9)),
    amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=3),
)
def test_it_does_what_post_does(known: set[int], owners: list[int], amounts: list[int]) -> None:
    commitments = [(movement, rupiah, key) for (movement, _, key), rupiah in zip(ENVELOPE, amounts, strict=False)]
    single = [[Posting(owner, *each) for each in commitments] for owner in sorted(set(owners) | known)]
    written = []
    for together in (True, False):
        with transaction.atomic():
            post(postings=[each for one in single if one[0].owner_id in known for each in one], at=AT)
            if together:
                posted = post_commitments(owner_ids=owners, commitments=commitments, at=AT)
                assert posted.transfer_count == len(set(owners) - known) * len(commitments)
                assert posted.total_rupiah == len(set(owners) - known) * sum(amounts)
            else:
                post(postings=[each for one in single if one[0].owner_id in owners for each in one], at=AT)
            rows = Transfer.objects.order_by("owner_id", "idempotency_key")
            columns = (
                "owner_id",
                "debit_kind",
                "credit_kind",
                "reason",
                "amount_rupiah",
                "idempotency_key",
                "posted_at",
            )
            written.append((list(rows.values_list(*columns)), remaining(owner_ids=range(1, 10))))
            transaction.set_rollback(True)
    assert written[0] == written[1]
