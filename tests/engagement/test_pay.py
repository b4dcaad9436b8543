"""An answered survey is paid by the ordinary payout runs, and the proof holds at every step."""

from datetime import date, timedelta

import pytest
from django.db import connections

from bekal.incentives.entitle import AnsweredSurvey, Entitled, entitle_surveys
from bekal.incentives.models import Entitlement, PayoutStatus
from bekal.incentives.queries import InstalmentState, NextStep, timeline_of
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.lifecycle.end_balances import end_balances
from bekal.participants.models import Participation
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.engagement.journey import BALANCE_ENDED_AT, FIRST_OPEN_AT, answer, buyers, pay_instalments
from tests.factories import ACCEPTED_AT, jakarta
from tests.incentives.journey import earners, exported, references, settled

PAID_ON = date(2020, 5, 26)


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_three_surveys_are_answered_and_paid_to_the_last_rupiah() -> None:
    (person,) = earners()
    assert answer(person, 1, effective="yes").response_id is not None
    pay_instalments(1, 2)
    assert answer(person, 2, at=jakarta(2020, 6, 1)).response_id is not None
    pay_instalments(3, 4)
    end_balances(at=BALANCE_ENDED_AT)
    assert answer(person, 3, at=BALANCE_ENDED_AT).response_id is not None
    assert prove_ledger(connections["proof"]).violations == ()
    settled(exported(planned_for=date(2020, 12, 28), at=jakarta(2020, 12, 28, 8)), at=jakarta(2020, 12, 28, 15))
    held = balances_of(owner_ids=[person])[person]
    assert (held[Kind.PAYOUT_SETTLED], held[Kind.SURVEY_COMMITTED], held[Kind.INCENTIVE_COMMITTED]) == (2_550_000, 0, 0)
    proof = prove_ledger(connections["proof"])
    assert proof.violations == () and proof.payout_count == 7


@pytest.mark.django_db
def test_its_line_in_the_calendar_goes_from_planned_to_settled() -> None:
    (person,) = buyers()
    answer(person)

    def state() -> tuple[InstalmentState, NextStep]:
        line = next(one for one in timeline_of(participation_id=person, on=PAID_ON) if one.kind == "survey")
        return line.state, line.next_step

    assert state() == (InstalmentState.DUE, NextStep.WAIT_FOR_OFFICE)
    run = exported(planned_for=PAID_ON, at=jakarta(2020, 5, 26, 8))
    assert state()[0] == InstalmentState.SENT
    (reference,) = references(run.run_id)
    settled(run, {reference: "AM14"}, at=jakarta(2020, 5, 26, 15))
    assert state() == (InstalmentState.REJECTED, NextStep.CHECK_ACCOUNT)
    assert balances_of(owner_ids=[person])[person][Kind.SURVEY_COMMITTED] == 150_000
    settled(exported(planned_for=date(2020, 5, 27), at=jakarta(2020, 5, 27, 8)), at=jakarta(2020, 5, 27, 15))
    assert state() == (InstalmentState.SETTLED, NextStep.NOTHING)
    assert PayoutStatus.objects.filter(state="settled").count() == 1


@pytest.mark.django_db
def test_entitling_again_writes_nothing_and_each_answer_has_its_own_day() -> None:
    first, second = factories.accepted(2)
    answers = [
        AnsweredSurvey(first, 1, FIRST_OPEN_AT),
        AnsweredSurvey(first, 2, FIRST_OPEN_AT + timedelta(days=10)),
        AnsweredSurvey(second, 1, FIRST_OPEN_AT + timedelta(days=400)),
    ]
    assert entitle_surveys(answers=answers) == Entitled(3, 2)
    assert entitle_surveys(answers=[*answers, AnsweredSurvey(second, 2, FIRST_OPEN_AT)]) == Entitled(1, 1)
    assert entitle_surveys(answers=[]) == Entitled(0, 0)
    rows = Entitlement.objects.order_by("participation_id", "instalment").values_list("payment_on", "entitled_at")
    assert list(rows) == [
        (date(2020, 5, 26), FIRST_OPEN_AT),
        (date(2020, 6, 25), FIRST_OPEN_AT + timedelta(days=10)),
        (date(2021, 6, 24), FIRST_OPEN_AT + timedelta(days=400)),
        (date(2020, 5, 26), FIRST_OPEN_AT),
    ]


@pytest.mark.django_db
def test_a_revoked_place_earns_only_what_it_answered_before() -> None:
    (person,) = factories.accepted()
    Participation.objects.filter(pk=person).update(revoked_at=FIRST_OPEN_AT)
    late, early = (AnsweredSurvey(person, 1, FIRST_OPEN_AT + timedelta(seconds=shift)) for shift in (0, -1))
    assert entitle_surveys(answers=[late]) == Entitled(0, 0)
    assert entitle_surveys(answers=[early]) == Entitled(1, 1)


@pytest.mark.django_db
def test_a_survey_beyond_the_rules_is_a_mistake_of_the_caller() -> None:
    (person,) = factories.accepted(at=jakarta(2023, 3, 1))
    with pytest.raises(ValueError, match="numbered 1 to 2"):
        entitle_surveys(answers=[AnsweredSurvey(person, 3, jakarta(2023, 4, 20))])
    with pytest.raises(ValueError, match="aware"):
        entitle_surveys(answers=[AnsweredSurvey(person, 1, ACCEPTED_AT.replace(tzinfo=None))])
