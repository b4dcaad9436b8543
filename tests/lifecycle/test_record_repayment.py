"""Repayments: partial, once for each receipt, never more than what is outstanding."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, transfers_of
from bekal.lifecycle.ageing import receivables
from bekal.lifecycle.models import Repayment
from bekal.lifecycle.record_repayment import record_repayment
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.lifecycle.treasury import treasury_statement
from bekal.purchases.models import Purchase
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db

AT = jakarta(2020, 5, 20)


@pytest.fixture
def clawback_id(db: None) -> int:
    """600,000 in cash and 300,000 for a training are owed."""
    (person,) = money_back.paid()
    purchases = Purchase.objects.order_by("pk").values_list("pk", flat=True)
    settle_institutions(purchase_ids=list(purchases), at=jakarta(2020, 5, 3))
    return money_back.approved(person)


def record(number: int, /, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "clawback_id": number,
        "reference": "NTPN-1",
        "amount_rupiah": 100_000,
        "received_on": date(2020, 5, 20),
        "officer_id": changes.get("officer_id") or factories.officer().pk,
        "at": AT,
    }
    return record_repayment(**values | changes)


def test_cash_first_then_the_trainings_to_the_last_rupiah(clawback_id: int) -> None:
    steps = [(599_999, (599_999, 0)), (2, (1, 1)), (299_998, (0, 299_998)), (1, (0, 1))]
    for number, (amount_rupiah, parts) in enumerate(steps):
        outcome = record(clawback_id, reference=f"NTPN-{number}", amount_rupiah=amount_rupiah)
        assert (outcome.incentive_rupiah, outcome.training_rupiah) == parts
    assert outcome.outstanding_rupiah == 0
    owner_id = Repayment.objects.order_by("pk")[0].clawback.participation_id
    money = balances_of(owner_ids=[owner_id])[owner_id]
    assert money[Kind.INCENTIVE_RECEIVABLE] == money[Kind.TRAINING_RECEIVABLE] == 0
    first = Repayment.objects.order_by("pk")[0].pk
    keys = {one.idempotency_key: one.amount_rupiah for one in transfers_of(owner_id=owner_id)}
    assert keys[f"repayment:{first}:incentive"] == 599_999
    assert keys[f"repayment:{first + 1}:incentive"] == keys[f"repayment:{first + 1}:training"] == 1
    refusal = record(clawback_id, reference="NTPN-9", amount_rupiah=1).refusal
    assert refusal.code == LifecycleRefusal.ABOVE_OUTSTANDING
    assert refusal.values == {"amount_rupiah": 1, "outstanding_rupiah": 0}


def test_the_same_receipt_again_changes_nothing(clawback_id: int) -> None:
    first = record(clawback_id, reference="ntpn-1 ")
    officer_id = factories.officer().pk
    with nothing_changes():
        again = record(clawback_id, officer_id=officer_id)
        other = record(clawback_id, officer_id=officer_id, amount_rupiah=100_001)
        later = record(clawback_id, officer_id=officer_id, received_on=date(2020, 5, 19))
    assert again.repeated and again.repayment_id == first.repayment_id and again.outstanding_rupiah == 800_000
    for outcome in (other, later):
        assert outcome.refusal.code == LifecycleRefusal.REFERENCE_USED
        assert outcome.refusal.values["received_rupiah"] == 100_000


def test_one_receipt_is_one_repayment_over_the_programme(clawback_id: int) -> None:
    (other,) = factories.accepted()
    factories.bought(other, factories.training())
    another_id = money_back.approved(other)
    record(clawback_id)
    refusal = record(another_id, amount_rupiah=1).refusal
    assert (refusal.code, refusal.values["clawback_id"]) == (LifecycleRefusal.REFERENCE_OF_ANOTHER, clawback_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount_rupiah": 900_001}, LifecycleRefusal.ABOVE_OUTSTANDING),
        ({"amount_rupiah": 0}, LifecycleRefusal.REPAYMENT_NOT_POSITIVE),
        ({"amount_rupiah": -5}, LifecycleRefusal.REPAYMENT_NOT_POSITIVE),
        ({"reference": " "}, LifecycleRefusal.REFERENCE_MALFORMED),
        ({"reference": "A" * 41}, LifecycleRefusal.REFERENCE_MALFORMED),
        ({"reference": "=1+1"}, LifecycleRefusal.REFERENCE_MALFORMED),
        ({"reference": "A\x00B"}, LifecycleRefusal.REFERENCE_MALFORMED),
        ({"received_on": date(2020, 5, 21)}, LifecycleRefusal.RECEIVED_IN_FUTURE),
        ({"received_on": date(2020, 5, 3)}, LifecycleRefusal.RECEIVED_TOO_EARLY),
        ({"clawback_id": 2**62}, LifecycleRefusal.CLAWBACK_NOT_FOUND),
    ],
)
def test_what_cannot_have_been_paid_back(clawback_id: int, changes: dict[str, Any], code: LifecycleRefusal) -> None:
    officer_id = factories.officer().pk
    with nothing_changes():
        outcome = record(clawback_id, officer_id=officer_id, **changes)
    assert outcome.repayment_id is None and outcome.refusal.code == code


def test_before_the_approval_and_after_a_withdrawal_nothing_is_owed(clawback_id: int) -> None:
    (other,) = factories.accepted()
    waiting_id = money_back.decided(other)
    assert record(waiting_id).refusal.code == LifecycleRefusal.CLAWBACK_NOT_APPROVED
    money_back.withdraw(clawback_id, at=AT)
    assert record(clawback_id).refusal.code == LifecycleRefusal.CLAWBACK_WITHDRAWN


def test_what_is_owed_ages(clawback_id: int) -> None:
    record(clawback_id, amount_rupiah=650_000)
    for at, band in (
        (jakarta(2020, 7, 3), 0),
        (jakarta(2020, 7, 4), 1),
        (jakarta(2020, 8, 2), 1),
        (jakarta(2020, 8, 3), 2),
        (jakarta(2020, 9, 2), 3),
        (jakarta(2020, 12, 1), 4),
    ):
        (age,) = receivables(as_of=at)
        assert (age.band, age.incentive_rupiah, age.training_rupiah) == (band, 0, 250_000), at
    (before,) = receivables(as_of=jakarta(2020, 5, 19))
    assert before.total_rupiah == 900_000, "as of an instant before the repayment"
    assert receivables(as_of=jakarta(2020, 5, 1)) == ()
    for at in (jakarta(2020, 5, 19), jakarta(2020, 5, 21)):
        statement = treasury_statement(as_of=at)
        assert statement.receivable_rupiah == sum(age.total_rupiah for age in receivables(as_of=at))
        assert statement.difference_rupiah == 0 and statement.differing == ()


@pytest.mark.django_db(transaction=True)
def test_two_receipts_at_once_never_pay_back_too_much(race: Callable[..., list[Any]]) -> None:
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    officer_id = factories.officer().pk
    results = race(
        *(
            lambda reference=reference: record(
                clawback_id, reference=reference, amount_rupiah=400_000, officer_id=officer_id
            )
            for reference in ("R-1", "R-2", "R-1")
        )
    )
    taken = [result for result in results if result.refusal is None and not result.repeated]
    assert len(taken) == 1, results
    assert balances_of(owner_ids=[person])[person][Kind.INCENTIVE_RECEIVABLE] == 200_000
