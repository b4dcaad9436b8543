"""Small builders for tests. Everything goes through the verbs, so that a built state is one the program can be in.

Only what has no verb (institutions, trainings, users) is written straight into its table.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bekal.accounts.models import Role, User
from bekal.catalogue.models import Category, Institution, InstitutionStaff, Platform, Training, TrainingPrice
from bekal.catalogue.prices import write_prices
from bekal.core.refusal import Refusal
from bekal.messaging.issue_codes import IssuedCode
from bekal.participants.accept import accept
from bekal.participants.give_sign_in import give_sign_in
from bekal.participants.models import Participant, Participation, Wave
from bekal.participants.open_wave import open_wave
from bekal.participants.register import Registration, register
from bekal.participants.request_account_change import request_account_changes
from bekal.participants.set_payout_account import AccountOutcome, NewAccount, set_payout_accounts
from bekal.purchases.buy import BuyOutcome, Order, buy
from bekal.purchases.models import Purchase
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.purchases.write_review import NewReview, write_review

JAKARTA = ZoneInfo("Asia/Jakarta")
PASSWORD = "bekal-uji-2020"
_number = count(1)
T = TypeVar("T")


def jakarta(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant by the clock on the wall in Jakarta."""
    return datetime(year, month, day, hour, minute, tzinfo=JAKARTA)


REGISTERED_AT = jakarta(2020, 4, 12)
ACCEPTED_AT = jakarta(2020, 4, 20)
BOUGHT_AT, REDEEMED_AT, COMPLETED_AT, REVIEWED_AT, RECONCILED_AT = (
    ACCEPTED_AT + timedelta(days=n) for n in range(1, 6)
)


# People


def new_nik(born_on: date = date(1995, 6, 15), sex: str = "F") -> str:
    """A NIK nobody had before in this process."""
    number = next(_number)
    day = born_on.day + (40 if sex == "F" else 0)
    return f"{317101 + number // 9999:06d}{day:02d}{born_on:%m%y}{number % 9999 + 1:04d}"


def registration(**changes: Any) -> Registration:
    """A valid registration of a person of their own."""
    born_on, sex = changes.get("born_on", date(1995, 6, 15)), changes.get("sex", "F")
    fields: dict[str, Any] = {
        "full_name": "Siti Rahayu",
        "nik": new_nik(born_on, sex),
        "sex": sex,
        "born_on": born_on,
        "education": 3,
        "employment": 1,
        "province": 32,
        "phone": f"0812{next(_number):08d}",
        "email": "",
    }
    return Registration(**fields | changes)


def participants(number: int = 1, *, at: datetime = REGISTERED_AT, **changes: Any) -> tuple[int, ...]:
    """Registered people, by their numbers."""
    outcomes = register(registrations=[registration(**changes) for _ in range(number)], at=at)
    return tuple(_must(outcome.participant_id, outcome) for outcome in outcomes)


def with_account(*participant_ids: int, at: datetime = REGISTERED_AT) -> None:
    """Give each a verified payout account of their own."""
    names = dict(Participant.objects.filter(pk__in=participant_ids).order_by("pk").values_list("pk", "full_name"))
    accounts = [NewAccount(key, "bni", f"{next(_number):010d}", names[key]) for key in participant_ids]
    for outcome in set_payout_accounts(accounts=accounts, at=at):
        assert outcome.verified, outcome


def changed_account(
    participant_id: int, partner: str, number: str, *, at: datetime, name: str = "Siti Rahayu"
) -> AccountOutcome:
    """Another account in the place of somebody's, with the code that it needs."""
    account = NewAccount(participant_id, partner, number, name)
    (code,) = request_account_changes(accounts=[account], at=at)
    if not isinstance(code, Refusal):
        account = replace(account, code=code.code)
    (outcome,) = set_payout_accounts(accounts=[account], at=at)
    assert outcome.refusal is None, outcome
    return outcome


