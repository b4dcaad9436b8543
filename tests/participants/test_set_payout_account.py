"""`set_payout_accounts`: one account a person, one person an account, paid to only in the person's own name."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.accounts.privacy import decrypt
from bekal.core.refusal import Refusal
from bekal.participants.models import PayoutAccount, PayoutAccountDirectory
from bekal.participants.refusals import ParticipantRefusal
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
    second = set_one(one, "081234567890", partner="ovo")
    assert second.account_id == first.account_id
    assert PayoutAccount.objects.get().partner == "ovo"
    assert PayoutAccountDirectory.objects.count() == 1
    assert set_one(other).refusal is None


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
