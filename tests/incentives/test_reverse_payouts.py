"""`reverse_payouts`: the programme's own act on what was paid; by two officers, once, with a reason, and due again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from bekal.incentives.models import Payout, PayoutReversal, PayoutStatus
from bekal.incentives.queries import run_lines
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.reverse_payouts import (
    ReverseOutcome,
    ask_to_reverse_payouts,
    drop_reversals,
    reverse_payouts,
)
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.incentives.journey import SETTLED_AT, earners, exported, officers, references, settled, taken_back
from tests.incentives.partner import status_file

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 4)
LATER = AT + timedelta(hours=3)


def paid(number: int = 1) -> tuple[tuple[int, ...], list[str]]:
    """People whose first instalment was paid, and its references."""
    people = earners(number)
    run = exported()
    settled(run)
    return people, references(run.run_id)


@pytest.fixture
def asker(db: None) -> int:
    return factories.officer().pk


@pytest.fixture
def other(db: None) -> int:
    return factories.officer().pk


def ask(officer_id: int, *references_: str, reason_code: str = "DUPL") -> tuple[ReverseOutcome, ...]:
    return ask_to_reverse_payouts(references=references_, reason_code=reason_code, officer_id=officer_id, at=AT)


def agree(officer_id: int, *references_: str, reason_code: str = "DUPL") -> tuple[ReverseOutcome, ...]:
    return reverse_payouts(references=references_, reason_code=reason_code, officer_id=officer_id, at=LATER)


def codes(outcomes: tuple[ReverseOutcome, ...]) -> list[str | None]:
    return [each.refusal.code if each.refusal else None for each in outcomes]


def test_what_two_officers_take_back_is_committed_and_due_again(asker: int, other: int) -> None:
    (first, second), (one, still_paid) = paid(2)
    with nothing_changes(but=[PayoutReversal]):
        assert ask(asker, one) == (ReverseOutcome(one, 600_000),)
    assert agree(other, one) == (ReverseOutcome(one, 600_000),)
    money = balances_of(owner_ids=[first, second])
    assert (money[first][Kind.PAYOUT_SETTLED], money[first][Kind.INCENTIVE_COMMITTED]) == (0, 2_400_000)
    assert money[second][Kind.PAYOUT_SETTLED] == 600_000
    assert transfers_of(owner_id=first)[-1].idempotency_key == f"reversed:{one}"
    status = PayoutStatus.objects.get(state="reversed")
    assert (status.payout.reference, status.reason_code, status.file, status.recorded_at) == (one, "DUPL", None, LATER)
    ended = dict(Payout.objects.order_by("id").values_list("reference", "ended_at"))
    assert ended == {one: LATER, still_paid: None}
    reversal = PayoutReversal.objects.get()
    assert (reversal.asked_by_id, reversal.asked_at, reversal.agreed_by_id, reversal.agreed_at) == (
        asker,
        AT,
        other,
        LATER,
    )
    assert references(exported().run_id) == [one.replace("A01", "A02")]


def test_the_same_again_changes_nothing(asker: int, other: int) -> None:
    _, (one,) = paid()
    first, twice = ask(asker, one, one)
    assert (first.repeated, twice.repeated) == (False, True)
    with nothing_changes():
        assert ask(other, one) == (ReverseOutcome(one, 600_000, repeated=True),)
    agree(other, one)
    with nothing_changes():
        assert agree(other, one) == (ReverseOutcome(one, 600_000, repeated=True),)
        assert ask(other, one) == (ReverseOutcome(one, 600_000, repeated=True),)
        assert codes(agree(other, one, reason_code="AM05")) == [PayoutRefusal.PAYOUT_BACK_ALREADY]
        assert codes(ask(other, one, reason_code="AM05")) == [PayoutRefusal.PAYOUT_BACK_ALREADY]


def test_it_takes_two_people_and_the_second_has_seen_the_reason(asker: int, other: int) -> None:
    _, (one,) = paid()
    with nothing_changes():
        assert codes(agree(other, one)) == [PayoutRefusal.REVERSAL_NOT_ASKED]
    ask(asker, one)
    with nothing_changes():
        assert codes(agree(asker, one)) == [PayoutRefusal.REVERSAL_SAME_PERSON]
        (changed,) = agree(other, one, reason_code="AM05")
        (another,) = ask(other, one, reason_code="AM05")
    assert changed.refusal is not None and another.refusal is not None
    assert (changed.refusal.code, another.refusal.code) == (
        PayoutRefusal.REVERSAL_CHANGED,
        PayoutRefusal.REVERSAL_ASKED,
    )
    assert changed.refusal.values == another.refusal.values == {"reference": one, "known": "DUPL"}


def test_a_request_can_be_dropped_and_another_made(asker: int, other: int) -> None:
    _, (one,) = paid()
    ask(asker, one)
    assert codes(drop_reversals(references=[one, "BKL9"], officer_id=other, at=LATER)) == [
        None,
        PayoutRefusal.PAYOUT_NOT_FOUND,
    ]
    with nothing_changes():
        assert codes(drop_reversals(references=[one], officer_id=other, at=LATER)) == [PayoutRefusal.REVERSAL_NOT_ASKED]
        assert codes(agree(other, one)) == [PayoutRefusal.REVERSAL_NOT_ASKED]
    assert codes(ask(other, one, reason_code="AM05")) == [None]
    assert codes(agree(asker, one, reason_code="AM05")) == [None]
    assert [each.dropped_by_id for each in PayoutReversal.objects.order_by("pk")] == [other, None]


def test_who_asks_stands_beside_the_payment(asker: int) -> None:
    _, (one,) = paid()
    ask(asker, one)
    (line,) = run_lines(run_id=Payout.objects.get().run_id)
    assert (line.asked_by_id, line.asked_reason) == (asker, "DUPL") and line.asked_by_name


def test_only_what_was_paid_can_be_taken_back(asker: int) -> None:
    earners()
    run = exported()
    (sent,) = references(run.run_id)
    with nothing_changes():
        outcomes = ask(asker, sent, "BKL9", "", "\x00", "x" * 500)
    assert codes(outcomes) == [PayoutRefusal.PAYOUT_NOT_PAID, *[PayoutRefusal.PAYOUT_NOT_FOUND] * 4]
    settled(run, {sent: "AC04"})
    with nothing_changes():
        assert codes(ask(asker, sent)) == [PayoutRefusal.PAYOUT_NOT_PAID]


def test_what_the_bank_sent_back_is_not_taken_back_as_well(asker: int, other: int) -> None:
    """Nor where that was asked for before."""
    _, (one,) = paid()
    ask(asker, one)
    run_id = Payout.objects.get(reference=one).run_id
    content = status_file([(one, 600_000, "returned", "AC06")])
    assert settle_payouts(partner="bni", name="r.csv", content=content, at=SETTLED_AT).refusal is None
    with nothing_changes():
        (outcome,) = agree(other, one)
    assert outcome.refusal is not None and outcome.refusal.values == {"reference": one, "known": "returned AC06"}
    (line,) = run_lines(run_id=run_id)
    assert line.asked_by_id is None, "nobody has to answer that any more"


@pytest.mark.parametrize("reason_code", ["", "am05", "AM 05", "A" * 9, "AM\x00", "٣"])
def test_a_reason_code_that_is_none_is_refused(reason_code: str, asker: int) -> None:
    _, (one,) = paid()
    with nothing_changes():
        assert codes(ask(asker, one, reason_code=reason_code)) == [PayoutRefusal.REVERSAL_REASON]
        assert codes(agree(asker, one, reason_code=reason_code)) == [PayoutRefusal.REVERSAL_REASON]


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("agreed_by_id = asked_by_id, agreed_at = now()", "second_person"),
        ("agreed_at = now()", "second_person"),
        ("dropped_at = now()", "dropped_before_agreement"),
        ("reason_code = ''", "has_reason"),
        (
            "dropped_by_id = asked_by_id, dropped_at = now(), agreed_at = now(),"
            " agreed_by_id = (SELECT max(id) FROM accounts_user)",
            "dropped_before_agreement",
        ),
    ],
)
def test_the_database_refuses_a_reversal_that_is_none(change: str, constraint: str, asker: int, other: int) -> None:
    _, (one,) = paid()
    ask(asker, one)
    factories.officer()
    with pytest.raises(IntegrityError, match=f"incentives_payoutreversal_{constraint}"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE incentives_payoutreversal SET {change}")


def test_one_request_stands_at_a_time(asker: int, other: int) -> None:
    _, (one,) = paid()
    ask(asker, one)
    again = PayoutReversal(payout=Payout.objects.get(), reason_code="X", asked_by_id=other, asked_at=AT)
    with pytest.raises(IntegrityError, match="one_standing"):
        again.save()


def test_many_are_taken_back_together() -> None:
    _, those = paid(3)
    assert codes(taken_back(*those, at=AT)) == [None] * 3
    assert PayoutStatus.objects.filter(state="reversed").count() == 3


@pytest.mark.django_db(transaction=True)
def test_rivals_reverse_once(race: Callable[..., list[Any]]) -> None:
    people, (one,) = paid()
    first, second = officers()
    ask(first.pk, one)
    results = race(*[lambda: agree(second.pk, one)] * 3)
    assert sorted(outcome.repeated for (outcome,) in results) == [False, True, True]
    assert balances_of(owner_ids=people)[people[0]][Kind.PAYOUT_SETTLED] == 0


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_for_it_with_different_reasons_are_one_request(race: Callable[..., list[Any]]) -> None:
    _, (one,) = paid()
    first, second = officers()
    results = race(lambda: ask(first.pk, one), lambda: ask(second.pk, one, reason_code="AM05"))
    assert sorted(codes(each)[0] or "" for each in results) == ["", PayoutRefusal.REVERSAL_ASKED]
    assert PayoutReversal.objects.count() == 1
