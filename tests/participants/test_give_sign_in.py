"""`give_sign_in`: one user for one participant."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.accounts.models import Role, User
from bekal.participants.give_sign_in import give_sign_in
from bekal.participants.models import Participant
from bekal.participants.refusals import ParticipantRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes


@pytest.mark.django_db
def test_the_user_is_a_participant_and_belongs_to_the_person() -> None:
    (person,) = factories.participants()
    outcome = give_sign_in(participant_id=person, login_name="siti.r", password=factories.PASSWORD)
    user = User.objects.get(pk=outcome.user_id)
    assert (user.role, user.display_name, user.is_demo) == (Role.PARTICIPANT, "Siti Rahayu", False)
    assert user.check_password(factories.PASSWORD)
    assert Participant.objects.get(pk=person).user_id == user.pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("login_name", "password", "code"),
    [
        ("", factories.PASSWORD, ParticipantRefusal.LOGIN_NAME_MALFORMED),
        ("Siti Rahayu", factories.PASSWORD, ParticipantRefusal.LOGIN_NAME_MALFORMED),
        ("siti\0", factories.PASSWORD, ParticipantRefusal.LOGIN_NAME_MALFORMED),
        ("\ud800siti", factories.PASSWORD, ParticipantRefusal.LOGIN_NAME_MALFORMED),
        ("s" * 151, factories.PASSWORD, ParticipantRefusal.LOGIN_NAME_MALFORMED),
        ("siti", "pendek", ParticipantRefusal.PASSWORD_WEAK),
        ("siti", "password123", ParticipantRefusal.PASSWORD_WEAK),
        ("siti", "sepuluh-huruf\ud800", ParticipantRefusal.PASSWORD_UNREADABLE),
        ("siti", "sepuluh-huruf\0", ParticipantRefusal.PASSWORD_UNREADABLE),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(login_name: str, password: str, code: str) -> None:
    (person,) = factories.participants()
    with nothing_changes():
        outcome = give_sign_in(participant_id=person, login_name=login_name, password=password)
    assert outcome.refusal is not None and outcome.refusal.code == code


@pytest.mark.django_db
def test_a_name_that_is_taken_a_second_sign_in_and_nobody_are_refused() -> None:
    one, other = factories.participants(2)
    give_sign_in(participant_id=one, login_name="siti", password=factories.PASSWORD)
    cases = [
        (other, "siti", ParticipantRefusal.LOGIN_NAME_TAKEN),
        (one, "siti2", ParticipantRefusal.HAS_SIGN_IN),
        (2**70, "siti3", ParticipantRefusal.UNKNOWN_PARTICIPANT),
    ]
    for participant_id, login_name, code in cases:
        with nothing_changes():
            outcome = give_sign_in(participant_id=participant_id, login_name=login_name, password=factories.PASSWORD)
        assert outcome.refusal is not None and outcome.refusal.code == code


@pytest.mark.django_db(transaction=True)
def test_of_rivals_for_one_name_one_gets_it(race: Callable[..., list[Any]]) -> None:
    people = factories.participants(3)
    give = [
        lambda person=person: give_sign_in(participant_id=person, login_name="siti", password=factories.PASSWORD)
        for person in people
    ]
    outcomes = race(*give)
    assert [outcome.refusal is None for outcome in outcomes].count(True) == 1
    assert User.objects.count() == 1
