"""`end_purchases`: what was attended is paid pro rata, the rest goes back to where it may, every rupiah once."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bekal.catalogue.models import Training
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, remaining, transfers_of
from bekal.lifecycle.end_balances import end_balances
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import EndOutcome, end_purchases, ending_preview, split_by_sessions
from bekal.purchases.models import Purchase
from bekal.purchases.queries import evidence_owed, purchase
from bekal.purchases.reconcile import Reconciled, reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.write_review import NewReview, write_review
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 6, 10)
ENDING = Purchase.Ending
GRANT_RUPIAH = 1_000_000


def held(owner_id: int) -> tuple[int, int, int]:
    """What is in the training balance, in escrow, and owed to institutions."""
    money = balances_of(owner_ids=[owner_id])[owner_id]
    return tuple(money.get(kind, 0) for kind in (Kind.TRAINING_BALANCE, Kind.ESCROW, Kind.INSTITUTION_PAYABLE))


def attended(owner_id: int, *sequences: int, price_rupiah: int = 300_000, session_count: int = 3) -> int:
    """A redeemed purchase with these sessions attended."""
    training = factories.training(price_rupiah=price_rupiah, session_count=session_count)
    purchase_id = factories.redeemed(owner_id, training)
    attendances = [Attendance(training.institution_id, purchase_id, sequence) for sequence in sequences]
    for outcome in record_attendance(attendances=attendances, at=factories.COMPLETED_AT):
        assert outcome.refusal is None
    return purchase_id


def end(*purchase_ids: int, at: Any = AT) -> tuple[EndOutcome, ...]:
    """Ends them, after the preview has said the same without writing."""
    with nothing_changes():
        previewed = ending_preview(purchase_ids=purchase_ids, at=at)
    done = end_purchases(purchase_ids=purchase_ids, at=at)
    assert done == previewed
    return done


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sequences", "ending", "earned_rupiah"),
    [((), ENDING.REFUNDED, 0), ((2,), ENDING.PARTIAL, 100_000), ((1, 3), ENDING.PARTIAL, 200_000)],
)
def test_the_institution_earns_pro_rata_and_the_rest_returns_to_a_living_balance(
    sequences: tuple[int, ...], ending: ENDING, earned_rupiah: int
) -> None:
    (who,) = factories.accepted()
    number = attended(who, *sequences)
    assert held(who) == (GRANT_RUPIAH - 300_000, 300_000, 0)
    refunded_rupiah = 300_000 - earned_rupiah
    assert end(number) == (EndOutcome(number, ending, earned_rupiah, refunded_rupiah, None, to_balance=True),)
    assert held(who) == (GRANT_RUPIAH - earned_rupiah, 0, earned_rupiah)
    assert remaining(owner_ids=[who]) == {who: GRANT_RUPIAH - earned_rupiah}
    row = Purchase.objects.get()
    assert (row.ended_at, row.ending, row.refunded_rupiah) == (AT, ending, refunded_rupiah)
    keys = {line.idempotency_key for line in transfers_of(owner_id=who)}
    assert f"refund:{row.training_id}" in keys
    assert (f"completion:{row.training_id}" in keys) == (earned_rupiah > 0)
    line = purchase(purchase_id=number)
    assert line is not None and (line.earned_rupiah, line.to_balance, line.owed) == (earned_rupiah, True, ())


@pytest.mark.django_db
def test_every_session_attended_without_the_participants_part_is_paid_whole() -> None:
    one, two = factories.accepted(2)
    completed = factories.completed(one, factories.training(session_count=2))
    uncompleted = attended(two, 1, 2, 3)
    outcomes = end(completed, uncompleted)
    assert [(each.ending, each.earned_rupiah, each.refunded_rupiah) for each in outcomes] == [
        (ENDING.ATTENDED, 300_000, 0)
    ] * 2
    assert held(one) == held(two) == (GRANT_RUPIAH - 300_000, 0, 300_000)
    line = purchase(purchase_id=completed)
    assert line is not None and line.payable_from_on == AT.date() + timedelta(days=7)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["over", "ended", "revoked", "closed"])
def test_where_the_balance_lives_no_more_the_refund_goes_to_the_treasury(how: str) -> None:
    (who,) = factories.accepted()
    number = attended(who, 1)
    at = jakarta(2020, 12, 16, 0)
    if how == "ended":
        assert end_balances(at=at).participation_count == 1
    elif how != "over":
        at = AT
        Participation.objects.filter(pk=who).update(**{f"{how}_at": AT})
    before_rupiah, _, _ = held(who)
    (outcome,) = end(number, at=at)
    assert (outcome.refunded_rupiah, outcome.to_balance) == (200_000, False)
    assert held(who) == (before_rupiah, 0, 100_000)
    assert transfers_of(owner_id=who)[-1].credit_kind in (Kind.TREASURY, Kind.INSTITUTION_PAYABLE)
    line = purchase(purchase_id=number)
    assert line is not None and not line.to_balance


@pytest.mark.django_db
def test_on_its_last_day_the_balance_still_takes_a_refund() -> None:
    (who,) = factories.accepted()
    number = attended(who)
    (outcome,) = end(number, at=jakarta(2020, 12, 15, 23, 59))
    assert outcome.to_balance and held(who) == (GRANT_RUPIAH, 0, 0)


@pytest.mark.django_db
def test_the_same_again_changes_nothing_and_says_what_happened() -> None:
    (who,) = factories.accepted()
    to_balance, to_treasury = attended(who, 1), attended(who)
    (first,) = end(to_balance)
    (second,) = end(to_treasury, at=jakarta(2021, 1, 3))
    with nothing_changes():
        again = end(to_balance, to_treasury, at=jakarta(2021, 2, 1))
    assert [(each.earned_rupiah, each.refunded_rupiah, each.to_balance) for each in again] == [
        (100_000, 200_000, True),
        (0, 300_000, False),
    ]
    assert all(each.repeated and each.refusal is None for each in again)
    assert (first.repeated, second.repeated) == (False, False)


@pytest.mark.django_db
def test_one_named_twice_ends_once() -> None:
    (who,) = factories.accepted()
    number = attended(who)
    first, second = end_purchases(purchase_ids=[number, number], at=AT)
    assert (first.repeated, second.repeated) == (False, True)
    assert held(who) == (GRANT_RUPIAH, 0, 0)


@pytest.mark.django_db
def test_a_free_training_gets_its_ending_without_a_transfer() -> None:
    (who,) = factories.accepted()
    number = attended(who, 1, price_rupiah=0)
    before = transfers_of(owner_id=who)
    (outcome,) = end(number)
    assert (outcome.ending, outcome.earned_rupiah, outcome.refunded_rupiah) == (ENDING.PARTIAL, 0, 0)
    assert transfers_of(owner_id=who) == before and Purchase.objects.get().ended_at == AT


@pytest.mark.django_db
def test_what_is_unknown_or_proven_does_not_end() -> None:
    one, two = factories.accepted(2)
    proven = factories.reconciled(one, factories.training())
    unknown = proven + 10**6
    with nothing_changes():
        outcomes = end(proven, unknown, 2**70, 0)
    assert [each.refusal.code for each in outcomes if each.refusal] == [
        PurchaseRefusal.ALREADY_PROVEN,
        *[PurchaseRefusal.UNKNOWN_PURCHASE] * 3,
    ]
    complete = factories.reviewed(two, factories.training())
    (outcome,) = end(complete)
    assert outcome.refusal is not None and outcome.refusal.values == {"proven_on": AT.date()}
    assert Purchase.objects.get(pk=complete).reconciled_at == AT, "it is reconciled instead"
    assert held(two) == (GRANT_RUPIAH - 300_000, 0, 300_000)


@pytest.mark.django_db
def test_nothing_is_recorded_any_more_about_what_has_ended() -> None:
    one, two, three = factories.accepted(3)
    training = factories.training(session_count=1)
    institution_id = training.institution_id
    bought = factories.bought(one, training)
    learning, completed = factories.redeemed(two, training), factories.completed(three, training)
    assert bought.purchase_id is not None
    end(bought.purchase_id, learning, completed)
    with nothing_changes():
        outcomes: list[Any] = [
            *redeem(redemptions=[Redemption(institution_id, bought.redeem_code or "")], at=AT),
            *record_attendance(attendances=[Attendance(institution_id, learning, 1)], at=AT),
            *record_completion(completions=[Completion(institution_id, completed)], at=AT),
            *write_review(reviews=[NewReview(three, completed, 5, "Bagus.")], at=AT),
        ]
        assert reconcile(at=AT) == Reconciled((), 0)
    assert [(each.refusal.code, each.refusal.values) for each in outcomes] == [
        (PurchaseRefusal.PURCHASE_ENDED, {"ended_on": AT.date()})
    ] * 4
    assert set(evidence_owed(purchase_ids=[learning, completed]).values()) == {()}


@pytest.mark.django_db
def test_it_counts_as_bought_and_cannot_be_bought_again() -> None:
    (who,) = factories.accepted()
    training = factories.training(seat_count=5)
    number = factories.redeemed(who, training)
    end(number)
    assert Training.objects.get(pk=training.pk).bought_count == 1
    with pytest.raises(AssertionError, match="already_bought"):
        factories.bought(who, training, at=AT)
    assert Purchase.objects.get(pk=factories.bought(who, factories.training(), at=AT).purchase_id).ordinal == 2


@pytest.mark.django_db
def test_a_clock_set_back_does_not_end_before_what_came_first() -> None:
    (who,) = factories.accepted()
    number = factories.completed(who, factories.training())
    end(number, at=factories.ACCEPTED_AT)
    row = Purchase.objects.get()
    assert row.ended_at == row.completed_at


@pytest.mark.django_db
def test_many_endings_are_twelve_statements(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    people = factories.accepted(30, with_accounts=False)
    training = factories.training(session_count=2)
    ids = [each.purchase_id or 0 for each in factories.bought_all(people, training)]
    with assert_queries(12):
        assert len(end_purchases(purchase_ids=ids, at=AT)) == 30


@pytest.mark.django_db(transaction=True)
def test_rivals_end_everything_once(race: Callable[..., list[Any]]) -> None:
    people = factories.accepted(6, with_accounts=False)
    ids = [attended(who, 1) for who in people]
    results = race(
        lambda: end_purchases(purchase_ids=ids, at=AT),
        lambda: end_purchases(purchase_ids=ids[::-1], at=AT),
        lambda: end_balances(at=jakarta(2020, 12, 16), participation_ids=people),
    )
    first, second = ({each.purchase_id: each.repeated for each in done} for done in results[:2])
    assert all(first[number] != second[number] for number in ids)
    for who in people:
        balance_rupiah, escrow_rupiah, owed_rupiah = held(who)
        assert (balance_rupiah, escrow_rupiah, owed_rupiah) == (0, 0, 100_000) or balance_rupiah == 200_000


@given(price_rupiah=st.integers(0, 100_000_000), session_count=st.integers(1, 30))
def test_the_split_is_exact_and_never_falls_with_another_session(price_rupiah: int, session_count: int) -> None:
    earned: list[int] = []
    for count in range(session_count + 1):
        parts = split_by_sessions(price_rupiah=price_rupiah, attended_count=count, session_count=session_count)
        assert sum(parts) == price_rupiah and min(parts) >= 0
        assert abs(parts[0] * session_count - price_rupiah * count) < session_count, "within one rupiah of the share"
        earned.append(parts[0])
    assert earned == sorted(earned)
    assert (earned[0], earned[-1]) == (0, price_rupiah)
