"""Whoever should have lost the place, and whatever balance should have ended, is an open item until it is done."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from bekal.incentives.entitle import AnsweredSurvey, entitle_surveys
from bekal.lifecycle.end_balances import end_balances, ending_preview
from bekal.lifecycle.revoke import revocation_preview, revoke
from bekal.participants.models import Participation
from bekal.proofs.exceptions import open_items
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
# Accepted on 20 April 2020: 30 days to buy first, and the balance ends on 15 December.
DUE_OVER_AT, BALANCE_OVER_AT = jakarta(2020, 5, 21, 0), jakarta(2020, 12, 16, 0)
MOMENT = timedelta(microseconds=1)


def overdue(at: datetime, *, as_of: bool = False) -> list[tuple[str, str, int, int, int]]:
    """(kind, owner, count, rupiah, age) of what should have ended."""
    with connection.cursor() as cursor:
        found = open_items(cursor, at if as_of else None, at=at)
    kinds = ("balance_to_be_ended", "place_to_be_revoked")
    return [(each.kind, each.owner, each.count, each.rupiah, each.age) for each in found if each.kind in kinds]


def test_a_place_without_a_purchase_in_time_is_to_be_revoked() -> None:
    idle, buyer = factories.accepted(2)
    factories.bought(buyer, factories.training(price_rupiah=300_000))
    assert overdue(DUE_OVER_AT - MOMENT) == []
    at = DUE_OVER_AT + timedelta(days=9, hours=3)
    waiting = [("place_to_be_revoked", "officer", 1, 3_550_000, 9)]
    assert overdue(at) == waiting and revocation_preview(at=at).total_rupiah == 3_550_000
    assert revoke(at=at).participation_count == 1 and Participation.objects.get(pk=idle).revoked_at == at
    assert overdue(at + timedelta(days=1)) == []
    assert overdue(at - MOMENT, as_of=True) == waiting, "as of then it waited"
    assert overdue(at, as_of=True) == []
    assert overdue(DUE_OVER_AT - MOMENT, as_of=True) == []


def test_what_was_earned_before_is_not_what_a_revocation_returns() -> None:
    (idle,) = factories.accepted()
    entitle_surveys(answers=[AnsweredSurvey(idle, 1, jakarta(2020, 5, 10))])
    at = DUE_OVER_AT + timedelta(hours=1)
    ((_, _, _, rupiah, _),) = overdue(at)
    assert rupiah == 3_500_000 == revocation_preview(at=at).total_rupiah == revoke(at=at).returned_rupiah


def test_a_balance_past_its_last_day_is_to_be_ended() -> None:
    (buyer,) = factories.accepted()
    factories.bought(buyer, factories.training(price_rupiah=299_950))
    assert overdue(BALANCE_OVER_AT - MOMENT) == []
    at = BALANCE_OVER_AT + timedelta(days=3)
    waiting = [("balance_to_be_ended", "officer", 1, 700_050, 3)]
    assert overdue(at) == waiting and ending_preview(at=at).total_rupiah == 700_050
    assert end_balances(at=at).returned_rupiah == 700_050
    assert overdue(at + timedelta(days=1)) == []
    assert overdue(at - MOMENT, as_of=True) == [("balance_to_be_ended", "officer", 1, 700_050, 2)]
    assert overdue(at, as_of=True) == []
    assert overdue(BALANCE_OVER_AT - MOMENT, as_of=True) == []


def test_who_was_taken_over_waits_since_the_take_over_and_bought_before() -> None:
    (person,) = factories.accepted()
    opened_at = BALANCE_OVER_AT + timedelta(days=10)
    Participation.objects.filter(pk=person).update(opened_at=opened_at, bought_before=True)
    assert overdue(opened_at - MOMENT, as_of=True) == []
    ((kind, _, count, _, age),) = overdue(opened_at + timedelta(days=2))
    assert (kind, count, age) == ("balance_to_be_ended", 1, 2)
