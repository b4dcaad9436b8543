"""The test people of a partner's sandbox: nobody, with the balances of the programme's rules of that day."""

import secrets
from datetime import date, datetime

from django.db import connection
from django.db.models import Max

from bekal.ledger.clock import programme_day
from bekal.participants.accept import accept
from bekal.participants.models import Participant, Participation, PaymentPartner, Wave
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.partners.models import SandboxPeople

PEOPLE_LIMIT_COUNT = 500
# Names that nobody has: a kind of flower for a surname.
FLOWERS = ("Anggrek", "Cempaka", "Dahlia", "Flamboyan", "Kenanga", "Melati", "Seruni", "Teratai")
# No district has this number, no mobile number begins like this, and no mail goes there (RFC 2606).
NIK_PLACE, PHONE_START, EMAIL_DOMAIN = 3100, "08000", "peserta.example"
BORN_YEAR = 1995
# A number that is taken already is drawn again.
DRAWS = 5


def open_people(*, partner_id: int, at: datetime) -> SandboxPeople:
    """A new set of test people, still empty: a wave of its own. Call inside the world, in a transaction."""
    on = programme_day(at)
    with connection.cursor() as cursor:  # one at a time, so that two do not take the same number
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('partners.sandbox_wave'))")
    number = (Wave.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    wave = open_wave(number=number, opens_on=on, closes_on=on, quota_count=PEOPLE_LIMIT_COUNT, at=at)
    return SandboxPeople.objects.create(partner_id=partner_id, wave=wave, opened_at=at)


def people_of(partner_id: int) -> SandboxPeople | None:
    """The set in use: the newest; None where the sandbox was never opened."""
    return SandboxPeople.objects.filter(partner=partner_id).order_by("-pk").first()


def left_count(people: SandboxPeople) -> int:
    """How many more test people this set may have."""
    return PEOPLE_LIMIT_COUNT - Participation.objects.filter(wave=people.wave_id).count()


def add_people(*, people: SandboxPeople, count: int, at: datetime) -> list[int]:
    """So many more people, accepted into the wave with their whole envelope; the numbers of their participations."""
    participant_ids: list[int] = []
    for _ in range(DRAWS):
        missing = count - len(participant_ids)
        outcomes = register(registrations=[_somebody() for _ in range(missing)], at=at)
        participant_ids += [each.participant_id for each in outcomes if each.participant_id is not None]
        if len(participant_ids) == count:
            break
    names = dict(Participant.objects.filter(pk__in=participant_ids).order_by("pk").values_list("pk", "full_name"))
    accounts = [
        NewAccount(number, PaymentPartner.BNI, f"{secrets.randbelow(10**10):010d}", names[number])
        for number in participant_ids
    ]
    set_payout_accounts(accounts=accounts, at=at)
    accepted = accept(wave_id=people.wave_id, participant_ids=participant_ids, at=at)
    ids = [each.participation_id for each in accepted if each.participation_id is not None]
    if len(ids) != count:
        raise RuntimeError(f"{len(ids)} of {count} test people were accepted: {accepted}")
    return ids


def _somebody() -> Registration:
    """Nobody, so that every check of a registration is passed all the same."""
    born_on = date(BORN_YEAR, 1 + secrets.randbelow(12), 1 + secrets.randbelow(28))
    is_woman = bool(secrets.randbelow(2))
    day = born_on.day + (40 if is_woman else 0)
    nik = f"{NIK_PLACE}{secrets.randbelow(100):02d}{day:02d}{born_on:%m%y}{1 + secrets.randbelow(9999):04d}"
    number = f"{secrets.randbelow(10**8):08d}"
    return Registration(
        full_name=f"Peserta Uji {secrets.choice(FLOWERS)} {secrets.randbelow(10_000):04d}",
        nik=nik,
        sex="F" if is_woman else "M",
        born_on=born_on,
        education=3,
        employment=1,
        province=31,
        phone=f"{PHONE_START}{number}",
        email=f"uji-{number}@{EMAIL_DOMAIN}",
    )
