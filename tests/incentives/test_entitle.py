from collections.abc import Callable
from datetime import date, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from bekal.core.entitlement import instalments_owed
from bekal.core.rules import RULES
from bekal.incentives.entitle import AnsweredSurvey, Entitled, entitle, entitle_surveys, entitling_ids
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


@pytest.mark.parametrize("ended_as", ["closed", "clawed_back"])
def test_a_closed_or_clawed_back_place_earns_nothing(ended_as: str) -> None:
    ended, other = factories.accepted(2)
    learned((ended, other))
    ends = {"closed_at": RECONCILED_AT}
    if ended_as == "clawed_back":
        # A place can be clawed back only where it was taken back; whoever brings it back must not bring back this.
        ends = {"clawed_back_at": RECONCILED_AT, "revoked_at": RECONCILED_AT}
    Participation.objects.filter(pk=ended).update(**ends)
    assert entitling_ids(at=RECONCILED_AT) == [other]
    assert entitle(at=RECONCILED_AT) == Entitled(4, 1)
    late, early = RECONCILED_AT + timedelta(days=1), RECONCILED_AT - timedelta(days=1)
    assert entitle_surveys(answers=[AnsweredSurvey(ended, 1, late)]) == Entitled(0, 0)
    assert entitle_surveys(answers=[AnsweredSurvey(ended, 1, early)]) == Entitled(1, 1)


def test_the_list_of_a_dry_run_is_whom_the_verb_entitles() -> None:
    first, second, third = factories.accepted(3)
    learned((first, second, third))
    entitle(at=RECONCILED_AT, participation_ids=[second])
    assert entitling_ids(at=RECONCILED_AT - timedelta(days=1)) == []
    assert entitling_ids(at=RECONCILED_AT) == [first, third]
    assert entitle(at=RECONCILED_AT) == Entitled(8, 2)
    assert entitling_ids(at=RECONCILED_AT) == []


def test_people_of_different_days_and_schemes_in_one_call() -> None:
    first, second = factories.accepted(2)
    (later,) = factories.accepted(at=jakarta(2020, 12, 20))
    training = factories.training()
    factories.reconciled(first, training, at=jakarta(2020, 4, 21))
    factories.reconciled(second, training, at=jakarta(2020, 5, 4))
    factories.reconciled(later, training, at=jakarta(2020, 12, 22))
    assert entitle(at=jakarta(2021, 1, 5)) == Entitled(12, 3)
    assert [rows_of(person)[0][3] for person in (first, second)] == [date(2020, 4, 25), date(2020, 5, 25)]
    expected = instalments_owed(RULES.scheme(date(2020, 12, 20)), date(2020, 12, 26))
    assert [row[4] for row in rows_of(later)] == [one.payment_on for one in expected]


@pytest.mark.django_db(transaction=True)
def test_runs_at_once_entitle_everybody_once(race: Callable[..., list[Any]]) -> None:
    ids = factories.accepted(20)
    learned(ids)
    results = race(*[lambda: entitle(at=RECONCILED_AT)] * 3)
    assert sum(result.entitlement_count for result in results) == 80
    assert Entitlement.objects.count() == 80


@pytest.mark.django_db(transaction=True)
def test_entitled_or_closed_first_never_entitled_afterwards(race: Callable[..., list[Any]]) -> None:
    """Who closes holds the place; entitling waits for it and looks at it again."""
    (person,) = factories.accepted()
    learned((person,))
    locked, waited = Event(), Event()

    def close() -> None:
        with transaction.atomic():
            Participation.objects.select_for_update(no_key=True).get(pk=person)
            locked.set()
            assert waited.wait(timeout=60)
            Participation.objects.filter(pk=person).update(closed_at=RECONCILED_AT)

    def earn() -> Entitled:
        assert locked.wait(timeout=60)
        Thread(target=let_it_close_when_we_wait).start()
        return entitle(at=RECONCILED_AT)

    def let_it_close_when_we_wait() -> None:
        try:
            with connection.cursor() as cursor:
                waiting = 0
                while not waiting:
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    (waiting,) = cursor.fetchone()
        finally:
            waited.set()
            connection.close()

    _, earned = race(close, earn)
    assert earned == Entitled(0, 0)
    assert rows_of(person) == []


def test_only_those_named() -> None:
    first, second = factories.accepted(2)
    learned((first, second))
    assert entitle(at=RECONCILED_AT, participation_ids=[second]) == Entitled(4, 1)
    assert entitle(at=RECONCILED_AT, participation_ids=[]) == Entitled(0, 0)
    assert rows_of(first) == []


def test_a_naive_instant_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        entitle(at=RECONCILED_AT.replace(tzinfo=None))


def test_many_people_are_two_statements_and_finding_them_is_one(assert_queries) -> None:
    ids = factories.accepted(30)
    learned(ids)
    with assert_queries(2):
        assert entitle(at=RECONCILED_AT, participation_ids=ids[:10]) == Entitled(40, 10)
    with assert_queries(3):
        assert entitle(at=RECONCILED_AT) == Entitled(80, 20)
    with assert_queries(1):
        assert entitle(at=RECONCILED_AT) == Entitled(0, 0)
