"""People who have come so far that a survey is open to them; every step is its verb."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from bekal.engagement.answer_surveys import NewResponse, ResponseOutcome, answer_surveys
from tests import factories
from tests.factories import ACCEPTED_AT, jakarta
from tests.incentives.journey import exported, settled

# Accepted on 20 April 2020: the first survey opens 30 days later. The instalments of who is reconciled on 25 April.
FIRST_OPENS_ON = date(2020, 5, 20)
FIRST_OPEN_AT = jakarta(2020, 5, 20)
PAY_DAYS = (date(2020, 4, 27), date(2020, 5, 26), date(2020, 6, 25), date(2020, 7, 27))
BALANCE_ENDED_AT = jakarta(2020, 12, 16)
ANSWERS: dict[int, dict[str, Any]] = {
    1: {"employment": "unemployed", "helped": "yes"},
    2: {"source": ["friends", "television"], "useful": "yes"},
    3: {"on_time": "agree", "second": "no", "reason": "no_time"},
}


def buyers(number: int = 1, *, at: datetime = ACCEPTED_AT) -> tuple[int, ...]:
    """Participations with a first training, bought a day after acceptance and not completed."""
    ids = factories.accepted(number, at=at)
    factories.bought_all(ids, factories.training(), at=at + timedelta(days=1))
    return ids


def pay_instalments(*numbers: int) -> None:
    """Everything due on these pay days (1 to 4) is planned, approved, exported and settled."""
    for day in (PAY_DAYS[number - 1] for number in numbers):
        at = jakarta(day.year, day.month, day.day, 8)
        settled(exported(planned_for=day, at=at), at=at + timedelta(hours=7))


def answer(participation_id: int, number: int = 1, *, at: datetime = FIRST_OPEN_AT, **changes: Any) -> ResponseOutcome:
    """One person's answer; `changes` replace single answers, None leaves one out."""
    given = {code: value for code, value in (ANSWERS[number] | changes).items() if value is not None}
    (outcome,) = answer_surveys(responses=[NewResponse(participation_id, number, given)], at=at)
    return outcome


def answer_all(participation_ids: Iterable[int], number: int = 1, *, at: datetime = FIRST_OPEN_AT) -> None:
    """Everyone gives the same answers."""
    responses = [NewResponse(each, number, ANSWERS[number]) for each in participation_ids]
    for outcome in answer_surveys(responses=responses, at=at):
        assert outcome.response_id is not None, outcome
