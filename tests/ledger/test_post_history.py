"""`post_history`: as `post`, each transfer at its own past instant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import IdempotencyConflict, PastPosting, Posting, post, post_history
from bekal.ledger.queries import balances_of, remaining, transfers_of

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
KEYS = st.lists(
    st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=64), max_size=4, unique=True
)


def committed(*owner_ids: int, at: datetime = AT) -> None:
    postings = [PastPosting(owner, Movement.COMMIT_TRAINING, 1_000_000, "commit:training", at) for owner in owner_ids]
    assert len(post_history(postings=postings).posted) == len(owner_ids)


def bought(owner_id: int, amount: int, days: int, key: str = "purchase:1") -> PastPosting:
    return PastPosting(owner_id, Movement.PURCHASE, amount, key, AT + timedelta(days=days))


@pytest.mark.django_db
def test_each_transfer_stands_at_its_own_instant() -> None:
    committed(7)
    post_history(postings=[bought(7, 100_000, 9, "b"), bought(7, 300_000, 2, "a")])
    assert [(line.idempotency_key, line.posted_at - AT) for line in transfers_of(owner_id=7)] == [
        ("commit:training", timedelta(0)),
        ("a", timedelta(2)),
        ("b", timedelta(9)),
    ]
    assert remaining(owner_ids=[7]) == {7: 600_000}
    assert balances_of(owner_ids=[7], as_of=AT + timedelta(days=5))[7][Kind.TRAINING_BALANCE] == 700_000


@pytest.mark.django_db
def test_the_stored_balance_is_guarded_and_the_same_again_changes_nothing() -> None:
    committed(7, 8)
    asked = [bought(7, 1_000_001, 1), bought(8, 1_000_000, 1)]
    result = post_history(postings=asked)
    assert (result.posted, result.refused) == ({(8, "purchase:1")}, {(7, "purchase:1")})
    again = post_history(postings=asked)
    assert (again.repeated, again.refused) == (result.posted, result.refused)
    # The instant is no part of what a key stands for, no more than it is in `post`.
    assert post(postings=[Posting(8, Movement.PURCHASE, 1_000_000, "purchase:1")], at=AT).repeated == result.posted
    with pytest.raises(IdempotencyConflict):
        post_history(postings=[bought(8, 5, 1)])


@pytest.mark.django_db
def test_a_naive_instant_raises() -> None:
    with pytest.raises(ValueError, match="aware"):
        post_history(postings=[PastPosting(7, Movement.PURCHASE, 1, "a", datetime(2020, 1, 1))])  # noqa: DTZ001


@pytest.mark.django_db
@given(keys=KEYS)
def test_any_text_can_be_a_key(keys: list[str]) -> None:
    postings = [Posting(7, Movement.COMMIT_INCENTIVE, 1, key) for key in keys]
    asked = {(7, key) for key in keys}
    first, second = post(postings=postings, at=AT), post(postings=postings, at=AT)
    assert first.posted | first.repeated == asked
    assert second.repeated == asked
