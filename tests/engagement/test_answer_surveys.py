from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from bekal.core.entitlement import RefusalCode, survey_owed
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.engagement.answer_surveys import NewResponse, ResponseOutcome, answer_surveys
from bekal.engagement.answers import fitting_answers
from bekal.engagement.models import SurveyResponse
from bekal.engagement.questionnaires import SURVEYS, QuestionKind, Survey
from bekal.engagement.refusals import SurveyRefusal
from bekal.incentives.models import Entitlement
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from tests import factories
from tests.engagement.journey import ANSWERS, FIRST_OPEN_AT, FIRST_OPENS_ON, answer, answer_all, buyers
from tests.factories import ACCEPTED_AT, jakarta

needs_database = pytest.mark.django_db


def refusal_code(outcome: ResponseOutcome) -> str:
    assert outcome.refusal is not None and outcome.response_id is None and not outcome.repeated
    return str(outcome.refusal.code)


def earned_of(participation_id: int) -> list[tuple[str, int, int, date, date]]:
    rows = Entitlement.objects.filter(participation_id=participation_id).order_by("kind", "instalment")
    return list(rows.values_list("kind", "instalment", "amount_rupiah", "scheduled_on", "payment_on"))


# The pure decision


def given_as(survey: Survey, *, has_completed: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Whole, consistent answers to a survey."""

    @st.composite
    def draw_all(draw: st.DrawFn) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for question in survey.questions:
            if question.is_asked(answers, has_completed=has_completed):
                options = st.sampled_from(list(question.options))
                single = question.kind is QuestionKind.SINGLE
                answers[question.code] = draw(options if single else st.lists(options, min_size=1))
        return answers

    return draw_all()


@given(st.data())
def test_whole_answers_fit_and_each_one_taken_away_is_missed(data: st.DataObject) -> None:
    survey = data.draw(st.sampled_from(list(SURVEYS.values())))
    has_completed = data.draw(st.booleans())
    answers = data.draw(given_as(survey, has_completed=has_completed))
    kept = fitting_answers(survey, answers, has_completed=has_completed)
    assert isinstance(kept, dict)
    assert list(kept) == [question.code for question in survey.questions if question.code in answers]
    assert fitting_answers(survey, kept, has_completed=has_completed) == kept
    left_out = data.draw(st.sampled_from(list(answers)))
    del answers[left_out]
    refusal = fitting_answers(survey, answers, has_completed=has_completed)
    assert isinstance(refusal, Refusal)
    follows = {question.asked_when for question in survey.questions}
    if left_out not in follows:
        assert refusal == Refusal(SurveyRefusal.ANSWER_MISSING, {"question": left_out})


@pytest.mark.parametrize(
    ("number", "changes", "code", "values"),
    [
        (1, {"helped": ""}, SurveyRefusal.ANSWER_MISSING, {"question": "helped"}),
        (2, {"source": []}, SurveyRefusal.ANSWER_MISSING, {"question": "source"}),
        (3, {"reason": ""}, SurveyRefusal.ANSWER_MISSING, {"question": "reason"}),
        (1, {"helped": "perhaps"}, SurveyRefusal.ANSWER_UNKNOWN, {"question": "helped", "value": "perhaps"}),
        (1, {"helped": ["yes"]}, SurveyRefusal.ANSWER_UNKNOWN, {"question": "helped", "value": "['yes']"}),
        (2, {"source": "friends"}, SurveyRefusal.ANSWER_UNKNOWN, {"question": "source", "value": "friends"}),
        (2, {"source": ["print", "radio"]}, SurveyRefusal.ANSWER_UNKNOWN, {"question": "source", "value": "radio"}),
        (1, {"mood": "good"}, SurveyRefusal.ANSWER_UNKNOWN, {"question": "mood", "value": "good"}),
        (1, {"effective": "yes"}, SurveyRefusal.ANSWER_NOT_ASKED, {"question": "effective"}),
        (3, {"second": "yes"}, SurveyRefusal.ANSWER_NOT_ASKED, {"question": "reason"}),
    ],
)
def test_what_does_not_fit_is_named(
    number: int, changes: dict[str, Any], code: SurveyRefusal, values: dict[str, str]
) -> None:
    refusal = fitting_answers(SURVEYS[number], ANSWERS[number] | changes, has_completed=False)
    assert refusal == Refusal(code, values)


def test_the_options_of_one_answer_are_kept_once_and_in_order() -> None:
    said = {"source": ["television", "friends", "television"], "useful": "no"}
    kept = fitting_answers(SURVEYS[2], said, has_completed=True)
    assert kept == {"source": ["friends", "television"], "useful": "no"}


# The verb


@needs_database
def test_an_answer_is_kept_and_earns_what_core_says() -> None:
    (person,) = buyers()
    outcome = answer(person)
    row = SurveyResponse.objects.get()
    assert (outcome, row.pk) == (ResponseOutcome(row.pk), row.pk)
    assert (row.participation_id, row.survey_number, row.channel) == (person, 1, "dashboard")
    assert (row.answered_at, row.answers) == (FIRST_OPEN_AT, ANSWERS[1])
    owed = survey_owed(RULES.scheme(ACCEPTED_AT.date()), 1, FIRST_OPENS_ON)
    assert earned_of(person) == [("survey", 1, owed.amount_rupiah, owed.scheduled_on, owed.payment_on)]
    assert (owed.amount_rupiah, owed.payment_on) == (50_000, date(2020, 5, 26))


@needs_database
def test_who_completed_a_training_is_asked_one_question_more() -> None:
    (person,) = factories.accepted()
    factories.completed(person, factories.training())
    outcome = answer(person)
    assert outcome.refusal == Refusal(SurveyRefusal.ANSWER_MISSING, {"question": "effective"})
    assert answer(person, effective="no").response_id is not None
    assert SurveyResponse.objects.get().answers["effective"] == "no"


@needs_database
def test_the_same_again_changes_nothing_and_other_answers_are_refused() -> None:
    (person,) = buyers()
    first = answer(person)
    again = answer(person, at=FIRST_OPEN_AT + timedelta(days=40))
    assert again == replace(first, repeated=True)
    other = answer(person, at=FIRST_OPEN_AT + timedelta(days=40), employment="employee")
    values = {"survey_number": 1, "answered_on": FIRST_OPENS_ON}
    assert other.refusal == Refusal(SurveyRefusal.ALREADY_ANSWERED, values)
    assert SurveyResponse.objects.count() == Entitlement.objects.count() == 1


@needs_database
def test_what_was_answered_stays_answered_when_more_would_be_asked_now() -> None:
    (person,) = factories.accepted()
    purchase_id = factories.redeemed(person, factories.training())
    first = answer(person)
    factories.complete(purchase_id, at=FIRST_OPEN_AT + timedelta(hours=1))
    assert answer(person, at=FIRST_OPEN_AT + timedelta(hours=2)) == replace(first, repeated=True)


@needs_database
def test_one_call_may_name_a_person_twice() -> None:
    (person,) = buyers()
    response = NewResponse(person, 1, ANSWERS[1], "telephone")
    outcomes = answer_surveys(
        responses=[response, response, replace(response, answers=ANSWERS[1] | {"helped": "no"})], at=FIRST_OPEN_AT
    )
    assert outcomes[1] == replace(outcomes[0], repeated=True)
    assert refusal_code(outcomes[2]) == SurveyRefusal.ALREADY_ANSWERED
    assert SurveyResponse.objects.get().channel == "telephone"


@needs_database
def test_every_refusal_leaves_the_others_alone() -> None:
    buyer, other = buyers(2)
    (idle,) = factories.accepted()
    (revoked,) = factories.accepted()
    revoke(at=jakarta(2020, 5, 21), participation_ids=[revoked])
    (later,) = factories.accepted(at=jakarta(2020, 7, 1))
    at = jakarta(2020, 5, 22)
    wanted: Sequence[tuple[int, int, dict[str, Any], str | None]] = [
        (buyer, 1, ANSWERS[1], None),
        (10**12, 1, ANSWERS[1], RefusalCode.NOT_PARTICIPATING),
        (later, 1, ANSWERS[1], RefusalCode.NOT_PARTICIPATING),
        (revoked, 1, ANSWERS[1], RefusalCode.REVOKED),
        (idle, 1, ANSWERS[1], SurveyRefusal.SURVEY_NOT_OPEN),
        (buyer, 2, ANSWERS[2], SurveyRefusal.SURVEY_NOT_OPEN),
        (buyer, 4, {}, SurveyRefusal.SURVEY_UNKNOWN),
        (buyer, 0, {}, SurveyRefusal.SURVEY_UNKNOWN),
        (other, 1, {}, SurveyRefusal.ANSWER_MISSING),
    ]
    responses = [NewResponse(person, number, answers) for person, number, answers, _ in wanted]
    outcomes = answer_surveys(responses=responses, at=at)
    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [code for *_, code in wanted]
    assert SurveyResponse.objects.get().participation_id == buyer


@needs_database
def test_a_survey_that_is_not_open_says_its_day_where_it_is_known() -> None:
    (person,) = buyers()
    early = answer(person, at=FIRST_OPEN_AT - timedelta(days=1))
    assert early.refusal == Refusal(SurveyRefusal.SURVEY_NOT_OPEN, {"survey_number": 1, "opens_on": FIRST_OPENS_ON})
    waiting = answer(person, 2)
    assert waiting.refusal == Refusal(SurveyRefusal.SURVEY_NOT_OPEN, {"survey_number": 2, "opens_on": None})
    assert not Entitlement.objects.exists()


@needs_database
def test_those_of_2023_have_no_third_survey() -> None:
    accepted_at = jakarta(2023, 3, 1)
    (person,) = buyers(at=accepted_at)
    at = accepted_at + timedelta(days=31)
    assert answer(person, 3, at=at).refusal == Refusal(SurveyRefusal.SURVEY_UNKNOWN, {"survey_number": 3})
    assert answer(person, 1, at=at).response_id is not None


@needs_database
def test_a_mistake_of_the_caller_is_an_error() -> None:
    (person,) = buyers()
    with pytest.raises(ValueError, match="aware"):
        answer(person, at=FIRST_OPEN_AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="letter"):
        answer_surveys(responses=[NewResponse(person, 1, ANSWERS[1], "letter")], at=FIRST_OPEN_AT)
    assert answer_surveys(responses=[], at=FIRST_OPEN_AT) == ()
    assert not SurveyResponse.objects.exists()


@needs_database
def test_the_database_keeps_one_response_and_only_answers_by_question() -> None:
    (person,) = buyers()
    answer(person)
    row: dict[str, Any] = {"participation_id": person, "channel": "dashboard", "answered_at": FIRST_OPEN_AT}
    for fields in (
        {"survey_number": 1, "answers": {}},
        {"survey_number": 0, "answers": {}},
        {"survey_number": 2, "answers": ["yes"]},
        {"survey_number": 2, "answers": {}, "channel": "letter"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            SurveyResponse.objects.create(**row | fields)


@needs_database
@pytest.mark.parametrize("number", [1, 30])
def test_the_number_of_statements_does_not_grow_with_the_people(
    number: int, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    """Lock, standings, numbers, COPY, two to entitle; the one that finds the sequence is asked once in a process."""
    people = buyers(number)
    answer_all(buyers())
    with assert_queries(6):
        answer_all(people)
    assert SurveyResponse.objects.count() == Entitlement.objects.count() == number + 1


@needs_database
def test_participations_are_locked_in_the_order_of_their_numbers() -> None:
    people = buyers(3)
    with CaptureQueriesContext(connection) as captured:
        answer_all(reversed(people))
    (lock,) = [query["sql"] for query in captured.captured_queries if "FOR NO KEY UPDATE" in query["sql"]]
    assert 'FROM "participants_participation"' in lock and 'ORDER BY "participants_participation"."id" ASC' in lock


def test_a_double_click_answers_once(race: Callable[..., list[Any]]) -> None:
    (person,) = buyers()
    outcomes = race(*[lambda: answer(person)] * 3)
    assert {outcome.response_id for outcome in outcomes} == {SurveyResponse.objects.get().pk}
    assert sorted(outcome.repeated for outcome in outcomes) == [False, True, True]
    assert Entitlement.objects.count() == 1


def test_a_place_is_revoked_whole_or_kept(race: Callable[..., list[Any]]) -> None:
    """An answer on the day of the revocation earns nothing of an envelope that returns whole."""
    (person,) = factories.accepted()
    at = jakarta(2020, 5, 21)
    outcome, revoked = race(lambda: answer(person, at=at), lambda: revoke(at=at, participation_ids=[person]))
    assert outcome.refusal.code in (RefusalCode.REVOKED, SurveyRefusal.SURVEY_NOT_OPEN)
    assert revoked.returned_rupiah == 3_550_000
    assert Participation.objects.get(pk=person).revoked_at == at
