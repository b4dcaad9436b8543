"""`give_sign_in`: a participant gets a user name and a password for the dashboard."""

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bekal.accounts.models import Role, User
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown
from bekal.participants.models import Participant
from bekal.participants.refusals import ParticipantRefusal

_LOGIN_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,149}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignInOutcome:
    """One of the two is None."""

    user_id: int | None
    refusal: Refusal | None


def give_sign_in(*, participant_id: int, login_name: str, password: str, is_demo: bool = False) -> SignInOutcome:
    """Make the participant's user, role participant. One sign-in a person; a user name is small letters, digits and
    `._@+-`, 3 to 150 characters, unique. One at a time, because hashing a password costs more than any query."""
    if not _LOGIN_NAME.fullmatch(login_name):
        return SignInOutcome(None, Refusal(ParticipantRefusal.LOGIN_NAME_MALFORMED, {"login_name": shown(login_name)}))
    try:
        validate_password(password)
    except ValidationError as error:
        return SignInOutcome(None, Refusal(ParticipantRefusal.PASSWORD_WEAK, {"reason": " ".join(error.messages)}))
    if not is_readable(password):
        return SignInOutcome(None, Refusal(ParticipantRefusal.PASSWORD_UNREADABLE))
    with transaction.atomic():
        people = Participant.objects.select_for_update(no_key=True).filter(pk=participant_id)
        person = people.only("pk", "full_name", "user_id").first()
        if person is None:
            return SignInOutcome(None, Refusal(ParticipantRefusal.UNKNOWN_PARTICIPANT))
        if person.user_id is not None:
            return SignInOutcome(None, Refusal(ParticipantRefusal.HAS_SIGN_IN))
        user = _create_user(login_name, password, display_name=person.full_name, is_demo=is_demo)
        if user is None:
            return SignInOutcome(None, Refusal(ParticipantRefusal.LOGIN_NAME_TAKEN, {"login_name": login_name}))
        Participant.objects.filter(pk=participant_id).update(user=user)
    return SignInOutcome(user.pk, None)


def _create_user(login_name: str, password: str, **fields: Any) -> User | None:
    """The new user, or None where the name is taken."""
    try:
        with transaction.atomic():
            return User.objects.create_user(login_name, password, role=Role.PARTICIPANT, **fields)
    except IntegrityError as error:
        if "login_name" not in str(error):
            raise
        return None
