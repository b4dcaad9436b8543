"""What people share is found by hash: a phone and a wallet of one number meet, a replaced value stays for a year."""

from datetime import timedelta

import pytest

from bekal.participants.models import AttributeSighting, Participant
from bekal.participants.note_attributes import NotedAttributes, note_attributes
from tests import factories
from tests.factories import jakarta

pytestmark = pytest.mark.django_db
AT = jakarta(2020, 5, 2)


def account(participant_id: int, partner: str, number: str) -> None:
    name = Participant.objects.get(pk=participant_id).full_name
    factories.changed_account(participant_id, partner, number, name=name, at=AT)


def sharers() -> list[list[int]]:
    by_value: dict[bytes, list[int]] = {}
    for participant_id, value in AttributeSighting.objects.order_by("participant_id", "pk").values_list(
        "participant_id", "value_hash"
    ):
        by_value.setdefault(bytes(value), []).append(participant_id)
    return sorted(people for people in by_value.values() if len(set(people)) > 1)


def test_a_phone_and_a_wallet_of_one_number_meet() -> None:
    (one,) = factories.participants(phone="0812 1111 2222", email="Ani@contoh.id")
    (two,) = factories.participants(phone="+6281211112222", email="ani@contoh.id ")
    (three,) = factories.participants()
    account(three, "ovo", "081211112222")
    assert note_attributes(at=AT) == NotedAttributes(6, 0, 0)
    assert sharers() == [[one, two], [one, two, three]]
    assert note_attributes(at=AT) == NotedAttributes(0, 0, 0)


def test_an_account_that_was_handed_on_is_still_seen_and_then_forgotten() -> None:
    one, two = factories.participants(2)
    account(one, "bni", "1234567890")
    note_attributes(at=AT)
    account(one, "bni", "1234567891")
    account(two, "bni", "1234567890")
    assert note_attributes(at=AT) == NotedAttributes(2, 1, 0)
    assert sharers() == [[one, two]]
    assert note_attributes(at=AT + timedelta(days=366)) == NotedAttributes(0, 0, 1)
    assert sharers() == []
