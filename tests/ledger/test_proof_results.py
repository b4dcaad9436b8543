"""The newest proof of the present decides; requests for one are taken once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from bekal.ledger.movements import Kind
from bekal.ledger.proof_results import (
    answer_proof_requests,
    is_release_blocked,
    latest_proof_result,
    record_proof_result,
    request_proof,
    take_proof_requests,
)
from bekal.ledger.queries import KindTotal, proof_asked_at

AT = datetime(2020, 11, 19, 3, tzinfo=UTC)
VIOLATION = {"name": "I2", "holds": "the stored balance equals the derived one", "rows": [{"owner_id": 7}]}


def _record(
    *violations: dict[str, Any],
    as_of: datetime | None = None,
    digest: bytes | None = None,
    looked_at: datetime | None = None,
) -> None:
    record_proof_result(
        as_of=as_of,
        proved_at=AT,
        duration_ms=1200,
        transfer_count=10,
        participation_count=2,
        check_count=48,
        violations=violations,
        kinds={1: (0, 7_100_000), 2: (2_000_000, 300_000), 77: (1, 0)},
        digest_sha256=digest,
        looked_at=looked_at,
    )


@pytest.mark.django_db
def test_a_result_is_kept_as_it_was_found() -> None:
    assert latest_proof_result() is None
    _record(VIOLATION, digest=b"d" * 32)
    found = latest_proof_result()
    assert found is not None
    assert (found.as_of, found.proved_at, found.duration_ms, found.check_count) == (None, AT, 1200, 48)
    assert (found.violation_count, found.violations) == (1, ("I2: the stored balance equals the derived one",))
    assert found.kind_totals == (
        KindTotal(Kind.TREASURY, 0, 7_100_000),
        KindTotal(Kind.TRAINING_BALANCE, 2_000_000, 300_000),
    )
    assert found.digest_sha256 == b"d" * 32


@pytest.mark.django_db
def test_the_newest_result_of_the_present_decides() -> None:
    assert not is_release_blocked()
    _record(VIOLATION)
    assert is_release_blocked()
    _record(as_of=AT - timedelta(days=100))
    assert is_release_blocked()
    _record()
    assert not is_release_blocked()
    _record(VIOLATION, as_of=AT - timedelta(days=100))
    assert not is_release_blocked()


@pytest.mark.django_db
def test_who_looked_last_decides_and_not_who_was_recorded_last() -> None:
    """A long proof that began before the damage ends after the short one that found it."""
    _record(VIOLATION, looked_at=AT + timedelta(minutes=1))
    _record(looked_at=AT)
    assert is_release_blocked()
    found = latest_proof_result()
    assert found is not None and found.violation_count == 1
    _record(looked_at=AT + timedelta(minutes=2))
    assert not is_release_blocked()
    _record(VIOLATION, looked_at=AT + timedelta(minutes=2))
    assert is_release_blocked(), "of two that looked at the same instant the one recorded last"


@pytest.mark.django_db
def test_requests_are_answered_together_and_open_until_then() -> None:
    assert take_proof_requests(at=AT) == []
    request_proof(requested_by_id=1, at=AT)
    request_proof(requested_by_id=2, at=AT + timedelta(minutes=1))
    assert proof_asked_at() == AT
    taken_ids = take_proof_requests(at=AT + timedelta(minutes=2))
    assert len(taken_ids) == 1, "asked again before it is taken it is the same request"
    assert take_proof_requests(at=AT + timedelta(minutes=3)) == taken_ids, "whoever took it first may have died"
    assert proof_asked_at() == AT
    request_proof(requested_by_id=2, at=AT + timedelta(minutes=4))
    answer_proof_requests(ids=taken_ids, at=AT + timedelta(minutes=5))
    assert proof_asked_at() == AT + timedelta(minutes=4), "asked while the proof was running, it is not answered by it"
    answer_proof_requests(ids=take_proof_requests(at=AT), at=AT)
    assert proof_asked_at() is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT taken_at, answered_at FROM ledger_proofrequest ORDER BY id LIMIT 1")
        assert cursor.fetchone() == (AT + timedelta(minutes=3), AT + timedelta(minutes=5))
