"""When each survey opens, for one person and for many."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

import pytest

from bekal.engagement.queries import SurveyStanding, open_surveys, standings
from bekal.incentives.entitle import entitle
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from tests import factories
from tests.engagement.journey import (
    BALANCE_ENDED_AT,
    FIRST_OPEN_AT,
    FIRST_OPENS_ON,
    PAY_DAYS,
    answer,
    buyers,
    pay_instalments,
)
from tests.factories import ACCEPTED_AT, jakarta
from tests.incentives.journey import earners, exported, settled

pytestmark = pytest.mark.django_db


def open_to(participation_id: int, at: datetime) -> tuple[int, ...]:
    return open_surveys(participation_ids=[participation_id], at=at).get(participation_id, ())


def standing_of(participation_id: int, number: int, at: datetime) -> SurveyStanding:
    found = standings(participation_ids=[participation_id], at=at)
    return next(each for each in found if each.survey_number == number)


def test_the_first_survey_opens_at_midnight_30_days_after_acceptance() -> None:
    (person,) = buyers()
    midnight = jakarta(2020, 5, 20, 0)
    assert open_to(person, midnight - timedelta(seconds=1)) == ()
    assert open_to(person, midnight) == (1,)
    assert standing_of(person, 1, ACCEPTED_AT + timedelta(days=2)).opens_on == FIRST_OPENS_ON


def test_whoever_can_still_lose_the_place_is_not_asked() -> None:
    """The envelope of a place that is taken back returns whole, so nothing of it is earned before a purchase."""
    (person,) = factories.accepted()
    last_day = ACCEPTED_AT + timedelta(days=30)
    assert open_to(person, last_day) == ()
    assert (standing_of(person, 1, last_day).has_bought, standing_of(person, 1, last_day).opens_on) == (False, None)
    factories.bought(person, factories.training(), at=last_day)
    assert open_to(person, last_day) == (1,)


def test_the_second_opens_on_the_day_the_second_instalment_arrives() -> None:
    (person,) = earners()
    pay_instalments(1)
    assert open_to(person, jakarta(2020, 5, 26, 14)) == (1,)
    assert standing_of(person, 2, FIRST_OPEN_AT).opens_on is None
    assert standing_of(person, 2, FIRST_OPEN_AT).instalment == 2
    pay_instalments(2)
    assert open_to(person, jakarta(2020, 5, 26, 14)) == (1,)
    assert open_to(person, jakarta(2020, 5, 26, 16)) == (1, 2)
    assert standing_of(person, 2, jakarta(2020, 6, 1)).opens_on == PAY_DAYS[1]


def test_a_refused_payment_is_none_that_arrived() -> None:
    (person,) = earners()
    pay_instalments(1)
    run = exported(planned_for=PAY_DAYS[1], at=jakarta(2020, 5, 26, 8))
    (file,) = run.files
    reference = file.content.decode().split("BKL")[1][:17]
    settled(run, {f"BKL{reference}": "AC04"}, at=jakarta(2020, 5, 26, 15))
    assert open_to(person, jakarta(2020, 6, 1)) == (1,)


def test_the_third_waits_for_the_last_instalment_and_the_end_of_the_balance() -> None:
    (person,) = earners()
    pay_instalments(1, 2, 3)
    assert open_to(person, BALANCE_ENDED_AT) == (1, 2)
    pay_instalments(4)
    assert open_to(person, jakarta(2020, 12, 15, 23)) == (1, 2)
    assert standing_of(person, 3, jakarta(2020, 8, 1)).opens_on == date(2020, 12, 16)
    assert open_to(person, BALANCE_ENDED_AT) == (1, 2, 3)


def test_those_of_2023_have_two_and_one_instalment() -> None:
    accepted_at = jakarta(2023, 3, 1)
    (person,) = factories.accepted(at=accepted_at)
    factories.reconciled(person, factories.training(), at=accepted_at + timedelta(days=1))
    entitle(at=accepted_at + timedelta(days=6))
    found = standings(participation_ids=[person], at=accepted_at)
    assert [(each.survey_number, each.instalment) for each in found] == [(1, None), (2, 1)]
    pay_on = date(2023, 3, 7)  # front loading has passed: the first working day from the day it was earned
    settled(exported(planned_for=pay_on, at=jakarta(2023, 3, 7, 8)), at=jakarta(2023, 3, 7, 15))
    assert open_to(person, jakarta(2023, 3, 8)) == (2,)
    assert open_to(person, jakarta(2024, 3, 8)) == (1, 2)


def test_what_is_answered_is_open_no_more() -> None:
    (person,) = buyers()
    outcome = answer(person)
    assert open_to(person, FIRST_OPEN_AT) == ()
    standing = standing_of(person, 1, FIRST_OPEN_AT)
    assert (standing.response_id, standing.answered_at) == (outcome.response_id, FIRST_OPEN_AT)


def test_a_completed_training_is_known() -> None:
    (person,) = factories.accepted()
    factories.completed(person, factories.training())
    assert standing_of(person, 1, FIRST_OPEN_AT).has_completed
    assert not standing_of(person, 1, ACCEPTED_AT + timedelta(days=2)).has_completed


def test_what_came_before_the_person_was_taken_over_counts() -> None:
    """Three instalments and one survey were paid elsewhere; nothing of that is in these books."""
    (person,) = factories.accepted()
    taken_over_at = jakarta(2020, 9, 1)
    Participation.objects.filter(pk=person).update(
        opened_at=taken_over_at, bought_before=True, incentives_paid_before_count=3, surveys_paid_before_count=1
    )
    second, third = standings(participation_ids=[person], at=taken_over_at)
    assert (second.survey_number, second.has_bought, second.has_completed) == (2, True, True)
    assert (second.opens_on, third.opens_on) == (taken_over_at.date(), None)
    Participation.objects.filter(pk=person).update(incentives_paid_before_count=4)
    assert open_to(person, jakarta(2020, 9, 2)) == (2,)
    assert open_to(person, BALANCE_ENDED_AT) == (2, 3)


def test_revoked_places_and_strange_numbers_are_left_out() -> None:
    (revoked,) = factories.accepted()
    revoke(at=jakarta(2020, 5, 21))
    assert standings(participation_ids=[revoked, 10**12, -1], at=jakarta(2020, 6, 1)) == ()
    assert open_surveys(participation_ids=[revoked, 10**12], at=jakarta(2020, 6, 1)) == {}
    (later,) = factories.accepted(at=jakarta(2020, 7, 1))
    assert standings(participation_ids=[later], at=jakarta(2020, 6, 30)) == ()
    assert open_surveys(participation_ids=[], at=jakarta(2020, 6, 1)) == {}


def test_a_naive_instant_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        open_surveys(participation_ids=[1], at=FIRST_OPEN_AT.replace(tzinfo=None))


def test_many_people_are_one_statement(assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    people = buyers(20)
    with assert_queries(1):
        assert open_surveys(participation_ids=[*people, *people], at=FIRST_OPEN_AT) == dict.fromkeys(people, (1,))
