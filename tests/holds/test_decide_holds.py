"""One officer lifts, two confirm; many at once; a decision answers the appeal, and everything stays written."""

import pytest
from django.db import IntegrityError, transaction

from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds, take_holds
from bekal.holds.models import Hold
from bekal.holds.queries import HoldState, chosen_holds, events_of
from bekal.holds.refusals import HoldRefusal
from bekal.holds.steps import HoldOutcome
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import held

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 2)


def codes(outcomes: tuple[HoldOutcome, ...]) -> list[str | None]:
    return [outcome.refusal.code if outcome.refusal else None for outcome in outcomes]


def test_who_proposes_cannot_confirm() -> None:
    (person,) = factories.accepted()
    hold_id, one, other = held(person), factories.officer(), factories.officer()
    assert codes(confirm_holds(hold_ids=[hold_id], officer_id=one.pk, at=AT)) == [HoldRefusal.HOLD_NOT_PROPOSED]
    assert codes(propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Satu alat.", at=AT)) == [None]
    assert codes(confirm_holds(hold_ids=[hold_id], officer_id=one.pk, at=AT)) == [HoldRefusal.HOLD_SAME_PERSON]
    assert codes(confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT)) == [None]
    assert codes(confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT)) == [HoldRefusal.HOLD_CONFIRMED]
    assert [event.kind for event in events_of(hold_ids=[hold_id])] == ["opened", "proposed", "confirmed"]


def test_the_database_asks_for_a_second_person_too() -> None:
    (person,) = factories.accepted()
    hold_id, one = held(person), factories.officer()
    propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Satu alat.", at=AT)
    with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
        Hold.objects.filter(pk=hold_id).update(confirmed_at=AT, confirmed_by=one)


def test_who_confirmed_does_not_lift() -> None:
    (person,) = factories.accepted()
    hold_id, one, other = held(person), factories.officer(), factories.officer()
    propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Satu alat.", at=AT)
    confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT)
    assert codes(propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Lagi.", at=AT)) == ["hold_confirmed"]
    lifted = [lift_holds(hold_ids=[hold_id], officer_id=each.pk, reason="Salah.", at=AT) for each in (other, one, one)]
    assert [codes(each) for each in lifted] == [["hold_same_person"], [None], ["hold_lifted"]]


def test_many_are_lifted_at_once_and_each_answers_for_itself() -> None:
    people, officer = factories.accepted(3), factories.officer()
    ids = [held(person) for person in people]
    lift_holds(hold_ids=ids[:1], officer_id=officer.pk, reason="Keluarga.", at=AT)
    outcomes = lift_holds(hold_ids=[*ids, 2**70], officer_id=officer.pk, reason="Keluarga.", at=AT)
    assert codes(outcomes) == ["hold_lifted", None, None, "hold_not_found"]
    assert codes(lift_holds(hold_ids=ids, officer_id=officer.pk, reason=" ", at=AT)) == ["hold_text_empty"] * 3


def test_states_by_what_has_to_be_done() -> None:
    people, one, other = factories.accepted(5), factories.officer(), factories.officer()
    waiting, appealed, proposed, confirmed, lifted = [held(person, at=jakarta(2020, 5, 1)) for person in people]
    take_holds(hold_ids=[waiting], officer_id=one.pk, at=AT)
    appeal_holds(appeals=[Appeal(appealed, "Salah.", participation_id=people[1])], at=AT)
    propose_holds(hold_ids=[proposed, confirmed], officer_id=one.pk, reason="Benar.", at=AT)
    confirm_holds(hold_ids=[confirmed], officer_id=other.pk, at=AT)
    lift_holds(hold_ids=[lifted], officer_id=one.pk, reason="Salah.", at=AT)
    today, late = AT.date(), jakarta(2020, 6, 1).date()
    states = {state: [line.hold_id for line in chosen_holds(on=today, state=state)] for state in HoldState}
    assert states == {
        HoldState.OPEN: [waiting],
        HoldState.APPEALED: [appealed],
        HoldState.PROPOSED: [proposed],
        HoldState.OVERDUE: [],
        HoldState.CONFIRMED: [confirmed],
        HoldState.LIFTED: [lifted],
    }
    lines = chosen_holds(on=today)
    assert {line.state(today) for line in lines} == set(HoldState) - {HoldState.OVERDUE, HoldState.LIFTED}
    # Whatever is undecided when its day has passed stands on the overdue list, an appeal first.
    overdue = [line.hold_id for line in chosen_holds(on=late, state=HoldState.OVERDUE)]
    assert overdue == [appealed, waiting, proposed]
    assert [line.hold_id for line in chosen_holds(on=today, officer_id=one.pk)] == [waiting]
