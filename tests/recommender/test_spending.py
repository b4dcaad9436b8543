"""What one balance can do: every step is the best set for its money, within the limits a person sets."""

from typing import Any

import pytest

from bekal.catalogue.models import Training
from bekal.participants.models import Participation
from bekal.recommender.serve import ListState, recommend_for
from bekal.recommender.spending import SpendingOptions, spending_for
from bekal.recommender.switch_personalisation import switch_personalisation
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import serving_model
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 11, 19, 10)
ALL = 10_000  # more steps than there are


@pytest.fixture
def person(db: None) -> int:
    """Rp300,000 left, nine trainings; the first says nothing about its hours."""
    trainings = [
        factories.training(price_rupiah=40_000 + 13_950 * n, title=f"Kelas nomor {n}", hours=n or None)
        for n in range(9)
    ]
    for place, other in enumerate(factories.accepted(7)):
        factories.reviewed(other, trainings[place % 4])
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training(price_rupiah=700_000))
    serving_model(at=AT)
    return person


def options(person: int, **limits: Any) -> SpendingOptions:
    return spending_for(participation_id=person, at=AT, **{"open_count": ALL} | limits)


def test_steps_fall_in_money_and_in_how_well_they_suit(person: int) -> None:
    found = options(person)
    assert found.state is ListState.READY and found.balance_rupiah == 300_000
    spent, shares = [each.spent_rupiah for each in found.steps], [each.share for each in found.steps]
    assert spent == sorted(set(spent), reverse=True) and shares == sorted(set(shares), reverse=True)
    assert shares[0] == 1.0 and found.plan_shares[0] == 1.0
    prices = dict(Training.objects.values_list("pk", "price_rupiah"))
    for step in found.steps:
        assert step.training_ids and sum(prices[number] for number in step.training_ids) == step.spent_rupiah
        assert step.spent_rupiah + step.left_rupiah == 300_000


def test_the_plans_are_those_of_the_list(person: int) -> None:
    (shown,) = recommend_for(participation_ids=[person], at=AT)
    assert options(person).plans == shown.plans


def test_sets_are_opened_where_asked_and_are_the_same_alone(person: int) -> None:
    whole = options(person).steps
    assert len(whole) > 3
    some = spending_for(participation_id=person, at=AT, open_from=1, open_count=2).steps
    assert [each.training_ids is not None for each in some] == [1 <= place <= 2 for place in range(len(some))]
    assert some[1:3] == whole[1:3]
    assert [each.share for each in some] == [each.share for each in whole]


@pytest.fixture
def odd_person(db: None) -> int:
    """Rp1,000,000 left, and so many odd prices that sums of them share no grid."""
    endings = (0, -100, -1, -37, -499)
    trainings = [
        factories.training(price_rupiah=60_000 + 9_000 * n + endings[n % 5], title=f"Kelas nomor {n}", hours=3 + n % 7)
        for n in range(40)
    ]
    for place, other in enumerate(factories.accepted(9)):
        factories.reviewed(other, trainings[4 * place])
    (person,) = factories.accepted(at=jakarta(2020, 11, 10))
    serving_model(at=AT)
    return person


@pytest.mark.parametrize("limits", [{}, {"max_hours": 21}, {"max_hours": 999}])
def test_with_odd_prices_each_step_costs_what_it_says(odd_person: int, limits: dict[str, int]) -> None:
    prices = dict(Training.objects.values_list("pk", "price_rupiah"))
    found = options(odd_person, **limits)
    assert found.balance_rupiah == 1_000_000 and len(found.steps) >= 10
    for step in found.steps:
        assert sum(prices[number] for number in step.training_ids or ()) == step.spent_rupiah
    for plan, share in zip(found.plans, found.plan_shares, strict=True):
        assert sum(prices[number] for number in plan.training_ids) == plan.spent_rupiah
        assert share <= 1.0


def test_limits_are_kept(person: int) -> None:
    assert all(len(each.training_ids or ()) == 1 for each in options(person, max_count=1).steps)
    hours = dict(Training.objects.values_list("pk", "hours"))
    limited = options(person, max_hours=5)
    assert limited.steps
    for step in limited.steps:
        told = [hours[number] for number in step.training_ids or ()]
        assert None not in told and sum(told) <= 5
    assert options(person, max_hours=0).steps == ()


def test_every_state_is_told(person: int) -> None:
    (revoked,) = factories.accepted(at=jakarta(2020, 9, 1))
    assert options(revoked).state is ListState.CLOSED and options(revoked).steps == ()
    participant_id = Participation.objects.get(pk=person).participant_id
    switch_personalisation(participant_ids=[participant_id], is_on=False, at=AT)
    off = options(person)
    assert (off.state, off.balance_rupiah, off.plans, off.steps) == (ListState.OFF, 300_000, (), ())


def test_without_a_model_there_is_nothing_to_plan_with(db: None) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 11, 10))
    assert options(person).state is ListState.NO_MODEL


@pytest.mark.parametrize("max_count", [0, 9])
def test_a_limit_out_of_bounds_is_named(person: int, max_count: int) -> None:
    with pytest.raises(ValueError, match=f"max_count must be 1 to 8, not {max_count}"):
        options(person, max_count=max_count)


def test_planning_keeps_nothing(person: int) -> None:
    with nothing_changes():
        options(person, max_count=3, max_hours=9)
