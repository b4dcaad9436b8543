"""A closed year and a place that was taken back answer no survey any more; what was answered stays visible."""

import pytest

from bekal.core.entitlement import RefusalCode
from bekal.engagement.queries import open_surveys, standings
from bekal.incentives.models import Entitlement
from bekal.lifecycle.close_year import close_year
from bekal.lifecycle.refusals import LifecycleRefusal
from tests.engagement import journey
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db

CLOSED_AT = jakarta(2021, 6, 14)


def test_after_the_closing_nothing_is_asked_and_nothing_earned() -> None:
    answered, silent = journey.buyers(2)
    assert journey.answer(answered).refusal is None
    close_year(participation_ids=[answered, silent], at=CLOSED_AT)
    with nothing_changes():
        refusal = journey.answer(silent, at=CLOSED_AT).refusal
    assert refusal is not None
    assert (refusal.code, refusal.values) == (LifecycleRefusal.YEAR_CLOSED, {"closed_on": CLOSED_AT.date()})
    assert open_surveys(participation_ids=[answered, silent], at=CLOSED_AT) == {}
    (kept,) = standings(participation_ids=[answered, silent], at=CLOSED_AT)
    assert (kept.participation_id, kept.survey_number) == (answered, 1), "what was answered is still shown"
    assert Entitlement.objects.filter(kind="survey").count() == 1


def test_before_the_closing_they_are_open_as_ever() -> None:
    (person,) = journey.buyers()
    close_year(participation_ids=[person], at=CLOSED_AT)
    before = jakarta(2021, 6, 13)
    assert open_surveys(participation_ids=[person], at=before) == {person: (1,)}, "as of an instant before"


def test_whose_money_is_clawed_back_is_asked_nothing() -> None:
    (person,) = journey.buyers()
    money_back.approved(person)
    refusal = journey.answer(person, at=jakarta(2020, 6, 1)).refusal
    assert refusal is not None and refusal.code == RefusalCode.REVOKED
    assert open_surveys(participation_ids=[person], at=jakarta(2020, 6, 1)) == {}