def wave(
    *,
    number: int | None = None,
    opens_on: date = date(2020, 4, 11),
    closes_on: date = date(2020, 4, 16),
    quota_count: int = 100_000,
) -> Wave:
    """An open wave."""
    at = datetime(opens_on.year, opens_on.month, opens_on.day, tzinfo=JAKARTA)
    number = next(_number) if number is None else number
    return open_wave(number=number, opens_on=opens_on, closes_on=closes_on, quota_count=quota_count, at=at)


def accepted(
    number: int = 1, *, at: datetime = ACCEPTED_AT, with_accounts: bool = True, **changes: Any
) -> tuple[int, ...]:
    """People accepted at that instant into a wave of their own, by the numbers of their participations."""
    ids = participants(number, at=at - timedelta(days=8), **changes)
    if with_accounts:
        with_account(*ids, at=at - timedelta(days=8))
    opens_on = (at - timedelta(days=9)).astimezone(JAKARTA).date()
    place = wave(opens_on=opens_on, closes_on=opens_on + timedelta(days=5), quota_count=number)
    outcomes = accept(wave_id=place.pk, participant_ids=ids, at=at)
    return tuple(_must(outcome.participation_id, outcome) for outcome in outcomes)


# Trainings


def institution(**fields: Any) -> Institution:
    """An institution of its own."""
    number = next(_number)
    return Institution.objects.create(**{"code": f"lembaga-{number}", "name": f"Lembaga {number}"} | fields)


def platform(**fields: Any) -> Platform:
    """A digital platform of its own."""
    number = next(_number)
    return Platform.objects.create(**{"code": f"platform-{number}", "name": f"Platform {number}"} | fields)


def training(*, price_rupiah: int = 300_000, session_count: int = 1, **fields: Any) -> Training:
    """A training on sale, at an institution of its own unless one is given."""
    number = next(_number)
    category, _ = Category.objects.get_or_create(
        slug="keterampilan", defaults={"name_id": "Keterampilan", "name_en": "Skills"}
    )
    defaults: dict[str, Any] = {
        "code": f"pelatihan-{number}",
        "title": f"Pelatihan {number}",
        "category": category,
        "price_rupiah": price_rupiah,
        "session_count": session_count,
        "listed_at": jakarta(2020, 1, 2),
    }
    if "institution" not in fields:
        defaults["institution"] = institution()
    made = Training.objects.create(**{"is_offered": fields.get("on_sale", True)} | defaults | fields)
    write_prices([made], source=TrainingPrice.Source.IMPORT, at=made.listed_at, is_new=True)
    return made


# The journey of a purchase. The `..._all` forms are one call of the verb for everybody.


