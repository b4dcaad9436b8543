"""`request_purchases`: a code to everyone who may buy, a reason to everyone else."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.messaging.issue_codes import IssuedCode
from bekal.messaging.models import Channel
from bekal.messaging.queries import messages_to
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.models import ContactPoint, Participation
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.BOUGHT_AT


def ask(participation_id: int, training_id: int, *, at: Any = AT) -> IssuedCode | Refusal:
    (outcome,) = request_purchases(intents=[Intent(participation_id, training_id)], at=at)
    return outcome


def holder_of(participation_id: int) -> int:
    return Participation.objects.get(pk=participation_id).participant_id


@pytest.mark.django_db
def test_the_code_is_bound_to_the_training_at_its_price_and_the_message_says_so() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(price_rupiah=89_700, title="Barista Dasar")
    issued = ask(buyer, training.pk)
    assert isinstance(issued, IssuedCode)
    assert (issued.holder_id, issued.subject) == (holder_of(buyer), f"buy:{training.pk}:89700")
    (message,) = messages_to(holder_id=issued.holder_id)
    assert message.channel == Channel.SMS
    for words in (issued.code, "Barista Dasar", "Rp89.700"):
        assert words in message.body


@pytest.mark.django_db
def test_who_lost_the_phone_gets_it_by_email_and_who_cannot_be_reached_not_at_all() -> None:
    with_email, without = *factories.accepted(email="siti@contoh.id"), *factories.accepted()
    training = factories.training()
    ContactPoint.objects.filter(kind="phone").update(unreachable_since_at=factories.ACCEPTED_AT)
    assert isinstance(ask(with_email, training.pk), IssuedCode)
    (message,) = messages_to(holder_id=holder_of(with_email))
    assert message.channel == Channel.EMAIL
    with nothing_changes():
        assert ask(without, training.pk) == Refusal(PurchaseRefusal.UNREACHABLE)


@pytest.mark.django_db
def test_who_may_not_buy_gets_no_code() -> None:
    (buyer,) = factories.accepted()
    dear, gone = factories.training(price_rupiah=1_000_001), factories.training(on_sale=False)
    good = factories.training()
    late = factories.jakarta(2020, 5, 21)
    cases: list[tuple[int, int, Any, str]] = [
        (buyer, dear.pk, AT, RefusalCode.ABOVE_BALANCE),
        (buyer, gone.pk, AT, RefusalCode.NOT_ON_SALE),
        (buyer, 2**70, AT, PurchaseRefusal.UNKNOWN_TRAINING),
        (buyer + 1, good.pk, AT, RefusalCode.NOT_PARTICIPATING),
        (2**63, good.pk, AT, RefusalCode.NOT_PARTICIPATING),
        (buyer, good.pk, late, RefusalCode.FIRST_PURCHASE_DEADLINE_PASSED),
    ]
    for participation_id, training_id, at, code in cases:
        with nothing_changes():
            outcome = ask(participation_id, training_id, at=at)
        assert isinstance(outcome, Refusal) and outcome.code == code


@pytest.mark.django_db
def test_the_sixth_code_of_an_hour_is_refused() -> None:
    (buyer,) = factories.accepted()
    training = factories.training()
    for _ in range(5):
        assert isinstance(ask(buyer, training.pk), IssuedCode)
    with nothing_changes():
        outcome = ask(buyer, training.pk)
    assert isinstance(outcome, Refusal) and outcome.code == CodeRefusal.TOO_MANY_CODES


@pytest.mark.django_db
def test_outcomes_stand_in_the_order_of_the_intents() -> None:
    first, second = factories.accepted(2)
    training = factories.training()
    intents = [Intent(first, training.pk), Intent(first, 2**62), Intent(second, training.pk)]
    outcomes = request_purchases(intents=intents, at=AT)
    holders = [outcome.holder_id if isinstance(outcome, IssuedCode) else None for outcome in outcomes]
    assert holders == [holder_of(first), None, holder_of(second)]
    assert request_purchases(intents=[], at=AT) == ()


@pytest.mark.django_db
def test_many_people_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training()
    for count in (1, 40):
        intents = [Intent(buyer, training.pk) for buyer in factories.accepted(count)]
        with assert_queries(10):
            request_purchases(intents=intents, at=AT)
