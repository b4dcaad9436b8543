"""The small world the machines work in: four people, seven trainings of two institutions, two officers; made once."""

from dataclasses import dataclass
from datetime import date, datetime

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Category, Institution, Training
from bekal.participants.models import Wave
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.set_payout_account import NewAccount, set_payout_accounts
from bekal.proofs.model.days import JAKARTA
from bekal.proofs.model.memory import Offer

MADE_AT = datetime(2020, 4, 1, 9, tzinfo=JAKARTA)
PARTNER = "ovo"
# Prices at the edges: free, one rupiah, what leaves the last Rp50 of Rp1,000,000, all of it, one rupiah more; sessions
# that do not divide a price; one seat.
OFFERS = (
    Offer(price_rupiah=999_950, session_count=1, institution=0),
    Offer(price_rupiah=250_000, session_count=3, institution=0),
    Offer(price_rupiah=300_001, session_count=2, institution=1),
    Offer(price_rupiah=1_000_000, session_count=7, institution=1),
    Offer(price_rupiah=1_000_001, session_count=1, institution=0),
    Offer(price_rupiah=0, session_count=1, institution=1),
    Offer(price_rupiah=100_000, session_count=1, institution=0, seat_count=1),
)
# The fourth has no account that can be paid to, and one place fewer than people is free.
ACCOUNTS = (True, True, True, False)
QUOTA_COUNT = 3


@dataclass(frozen=True, slots=True)
class World:
    """The numbers of what is there, each in the order of the model."""

    participants: tuple[int, ...]
    trainings: tuple[int, ...]
    institutions: tuple[int, ...]
    officers: tuple[int, ...]
    wave: int
    other_wave: int


def make_world() -> World:
    """Through the verbs where there is one."""
    names = ["Siti Rahayu", "Budi Santoso", "Ketut Wirawan", "Maria Yosefina"]
    people = [
        Registration(name, f"31710115069{n}000{n}", "M", date(1990 + n, 6, 15), 3, 1, 31, f"08120000000{n}")
        for n, name in enumerate(names, start=1)
    ]
    participants = tuple(outcome.participant_id or 0 for outcome in register(registrations=people, at=MADE_AT))
    holders = [name if verified else "Orang Lain" for name, verified in zip(names, ACCOUNTS, strict=True)]
    accounts = [
        NewAccount(participant, PARTNER, f"08130000000{n}", holder)
        for n, (participant, holder) in enumerate(zip(participants, holders, strict=True))
    ]
    verified = tuple(outcome.verified for outcome in set_payout_accounts(accounts=accounts, at=MADE_AT))
    if verified != ACCOUNTS or not all(participants):
        raise RuntimeError("the world of the machines could not be made")
    category = Category.objects.create(slug="keterampilan", name_id="Keterampilan", name_en="Skills")
    institutions = [Institution.objects.create(code=f"lembaga-{n}", name=f"Lembaga {n}") for n in (1, 2)]
    trainings = [
        Training.objects.create(
            code=f"pelatihan-{n}",
            title=f"Pelatihan {n}",
            category=category,
            institution=institutions[offer.institution],
            price_rupiah=offer.price_rupiah,
            session_count=offer.session_count,
            seat_count=offer.seat_count,
            listed_at=MADE_AT,
        )
        for n, offer in enumerate(OFFERS, start=1)
    ]
    officers = [User.objects.create(login_name=f"petugas-{n}", password="!", role=Role.OFFICER) for n in (1, 2)]
    return World(
        participants,
        tuple(training.pk for training in trainings),
        tuple(institution.pk for institution in institutions),
        tuple(officer.pk for officer in officers),
        _wave(1, QUOTA_COUNT).pk,
        _wave(2, 1).pk,
    )


def _wave(number: int, quota_count: int) -> Wave:
    days = {"opens_on": date(2020, 4, 1), "closes_on": date(2020, 4, 10)}
    return open_wave(number=number, quota_count=quota_count, at=MADE_AT, **days)