def code_for(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> str:
    """The one-time code that the participant reads in the message."""
    (issued,) = request_purchases(intents=[Intent(participation_id, training.pk)], at=at)
    assert isinstance(issued, IssuedCode), issued
    return issued.code


def order_for(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> Order:
    """An order with its right code."""
    code = code_for(participation_id, training, at=at)
    return Order(participation_id, training.pk, training.price_rupiah, code)


def bought_all(
    participation_ids: Iterable[int], training: Training, *, at: datetime = BOUGHT_AT
) -> tuple[BuyOutcome, ...]:
    """Everyone's purchase of this training."""
    ids = list(participation_ids)
    issued = request_purchases(intents=[Intent(each, training.pk) for each in ids], at=at)
    codes = [_must(each.code if isinstance(each, IssuedCode) else None, each) for each in issued]
    orders = [Order(each, training.pk, training.price_rupiah, code) for each, code in zip(ids, codes, strict=True)]
    outcomes = buy(orders=orders, at=at)
    for outcome in outcomes:
        assert outcome.refusal is None, outcome
    return outcomes


def bought(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> BuyOutcome:
    """One purchase."""
    return bought_all([participation_id], training, at=at)[0]


def redeemed(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> int:
    """A purchase bought at `at` and redeemed a day later, by its number."""
    purchase = bought(participation_id, training, at=at)
    assert purchase.redeem_code
    redemption = Redemption(training.institution_id, purchase.redeem_code)
    (outcome,) = redeem(redemptions=[redemption], at=at + timedelta(days=1))
    return _must(outcome.purchase_id, outcome)


def complete(*purchase_ids: int, at: datetime = COMPLETED_AT) -> None:
    """The institution records every session and the completion of redeemed purchases."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).order_by("pk").select_related("training")
    attendances, completions = [], []
    for row in rows:
        institution_id = row.training.institution_id
        for sequence in range(1, row.training.session_count + 1):
            attendances.append(Attendance(institution_id, row.pk, sequence))
        completions.append(Completion(institution_id, row.pk))
    for outcome in record_attendance(attendances=attendances, at=at):
        assert outcome.refusal is None, outcome
    for outcome in record_completion(completions=completions, at=at):
        assert outcome.refusal is None, outcome


def completed(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT) -> int:
    """A purchase bought at `at` and completed two days later, by its number."""
    purchase_id = redeemed(participation_id, training, at=at)
    complete(purchase_id, at=at + timedelta(days=2))
    return purchase_id


def reviewed(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT, rating: int = 5) -> int:
    """A purchase bought at `at` and reviewed three days later, by its number: its evidence is complete."""
    purchase_id = completed(participation_id, training, at=at)
    review(purchase_id, at=at + timedelta(days=3), rating=rating)
    return purchase_id


def review(purchase_id: int, *, at: datetime = REVIEWED_AT, rating: int = 5) -> None:
    """Its participant reviews a completed purchase."""
    buyer = Purchase.objects.get(pk=purchase_id).participation_id
    written = NewReview(buyer, purchase_id, rating, "Materinya jelas dan langsung bisa dipakai.")
    (outcome,) = write_review(reviews=[written], at=at)
    assert outcome.refusal is None, outcome


def reconciled(participation_id: int, training: Training, *, at: datetime = BOUGHT_AT, rating: int = 5) -> int:
    """A purchase bought at `at` and reconciled four days later, by its number."""
    purchase_id = reviewed(participation_id, training, at=at, rating=rating)
    assert reconcile(at=at + timedelta(days=4), purchase_ids=[purchase_id]).purchase_ids == (purchase_id,)
    return purchase_id


# Sign-ins


def signed_in_participant(participation_id: int, *, login_name: str = "", password: str = PASSWORD) -> User:
    """The participant's user; sign in with `client.force_login` or the password."""
    participant_id = Participation.objects.get(pk=participation_id).participant_id
    outcome = give_sign_in(
        participant_id=participant_id, login_name=login_name or f"peserta-{next(_number)}", password=password
    )
    return User.objects.get(pk=_must(outcome.user_id, outcome))


def officer(login_name: str = "", *, password: str = PASSWORD) -> User:
    """A programme officer."""
    login_name = login_name or f"petugas-{next(_number)}"
    return User.objects.create_user(login_name, password, role=Role.OFFICER, display_name=login_name)


def auditor(login_name: str = "", *, password: str = PASSWORD) -> User:
    """Somebody who checks the programme and acts in nothing."""
    login_name = login_name or f"auditor-{next(_number)}"
    return User.objects.create_user(login_name, password, role=Role.AUDITOR, display_name=login_name)


def institution_staff(institution: Institution, login_name: str = "", *, password: str = PASSWORD) -> User:
    """Somebody who acts for an institution."""
    login_name = login_name or f"lembaga-{next(_number)}"
    user = User.objects.create_user(login_name, password, role=Role.INSTITUTION, display_name=login_name)
    InstitutionStaff.objects.create(user=user, institution=institution)
    return user


def _must(value: T | None, outcome: object) -> T:
    assert value is not None, outcome
    return value
