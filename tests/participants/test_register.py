"""`register`: good people in, each NIK once; everything else a refusal that changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bekal.accounts.privacy import decrypt
from bekal.accounts.provinces import PROVINCES
from bekal.core.refusal import Refusal
from bekal.participants.models import ContactPoint, NikDirectory, Participant
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.register import Registration, phone_number, register
from bekal.participants.set_districts import NewDistrict, set_districts
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.REGISTERED_AT


@pytest.mark.django_db
def test_a_person_is_stored_with_personal_data_encrypted() -> None:
    registration = factories.registration(full_name="  Siti Rahayu ", phone="0812-3456-7890", email="siti@contoh.id")
    (outcome,) = register(registrations=[registration], at=AT)
    assert outcome.refusal is None
    person = Participant.objects.get(pk=outcome.participant_id)
    assert person.full_name == "Siti Rahayu"
    assert registration.nik.encode() not in bytes(person.nik_encrypted)
    assert decrypt(bytes(person.nik_encrypted)) == registration.nik
    points = ContactPoint.objects.filter(participant=person).order_by("kind")
    assert [(point.kind, decrypt(bytes(point.value_encrypted)), point.masked) for point in points] == [
        ("email", "siti@contoh.id", "s•••@contoh.id"),
        ("phone", "+6281234567890", "••••••••••7890"),
    ]


@pytest.mark.django_db
def test_without_an_email_there_is_only_the_phone() -> None:
    (participant_id,) = factories.participants(email=" ")
    kinds = ContactPoint.objects.filter(participant_id=participant_id).values_list("kind", flat=True)
    assert list(kinds) == ["phone"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"full_name": "  "}, ParticipantRefusal.NAME_MISSING),
        ({"full_name": "x" * 151}, ParticipantRefusal.NAME_TOO_LONG),
        ({"full_name": "Siti\0"}, ParticipantRefusal.NAME_UNREADABLE),
        ({"full_name": "Siti \ud800"}, ParticipantRefusal.NAME_UNREADABLE),
        ({"full_name": "Siti\nRahayu"}, ParticipantRefusal.NAME_UNREADABLE),
        ({"nik": "317101551595000"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "31710155069500011"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "3171015506950000"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "9771015506950001"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "317101550695000\u0661"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "3171015506 50001"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "317101\x00506950001"}, ParticipantRefusal.NIK_MALFORMED),
        ({"nik": "3171013213950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"nik": "3171013002950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"nik": "3171017206950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"nik": "3171018106950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"nik": "3171010006950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"nik": "3171014006950001"}, ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE),
        ({"sex": "X"}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"sex": "\ud800"}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"education": 7}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"employment": -1}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"province": 2**70}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"province": 97}, ParticipantRefusal.PROFILE_VALUE_UNKNOWN),
        ({"district_id": 4711}, ParticipantRefusal.DISTRICT_UNKNOWN),
        ({"district_id": 2**70}, ParticipantRefusal.DISTRICT_UNKNOWN),
        ({"born_on": date(2020, 4, 12)}, ParticipantRefusal.BORN_ON_IN_FUTURE),
        ({"phone": "021-5551234"}, ParticipantRefusal.PHONE_MALFORMED),
        ({"phone": ""}, ParticipantRefusal.PHONE_MALFORMED),
        ({"phone": "0812345678901234"}, ParticipantRefusal.PHONE_MALFORMED),
        ({"email": "siti@"}, ParticipantRefusal.EMAIL_MALFORMED),
        ({"email": "siti@conto\0h.id"}, ParticipantRefusal.EMAIL_MALFORMED),
        ({"email": "s\ud800@contoh.id"}, ParticipantRefusal.EMAIL_MALFORMED),
        ({"email": "s" * 75 + "@contoh.id"}, ParticipantRefusal.EMAIL_MALFORMED),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(changes: dict[str, Any], code: ParticipantRefusal) -> None:
    registration = replace(factories.registration(), **changes)
    with nothing_changes():
        (outcome,) = register(registrations=[registration], at=AT)
    assert outcome.participant_id is None
    assert outcome.refusal is not None and outcome.refusal.code == code
    for value in outcome.refusal.values.values():
        str(value).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("province", [91, 92, 93, 94, 95, 96])
def test_a_nik_of_any_province_of_papua_is_one(province: int) -> None:
    registration = factories.registration(province=province, nik=f"{province}71015506950001")
    (outcome,) = register(registrations=[registration], at=AT)
    assert outcome.refusal is None


@pytest.fixture
def districts(db: None) -> None:
    """A city of Jawa Barat, and a regency of Papua until 2022, of Papua Selatan since."""
    new = [(182, "Kota Bandung", 32), (497, "Kabupaten Merauke", 93)]
    set_districts(districts=[NewDistrict(id=i, name=name, province=p, accepted_count_by_year={}) for i, name, p in new])


@pytest.mark.usefixtures("districts")
@pytest.mark.parametrize(("province", "district_id"), [(32, None), (32, 182), (93, 497), (91, 497)])
def test_a_district_is_kept_with_the_person(province: int, district_id: int | None) -> None:
    (participant_id,) = factories.participants(province=province, district_id=district_id)
    person = Participant.objects.get(pk=participant_id)
    assert (person.province, person.district_id) == (province, district_id)


@pytest.mark.usefixtures("districts")
@pytest.mark.parametrize(("province", "district_id"), [(33, 182), (94, 497), (92, 497)])
def test_a_district_of_another_province_is_refused(province: int, district_id: int) -> None:
    registration = factories.registration(province=province, district_id=district_id)
    with nothing_changes():
        (outcome,) = register(registrations=[registration], at=AT)
    assert outcome.refusal is not None and outcome.refusal.code == ParticipantRefusal.DISTRICT_ELSEWHERE
    assert outcome.refusal.values["province"] == PROVINCES[province]


@pytest.mark.django_db
def test_bad_and_good_stand_in_the_order_they_were_given() -> None:
    good, bad, other = factories.registration(), factories.registration(phone="1"), factories.registration()
    outcomes = register(registrations=[good, bad, other], at=AT)
    assert [outcome.participant_id is None for outcome in outcomes] == [False, True, False]
    assert Participant.objects.count() == 2


@pytest.mark.django_db
def test_a_nik_is_registered_once() -> None:
    registration = factories.registration()
    register(registrations=[registration], at=AT)
    with nothing_changes():
        (again,) = register(registrations=[replace(registration, full_name="Orang Lain")], at=AT)
    assert again.refusal == Refusal(ParticipantRefusal.NIK_TAKEN)


@pytest.mark.django_db
def test_of_one_nik_twice_in_a_call_the_first_is_registered() -> None:
    registration = factories.registration()
    first, second = register(registrations=[registration, registration], at=AT)
    assert first.participant_id is not None
    assert second.refusal == Refusal(ParticipantRefusal.NIK_TAKEN)
    assert Participant.objects.count() == NikDirectory.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_rivals_with_one_nik_one_is_registered(race: Callable[..., list[Any]]) -> None:
    shared = [factories.registration() for _ in range(100)]

    def attempt(registrations: list[Registration]) -> Callable[[], Any]:
        return lambda: register(registrations=registrations, at=AT)

    # The rivals name the same people in opposite order, each with one of their own.
    results = race(
        attempt([*shared, factories.registration()]),
        attempt([*reversed(shared), factories.registration()]),
        attempt([shared[2], shared[0], factories.registration()]),
    )
    assert Participant.objects.count() == NikDirectory.objects.count() == 100 + 3
    outcomes = [outcome for result in results for outcome in result]
    refused = [outcome for outcome in outcomes if outcome.refusal]
    assert len(refused) == 100 + 2
    assert {outcome.refusal.code for outcome in refused} == {ParticipantRefusal.NIK_TAKEN}


@pytest.mark.django_db
def test_many_people_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    for count in (1, 40):
        registrations = [factories.registration() for _ in range(count)]
        with assert_queries(5):
            register(registrations=registrations, at=AT)


@pytest.mark.parametrize("text", ["081234567890", "+62 812 3456 7890", "62812-3456-7890", "0812.3456.7890"])
def test_a_mobile_number_is_read_in_any_usual_writing(text: str) -> None:
    assert phone_number(text) == "+6281234567890"


@pytest.mark.parametrize("text", ["", "08", "+1 812 3456 7890", "٠٨١٢٣٤٥٦٧٨٩٠", "0812345\x00678", "08\ud800234567890"])
def test_anything_else_is_no_mobile_number(text: str) -> None:
    assert phone_number(text) is None
