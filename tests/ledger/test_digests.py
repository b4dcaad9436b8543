"""The digest chain: exact against posters who are not done, and by itself enough to tell what was changed."""

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from bekal.ledger.digests import FIRST_SHA256, Link, close_digest, has_head, link_sha256
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.proofs.chain import recompute

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
EVERYWHERE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


def _post(owner_id: int, key: str, amount_rupiah: int = 600_000) -> None:
    post(postings=[Posting(owner_id, Movement.COMMIT_INCENTIVE, amount_rupiah, key)], at=AT)


def _close(days: int = 0) -> Link:
    link = close_digest(at=AT + timedelta(days=days))
    assert link is not None
    return link


@EVERYWHERE
def test_each_link_covers_what_came_since_the_one_before() -> None:
    assert close_digest(at=AT) is None
    for owner_id in (1, 2, 257):
        _post(owner_id, "first")
    first = _close()
    assert (first.number, first.after_id, first.transfer_count, first.total_rupiah) == (1, 0, 3, 1_800_000)
    assert close_digest(at=AT) is None
    _post(1, "second", 5)
    second = _close(days=1)
    assert (second.number, second.after_id, second.transfer_count, second.total_rupiah) == (2, first.until_id, 1, 5)
    _post(1, "third")
    found = recompute(connections["proof"])
    assert (found.link_count, found.transfer_count, found.uncovered_count) == (2, 4, 1)
    assert (found.head_sha256, found.differences) == (second.sha256, ())
    assert has_head(connections["proof"], first.sha256)
    assert not has_head(connections["proof"], bytes(32))


@EVERYWHERE
def test_a_stranger_computes_the_same_digest_from_the_lines_as_documented() -> None:
    for owner_id, key in ((258, "b"), (2, "z"), (2, "a"), (7, "ä")):
        _post(owner_id, key)
    link = _close()
    with connections["proof"].cursor() as cursor:
        cursor.execute(
            "SELECT owner_id, id, debit_kind, credit_kind, reason, amount_rupiah, posted_at, idempotency_key"
            " FROM ledger_transfer ORDER BY owner_id, id"
        )
        rows = cursor.fetchall()
    buckets: list[list[str]] = [[] for _ in range(256)]
    for owner_id, *numbers, posted_at, key in rows:
        instant = f"{int(posted_at.timestamp())}.{posted_at.microsecond:06}"
        buckets[owner_id % 256].append(",".join(map(str, (owner_id, *numbers, instant, key))))
    digests = b"".join(hashlib.sha256("\n".join(lines).encode()).digest() for lines in buckets)
    expected = link_sha256(FIRST_SHA256, 1, 0, link.until_id, 4, 2_400_000, digests, AT)
    assert link.sha256 == expected


@EVERYWHERE
def test_a_poster_who_is_not_done_is_waited_for_and_belongs_to_the_link() -> None:
    """The one who drew the smaller number commits last: without the wait its transfer would never be covered."""
    _post(1, "early")
    has_posted, may_commit = threading.Event(), threading.Event()

    def poster() -> None:
        with transaction.atomic():
            _post(2, "slow")
            has_posted.set()
            may_commit.wait(20)
        connections.close_all()

    thread = threading.Thread(target=poster)
    thread.start()
    assert has_posted.wait(20)
    try:
        with pytest.raises(OperationalError, match="lock timeout"):
            close_digest(at=AT)  # it does not hold everybody up for longer than its limit
    finally:
        may_commit.set()
        thread.join()
    assert _close().transfer_count == 2
    assert recompute(connections["proof"]).uncovered_count == 0


@EVERYWHERE
def test_two_who_close_at_once_make_one_link(race: Callable[..., list[Any]]) -> None:
    for owner_id in range(1, 6):
        _post(owner_id, "first")
    links = race(*[lambda: close_digest(at=AT)] * 4)
    assert [each for each in links if isinstance(each, Exception)] == []
    assert len([each for each in links if each is not None]) == 1
    assert recompute(connections["proof"]).differences == ()


@pytest.mark.django_db
def test_it_is_not_closed_inside_a_transaction_nor_at_a_naive_instant() -> None:
    with pytest.raises(RuntimeError, match="outside any transaction"):
        close_digest(at=AT)
    with pytest.raises(ValueError, match="aware"):
        close_digest(at=datetime(2020, 4, 11))  # noqa: DTZ001
