"""What one message costs: every exchange with the database is pinned, so that none comes back unseen.

A call over a socket has one more, in which Django asks whether its connection still stands."""

import pytest
from django.db import connection

from bekal.purchases.models import Evidence
from tests import factories
from tests.api.v1.calls import call
from tests.api.v1.conftest import registered
from tests.api.v2.calling import answer, caller
from tests.factories.exchanges import exchanges

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_of_v2_costs_nine_exchanges_and_one_commit_that_waits() -> None:
    training = factories.training(session_count=2)
    (purchase_id,) = [factories.redeemed(each, training) for each in factories.accepted(1)]
    institution = caller(training.institution)
    lines = [{"purchase": purchase_id, "sequence": 1}]
    with exchanges() as made:
        told = answer(institution.post("/attendance", {"lines": lines}))
    assert told["recorded_count"] == Evidence.objects.count() == 1
    assert made == [
        "SELECT",  # the key, its partner and the programme's clock
        "INSERT",  # the budget, whose commit does not wait for the disk
        "BEGIN",
        "INSERT",  # the idempotency key is claimed
        "SELECT+SELECT",  # the purchases are locked, then what is said of them is read
        "COPY",  # the evidence
        "UPDATE",  # the answer is kept
        "COMMIT",  # the one that waits
        "INSERT",  # the counter, as the budget
    ]


def test_the_status_of_v1_costs_eight_exchanges() -> None:
    who = registered(code="lembaga-satu", session_count=2)
    _, redeem_code = who.bought()
    with exchanges() as made:
        assert call(who, "payment/redeem-code/status", {"redeem_code": redeem_code}).status == 200
    # The key, then in the transaction that answers once: the claim, the code, its session, the answer; the counter.
    assert made == ["SELECT", "BEGIN", "INSERT", "SELECT", "SELECT", "UPDATE", "COMMIT", "INSERT"]


def test_what_need_not_outlive_a_power_cut_does_not_wait_for_the_disk() -> None:
    """And what is evidence does: the setting ends with the statement that asked for it."""
    institution = caller()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # the tests' own server need not outlive anything
        assert institution.get("/me").status_code == 200
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
        cursor.execute("RESET synchronous_commit")
