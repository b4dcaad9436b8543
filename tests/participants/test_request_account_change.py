"""`request_account_changes`: a code for exactly the account somebody wants in the place of theirs."""

from typing import Any

import pytest

from bekal.core.refusal import Refusal
from bekal.messaging.issue_codes import IssuedCode
from bekal.messaging.models import OneTimeCode
from bekal.messaging.queries import messages_to
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.request_account_change import request_account_changes
from bekal.participants.set_payout_account import NewAccount
from tests import factories

pytestmark = pytest.mark.django_db
AT = factories.REGISTERED_AT
OVO = ("ovo", "081234567890", "Siti Rahayu")


def ask(person: int, account: tuple[str, str, str] = OVO) -> Any:
    (answer,) = request_account_changes(accounts=[NewAccount(person, *account)], at=AT)
    return answer


def test_the_message_says_what_the_code_does_and_hides_the_number() -> None:
    (person,) = factories.participants()
    factories.with_account(person)
    code = ask(person)
    assert isinstance(code, IssuedCode)
    body = messages_to(holder_id=person)[0].body
    assert body.startswith(code.code) and "mengganti rekening menjadi OVO ••••••••7890" in body
    assert OVO[1] not in body and OVO[1] not in code.subject


def test_who_has_no_account_or_this_one_needs_no_code() -> None:
    first, second = factories.participants(2)
    factories.changed_account(second, *OVO[:2], at=AT)
    for person in (first, second, 2**70):
        assert ask(person) == Refusal(ParticipantRefusal.ACCOUNT_THE_SAME)
    assert not OneTimeCode.objects.exists()


def test_what_cannot_be_an_account_gets_no_code() -> None:
    (person,) = factories.participants()
    factories.with_account(person)
    refused = ask(person, ("ovo", "12", "Siti Rahayu"))
    assert refused.code == ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED
    mark_unreachable(points=[Unreachable(person, "phone")], at=AT)
    assert ask(person) == Refusal(ParticipantRefusal.UNREACHABLE)
    assert not OneTimeCode.objects.exists()


def test_only_so_many_codes_an_hour() -> None:
    (person,) = factories.participants()
    factories.with_account(person)
    answers = [ask(person) for _ in range(6)]
    assert [isinstance(one, IssuedCode) for one in answers] == [True] * 5 + [False]
    assert answers[-1].code == CodeRefusal.TOO_MANY_CODES
