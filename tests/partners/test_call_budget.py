"""A key's budget of calls: so many at once, so many a second, over all workers."""

from datetime import timedelta
from typing import Any

import pytest

from bekal.ledger.clock import machine_now
from bekal.partners.call_budget import BURST_COUNT, CALLS_A_SECOND, spend_call
from tests.factories.partners import key_of, sandbox_partner

pytestmark = pytest.mark.django_db


def test_a_budget_empties_and_fills() -> None:
    key_id, now = key_of(sandbox_partner()).pk, machine_now()
    left = [spend_call(key_id=key_id, now=now).left_count for _ in range(BURST_COUNT)]
    assert left == list(range(BURST_COUNT - 1, -1, -1))
    assert [spend_call(key_id=key_id, now=now).wait_seconds for _ in range(3)] == [1, 1, 1]
    assert spend_call(key_id=key_id, now=now + timedelta(seconds=1)).left_count == CALLS_A_SECOND - 1
    assert spend_call(key_id=key_id, now=now + timedelta(days=1)).left_count == BURST_COUNT - 1


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    key_id, now = key_of(sandbox_partner()).pk, machine_now()
    for _ in range(BURST_COUNT):
        spend_call(key_id=key_id, now=now)
    assert spend_call(key_id=key_id, now=now - timedelta(hours=1)).wait_seconds == 1
    assert spend_call(key_id=key_id, now=now).wait_seconds == 1


def test_rivals_never_overspend(race: Any) -> None:
    key_id, now = key_of(sandbox_partner()).pk, machine_now()
    for _ in range(BURST_COUNT - 5):
        spend_call(key_id=key_id, now=now)
    told = race(*[lambda: spend_call(key_id=key_id, now=now).wait_seconds for _ in range(8)])
    assert sorted(told) == [0] * 5 + [1] * 3
