"""Where an institution is paid: two officers, one account of one institution, and time to object to another."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bekal.accounts.privacy import decrypt
from bekal.catalogue.models import Institution
from bekal.incentives.models import InstitutionAccount
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.set_institution_account import (
    AccountAct,
    agree_to_institution_account,
    drop_institution_account,
    enter_institution_account,
)
from bekal.participants.models import PayoutAccount
from bekal.participants.refusals import ParticipantRefusal
from tests import factories
from tests.factories import settling
from tests.factories.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
AT = factories.REGISTERED_AT


def enter(
    institution: Institution, number: str = "0123456789", *, officer_id: int | None = None, **changes: Any
) -> AccountAct:
    given: dict[str, Any] = {"partner": "bni", "holder_name": "Yayasan Maju", "at": AT, **changes}
    officer_id = officer_id or factories.officer().pk
    return enter_institution_account(institution_id=institution.pk, number=number, officer_id=officer_id, **given)


def waiting_hash(institution: Institution) -> bytes:
    return bytes(InstitutionAccount.objects.get(institution=institution, agreed_at=None, ended_at=None).account_hash)


def code(act: AccountAct) -> str | None:
    return None if act.refusal is None else act.refusal.code


def test_an_account_is_entered_by_one_and_agreed_to_by_another() -> None:
    institution, first = factories.institution(), factories.officer()
    entered = enter(institution, officer_id=first.pk)
    row = InstitutionAccount.objects.get()
    assert (entered.account_id, row.masked, decrypt(bytes(row.number_encrypted))) == (
        row.pk,
        "••••••6789",
        "0123456789",
    )
    assert (row.holder_name, row.agreed_at, row.pays_from_at) == ("Yayasan Maju", None, None)
    other_id = factories.officer().pk
    with nothing_changes():
        assert enter(institution, officer_id=other_id).repeated
    seen = waiting_hash(institution)
    with nothing_changes():
        own = agree_to_institution_account(institution_id=institution.pk, account_hash=seen, officer_id=first.pk, at=AT)
        other = agree_to_institution_account(
            institution_id=institution.pk, account_hash=b"x" * 32, officer_id=other_id, at=AT
        )
    assert code(own) == PayoutRefusal.INSTITUTION_ACCOUNT_SAME_PERSON
    assert code(other) == PayoutRefusal.INSTITUTION_ACCOUNT_NOT_SHOWN
    second = factories.officer()
    agreed = agree_to_institution_account(institution_id=institution.pk, account_hash=seen, officer_id=second.pk, at=AT)
    assert (agreed.account_id, agreed.pays_from_at, agreed.refusal) == (row.pk, AT, None), "a first one at once"
    with nothing_changes():
        again = agree_to_institution_account(
            institution_id=institution.pk, account_hash=seen, officer_id=second.pk, at=AT + timedelta(days=1)
        )
    assert again.repeated and enter(institution).repeated


def test_another_account_is_paid_to_after_three_days_and_the_one_there_was_has_ended() -> None:
    institution = factories.institution()
    settling.account(institution)
    before = InstitutionAccount.objects.get()
    later = AT + timedelta(days=10)
    enter(institution, "0999999999", at=later)
    assert InstitutionAccount.objects.get(pk=before.pk).ended_at is None, "it stands until another is agreed on"
    agreed = agree_to_institution_account(
        institution_id=institution.pk,
        account_hash=waiting_hash(institution),
        officer_id=factories.officer().pk,
        at=later,
    )
    assert agreed.pays_from_at == later + timedelta(hours=72)
    assert InstitutionAccount.objects.get(pk=before.pk).ended_at == later
    assert InstitutionAccount.objects.filter(ended_at=None).count() == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"partner": "ovo", "number": "08123456789"}, PayoutRefusal.INSTITUTION_NEEDS_BANK),
        ({"partner": "x"}, ParticipantRefusal.PARTNER_UNKNOWN),
        ({"number": "12 34"}, ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ({"number": "٠١٢٣٤٥٦٧٨٩"}, ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED),
        ({"holder_name": "  "}, ParticipantRefusal.NAME_MISSING),
        ({"holder_name": "a" * 151}, ParticipantRefusal.NAME_TOO_LONG),
        ({"holder_name": "a\x00b"}, ParticipantRefusal.NAME_UNREADABLE),
    ],
)
def test_what_cannot_be_an_account_is_refused(changes: dict[str, Any], expected: str) -> None:
    institution = factories.institution()
    factories.officer("petugas")
    with nothing_changes():
        assert code(enter(institution, officer_id=1, **changes)) == expected


def test_an_account_is_one_institutions_and_no_participants() -> None:
    first, second = factories.institution(), factories.institution()
    number = settling.account(first)
    (person,) = factories.participants()
    factories.with_account(person)
    of_person = enter(second, number_of(person))
    assert code(of_person) == code(enter(second, number)) == PayoutRefusal.INSTITUTION_ACCOUNT_TAKEN
    assert code(enter(Institution(pk=2**70), "0123456789")) == PayoutRefusal.INSTITUTION_UNKNOWN


def number_of(participant_id: int) -> str:
    return decrypt(bytes(PayoutAccount.objects.get(participant=participant_id).number_encrypted))


def test_what_waits_is_dropped_and_makes_room() -> None:
    institution = factories.institution()
    enter(institution)
    assert code(enter(institution, "0222222222")) == PayoutRefusal.INSTITUTION_ACCOUNT_WAITS
    officer_id = factories.officer().pk
    assert drop_institution_account(institution_id=institution.pk, officer_id=officer_id, at=AT).refusal is None
    with nothing_changes():
        assert drop_institution_account(institution_id=institution.pk, officer_id=officer_id, at=AT).repeated
    assert enter(institution, "0222222222").refusal is None
    unknown = drop_institution_account(institution_id=0, officer_id=officer_id, at=AT)
    assert code(unknown) == PayoutRefusal.INSTITUTION_UNKNOWN


def test_the_database_wants_a_second_person_and_one_account() -> None:
    institution = factories.institution()
    settling.account(institution)
    row = InstitutionAccount.objects.get()
    for changes in ({"agreed_by": row.entered_by}, {"agreed_by": None}, {"pays_from_at": None}, {"ended_at": AT}):
        with pytest.raises(IntegrityError), transaction.atomic():
            InstitutionAccount.objects.filter(pk=row.pk).update(**changes)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_two_officers_who_enter_at_once_enter_one_account(race: Callable[..., list[Any]]) -> None:
    first, second = factories.institution(), factories.institution()
    ids = [factories.officer().pk for _ in range(2)]
    acts = race(
        *[lambda who=who: enter(first, officer_id=who) for who in ids],
        lambda: enter(second, officer_id=ids[0]),
    )
    assert InstitutionAccount.objects.count() == 1
    assert {code(act) for act in acts} <= {None, PayoutRefusal.INSTITUTION_ACCOUNT_TAKEN}
