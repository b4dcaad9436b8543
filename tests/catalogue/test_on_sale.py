"""What stops a sale: an accreditation that ended, a suspension; at once, and against a rival who buys."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bekal.catalogue.accredit import AccreditOutcome, NewAccreditation, accredit
from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Accreditation, Platform, Suspension, Training, TrainingPrice
from bekal.catalogue.on_sale import refresh_sales
from bekal.catalogue.prices import price_at
from bekal.catalogue.refusals import SaleRefusal, ShelfRefusal
from bekal.catalogue.search import search_trainings
from bekal.catalogue.suspend import NewLift, NewSuspension, SuspendOutcome, lift_suspensions, suspend
from bekal.messaging.issue_codes import IssuedCode
from bekal.purchases.buy import Order, buy
from bekal.purchases.models import Purchase
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.settle_institutions import settle_institutions, settleable_ids
from tests import factories
from tests.factories import BOUGHT_AT as AT
from tests.factories import jakarta


def decide(training: Training, *, platform: bool = False, **changes: Any) -> AccreditOutcome:
    fields: dict[str, Any] = {"state": "accredited", "number": "A-1", "reason": "Surat tim.", "by_id": None}
    subject = {"platform_id": training.platform_id} if platform else {"institution_id": training.institution_id}
    (outcome,) = accredit(accreditations=[NewAccreditation(**subject | fields | changes)], at=AT)
    return outcome


def stop(*, by: int | None = None, reason: str = "Bukti palsu.", **subject: int | None) -> SuspendOutcome:
    new = NewSuspension(reason=reason, by_id=by or factories.officer().pk, **subject)
    (outcome,) = suspend(suspensions=[new], at=AT)
    return outcome


def lift(number: int | None, *, by: int | None = None, reason: str = "Sudah diperiksa.") -> SuspendOutcome:
    (outcome,) = lift_suspensions(lifts=[NewLift(number or 0, reason, by or factories.officer().pk)], at=AT)
    return outcome


def refusal_to(buyer: int, training: Training, at: Any = AT) -> object:
    (answer,) = request_purchases(intents=[Intent(buyer, training.pk)], at=at)
    return None if isinstance(answer, IssuedCode) else answer.code


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("platform", "changes", "code"),
    [
        (False, {"state": "pending", "number": ""}, SaleRefusal.INSTITUTION_NOT_ACCREDITED),
        (False, {"state": "revoked"}, SaleRefusal.INSTITUTION_NOT_ACCREDITED),
        (False, {"from_on": date(2020, 5, 1)}, SaleRefusal.INSTITUTION_NOT_ACCREDITED),
        (False, {"until_on": date(2020, 4, 20)}, SaleRefusal.INSTITUTION_EXPIRED),
        (True, {"state": "revoked"}, SaleRefusal.PLATFORM_NOT_REGISTERED),
        (True, {"until_on": date(2020, 4, 20)}, SaleRefusal.PLATFORM_EXPIRED),
    ],
)
def test_nothing_of_somebody_who_is_not_accredited_is_sold(platform: bool, changes: Any, code: SaleRefusal) -> None:
    training = factories.training(platform=Platform.objects.create(code="karsa", name="Karsa"))
    (buyer,) = factories.accepted()
    order = factories.order_for(buyer, training)
    assert decide(training, platform=platform, **changes).closed_count == 1
    assert refusal_to(buyer, training) == code
    (outcome,) = buy(orders=[order], at=AT)
    assert outcome.refusal and outcome.refusal.code == code
    assert search_trainings().total_count == 0
    assert decide(training, platform=platform, until_on=date(2020, 12, 31)).opened_count == 1
    (outcome,) = buy(orders=[order], at=AT)
    assert outcome.refusal is None


@pytest.mark.django_db
def test_an_accreditation_ends_by_the_calendar() -> None:
    """`buy` needs no daily work for that, lists follow with it."""
    training = factories.training()
    (buyer,) = factories.accepted()
    decide(training, until_on=date(2020, 4, 30))
    assert refusal_to(buyer, training, jakarta(2020, 4, 30, 23, 59)) is None
    after = jakarta(2020, 5, 1, 0, 0)
    assert refusal_to(buyer, training, after) == SaleRefusal.INSTITUTION_EXPIRED
    training.refresh_from_db()
    assert training.on_sale
    assert refresh_sales(at=jakarta(2020, 4, 30)).closed_count == 0
    assert [refresh_sales(at=after).closed_count for _ in range(2)] == [1, 0]
    training.refresh_from_db()
    assert not training.on_sale and training.is_offered


@pytest.mark.django_db
def test_decisions_about_accreditation_stay_and_need_a_number_and_a_reason() -> None:
    training, officer = factories.training(), factories.officer()
    codes = [
        outcome.refusal.code if outcome.refusal else None
        for outcome in (
            decide(training, by_id=officer.pk, number=" "),
            decide(training, by_id=officer.pk, number="1" * 61),
            decide(training, by_id=officer.pk, reason=""),
            decide(training, by_id=officer.pk, state="ya"),
            decide(training, by_id=factories.auditor().pk),
            decide(training, from_on=date(2020, 2, 1), until_on=date(2020, 1, 1)),
            decide(training, by_id=officer.pk),
        )
    ]
    assert codes == [
        ShelfRefusal.NUMBER_MISSING,
        ShelfRefusal.NUMBER_UNREADABLE,
        ShelfRefusal.REASON_EMPTY,
        ShelfRefusal.CHOICE_UNKNOWN,
        ShelfRefusal.NOT_AN_OFFICER,
        ShelfRefusal.DAYS_REVERSED,
        None,
    ]
    assert decide(training, by_id=officer.pk).repeated
    assert Accreditation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("subject", ["institution_id", "platform_id", "training_id"])
def test_a_suspension_stops_sales_and_settlement_until_another_officer_lifts_it(subject: str) -> None:
    training = factories.training(platform=Platform.objects.create(code="karsa", name="Karsa"))
    learner, buyer = factories.accepted(2)
    proven = factories.reconciled(learner, training)
    number = training.pk if subject == "training_id" else getattr(training, subject)
    officer = factories.officer()
    stopped = stop(by=officer.pk, **{subject: number})
    assert (stopped.refusal, stopped.closed_count) == (None, 1)
    assert stop(by=officer.pk, **{subject: number}).repeated
    other = stop(reason="Lain.", **{subject: number})
    assert other.refusal and other.refusal.code == ShelfRefusal.ALREADY_SUSPENDED
    assert refusal_to(buyer, training) == SaleRefusal.SALE_SUSPENDED
    late = jakarta(2020, 6, 1)
    assert settleable_ids(at=late) == []
    assert settle_institutions(purchase_ids=[proven], at=late).purchase_count == 0
    own = lift(stopped.suspension_id, by=officer.pk)
    assert own.refusal and own.refusal.code == ShelfRefusal.LIFTED_BY_ANOTHER
    assert lift(stopped.suspension_id, reason="").refusal is not None
    assert lift(stopped.suspension_id).opened_count == 1
    again = lift(stopped.suspension_id)
    assert again.refusal and again.refusal.code == ShelfRefusal.NOT_SUSPENDED
    assert refusal_to(buyer, training) is None
    assert settle_institutions(purchase_ids=[proven], at=late).purchase_count == 1


@pytest.mark.django_db
def test_what_is_suspended_twice_is_off_sale_until_both_are_lifted() -> None:
    training = factories.training()
    first, second = stop(training_id=training.pk), stop(institution_id=training.institution_id)
    assert lift(first.suspension_id).opened_count == 0
    assert lift(second.suspension_id).opened_count == 1
    assert Suspension.objects.filter(lifted_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_whoever_locks_first_wins_between_a_buyer_and_a_suspension(race: Callable[..., list[Any]]) -> None:
    """No purchase is written after the suspension is: either the buyer is done before, or is refused."""
    officer = factories.officer()
    for _ in range(8):
        training = factories.training()
        orders = [factories.order_for(buyer, training) for buyer in factories.accepted(3)]

        def buying(order: Order) -> Callable[[], Any]:
            return lambda: buy(orders=[order], at=AT)[0]

        *outcomes, _stopped = race(*map(buying, orders), lambda pk=training.pk: stop(by=officer.pk, training_id=pk))
        assert all(
            outcome.refusal is None or outcome.refusal.code == SaleRefusal.SALE_SUSPENDED for outcome in outcomes
        )
        training.refresh_from_db()
        assert training.bought_count == sum(outcome.refusal is None for outcome in outcomes)
        assert not training.on_sale and training.is_suspended


@pytest.mark.django_db(transaction=True)
def test_a_purchase_has_the_price_that_stood_at_its_instant(race: Callable[..., list[Any]]) -> None:
    """However a change of the price and a purchase at one instant fall: the price of the purchase stood then."""
    for _ in range(8):
        training = factories.training()
        orders = [factories.order_for(buyer, training) for buyer in factories.accepted(3)]
        named = {"code": training.code, "title": training.title, "category": "Keterampilan"}
        new = NewTraining(**named, institution=training.institution.name, price_rupiah=250_000)
        # The change carries an earlier instant than the purchases, as one that was held up before it got its turn.
        change = [lambda new=new: import_trainings(trainings=[new], at=jakarta(2020, 4, 20, 12))]
        *bought, _changed = race(*[lambda o=order: buy(orders=[o], at=AT)[0] for order in orders], *change)
        assert {each.refusal.code for each in bought if each.refusal} <= {PurchaseRefusal.PRICE_CHANGED}
    for purchase in Purchase.objects.order_by("pk"):
        assert price_at(training_id=purchase.training_id, at=purchase.bought_at) == purchase.price_rupiah
    assert TrainingPrice.objects.filter(price_rupiah=250_000).count() == 8
