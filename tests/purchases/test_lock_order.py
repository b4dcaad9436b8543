"""The order of locks in purchases/README.md is the order in which the verbs take them."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bekal.participants.accept import accept
from bekal.purchases.buy import buy
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.settle_institutions import settle_institutions
from bekal.purchases.write_review import NewReview, write_review
from tests import factories

ORDER = [
    "participants_wave",
    "participants_participant",
    "participants_participation",
    "purchases_purchase",
    "purchases_evidencecase",
    "catalogue_institution",
    "purchases_institutionsettlement",
    "catalogue_training with seats",
    "messaging_onetimecode",
    "ledger_trainingbalance",
    "catalogue_training",
]
LOCK = re.compile(
    r'FROM "?(\w+).*FOR (?:NO KEY UPDATE|SHARE)|^UPDATE "?(\w+)|\bUPDATE (ledger_trainingbalance)', re.DOTALL
)


# One wave needs no order.
IN_ORDER = re.compile(r'ORDER BY (seat_count IS NULL, )?(\w+\.)?id\s+FOR|"participants_wave"\."id" = \d+')


def locked_tables(verb: Callable[[], object]) -> list[str]:
    """The tables whose rows a call locks, in order; rows of one table must be locked in the order of their numbers."""
    with CaptureQueriesContext(connection) as captured:
        verb()
    tables = []
    for statement in (query["sql"].strip() for query in captured.captured_queries):
        match = LOCK.search(statement)
        if match:
            seats = " with seats" if "seat_count IS NOT NULL" in statement else ""
            tables.append(next(table for table in match.groups() if table) + seats)
            in_order = IN_ORDER.search(statement)
            assert in_order or not re.search("FOR (NO KEY|SHARE)", statement), statement
    return tables


def assert_in_order(tables: list[str], *expected: str) -> None:
    assert list(dict.fromkeys(tables)) == list(expected)
    first = {table: tables.index(table) for table in expected}
    places = [ORDER.index(table) for table in sorted(first, key=first.__getitem__)]
    assert all(earlier < later for earlier, later in pairwise(places)), tables


@pytest.mark.django_db
def test_accept_locks_the_wave_then_the_people() -> None:
    wave, people = factories.wave(), factories.participants(2)
    tables = locked_tables(lambda: accept(wave_id=wave.pk, participant_ids=people, at=factories.ACCEPTED_AT))
    # The balances are new rows, which nobody else can hold.
    assert_in_order(tables, "participants_wave", "participants_participant")


@pytest.mark.django_db
def test_the_verbs_of_a_purchase_lock_in_the_documented_order() -> None:
    buyers, training = factories.accepted(2), factories.training()
    orders = [factories.order_for(buyer, training) for buyer in buyers]
    outcomes = []
    tables = locked_tables(lambda: outcomes.extend(buy(orders=orders, at=factories.BOUGHT_AT)))
    assert_in_order(
        tables,
        "participants_participation",
        "messaging_onetimecode",
        "ledger_trainingbalance",
        "catalogue_training",
    )
    at, institution_id = factories.COMPLETED_AT, training.institution_id
    redemptions = [Redemption(institution_id, outcome.redeem_code or "") for outcome in outcomes]
    assert_in_order(locked_tables(lambda: redeem(redemptions=redemptions, at=at)), "purchases_purchase")
    ids = [outcome.purchase_id or 0 for outcome in outcomes]
    attendances = [Attendance(institution_id, purchase_id, 1) for purchase_id in ids]
    assert_in_order(locked_tables(lambda: record_attendance(attendances=attendances, at=at)), "purchases_purchase")
    completions = [Completion(institution_id, purchase_id) for purchase_id in ids]
    tables = locked_tables(lambda: record_completion(completions=completions, at=at))
    assert_in_order(tables, "purchases_purchase", "catalogue_training")
    reviews = [NewReview(buyer, purchase_id, 5, "Bagus.") for buyer, purchase_id in zip(buyers, ids, strict=True)]
    tables = locked_tables(lambda: write_review(reviews=reviews, at=at))
    assert_in_order(tables, "purchases_purchase", "catalogue_training")
    assert_in_order(locked_tables(lambda: reconcile(at=at)), "purchases_purchase")


@pytest.mark.django_db
def test_ending_locks_the_people_before_their_purchases_and_settling_the_institutions_after_them() -> None:
    buyers, training = factories.accepted(2), factories.training(session_count=1)
    ids = [factories.redeemed(buyers[0], training), factories.reconciled(buyers[1], training)]
    tables = locked_tables(lambda: end_purchases(purchase_ids=ids, at=factories.RECONCILED_AT))
    assert_in_order(
        tables, "participants_participation", "purchases_purchase", "purchases_evidencecase", "ledger_trainingbalance"
    )
    at = factories.RECONCILED_AT + timedelta(days=30)
    tables = locked_tables(lambda: settle_institutions(purchase_ids=ids, at=at))
    assert_in_order(
        tables,
        "purchases_purchase",
        "catalogue_institution",
        "purchases_institutionsettlement",
        "ledger_trainingbalance",
    )


@pytest.mark.django_db
def test_seats_are_locked_after_the_buyers_and_before_codes_and_money() -> None:
    buyers, training = factories.accepted(2), factories.training(seat_count=2)
    orders = [factories.order_for(buyer, training) for buyer in buyers]
    assert_in_order(
        locked_tables(lambda: buy(orders=orders, at=factories.BOUGHT_AT)),
        "participants_participation",
        "catalogue_training with seats",
        "messaging_onetimecode",
        "ledger_trainingbalance",
        "catalogue_training",
    )
