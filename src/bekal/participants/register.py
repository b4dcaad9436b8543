"""`register`: people enter the programme's books, each NIK once."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from bekal.accounts.privacy import blind, encrypt, mask_email, mask_end
from bekal.accounts.provinces import PROVINCES
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.ledger.clock import programme_day
from bekal.participants.models import ContactPoint, Education, Employment, NikDirectory, Participant, Sex
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


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person says of themselves. `email` may be empty, `phone` may not: codes are sent to it."""

    full_name: str = field(repr=False)
    nik: str = field(repr=False)
    sex: str
    born_on: date = field(repr=False)
    education: int
    employment: int
    province: int
    phone: str = field(repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """One of the two is None."""

    participant_id: int | None
    refusal: Refusal | None


def register(*, registrations: Sequence[Registration], at: datetime) -> tuple[RegisterOutcome, ...]:
    """Register people; outcomes stand in the order of `registrations`. A NIK is registered once over the programme:
    the first in the sequence, or the first of two rivals, is taken, every other is refused."""
    today = programme_day(at)
    refusals: dict[int, Refusal] = {}
    hashes: dict[int, bytes] = {}
    for index, registration in enumerate(registrations):
        refusal = _refusal(registration, today)
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
        _refusal_of_name(registration.full_name)
        or _refusal_of_profile(registration, today)
        or _refusal_of_nik(registration.nik, today)
        or _refusal_of_contact(registration)
    )


def _refusal_of_name(full_name: str) -> Refusal | None:
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


def _refusal_of_nik(nik: str, today: date) -> Refusal | None:
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
    email = tidy(registration.email)
    if not email:
        return None
    if not is_readable(email) or len(email) > EMAIL_LIMIT_COUNT:
        return Refusal(ParticipantRefusal.EMAIL_MALFORMED)
    try:
        validate_email(email)
    except ValidationError:
        return Refusal(ParticipantRefusal.EMAIL_MALFORMED)
    return None


def _refuse_taken(hashes: dict[int, bytes], refusals: dict[int, Refusal]) -> None:
    """Take the registrations out whose NIK is in the directory or stands earlier in the same call."""
    known = NikDirectory.objects.filter(nik_hash__in=hashes.values()).order_by("nik_hash")
    taken = {bytes(nik_hash) for nik_hash in known.values_list("nik_hash", flat=True)}
    for index, nik_hash in list(hashes.items()):
        if nik_hash in taken:
            refusals[index] = Refusal(ParticipantRefusal.NIK_TAKEN)
            del hashes[index]
        taken.add(nik_hash)


def _write(registrations: Sequence[Registration], hashes: Mapping[int, bytes], at: datetime) -> dict[int, int]:
    people = Participant.objects.bulk_create(_participant(registrations[index], at) for index in hashes)
    ids = {index: person.pk for index, person in zip(hashes, people, strict=True)}
    # In the order of the hashes, so that two calls that share NIKs wait for each other in one direction only.
    directory = [NikDirectory(nik_hash=hashes[index], participant_id=ids[index]) for index in hashes]
    NikDirectory.objects.bulk_create(sorted(directory, key=lambda entry: bytes(entry.nik_hash)))
    ContactPoint.objects.bulk_create(
        point for index in hashes for point in _contact_points(registrations[index], ids[index])
    )
    return ids


def _participant(registration: Registration, at: datetime) -> Participant:
    return Participant(
        full_name=tidy(registration.full_name),
        nik_encrypted=encrypt(registration.nik),
        sex=registration.sex,
        born_on=registration.born_on,
        education=registration.education,
        employment=registration.employment,
        province=registration.province,
        registered_at=at,
    )


def _contact_points(registration: Registration, participant_id: int) -> list[ContactPoint]:
    phone, email = phone_number(registration.phone), tidy(registration.email)
    assert phone is not None
    points = [(ContactPoint.Kind.PHONE, phone, mask_end(phone))]
    if email:
        points.append((ContactPoint.Kind.EMAIL, email, mask_email(email)))
    return [
        ContactPoint(participant_id=participant_id, kind=kind, value_encrypted=encrypt(value), masked=masked)
        for kind, value, masked in points
    ]
