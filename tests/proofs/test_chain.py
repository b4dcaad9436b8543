"""The chain computed again, by code of its own: whatever is changed is told with its link, its day and its owners."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction

from bekal.ledger.digests import close_digest
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post
from bekal.proofs.chain import recompute

AT = datetime(2020, 4, 11, 3, tzinfo=UTC)
EVERYWHERE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


def _post(owner_id: int, key: str) -> None:
    post(postings=[Posting(owner_id, Movement.COMMIT_INCENTIVE, 600_000, key)], at=AT)


def _close(days: int = 0) -> None:
    assert close_digest(at=AT + timedelta(days=days)) is not None


@EVERYWHERE
def test_a_change_is_told_with_its_link_its_day_and_the_owners_group() -> None:
    _post(300, "first")
    _close()
    _post(300, "second")
    _close(days=1)
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
        cursor.execute("UPDATE ledger_transfer SET amount_rupiah = 1 WHERE idempotency_key = 'second'")
        (difference,) = recompute(connections["owner"]).differences
        assert "link 2 on 2020-04-12" in difference
        assert "owners that leave 44 modulo 256" in difference
        transaction.set_rollback(True, using="owner")


@EVERYWHERE
@pytest.mark.parametrize("sorted_at_once", [1, 3, 1_500_000])
def test_whatever_the_parts_it_is_the_same_chain_and_a_change_in_any_link_is_told(
    monkeypatch: pytest.MonkeyPatch, sorted_at_once: int
) -> None:
    """Small links are computed together, a large one in parts."""
    for code in ("ledger.digests", "proofs.chain"):
        monkeypatch.setattr(f"bekal.{code}.PART_TRANSFERS", sorted_at_once)
    for day, owner_ids in enumerate((range(1, 8), (3,), (4, 5), range(250, 260))):
        for owner_id in owner_ids:
            _post(owner_id, f"day {day}")
        _close(day)
    whole = recompute(connections["proof"])
    assert (whole.link_count, whole.transfer_count, whole.differences) == (4, 20, ())
    for day, owner_id in ((0, 7), (1, 3), (2, 4), (3, 259)):
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
            cursor.execute(
                "UPDATE ledger_transfer SET amount_rupiah = 1 WHERE owner_id = %s AND idempotency_key = %s",
                [owner_id, f"day {day}"],
            )
            (told,) = recompute(connections["owner"]).differences
            transaction.set_rollback(True, using="owner")
        assert f"closed by link {day + 1} on" in told
        assert f"owners that leave {owner_id % 256} modulo 256" in told
    assert recompute(connections["proof"]) == whole


@EVERYWHERE
def test_what_is_numbered_before_the_chain_is_a_difference() -> None:
    _post(1, "first")
    _close()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("INSERT INTO ledger_transfer SELECT 5, 0, 1, 5, 1, 600000, 'smuggled', %s", [AT])
        (difference,) = recompute(connections["owner"]).differences
        assert "which no link covers, of owners that leave 5 modulo 256" in difference
        transaction.set_rollback(True, using="owner")
