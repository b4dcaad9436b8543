"""`register`: people enter the programme's books, each NIK once."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction

from bekal.accounts.privacy import blind, encrypt, mask_email, mask_end
from bekal.accounts.provinces import PROVINCES, are_neighbours_of_2022
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import bytes_array, copy_rows, new_ids
from bekal.participants.models import ContactPoint, District, Education, Employment, NikDirectory, Participant, Sex
from bekal.participants.refusals import ParticipantRefusal

# Each try after the first means that one more rival came between the look and the write.
TRIES = 5
NAME_LIMIT_COUNT = 150
EMAIL_LIMIT_COUNT = 80
# A woman's NIK carries the day of birth plus 40.
_NIK = re.compile(r"[0-9]{16}", re.ASCII)
_PHONE = re.compile(r"(?:\+62|62|0)(8[0-9]{7,11})", re.ASCII)
_PROFILE: Mapping[str, Collection[int | str]] = {
    "sex": Sex.values,
    "education": Education.values,
    "employment": Employment.values,
    "province": tuple(PROVINCES),
}
_PARTICIPANT = (
    "id",
    "full_name",
    "nik_encrypted",
    "sex",
    "born_on",
    "education",
    "employment",
    "province",
    "district_id",
    "registered_at",
)
_PHONE_KIND, _EMAIL_KIND = ContactPoint.Kind.PHONE.value, ContactPoint.Kind.EMAIL.value
TAKEN_SQL = "SELECT nik_hash FROM participants_nikdirectory WHERE nik_hash = ANY(%s::bytea[])"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person says of themselves. `email` may be empty, `phone` may not: codes are sent to it. `district_id` is
    the published number of the regency or city, where it is known."""

    full_name: str = field(repr=False)
    nik: str = field(repr=False)
    sex: str
    born_on: date = field(repr=False)
    education: int
    employment: int
    province: int
    phone: str = field(repr=False)
    email: str = field(default="", repr=False)
    district_id: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """One of the two is None."""

    participant_id: int | None
    refusal: Refusal | None


def register(*, registrations: Sequence[Registration], at: datetime) -> tuple[RegisterOutcome, ...]:
    """Register people; outcomes stand in the order of `registrations`. A NIK is registered once over the programme:
    the first in the sequence, or the first of two rivals, is taken, every other is refused."""
    today = programme_day(at)
    districts = _named_districts(registrations)
    refusals: dict[int, Refusal] = {}
    hashes: dict[int, bytes] = {}
    for index, registration in enumerate(registrations):
        refusal = _refusal(registration, today) or refusal_of_district(
            registration.district_id, registration.province, districts
        )
        if refusal is None:
            hashes[index] = blind("nik", registration.nik)
        else:
            refusals[index] = refusal
    ids: dict[int, int] = {}
    with transaction.atomic():
        for tries_left in reversed(range(TRIES)):
            _refuse_taken(hashes, refusals)
            try:
                with transaction.atomic():
                    ids = _write(registrations, hashes, at)
                break
            except IntegrityError as error:
                # A rival registered one of these NIKs after the look; the next look sees it.
                if tries_left == 0 or "nikdirectory" not in str(error):
                    raise
    return tuple(RegisterOutcome(ids.get(index), refusals.get(index)) for index in range(len(registrations)))


def phone_number(text: str) -> str | None:
    """`+628…` for an Indonesian mobile number written in any usual way, None for anything else."""
    match = _PHONE.fullmatch(re.sub(r"[ .\-]", "", text))
    return f"+62{match[1]}" if match else None


def _refusal(registration: Registration, today: date) -> Refusal | None:
    return (
        refusal_of_name(registration.full_name)
        or _refusal_of_profile(registration, today)
        or refusal_of_nik(registration.nik, today)
        or _refusal_of_contact(registration)
    )


def refusal_of_name(full_name: str) -> Refusal | None:
    """Whether a name is missing, too long or no text; None is no."""
    name = tidy(full_name)
    if not name:
        return Refusal(ParticipantRefusal.NAME_MISSING)
    if len(name) > NAME_LIMIT_COUNT:
        values = {"length_count": len(name), "limit_count": NAME_LIMIT_COUNT}
        return Refusal(ParticipantRefusal.NAME_TOO_LONG, values)
    return None if is_readable(name) else Refusal(ParticipantRefusal.NAME_UNREADABLE)


def _refusal_of_profile(registration: Registration, today: date) -> Refusal | None:
    for name, known in _PROFILE.items():
        value = getattr(registration, name)
        if value not in known:
            return Refusal(ParticipantRefusal.PROFILE_VALUE_UNKNOWN, {"field": name, "value": shown(str(value))})
    if registration.born_on >= today:
        return Refusal(ParticipantRefusal.BORN_ON_IN_FUTURE, {"born_on": registration.born_on})
    return None


