"""`set_payout_accounts`: one account a person, one person an account, paid to only in the person's own name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.messaging.models import OneTimeCode
from bekal.messaging.queries import messages_to
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.models import PayoutAccount, PayoutAccountDirectory
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.request_account_change import request_account_changes
from bekal.participants.set_payout_account import AccountOutcome, NewAccount, set_payout_accounts
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.REGISTERED_AT


def set_one(participant_id: int, number: str = "0123456789", *, partner: str = "bni", name: str = "Siti Rahayu") -> Any:
    (outcome,) = set_payout_accounts(accounts=[NewAccount(participant_id, partner, number, name)], at=AT)
    return outcome


@pytest.mark.django_db
def test_an_account_in_the_persons_own_name_is_verified() -> None:
    (person,) = factories.participants()
    outcome = set_one(person, name=" SITI  rahayu ")
    account = PayoutAccount.objects.get(pk=outcome.account_id)
    assert (outcome.verified, account.verified_at, account.masked) == (True, AT, "••••••6789")
    assert decrypt(bytes(account.number_encrypted)) == "0123456789"


@pytest.mark.django_db
def test_an_account_in_another_name_is_kept_but_not_verified() -> None:
    (person,) = factories.participants()
    outcome = set_one(person, name="Budi Santoso")
    assert not outcome.verified
    assert PayoutAccount.objects.get(pk=outcome.account_id).verified_at is None


@pytest.mark.django_db
def test_the_same_again_changes_nothing() -> None:
    (person,) = factories.participants()
    first = set_one(person)
    with nothing_changes():
        assert set_one(person) == first


@pytest.mark.django_db
def test_another_account_takes_the_place_of_the_first_and_frees_it() -> None:
    one, other = factories.participants(2)
    first = set_one(one)
    second = factories.changed_account(one, "ovo", "081234567890", at=AT)
    assert second.account_id == first.account_id
    assert PayoutAccount.objects.get().partner == "ovo"
    assert PayoutAccountDirectory.objects.count() == 1
    assert set_one(other).refusal is None


@pytest.mark.django_db
def test_a_first_account_is_paid_to_at_once_and_another_after_72_hours() -> None:
    (person,) = factories.participants()
    assert set_one(person).pays_from_at is None
    changed_at, until_at = AT + timedelta(days=1), AT + timedelta(days=1, hours=72)
    changed = factories.changed_account(person, "ovo", "081234567890", at=changed_at)
    assert changed.pays_from_at == PayoutAccount.objects.get().pays_from_at == until_at
    # Another spelling of the owner's name is the same account: it waits as long as before, and not anew.
    assert set_one(person, "081234567890", partner="ovo", name="SITI RAHAYU").pays_from_at == until_at
    assert PayoutAccount.objects.get().pays_from_at == until_at


@pytest.mark.django_db
def test_the_change_is_told_to_the_contact_there_was() -> None:
    (person,) = factories.participants()
    set_one(person)
    assert messages_to(holder_id=person) == ()
    factories.changed_account(person, "ovo", "081234567890", at=AT)
    message = messages_to(holder_id=person)[0]
    assert (message.template, "OVO ••••••••7890" in message.body) == ("payout_account_changed", True)
    until_at = AT + timedelta(hours=72)
    assert f"sebelum {until_at:%d-%m-%Y %H.%M} WIB" in message.body and "Bukan kamu" in message.body


@pytest.mark.django_db
def test_another_account_needs_a_code_and_the_name_of_the_same_one_does_not() -> None:
    (person,) = factories.participants()
    set_one(person)
    with nothing_changes():
        refused = set_one(person, "081234567890", partner="ovo")
    assert refused == AccountOutcome(None, False, Refusal(ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE))
    assert not set_one(person, name="Budi Santoso").verified
    assert set_one(person).verified


@pytest.mark.django_db
def test_a_code_is_good_for_its_account_alone_and_once() -> None:
    (person,) = factories.participants()
    set_one(person)
    wanted = NewAccount(person, "ovo", "081234567890", "Siti Rahayu")
    (code,) = request_account_changes(accounts=[wanted], at=AT)
    assert not isinstance(code, Refusal)
    stolen = NewAccount(person, "ovo", "081299999999", "Siti Rahayu", code.code)
    with nothing_changes():
        (refused,) = set_payout_accounts(accounts=[stolen], at=AT)
    assert refused.refusal == Refusal(CodeRefusal.CODE_NOT_ISSUED)
    (done,) = set_payout_accounts(accounts=[replace(wanted, code=code.code)], at=AT)
    assert done.refusal is None
    with nothing_changes():
        (again,) = set_payout_accounts(accounts=[replace(wanted, code=code.code)], at=AT + timedelta(hours=1))
    assert again == done


@pytest.mark.django_db
def test_a_wrong_code_costs_a_try_and_changes_no_account() -> None:
    (person,) = factories.participants()
    set_one(person)
    wanted = NewAccount(person, "ovo", "081234567890", "Siti Rahayu")
    (code,) = request_account_changes(accounts=[wanted], at=AT)
    assert not isinstance(code, Refusal)
    wrong = f"{(int(code.code) + 1) % 1_000_000:06d}"
    (refused,) = set_payout_accounts(accounts=[replace(wanted, code=wrong)], at=AT)
    assert refused.refusal == Refusal(CodeRefusal.CODE_WRONG, {"attempts_left_count": 4})
    assert OneTimeCode.objects.get().attempts_left == 4
    assert PayoutAccount.objects.get().partner == "bni"
    assert [line.template for line in messages_to(holder_id=person)] == ["one_time_code"]


@pytest.mark.django_db
def test_an_account_that_is_anothers_is_refused() -> None:
    one, other = factories.participants(2)
    set_one(one)
    with nothing_changes():
        outcome = set_one(other)
    assert outcome.refusal == Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": "bni"})


@pytest.mark.django_db
def test_of_one_account_twice_in_a_call_the_first_person_gets_it() -> None:
    one, other = factories.participants(2)
    accounts = [NewAccount(person, "bni", "0123456789", "Siti Rahayu") for person in (one, other)]
    first, second = set_payout_accounts(accounts=accounts, at=AT)
    assert first.refusal is None
    assert second.refusal == Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": "bni"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("partner", "number", "name", "code"),
    [
        ("paypal", "0123456789", "Siti", ParticipantRefusal.PARTNER_UNKNOWN),
        ("\ud800", "0123456789", "Siti", ParticipantRefusal.PARTNER_UNKNOWN),
        ("bni", "12345", "Siti", ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ("bni", "012345678\0", "Siti", ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ("bni", "٠١٢٣٤٥٦٧٨٩", "Siti", ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ("ovo", "0123456789", "Siti", ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ("bni", "0123456789", " ", ParticipantRefusal.NAME_MISSING),
        ("bni", "0123456789", "x" * 151, ParticipantRefusal.NAME_TOO_LONG),
        ("bni", "0123456789", "Siti\0", ParticipantRefusal.NAME_UNREADABLE),
        ("bni", "0123456789", "Siti\ud800", ParticipantRefusal.NAME_UNREADABLE),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(partner: str, number: str, name: str, code: str) -> None:
    (person,) = factories.participants()
    with nothing_changes():
        outcome = set_one(person, number, partner=partner, name=name)
    assert outcome.refusal is not None and outcome.refusal.code == code
    for value in outcome.refusal.values.values():
        str(value).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("unknown", [0, -1, 2**31, 2**63, 2**70])
def test_an_unknown_person_is_refused(unknown: int) -> None:
    with nothing_changes():
        assert set_one(unknown) == AccountOutcome(None, False, Refusal(ParticipantRefusal.UNKNOWN_PARTICIPANT))


@pytest.mark.django_db
def test_two_accounts_of_one_person_in_a_call_are_the_callers_mistake() -> None:
    (person,) = factories.participants()
    account = NewAccount(person, "bni", "0123456789", "Siti Rahayu")
    with pytest.raises(ValueError, match="one account"):
        set_payout_accounts(accounts=[account, account], at=AT)


@pytest.mark.django_db(transaction=True)
def test_of_rivals_for_one_account_one_gets_it(race: Callable[..., list[Any]]) -> None:
    people = factories.participants(4)
    outcomes = race(*(lambda person=person: set_one(person) for person in people))
    assert sorted(outcome.refusal is None for outcome in outcomes) == [False, False, False, True]
    assert PayoutAccount.objects.count() == PayoutAccountDirectory.objects.count() == 1


@pytest.mark.django_db
def test_many_accounts_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    for count in (1, 30):
        people = factories.participants(count)
        accounts = [NewAccount(person, "bni", f"{person:010d}", "Siti Rahayu") for person in people]
        with assert_queries(6):
            set_payout_accounts(accounts=accounts, at=AT)
        wanted = [NewAccount(person, "ovo", f"0812{person:08d}", "Siti Rahayu") for person in people]
        codes = request_account_changes(accounts=wanted, at=AT)
        wanted = [
            replace(account, code=code.code)
            for account, code in zip(wanted, codes, strict=True)
            if not isinstance(code, Refusal)
        ]
        with assert_queries(12):
            assert all(outcome.verified for outcome in set_payout_accounts(accounts=wanted, at=AT))
