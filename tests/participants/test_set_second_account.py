from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.messaging.models import OutboxMessage
from bekal.participants.models import Participation, PayoutAccount, PayoutAccountDirectory, SecondPayoutAccount
from bekal.participants.note_attributes import note_attributes
from bekal.participants.queries import second_account_of
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.set_payout_account import AccountOutcome, NewAccount, set_payout_accounts
from bekal.participants.set_second_account import remove_second_accounts, request_second_accounts, set_second_accounts
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 4, 20, 9)
WALLET = "081234567890"


def participant(*, with_accounts: bool = True) -> int:
    (place,) = factories.accepted(with_accounts=with_accounts, full_name="Siti Rahayu")
    return Participation.objects.get(pk=place).participant_id


def wanted(participant_id: int, number: str = WALLET, name: str = "siti  RAHAYU", code: str = "") -> NewAccount:
    return NewAccount(participant_id, "ovo", number, name, code)


def code_for(account: NewAccount) -> str:
    (issued,) = request_second_accounts(accounts=[account], at=AT)
    assert not isinstance(issued, Refusal), issued
    return issued.code


def named(account: NewAccount) -> AccountOutcome:
    (outcome,) = set_second_accounts(accounts=[replace(account, code=code_for(account))], at=AT)
    return outcome


def refused(account: NewAccount) -> str | None:
    (outcome,) = set_second_accounts(accounts=[account], at=AT)
    return outcome.refusal and outcome.refusal.code


def test_a_second_account_needs_a_code_waits_72_hours_and_is_told() -> None:
    person = participant()
    account = wanted(person)
    assert refused(account) == ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE
    outcome = named(account)
    assert (outcome.refusal, outcome.verified, outcome.pays_from_at) == (None, True, AT + timedelta(days=3))
    line = second_account_of(participant_id=person)
    assert line is not None and (line.partner, line.pays_from_at) == ("ovo", AT + timedelta(days=3))
    assert WALLET not in line.masked
    assert decrypt(bytes(SecondPayoutAccount.objects.get().number_encrypted)) == WALLET
    message = OutboxMessage.objects.filter(template="second_account_named").get()
    assert "rekening keduamu" in decrypt(bytes(message.body_encrypted))
    # Again: nothing, and the name of the same account is corrected freely.
    (again,) = set_second_accounts(accounts=[account], at=AT + timedelta(days=1))
    assert again == outcome
    (other,) = set_second_accounts(accounts=[replace(account, holder_name="Orang Lain")], at=AT)
    assert (other.verified, other.refusal) == (False, None)


def test_a_code_is_good_for_this_second_account_alone() -> None:
    person = participant()
    code = code_for(wanted(person))
    assert refused(wanted(person, "081299999999", code=code)) is not None
    (change,) = set_payout_accounts(accounts=[wanted(person, code=code)], at=AT)
    assert change.refusal is not None, "nor does it change the first"
    assert refused(wanted(person, code=code)) is None


def test_one_account_is_one_persons_over_first_and_second() -> None:
    one, other = participant(), participant()
    assert named(wanted(one)).refusal is None
    code = code_for(wanted(other, "081299999999"))
    assert refused(wanted(other, code=code)) == ParticipantRefusal.ACCOUNT_TAKEN
    (first,) = set_payout_accounts(accounts=[wanted(other, code=code)], at=AT)
    assert first.refusal == Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": "ovo"})
    # And the other way round: the first of one is not the second of another.
    number = decrypt(bytes(PayoutAccount.objects.get(participant_id=one).number_encrypted))
    assert refused(NewAccount(other, "bni", number, "Siti Rahayu", code)) == ParticipantRefusal.ACCOUNT_TAKEN
    with pytest.raises(IntegrityError, match="payoutaccountdirectory"), transaction.atomic():
        known = PayoutAccountDirectory.objects.get(second__participant_id=one)
        PayoutAccountDirectory.objects.create(
            account_hash=known.account_hash, account=PayoutAccount.objects.get(participant_id=other)
        )


def test_first_and_second_are_two() -> None:
    person = participant()
    number = decrypt(bytes(PayoutAccount.objects.get().number_encrypted))
    assert refused(NewAccount(person, "bni", number, "Siti Rahayu")) == ParticipantRefusal.ACCOUNT_THE_SAME
    named(wanted(person))
    (first,) = set_payout_accounts(accounts=[wanted(person)], at=AT)
    assert first.refusal == Refusal(ParticipantRefusal.ACCOUNT_IS_SECOND)
    assert refused(wanted(participant(with_accounts=False), "081299999999")) == ParticipantRefusal.SECOND_NEEDS_FIRST
    assert refused(wanted(person, "12")) == ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED


@pytest.mark.parametrize("ends", ["both", "neither"])
def test_the_database_knows_an_account_as_first_or_second(ends: str) -> None:
    person = participant()
    named(wanted(person))
    second = SecondPayoutAccount.objects.get()
    PayoutAccountDirectory.objects.all().delete()
    values = {"account": PayoutAccount.objects.get(), "second": second} if ends == "both" else {}
    with pytest.raises(IntegrityError, match="first_or_second"), transaction.atomic():
        PayoutAccountDirectory.objects.create(account_hash=bytes(32), **values)


def test_it_is_replaced_with_a_code_and_removed_without_one() -> None:
    person = participant()
    named(wanted(person))
    outcome = named(wanted(person, "081299999999"))
    assert outcome.refusal is None and SecondPayoutAccount.objects.count() == 1
    assert PayoutAccountDirectory.objects.filter(second__isnull=False).count() == 1
    assert note_attributes(at=AT).noted_count >= 1, "alarms see who shares it"
    assert remove_second_accounts(participant_ids=[person]) == 1
    assert remove_second_accounts(participant_ids=[person]) == 0
    assert second_account_of(participant_id=person) is None
    assert named(wanted(participant())).refusal is None, "it is free for another"


def test_a_person_named_twice_in_one_call_is_an_error() -> None:
    person = participant()
    with pytest.raises(ValueError, match="one account a person"):
        set_second_accounts(accounts=[wanted(person), wanted(person)], at=AT)
