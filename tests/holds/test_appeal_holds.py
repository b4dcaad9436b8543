"""`appeal_holds`: who waits objects once until somebody answers; the day comes nearer, never later."""

from datetime import date

import pytest

from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds
from bekal.holds.models import Hold
from bekal.holds.queries import events_of
from bekal.holds.refusals import HoldRefusal
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import held, held_institution
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 2)


def code_of(hold_id: int, text: str = "Itu HP kakak saya.", **whose: int) -> str | None:
    (outcome,) = appeal_holds(appeals=[Appeal(hold_id, text, **whose)], at=AT)
    return outcome.refusal.code if outcome.refusal else None


def test_an_appeal_brings_the_day_nearer_and_is_acknowledged() -> None:
    (person,) = factories.accepted()
    hold_id = held(person, at=jakarta(2020, 5, 1))
    assert code_of(hold_id, participation_id=person) is None
    hold = Hold.objects.get(pk=hold_id)
    assert (hold.due_on, hold.appealed_at) == (date(2020, 5, 7), AT)
    assert [event.text for event in events_of(hold_ids=[hold_id])] == ["", "Itu HP kakak saya."]
    messages = messages_to(holder_id=Participation.objects.get(pk=person).participant_id)
    assert "07-05-2020" in messages[0].body


def test_an_appeal_never_makes_the_day_later() -> None:
    (person,) = factories.accepted()
    hold_id = held(person, at=jakarta(2020, 4, 19))
    code_of(hold_id, participation_id=person)
    assert Hold.objects.get(pk=hold_id).due_on == date(2020, 5, 3)


def test_what_is_refused_changes_nothing() -> None:
    person, stranger = factories.accepted(2)
    hold_id = held(person)
    with nothing_changes():
        assert code_of(hold_id, participation_id=stranger) == HoldRefusal.HOLD_NOT_FOUND
        assert code_of(hold_id) == HoldRefusal.HOLD_NOT_FOUND
        assert code_of(2**70, participation_id=person) == HoldRefusal.HOLD_NOT_FOUND
        assert code_of(hold_id, " ", participation_id=person) == HoldRefusal.HOLD_TEXT_EMPTY
        assert code_of(hold_id, "x" * 2001, participation_id=person) == HoldRefusal.HOLD_TEXT_TOO_LONG
        assert code_of(hold_id, "a\x00", participation_id=person) == HoldRefusal.HOLD_TEXT_UNREADABLE


def test_one_appeal_at_a_time_and_again_after_a_confirmation() -> None:
    (person,) = factories.accepted()
    hold_id, (one, other) = held(person), (factories.officer(), factories.officer())
    assert code_of(hold_id, participation_id=person) is None
    assert code_of(hold_id, participation_id=person) == HoldRefusal.APPEAL_OPEN
    propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Benar.", at=AT)
    assert code_of(hold_id, participation_id=person) == HoldRefusal.APPEAL_OPEN
    confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT)
    assert code_of(hold_id, participation_id=person) is None
    lift_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Ternyata keluarga.", at=AT)
    assert code_of(hold_id, participation_id=person) == HoldRefusal.HOLD_LIFTED


def test_an_institution_objects_to_its_own() -> None:
    one, other = factories.institution(), factories.institution()
    hold_id = held_institution(one.pk)
    assert code_of(hold_id, institution_id=other.pk) == HoldRefusal.HOLD_NOT_FOUND
    assert code_of(hold_id, institution_id=one.pk) is None
