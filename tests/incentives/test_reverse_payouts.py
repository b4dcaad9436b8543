"""`reverse_payouts`: the programme's own act on what was paid; each once, with a reason, and due again."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.incentives.models import Payout, PayoutStatus
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.reverse_payouts import ReverseOutcome, reverse_payouts
from bekal.incentives.settle_payout_run import settle_payout_run
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.participants.models import Participation
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.incentives.journey import SETTLED_AT, earners, exported, references, settled
from tests.incentives.partner import status_file

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 4)


def paid(number: int = 1) -> tuple[tuple[int, ...], list[str]]:
    """People whose first instalment was paid, and its references."""
    people = earners(number)
    run = exported()
    settled(run)
    return people, references(run.run_id)


def reverse(*references_: str, reason_code: str = "DUPL") -> tuple[ReverseOutcome, ...]:
    return reverse_payouts(references=references_, reason_code=reason_code, at=AT)


def codes(outcomes: tuple[ReverseOutcome, ...]) -> list[str | None]:
    return [each.refusal.code if each.refusal else None for each in outcomes]


def test_a_reversed_payout_is_committed_and_due_again() -> None:
    (first, second), (one, other) = paid(2)
    assert reverse(one) == (ReverseOutcome(one, 600_000),)
    money = balances_of(owner_ids=[first, second])
    assert (money[first][Kind.PAYOUT_SETTLED], money[first][Kind.INCENTIVE_COMMITTED]) == (0, 2_400_000)
    assert money[second][Kind.PAYOUT_SETTLED] == 600_000
    assert transfers_of(owner_id=first)[-1].idempotency_key == f"reversed:{one}"
    status = PayoutStatus.objects.get(state="reversed")
    assert (status.payout.reference, status.reason_code, status.file, status.recorded_at) == (one, "DUPL", None, AT)
    assert dict(Payout.objects.order_by("id").values_list("reference", "ended_at")) == {one: AT, other: None}
    assert references(exported().run_id) == [one.replace("A01", "A02")]


def test_the_same_again_changes_nothing() -> None:
    _, (one,) = paid()
    first, twice = reverse(one, one)
    assert (first.repeated, twice.repeated) == (False, True)
    with nothing_changes():
        assert reverse(one) == (ReverseOutcome(one, 600_000, repeated=True),)
        assert codes(reverse(one, reason_code="AM05")) == [PayoutRefusal.PAYOUT_BACK_ALREADY]


def test_only_what_was_paid_can_be_taken_back() -> None:
    earners()
    run = exported()
    (sent,) = references(run.run_id)
    with nothing_changes():
        outcomes = reverse(sent, "BKL9", "", "\x00", "x" * 500)
    assert codes(outcomes) == [PayoutRefusal.PAYOUT_NOT_PAID, *[PayoutRefusal.PAYOUT_NOT_FOUND] * 4]
    settled(run, {sent: "AC04"})
    with nothing_changes():
        assert codes(reverse(sent)) == [PayoutRefusal.PAYOUT_NOT_PAID]


def test_what_the_bank_sent_back_is_not_taken_back_as_well() -> None:
    _, (one,) = paid()
    run_id = Payout.objects.get(reference=one).run_id
    content = status_file([(one, 600_000, "returned", "AC06")])
    assert settle_payout_run(run_id=run_id, partner="bni", name="r.csv", content=content, at=SETTLED_AT).refusal is None
    with nothing_changes():
        (outcome,) = reverse(one)
    assert outcome.refusal is not None and outcome.refusal.values == {"reference": one, "known": "returned AC06"}


def test_money_that_is_clawed_back_is_not_taken_back_here() -> None:
    (person,), (one,) = paid()
    Participation.objects.filter(pk=person).update(revoked_at=AT, clawed_back_at=AT)
    with nothing_changes():
        assert codes(reverse(one)) == [PayoutRefusal.PAYOUT_CLAWED_BACK]


@pytest.mark.parametrize("reason_code", ["", "am05", "AM 05", "A" * 9, "AM\x00", "٣"])
def test_a_reason_code_that_is_none_is_refused(reason_code: str) -> None:
    _, (one,) = paid()
    with nothing_changes():
        assert codes(reverse(one, reason_code=reason_code)) == [PayoutRefusal.REVERSAL_REASON]


@pytest.mark.django_db(transaction=True)
def test_rivals_reverse_once(race: Callable[..., list[Any]]) -> None:
    people, (one,) = paid()
    results = race(*[lambda: reverse(one)] * 3)
    assert sorted(outcome.repeated for (outcome,) in results) == [False, True, True]
    assert balances_of(owner_ids=people)[people[0]][Kind.PAYOUT_SETTLED] == 0
