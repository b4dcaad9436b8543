from datetime import date, timedelta

import pytest

from bekal.core.entitlement import instalments_owed
from bekal.core.rules import RULES
from bekal.incentives.entitle import Entitled, entitle
from bekal.incentives.models import Entitlement
from bekal.ledger.clock import programme_day
from bekal.participants.models import Participation
from tests import factories
from tests.factories import ACCEPTED_AT, RECONCILED_AT, jakarta
from tests.incentives.journey import earners, learned

pytestmark = pytest.mark.django_db


def rows_of(participation_id: int) -> list[tuple[str, int, int, date, date]]:
    rows = Entitlement.objects.filter(participation_id=participation_id).order_by("kind", "instalment")
    return list(rows.values_list("kind", "instalment", "amount_rupiah", "scheduled_on", "payment_on"))


def test_the_first_reconciled_training_earns_four_instalments() -> None:
    (person,) = factories.accepted()
    learned((person,))
    assert entitle(at=RECONCILED_AT) == Entitled(entitlement_count=4, participation_count=1)
    assert rows_of(person) == [
        ("incentive", 1, 600_000, date(2020, 4, 25), date(2020, 4, 27)),
        ("incentive", 2, 600_000, date(2020, 5, 25), date(2020, 5, 26)),
        ("incentive", 3, 600_000, date(2020, 6, 25), date(2020, 6, 25)),
        ("incentive", 4, 600_000, date(2020, 7, 25), date(2020, 7, 27)),
    ]


def test_core_and_the_set_based_verb_agree_for_people_of_three_schemes() -> None:
    for accepted_at in (ACCEPTED_AT, jakarta(2020, 12, 20), jakarta(2023, 3, 1)):
        (person,) = factories.accepted(at=accepted_at)
        factories.reconciled(person, factories.training(), at=accepted_at + timedelta(days=2))
        accepted_on = programme_day(accepted_at)
        reconciled_on = accepted_on + timedelta(days=6)
        entitle(at=accepted_at + timedelta(days=7))
        expected = instalments_owed(RULES.scheme(accepted_on), reconciled_on)
        assert rows_of(person) == [
            (one.kind.value, one.number, one.amount_rupiah, one.scheduled_on, one.payment_on) for one in expected
        ]


def test_again_and_a_second_training_earn_nothing_more() -> None:
    (person,) = earners()
    factories.reconciled(person, factories.training(), at=RECONCILED_AT + timedelta(days=2))
    assert entitle(at=RECONCILED_AT + timedelta(days=30)) == Entitled(0, 0)


def test_the_first_of_several_trainings_sets_the_calendar() -> None:
    (person,) = factories.accepted()
    factories.reconciled(person, factories.training(), at=jakarta(2020, 5, 4))
    factories.reconciled(person, factories.training(), at=jakarta(2020, 6, 4))
    entitle(at=jakarta(2020, 7, 1))
    assert [row[3] for row in rows_of(person)] == [date(2020, month, 25) for month in (5, 6, 7, 8)]


def test_the_day_of_reconciliation_is_the_one_in_jakarta() -> None:
    """18:00 on the 25th in London is the 26th in Jakarta: a month later."""
    (person,) = factories.accepted()
    midnight = jakarta(2020, 4, 26, 0, 30)
    factories.reconciled(person, factories.training(), at=midnight - timedelta(days=4))
    entitle(at=midnight)
    assert rows_of(person)[0][3] == date(2020, 5, 25)


def test_nothing_is_earned_before_reconciliation_nor_after_revocation() -> None:
    reviewed, revoked, later = factories.accepted(3)
    training = factories.training()
    factories.reviewed(reviewed, training)
    factories.reconciled(revoked, training)
    factories.reconciled(later, training)
    Participation.objects.filter(pk=revoked).update(revoked_at=RECONCILED_AT)
    assert entitle(at=RECONCILED_AT - timedelta(seconds=1)) == Entitled(0, 0)
    assert entitle(at=RECONCILED_AT) == Entitled(4, 1)
    assert rows_of(reviewed) == rows_of(revoked) == []


def test_only_those_named() -> None:
    first, second = factories.accepted(2)
    learned((first, second))
    assert entitle(at=RECONCILED_AT, participation_ids=[second]) == Entitled(4, 1)
    assert entitle(at=RECONCILED_AT, participation_ids=[]) == Entitled(0, 0)
    assert rows_of(first) == []


def test_a_naive_instant_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        entitle(at=RECONCILED_AT.replace(tzinfo=None))


def test_many_people_are_two_statements(assert_queries) -> None:
    ids = factories.accepted(30)
    learned(ids)
    with assert_queries(2):
        assert entitle(at=RECONCILED_AT) == Entitled(120, 30)
