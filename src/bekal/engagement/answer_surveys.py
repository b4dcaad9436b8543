"""`answer_surveys`: what people answer is kept for good, and earns the survey's pay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction

from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.engagement.answers import Answer, fitting_answers
from bekal.engagement.models import SurveyResponse
from bekal.engagement.queries import SurveyStanding, standings
from bekal.engagement.questionnaires import SURVEYS
from bekal.engagement.refusals import SurveyRefusal
from bekal.incentives.entitle import AnsweredSurvey, entitle_surveys
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, new_ids
from bekal.lifecycle.refusals import LifecycleRefusal
from bekal.participants.models import Participation


@dataclass(frozen=True, slots=True)
class NewResponse:
    """One person's answers to one survey: question code to option code, or to a list of them where several are asked
    for; questions that are not asked of this person are left out."""

    participation_id: int
    survey_number: int
    answers: Mapping[str, str | list[str]] = field(repr=False)
    channel: str = "dashboard"


@dataclass(frozen=True, slots=True)
class ResponseOutcome:
    """The response, or why there is none. `repeated`: the very same answers had been given before; nothing changed."""

    response_id: int | None
    refusal: Refusal | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Given:
    """A response that is there already, or is about to be."""

    response_id: int
    answers: Mapping[str, Answer]
    answered_at: datetime
    channel: str


_Key = tuple[int, int]  # participation, number of the survey


@transaction.atomic
def answer_surveys(*, responses: Sequence[NewResponse], at: datetime) -> tuple[ResponseOutcome, ...]:
    """Keep the answers and write what they earn, in one transaction; outcomes in the order of `responses`.

    Refusals: NOT_PARTICIPATING, REVOKED, YEAR_CLOSED, SURVEY_UNKNOWN, SURVEY_NOT_OPEN, ALREADY_ANSWERED (with other
    answers) and those of `fitting_answers`. Raises ValueError for a naive `at` and for a channel there is none of. Lock
    order: participations by number, so that nobody is revoked meanwhile and a double click waits for the first.
    """
    for response in responses:
        SurveyResponse.Channel(response.channel)
    today = programme_day(at)
    people = _locked({response.participation_id for response in responses})
    standing = {
        (each.participation_id, each.survey_number): each for each in standings(participation_ids=list(people), at=at)
    }
    given = _given({each.response_id for each in standing.values() if each.response_id is not None})
    numbers = iter(new_ids(SurveyResponse, len(responses)))
    fresh: dict[_Key, _Given] = {}
    outcomes: list[ResponseOutcome] = []
    for response in responses:
        key = response.participation_id, response.survey_number
        person = people.get(response.participation_id)
        refusal = refusal_to_answer(person, response.survey_number, standing.get(key), on=today)
        if refusal is not None:
            outcomes.append(ResponseOutcome(None, refusal))
        elif earlier := fresh.get(key) or given.get(key):
            outcomes.append(_outcome_of_second(response, earlier))
        else:
            survey, has_completed = SURVEYS[response.survey_number], standing[key].has_completed
            answers = fitting_answers(survey, response.answers, has_completed=has_completed)
            if isinstance(answers, Refusal):
                outcomes.append(ResponseOutcome(None, answers))
            else:
                fresh[key] = _Given(next(numbers), answers, at, response.channel)
                outcomes.append(ResponseOutcome(fresh[key].response_id))
    _write(fresh)
    return tuple(outcomes)


def _locked(participation_ids: set[int]) -> dict[int, Participation]:
    rows = Participation.objects.filter(pk__in=participation_ids).order_by("pk").select_for_update(no_key=True)
    return {person.pk: person for person in rows.only("pk", "accepted_on", "revoked_at", "closed_at")}


def _given(response_ids: set[int]) -> dict[_Key, _Given]:
    rows = SurveyResponse.objects.filter(pk__in=response_ids).order_by("pk") if response_ids else ()
    return {
        (row.participation_id, row.survey_number): _Given(row.pk, row.answers, row.answered_at, row.channel)
        for row in rows
    }


def refusal_to_answer(
    person: Participation | None, survey_number: int, standing: SurveyStanding | None, *, on: date
) -> Refusal | None:
    """Why this person may not answer this survey on that day, whatever they answer; None is that they may."""
    if person is None or on < person.accepted_on:
        return Refusal(RefusalCode.NOT_PARTICIPATING)
    if person.revoked_at is not None:
        return Refusal(RefusalCode.REVOKED)
    if person.closed_at is not None:
        return Refusal(LifecycleRefusal.YEAR_CLOSED, {"closed_on": programme_day(person.closed_at)})
    if standing is None:
        return Refusal(SurveyRefusal.SURVEY_UNKNOWN, {"survey_number": survey_number})
    if standing.opens_on is None or standing.opens_on > on:
        values_of_day = {"survey_number": survey_number, "opens_on": standing.opens_on}
        return Refusal(SurveyRefusal.SURVEY_NOT_OPEN, values_of_day)
    return None


def _outcome_of_second(response: NewResponse, earlier: _Given) -> ResponseOutcome:
    if _comparable(response.answers) == _comparable(earlier.answers):
        return ResponseOutcome(earlier.response_id, repeated=True)
    answered_on = programme_day(earlier.answered_at)
    values: dict[str, int | str | date | None] = {"survey_number": response.survey_number, "answered_on": answered_on}
    return ResponseOutcome(None, Refusal(SurveyRefusal.ALREADY_ANSWERED, values))


def _comparable(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """In whatever order the options of one question were named."""
    return {code: answer if isinstance(answer, str) else sorted(answer) for code, answer in answers.items() if answer}


def _write(fresh: Mapping[_Key, _Given]) -> None:
    copy_rows(
        SurveyResponse,
        ("id", "participation_id", "survey_number", "channel", "answered_at", "answers"),
        ((each.response_id, *key, each.channel, each.answered_at, each.answers) for key, each in fresh.items()),
    )
    entitle_surveys(answers=[AnsweredSurvey(*key, each.answered_at) for key, each in fresh.items()])