def _named_districts(registrations: Sequence[Registration]) -> Mapping[int, District]:
    """The districts that somebody names, by number; nothing is asked where nobody names one."""
    ids = {registration.district_id for registration in registrations if registration.district_id is not None}
    return District.objects.in_bulk(sorted(ids)) if ids else {}


def refusal_of_district(number: int | None, province: int, districts: Mapping[int, District]) -> Refusal | None:
    """A district lies in the person's province, or in the one of which that was a part until 2022."""
    if number is None:
        return None
    district = districts.get(number)
    if district is None:
        return Refusal(ParticipantRefusal.DISTRICT_UNKNOWN, {"value": shown(str(number))})
    if district.province == province or are_neighbours_of_2022(district.province, province):
        return None
    values = {"district": district.name, "province": PROVINCES[province]}
    return Refusal(ParticipantRefusal.DISTRICT_ELSEWHERE, values)


def refusal_of_nik(nik: str, today: date) -> Refusal | None:
    """16 digits: six of the place, six of the birth date (a woman's day plus 40), four of the order of registration."""
    if not _NIK.fullmatch(nik) or int(nik[:2]) not in PROVINCES or nik[12:] == "0000":
        return Refusal(ParticipantRefusal.NIK_MALFORMED)
    day, month, year = int(nik[6:8]) % 40, int(nik[8:10]), int(nik[10:12])
    for century in (1900, 2000):
        try:
            if int(nik[6:8]) <= 71 and date(century + year, month, day) <= today:
                return None
        except ValueError:
            continue
    return Refusal(ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE, {"digits": nik[6:12]})


def _refusal_of_contact(registration: Registration) -> Refusal | None:
    if phone_number(registration.phone) is None:
        return Refusal(ParticipantRefusal.PHONE_MALFORMED)
    return refusal_of_email(registration.email) if tidy(registration.email) else None


def refusal_of_email(text: str) -> Refusal | None:
    """Whether this cannot be an e-mail address; None is no."""
    email = tidy(text)
    if not is_readable(email) or len(email) > EMAIL_LIMIT_COUNT:
        return Refusal(ParticipantRefusal.EMAIL_MALFORMED)
    try:
        validate_email(email)
    except ValidationError:
        return Refusal(ParticipantRefusal.EMAIL_MALFORMED)
    return None


def _refuse_taken(hashes: dict[int, bytes], refusals: dict[int, Refusal]) -> None:
    """Take the registrations out whose NIK is in the directory or stands earlier in the same call."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_SQL, [bytes_array(hashes.values())])
        taken = {bytes(nik_hash) for (nik_hash,) in cursor.fetchall()}
    for index, nik_hash in list(hashes.items()):
        if nik_hash in taken:
            refusals[index] = Refusal(ParticipantRefusal.NIK_TAKEN)
            del hashes[index]
        taken.add(nik_hash)


def _write(registrations: Sequence[Registration], hashes: Mapping[int, bytes], at: datetime) -> dict[int, int]:
    ids = dict(zip(hashes, new_ids(Participant, len(hashes)), strict=True))
    copy_rows(
        Participant, _PARTICIPANT, (_participant(registrations[index], number, at) for index, number in ids.items())
    )
    # In the order of the hashes, so that two calls that share NIKs wait for each other in one direction only.
    directory = sorted((hashes[index], number) for index, number in ids.items())
    copy_rows(NikDirectory, ("nik_hash", "participant_id"), directory)
    points = (point for index, number in ids.items() for point in _contact_points(registrations[index], number))
    copy_rows(ContactPoint, ("participant_id", "kind", "value_encrypted", "masked"), points)
    return ids


def _participant(registration: Registration, number: int, at: datetime) -> tuple[object, ...]:
    """The values of `_PARTICIPANT`."""
    return (
        number,
        tidy(registration.full_name),
        encrypt(registration.nik),
        registration.sex,
        registration.born_on,
        registration.education,
        registration.employment,
        registration.province,
        registration.district_id,
        at,
    )


def _contact_points(registration: Registration, participant_id: int) -> list[tuple[int, str, bytes, str]]:
    phone, email = phone_number(registration.phone), tidy(registration.email)
    assert phone is not None
    points = [(participant_id, _PHONE_KIND, encrypt(phone), mask_end(phone))]
    if email:
        points.append((participant_id, _EMAIL_KIND, encrypt(email), mask_email(email)))
    return points
