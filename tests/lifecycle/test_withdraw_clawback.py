"""A clawback is let go: before its approval by one officer, afterwards by two, who both see what it costs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection

from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.lifecycle.claw_back import (
    WithdrawnClawback,
    agree_to_withdrawal,
    keep_clawback,
    withdraw_clawback,
)
from bekal.lifecycle.clawbacks import clawback_detail, clawback_of
from bekal.lifecycle.models import Clawback
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.lifecycle.treasury import treasury_statement
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.lifecycle import money_back
from tests.lifecycle.money_back import APPROVED_AT, REPAID_AT

pytestmark = pytest.mark.django_db
CASH_RUPIAH = 600_000
BECAUSE = "Banding benar."


@pytest.fixture
def officers(db: None) -> tuple[int, int]:
    return factories.officer().pk, factories.officer().pk


def ask(clawback_id: int, officer_id: int, because: str = BECAUSE) -> WithdrawnClawback:
    return withdraw_clawback(clawback_id=clawback_id, officer_id=officer_id, because=because, at=REPAID_AT)


def seal_of(clawback_id: int) -> bytes:
    detail = clawback_detail(clawback_id=clawback_id)
    assert detail is not None
    return bytes.fromhex(detail[0].withdrawal_sha256)


def agree(clawback_id: int, officer_id: int, seen: bytes | None = None) -> WithdrawnClawback:
    seen_sha256 = seal_of(clawback_id) if seen is None else seen
    return agree_to_withdrawal(clawback_id=clawback_id, officer_id=officer_id, seen_sha256=seen_sha256, at=REPAID_AT)


def code_of(outcome: WithdrawnClawback) -> object:
    return outcome.refusal and outcome.refusal.code


def test_before_its_approval_one_officer_is_enough_and_nothing_moves() -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.decided(person)
    officer_id = factories.officer().pk
    with nothing_changes(but=[Clawback]):
        assert ask(clawback_id, officer_id) == WithdrawnClawback(clawback_id, 0, 0)
    refusal = money_back.approve(clawback_id).refusal
    assert refusal is not None and refusal.code == LifecycleRefusal.CLAWBACK_WITHDRAWN


def test_two_let_the_rest_go_and_keep_what_came_back(officers: tuple[int, int]) -> None:
    asker, other = officers
    (person,) = money_back.paid()
    ids = Purchase.objects.filter(participation=person).order_by("pk").values_list("pk", flat=True)
    settle_institutions(purchase_ids=list(ids), at=jakarta(2020, 5, 3))
    clawback_id = money_back.approved(person)
    assert money_back.repay(clawback_id, 650_000).outstanding_rupiah == 250_000
    with nothing_changes(but=[Clawback]):
        assert ask(clawback_id, asker) == WithdrawnClawback(clawback_id, 250_000, 650_000, waits=True)
    line = clawback_of(participation_id=person)
    assert line is not None and line.outstanding_rupiah == 250_000, "it is owed until another has agreed"
    assert agree(clawback_id, other) == WithdrawnClawback(clawback_id, 250_000, 650_000)
    held = {kind: rupiah for kind, rupiah in balances_of(owner_ids=[person])[person].items() if rupiah}
    assert held == {Kind.TREASURY: -250_000, Kind.INSTITUTION_SETTLED: 250_000}
    assert Participation.objects.get(pk=person).clawed_back_at is not None, "what returned has returned"
    with nothing_changes():
        assert code_of(ask(clawback_id, asker)) == LifecycleRefusal.CLAWBACK_WITHDRAWN
        assert code_of(agree(clawback_id, other)) == LifecycleRefusal.CLAWBACK_WITHDRAWN
        kept = keep_clawback(clawback_id=clawback_id)
    assert kept is not None and kept.code == LifecycleRefusal.CLAWBACK_WITHDRAWN
    statement = treasury_statement(as_of=REPAID_AT)
    assert statement.difference_rupiah == 0 and statement.differing == () and statement.receivable_rupiah == 0


def test_it_takes_two_people_and_the_second_has_seen_it(officers: tuple[int, int]) -> None:
    """The reason and the amounts, as they are at the moment of agreeing."""
    asker, other = officers
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    assert code_of(agree(clawback_id, other)) == LifecycleRefusal.WITHDRAWAL_NOT_ASKED
    assert ask(clawback_id, asker).waits
    seen = seal_of(clawback_id)
    with nothing_changes():
        assert code_of(agree(clawback_id, asker)) == LifecycleRefusal.WITHDRAWAL_SAME_PERSON
        assert code_of(agree(clawback_id, other, b"")) == LifecycleRefusal.WITHDRAWAL_CHANGED
    money_back.repay(clawback_id, 1)
    assert code_of(agree(clawback_id, other, seen)) == LifecycleRefusal.WITHDRAWAL_CHANGED, "less is owed by now"
    seen = seal_of(clawback_id)
    ask(clawback_id, asker, "Lain.")
    assert code_of(agree(clawback_id, other, seen)) == LifecycleRefusal.WITHDRAWAL_CHANGED, "for another reason"
    ask(clawback_id, other, "Lain.")
    assert code_of(agree(clawback_id, other)) == LifecycleRefusal.WITHDRAWAL_SAME_PERSON, "who asked last is who asks"
    assert agree(clawback_id, asker).withdrawn_rupiah == CASH_RUPIAH - 1


def test_a_request_can_be_dropped(officers: tuple[int, int]) -> None:
    asker, other = officers
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    ask(clawback_id, asker)
    assert keep_clawback(clawback_id=clawback_id) is None
    with nothing_changes():
        assert code_of(agree(clawback_id, other)) == LifecycleRefusal.WITHDRAWAL_NOT_ASKED
        again = keep_clawback(clawback_id=clawback_id)
    assert again is not None and again.code == LifecycleRefusal.WITHDRAWAL_NOT_ASKED
    detail = clawback_detail(clawback_id=clawback_id)
    assert detail is not None and detail[0].withdrawn_because == ""


def test_a_withdrawal_says_why(officers: tuple[int, int]) -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.decided(person)
    for because, code in (("", "EMPTY"), ("a" * 1001, "TOO_LONG"), ("\x01", "UNREADABLE")):
        assert code_of(ask(clawback_id, officers[0], because)) == LifecycleRefusal[f"EXPLANATION_{code}"]


def test_there_is_no_such_clawback(officers: tuple[int, int]) -> None:
    assert code_of(ask(4711, officers[0])) == LifecycleRefusal.CLAWBACK_NOT_FOUND
    assert code_of(agree(4711, officers[0], b"")) == LifecycleRefusal.CLAWBACK_NOT_FOUND
    kept = keep_clawback(clawback_id=4711)
    assert kept is not None and kept.code == LifecycleRefusal.CLAWBACK_NOT_FOUND


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("withdrawn_by_id = withdrawal_asked_by_id, withdrawn_at = now()", "withdrawn_by_second_person"),
        ("withdrawn_at = now()", "withdrawn_by_second_person"),
        (
            "withdrawn_by_id = approved_by_id, withdrawn_at = now(), withdrawal_asked_by_id = NULL,"
            " withdrawal_asked_at = NULL",
            "withdrawn_by_second_person",
        ),
        ("withdrawn_because = ''", "withdrawn_with_reason"),
        ("withdrawal_asked_at = NULL", "withdraw"),
        ("approved_by_id = NULL, approved_at = NULL, due_on = NULL", "withdrawal_asked_after_approval"),
    ],
)
def test_the_database_refuses_a_withdrawal_that_is_none(
    change: str, constraint: str, officers: tuple[int, int]
) -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    ask(clawback_id, officers[0])
    with pytest.raises(IntegrityError, match=f"lifecycle_clawback_{constraint}"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE lifecycle_clawback SET {change}")


@pytest.mark.django_db(transaction=True)
def test_two_who_agree_and_one_who_repays_at_once(race: Callable[..., list[Any]]) -> None:
    """Whatever comes first: what is let go and what is repaid is what was owed, once."""
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    asker, one, two = (factories.officer().pk for _ in range(3))
    ask(clawback_id, asker)
    seen = seal_of(clawback_id)
    first, second, repaid = race(
        lambda: agree(clawback_id, one, seen),
        lambda: agree(clawback_id, two, seen),
        lambda: money_back.repay(clawback_id, 100_000),
    )
    done = [each for each in (first, second) if each.refusal is None]
    assert len(done) == (repaid.refusal is not None)
    held = balances_of(owner_ids=[person])[person]
    owed = held.get(Kind.INCENTIVE_RECEIVABLE, 0)
    assert owed + held[Kind.PAYOUT_SETTLED] + repaid.incentive_rupiah == CASH_RUPIAH
    assert owed == (0 if done else 500_000)


def test_nobody_is_asked_twice_where_nothing_was_received(officers: tuple[int, int]) -> None:
    """A clawback of Rp0, which only took the place, is withdrawn by two as well."""
    (person,) = factories.accepted()
    clawback_id = money_back.approved(person, at=APPROVED_AT)
    assert ask(clawback_id, officers[0]) == WithdrawnClawback(clawback_id, 0, 0, waits=True)
    assert agree(clawback_id, officers[1]) == WithdrawnClawback(clawback_id, 0, 0)
